//! A snapshot is seen by whom it is meant for and found nowhere else: it comes with a receipt, goes with a callback,
//! is opened by an admin, and is in no dump, log, history, mail, message or page of anyone else.

use domain::ids::{EventId, IncidentId};
use domain::operator::Role;
use domain::signature::SigningSecret;
use e2e::binary::{Log, Part};
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{Receiver, World, WorldOptions, eventually, leaks, run};
use serde_json::{Value, json};
use store::destinations::Target;

const CANARY: &str = "canary-7f3a91-of-bob";

/// Each a text that the app's library may write in more than one way.
fn payload() -> Value {
    json!({ "card": CANARY, "deep": [{ "note": format!("caf\u{e9} / {CANARY}") }], "amount": 4900 })
}

/// Api and worker as processes that log everything.
struct Site {
    world: World,
    parts: Vec<Part>,
    logs: Vec<Log>,
    slack: Receiver,
    webhook: Receiver,
}

impl Site {
    async fn open(world: World) -> Self {
        let project = world.project.id.to_string();
        let wanted = ["project", "update", &project, "--snapshots", "--snapshot-in-callback"];
        let (code, shown) = world.cli(&wanted).await.expect("a command");
        assert_eq!((code, &shown["snapshot_in_callback"]), (0, &json!(true)), "{shown}");
        let slack = Receiver::start().await.expect("a receiver");
        let webhook = Receiver::start().await.expect("a receiver");
        let secrets = vec![SigningSecret::from_bytes([7; 32])];
        world.add_destination(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        let to = Target::Webhook { url: webhook.url().to_owned(), secrets };
        world.add_destination(&to, "127.0.0.1").await;
        world.alert_bob().await;
        let (mut parts, mut logs) = (Vec::new(), Vec::new());
        for part in ["api", "worker"] {
            let loud = [("SENDPROMPTLY_LOG", "trace")];
            let (part, log) = world.spawn_logged(part, &loud).expect("a process");
            parts.push(part);
            logs.push(log);
        }
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        Self { world, parts, logs, slack, webhook }
    }

    /// A payment whose effect fails, and whose repair fails at an endpoint that repeats what it is sent.
    async fn break_and_reprocess(&self) -> (EventId, IncidentId) {
        let mut body = receipt("evt_1");
        body["payload"] = payload();
        let event_id = self.world.send_receipt(&body).await;
        let words = json!({ "error_code": "db_write_failed" });
        let incident = self.world.fail(event_id, words).await;
        self.world.repair.respond_with_body(422, &format!("cannot do {}", payload()));
        self.world.reprocess(incident).await;
        (event_id, incident)
    }

    async fn messages(&self) -> Vec<(&'static str, String)> {
        // One that the incident is open, one that its reprocess failed.
        let mails = self.world.mailbox.wait_for(2).await.join("\n").replace("=\r\n", "");
        let text = |received: Vec<e2e::receiver::Received>| {
            let bodies = received.iter().map(|one| String::from_utf8_lossy(&one.body).into_owned());
            bodies.collect::<Vec<_>>().join("\n")
        };
        vec![
            ("mails", mails),
            ("Slack", text(self.slack.wait_for(2).await)),
            ("the webhook", text(self.webhook.wait_for(2).await)),
        ]
    }
}

/// What those see who may not open snapshots, and commands show.
async fn pages(
    site: &Site,
    event_id: EventId,
    incident: IncidentId,
) -> Vec<(&'static str, String)> {
    let world = &site.world;
    let snapshot = format!("/events/{event_id}/snapshot");
    let mut pages = Vec::new();
    for role in [Role::Viewer, Role::Operator] {
        let operator = Operator::signed_in(world, role).await;
        for path in [&snapshot, &format!("{snapshot}/download")] {
            let page = operator.get(path).await;
            assert_eq!(page.status, 403, "{role} {path}");
            pages.push(("a page that is refused", page.body));
        }
        for path in
            [format!("/events/{event_id}"), format!("/incidents/{incident}"), "/audit".to_owned()]
        {
            let page = operator.get(&path).await;
            assert!(page.status == 200 && !page.body.contains(&snapshot), "{role} {path}");
            pages.push(("a page of a viewer", page.body));
        }
    }
    for arguments in
        [["event", "show", &event_id.to_string()], ["incident", "show", &incident.to_string()]]
    {
        let (code, shown) = world.cli(&arguments).await.expect("a command");
        assert_eq!(code, 0, "{shown}");
        pages.push(("a command", shown.to_string()));
    }
    pages
}

async fn proof(world: &World, admin: &Operator, incident: IncidentId) -> String {
    let path = format!("/incidents/{incident}");
    admin.submit(&path, &format!("{path}/proof-links"), &[("days", "7")]).await;
    let page = admin.get(&path).await.body;
    let link = page.split(['"', '<', '>', ' ']).find(|text| text.contains("/proof/"));
    let link = link.unwrap_or_else(|| panic!("no proof link: {page}"));
    let path = &link[link.find("/proof/").expect("a path")..];
    let shown = Operator::stranger(world).get(path).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.body
}

#[test]
fn a_snapshot_reaches_the_endpoint_and_an_admin_and_is_found_nowhere_else() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        let site = Site::open(world).await;
        let (event_id, incident) = site.break_and_reprocess().await;

        let callback = site.world.repair.wait_for(1).await.remove(0);
        let body = String::from_utf8(callback.body.clone()).expect("text");
        assert!(body.ends_with(&format!(",\"snapshot\":{}}}", payload())), "{body}");
        let admin = Operator::signed_in(&site.world, Role::Admin).await;
        let seen = admin.get(&format!("/events/{event_id}/snapshot")).await;
        assert!(seen.status == 200 && seen.body.contains(CANARY), "{}", seen.body);

        let mut places = site.messages().await;
        places.push(("the history", leaks::history(&site.world, event_id).await));
        places.push(("the proof page", proof(&site.world, &admin, incident).await));
        places.extend(pages(&site, event_id, incident).await);
        let dump = leaks::dump(&site.world.pool).await;
        assert!(dump.contains("cannot do") && dump.contains("[hidden]"), "the answer is kept");
        places.push(("the database", dump));
        for part in site.parts {
            part.end().await.expect("ended");
        }
        let logs: String = site.logs.iter().map(Log::text).collect();
        assert!(logs.contains("TRACE"), "everything is logged");
        places.push(("logs", logs));
        for (place, text) in places {
            assert!(!text.is_empty() && !leaks::holds(&text, CANARY), "it is in {place}: {text}");
        }
        server.stop().await;
    });
}
