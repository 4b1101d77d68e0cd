//! The built-in test shop: a first evening without an app, and where it is not.

use std::sync::Arc;
use std::time::Duration;

use console::settings::ConsoleSettings;
use console::state::ConsoleState;
use console::test_shop::TestShop;
use domain::ids::ProjectId;
use domain::incident::IncidentState;
use domain::operator::Role;
use domain::signature::{Signed, SigningSecret, sp_signature};
use domain::test_shop::repair_url;
use e2e::browser::PageOptions;
use e2e::console::{Operator, PageResponse};
use e2e::world::parse;
use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::walk::Walk;
use crate::automation::script::Script;

/// A project without an app.
struct NewProject {
    id: ProjectId,
    secret: SigningSecret,
}

impl NewProject {
    async fn make(world: &World, mode: &str) -> Self {
        let script = Script::new(world, Role::Admin).await;
        let named = json!({ "name": "First evening", "mode": mode });
        let project: Value = script.send("", named).await;
        let secret = project["signing_secret"].as_str().expect("a secret");
        let secret = SigningSecret::parse(secret).expect("a secret");
        Self { id: parse(&project["project_id"]), secret }
    }

    fn page(&self) -> String {
        format!("/projects/{}/test-shop", self.id)
    }

    async fn connect(&self, admin: &Operator) -> PageResponse {
        admin.submit(&self.page(), &format!("{}/connect", self.page()), &[]).await
    }

    /// Presses a button; where it leads.
    async fn pay(&self, who: &Operator, kind: &str) -> String {
        let response = who.submit(&self.page(), &self.page(), &[("payment", kind)]).await;
        assert_eq!(response.status, 303, "{}", response.body);
        response.location.expect("a place")
    }
}

/// Sends the shop a callback that this secret signed so many seconds ago.
async fn call_back(
    server: &str,
    id: ProjectId,
    secret: &SigningSecret,
    body: &Value,
    age: i64,
) -> u16 {
    let body = body.to_string();
    let timestamp = OffsetDateTime::now_utc().unix_timestamp() - age;
    let replay_id = store::reprocesses::new_id().to_string();
    let signed = Signed { id: &replay_id, timestamp, nonce: "n1", body: body.as_bytes() };
    let signature = sp_signature(std::slice::from_ref(secret), signed);
    let request = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = request
        .post(repair_url(server, id))
        .header("webhook-id", &replay_id)
        .header("x-sp-timestamp", timestamp.to_string())
        .header("x-sp-nonce", "n1")
        .header("x-sp-signature", signature)
        .body(body);
    request.send().await.expect("a response").status().as_u16()
}

/// Sends the shop the head of a callback that announces so many bytes, and one of them; the status that comes within a while.
async fn begin_callback(server: &str, id: ProjectId, announced: usize) -> String {
    let path = repair_url("", id);
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {announced}\r\n\r\n{{");
    let connecting = TcpStream::connect(server.trim_start_matches("http://"));
    let mut stream = connecting.await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let mut line = [0; 12];
    let reading = timeout(Duration::from_secs(30), stream.read_exact(&mut line)).await;
    reading.expect("a response in time").expect("a response");
    String::from_utf8_lossy(&line).into_owned()
}

fn probe() -> Value {
    json!({ "type": "probe" })
}

async fn first_evening(options: PageOptions) {
    let walk = Walk::begin(options).await;
    walk.open("/projects/new").await;
    walk.page.fill_label("Name", "First evening").await;
    walk.page.click("button/Create the project").await;
    let project = walk.at().await;
    walk.open(&format!("{project}/integration-test")).await;
    walk.page.click_text("The built-in test shop").await;
    walk.see("Connect the shop to First evening").await;
    walk.inspect().await;
    walk.page.click("button/Connect the test shop").await;
    walk.see("The test shop is connected.").await;
    walk.page.click("button/Send a test payment that fails").await;
    walk.see("Go to Reprocess").await;
    let mails = walk.world.mailbox.wait_for(1).await;
    assert!(mails[0].contains("alice@cometcart.test"), "{}", mails[0]);
    walk.inspect().await;
    let payment = walk.at().await;

    walk.page.click_text("Go to Reprocess").await;
    walk.see("Adding them failed.").await;
    let note = "Note, saved with Reprocess or Acknowledge";
    walk.page.fill_label(note, "the disk has room again").await;
    walk.page.click("button/Reprocess").await;
    walk.see("They were added by the reprocess.").await;

    eventually("a payment whose steps are all green", async || {
        walk.open(&payment).await;
        let all = walk.page.count("ol.steps > li").await;
        (all == 7 && walk.page.count("ol.steps .arrived").await == all).then_some(())
    })
    .await;
    walk.see("Show the customer the proof").await;
    walk.inspect().await;
}

#[test]
fn from_a_test_payment_that_fails_to_the_repair_with_scripts() {
    run(first_evening(PageOptions::default()));
}

#[test]
fn from_a_test_payment_that_fails_to_the_repair_without_scripts() {
    run(first_evening(PageOptions::default().without_javascript()));
}

/// A shop that died between the receipt and the result would leave the same event.
#[test]
fn credits_that_never_arrive_are_an_incident_and_a_payment_that_succeeds_is_none() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(Duration::from_millis(300))).await;
        let project = NewProject::make(&world, "test").await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        assert_eq!(project.connect(&alice).await.status, 303);
        let payment = project.pay(&alice, "missing").await;
        let event = eventually("an event", async || {
            let link = alice.page(&payment).await.link("See the event")?;
            Some(link.trim_start_matches("/events/").to_owned())
        })
        .await;
        let event_id = parse(&json!(event));
        let incident = world.incident_when(event_id, "open", |_| true).await;
        world.reprocess(incident.id).await;
        let is_resolved =
            |incident: &store::incidents::Incident| incident.state == IncidentState::Resolved;
        world.incident_when(event_id, "resolved", is_resolved).await;
        let timeline = world.timeline(event_id).await;
        let reports = timeline.iter().filter(|action| *action == "result.succeeded").count();
        assert_eq!(reports, 1, "{timeline:?}");

        let payment = project.pay(&alice, "succeeds").await;
        let text = alice.page(&payment).await.text();
        assert!(text.contains("nobody is alarmed"), "{text}");
        assert!(!text.contains("An incident opens"), "{text}");
    });
}

#[test]
fn it_serves_no_app_of_anybodys_no_live_project_and_no_foreign_signature() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let live = NewProject::make(&world, "live").await;
        assert_eq!(alice.get(&live.page()).await.status, 404);
        let forms = [live.page(), format!("{}/connect", live.page())];
        for form in &forms {
            let sent = alice.submit("/account", form, &[("payment", "fails")]).await;
            assert_eq!(sent.status, 404, "{form}");
        }
        assert_eq!(call_back(&world.url, live.id, &live.secret, &probe(), 0).await, 404);

        // The world's own project has an app.
        let own = NewProject { id: world.project.id, secret: world.secret.clone() };
        let text = alice.page(&own.page()).await.text();
        assert!(text.contains("Callbacks of this project go to an app of yours"), "{text}");
        assert_eq!(own.connect(&alice).await.status, 303);
        let told = alice.page(&own.page()).await.message().expect("a message");
        assert!(told.contains("create a test project without a repair URL"), "{told}");
        let kept = store::projects::find_project(&world.pool, own.id).await.expect("a database");
        assert_eq!(kept.and_then(|kept| kept.repair_url), world.project.repair_url);
        let asked = json!({ "type": "reprocess", "event_id": store::events::new_id() });
        let status = call_back(&world.url, own.id, &own.secret, &asked, 0).await;
        assert_eq!(status, 403, "without a key of its own it cannot report");

        let fresh = NewProject::make(&world, "test").await;
        assert_eq!(call_back(&world.url, fresh.id, &fresh.secret, &probe(), 0).await, 200);
        assert_eq!(call_back(&world.url, fresh.id, &fresh.secret, &probe(), 301).await, 401);
        assert_eq!(call_back(&world.url, fresh.id, &own.secret, &probe(), 0).await, 401);
        let other = json!({ "type": "refund" });
        assert_eq!(call_back(&world.url, fresh.id, &fresh.secret, &other, 0).await, 422);
    });
}

#[test]
fn a_callback_that_never_ends_or_is_too_large_is_given_up() {
    run(async {
        let world = World::start_without_worker().await;
        let project = NewProject::make(&world, "test").await;
        let live = NewProject::make(&world, "live").await;
        for (id, announced, status) in [
            (project.id, 1_000, "HTTP/1.1 400"),
            (project.id, 1024 * 1024 + 1, "HTTP/1.1 413"),
            (live.id, 1_000, "HTTP/1.1 404"),
        ] {
            assert_eq!(begin_callback(&world.url, id, announced).await, status);
        }
    });
}

#[test]
fn a_payment_that_cannot_be_sent_says_why_and_how_to_go_on() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = NewProject::make(&world, "test").await;
        let told = async |kind: &str| {
            let place = project.pay(&alice, kind).await;
            alice.page(&place).await.message()
        };
        let message = told("fails").await.expect("a message");
        assert!(message.contains("connect it again"), "{message}");
        let message = told("often").await.expect("a message");
        assert!(message.contains("must be one of fails, missing, succeeds"), "{message}");

        project.connect(&alice).await;
        project.connect(&alice).await;
        alice.page(&project.page()).await;
        assert_eq!(told("succeeds").await, None);
        let keys = store::api_keys::list_keys(&world.pool, Some(project.id)).await.expect("keys");
        assert_eq!(keys.len(), 1, "connecting twice makes nothing twice");
        let key = format!("/projects/{}/keys", project.id);
        alice.submit(&key, &format!("{key}/{}/revoke", keys[0].id), &[]).await;
        alice.page(&key).await;
        let message = told("fails").await.expect("a message");
        assert!(message.contains("no valid API key"), "{message}");
        project.connect(&alice).await;
        let message = alice.page(&project.page()).await.message().expect("a message");
        assert!(message.contains("rotate the signing secret"), "{message}");
        let rotate = format!("/projects/{}/secret/rotate", project.id);
        alice.submit(&project.page(), &rotate, &[]).await;
        project.connect(&alice).await;
        alice.page(&project.page()).await;
        assert_eq!(told("succeeds").await, None);
    });
}

#[test]
fn where_it_is_off_nothing_of_it_is_there() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = NewProject::make(&world, "test").await;
        let shop = "Send a test payment";
        assert!(alice.page("/incidents").await.link(shop).is_some(), "it is where to begin");

        let off = serve_with(&world, None).await;
        let at_off = alice.at(&off);
        let response = at_off.get(&project.page()).await;
        assert_eq!(response.status, 404);
        assert!(response.body.contains("SENDPROMPTLY_TEST_SHOP=on"), "{}", response.body);
        assert_eq!(call_back(&off, project.id, &project.secret, &probe(), 0).await, 404);
        assert_eq!(at_off.page("/incidents").await.link(shop), None);
        let test = alice.get(&format!("/projects/{}/integration-test", project.id)).await;
        let test = at_off.page(&test.location.expect("a run")).await;
        assert_eq!(test.link("The built-in test shop"), None);

        world.receipt("evt_1").await;
        assert_eq!(alice.page("/incidents").await.link(shop), None, "there is an event");
    });
}

/// Another console of the world, whose shop is this.
async fn serve_with(world: &World, shop: Option<TestShop>) -> String {
    let state = world.state();
    let console = ConsoleSettings { test_shop: shop, ..(*state.console).clone() };
    world.serve_also(ConsoleState { console: Arc::new(console), ..state }).await
}

#[test]
fn where_mails_are_files_the_one_about_the_payment_is_handed_out() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = NewProject::make(&world, "test").await;
        project.connect(&alice).await;
        let payment = alice.page(&project.pay(&alice, "fails").await).await;
        let incident = payment.link("See the incident").expect("an incident");
        let incident = incident.trim_start_matches("/incidents/").to_owned();
        let mail = format!("{}/mail/{incident}", project.page());
        assert_eq!(alice.get(&mail).await.status, 404, "mails are sent");

        let folder = embedded::scratch_dir().expect("a folder");
        let shop = world.state().console.test_shop.clone().expect("a shop");
        let shop = TestShop { mail_dir: Some(folder.path().to_owned()), ..shop };
        let alice = alice.at(&serve_with(&world, Some(shop)).await);
        assert_eq!(alice.get(&mail).await.status, 404, "none was written");
        let written = "UPDATE alerts SET last_answer = 'written to 1.eml'";
        sqlx::raw_sql(written).execute(&world.pool).await.expect("an alert");
        std::fs::write(folder.path().join("1.eml"), "Subject: x").expect("a file");
        let response = alice.get(&mail).await;
        assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "Subject: x"));
        let of_another = format!("/projects/{}/test-shop/mail/{incident}", world.project.id);
        assert_eq!(alice.get(&of_another).await.status, 404);
    });
}
