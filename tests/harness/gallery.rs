//! Every page that there is, with seeded data, for the tests of all pages: pictures, accessibility,
//! weight, hostile texts.
//!
//! A page is added by a line in [`PAGES`]; what is not seen on a usual day is made in [`rare`].
//! What people and programs write into the console's world is in [`Texts`]: by default as it is on
//! a usual day, or all of it hostile.

mod rare;
mod sets;

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ids::{EventId, IncidentId};
use domain::incident::IncidentState;
use domain::operator::Role;
use futures::future::join_all;
use serde_json::json;
use store::destinations::Target;

use crate::browser::Page;
use crate::console::{self, Operator};
use crate::world::receipt;
use crate::{Receiver, World, eventually};
use rare::Rare;

/// A name, and the path of the page. What is in braces is an id of the gallery, or another console
/// of it.
pub const PAGES: [(&str, &str); 57] = [
    ("sign-in", "/sign-in"),
    ("incidents", "/incidents"),
    ("incidents-all", "/incidents?state=all"),
    ("incidents-none", "/incidents?q=nobody"),
    ("incident-open", "/incidents/{open}"),
    ("incident-repairing", "/incidents/{repairing}"),
    ("incident-redirected", "/incidents/{redirected}"),
    ("incident-resolved", "/incidents/{resolved}"),
    ("incidents-unwatched", "{unwatched}/incidents"),
    ("incidents-of-a-cause", "/incidents?cause={cause}"),
    ("causes", "/causes"),
    ("bulk", "/bulk/{bulk}"),
    ("bulk-set", "/bulk-sets/{set}?which=all&action=reprocess"),
    ("bulk-set-paused", "/bulk-sets/{paused_set}"),
    ("events", "/events"),
    ("event", "/events/{event}"),
    ("snapshot", "/events/{event}/snapshot"),
    ("snapshot-searched", "/events/{event}/snapshot?q=e"),
    ("event-ambiguous", "/events/{ambiguous}"),
    ("event-stuck", "/events/{stuck}"),
    ("events-none", "/events?q=nobody"),
    ("overview", "/overview"),
    ("projects", "/projects"),
    ("project-new", "/projects/new"),
    ("project", "/projects/{project}"),
    ("project-live", "/projects/{live}"),
    ("project-archived", "/projects/{archived}"),
    ("destinations", "/projects/{project}/destinations"),
    ("destinations-none", "/projects/{live}/destinations"),
    ("alerting", "/projects/{project}/alerting"),
    ("alerting-none", "/projects/{live}/alerting"),
    ("policies", "/projects/{project}/policies"),
    ("policies-none", "/projects/{live}/policies"),
    ("extensions", "/projects/{project}/extensions"),
    ("extensions-none", "/projects/{live}/extensions"),
    ("extension", "/projects/{project}/extensions/{extension}"),
    ("erasures", "/projects/{project}/erasures"),
    ("keys", "/projects/{project}/keys"),
    ("keys-none", "/projects/{live}/keys"),
    ("integration-test", "/projects/{project}/integration-test"),
    ("integration-test-live", "/projects/{live}/integration-test"),
    ("test-shop", "/projects/{project}/test-shop"),
    ("test-shop-paid", "/projects/{project}/test-shop?run=65f0c2a19f3b12&payment=fails"),
    ("audit", "/audit"),
    ("audit-unclaimed", "/audit?action=result.unclaimed"),
    ("audit-none", "/audit?subject=prj_00000000000000000000000000"),
    ("people", "/people"),
    ("retention", "/retention"),
    ("account", "/account"),
    ("proof", "{proof}"),
    ("proof-closed", "/proof/nothing"),
    ("reference", "/api/reference"),
    ("not-found", "/nothing/here"),
    ("filters", "/filters"),
    ("filters-save", "/filters?list=incidents&filter=state%3Dopen"),
    ("go", "/go"),
    ("go-found", "/go?q=user"),
];

/// What is written in every place where a user may write.
#[derive(Debug, Clone, Copy)]
pub struct Texts {
    pub project: &'static str,
    /// The provider's id of each event; a number follows.
    pub provider_event: &'static str,
    /// Whom the payment is for.
    pub reference: &'static str,
    /// What the app says when it fails.
    pub error: &'static str,
    /// Why an operator reprocesses or resolves.
    pub note: &'static str,
    /// What keys and tokens are called.
    pub label: &'static str,
    /// What the repair endpoint and Slack respond.
    pub response: &'static str,
    /// Whom alerts go to by mail.
    pub address: &'static str,
    /// With which program an operator signs in.
    pub browser: &'static str,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            project: "CometCart",
            provider_event: "evt_1TbGq4",
            reference: "user_456",
            error: "could not write to credits: disk full",
            note: "the disk has room again",
            label: "Billing server",
            response: "{\"queued\":true}",
            address: "bob@cometcart.test",
            browser: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        }
    }
}

impl Texts {
    /// The same text everywhere where it is taken.
    #[must_use]
    pub fn all(text: &'static str, address: &'static str) -> Self {
        Self {
            project: text,
            provider_event: text,
            reference: text,
            error: text,
            note: text,
            label: text,
            response: text,
            address,
            browser: text,
        }
    }
}

/// A world in which every page has something to show.
pub struct Gallery {
    pub world: World,
    /// Where its Slack messages go, until it says that its address is gone.
    pub slack: Receiver,
    /// Where its signed messages go.
    pub webhook: Receiver,
    /// Alice, an admin, who made all this.
    pub alice: Operator,
    /// The path of the customer's page about the resolved incident.
    pub proof: String,
    open: IncidentId,
    repairing: IncidentId,
    resolved: IncidentId,
    event: EventId,
    rare: Rare,
}

impl Gallery {
    /// Furnishes a world, by the ways that its users have.
    ///
    /// # Panics
    /// When something is rejected.
    pub async fn seed(texts: Texts) -> Self {
        let world = World::start().await;
        let slack = Receiver::start().await.expect("a receiver");
        let webhook = Receiver::start().await.expect("a receiver");
        let alice = Operator::signed_in_with(&world, Role::Admin, texts.browser).await;
        console::add(&world.pool, "charlie@cometcart.test", Role::Viewer).await;
        configure(&world, &alice, &texts, webhook.url()).await;
        world.keys_are_seen().await;
        stop_policy(&world).await;
        world.add_destination(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        slack.respond_with_body(404, texts.response);
        let event = take(&world, &texts, 1).await;
        world.result(event, "success", json!({})).await;
        let resolved = repaired(&world, &alice, &texts).await;
        let repairing = reprocessed(&world, &alice, &texts).await;
        let (open_event, open) = failed(&world, &texts, 4).await;
        take(&world, &texts, 5).await;
        let proof = prove(&alice, resolved).await;
        world.mailbox.wait_for(4).await;
        let rare = Rare::seed(&world, &alice, &texts, open_event).await;
        // Beside the project of real money her lists show what is here.
        let test = [("mode", "test"), ("section", "/incidents")];
        alice.submit("/incidents", "/view", &test).await;
        be_watched(&alice).await;
        Self { world, slack, webhook, alice, proof, open, repairing, resolved, event, rare }
    }

    /// Opens every page in one of these tabs, which are at it at the same time: as a stranger what strangers see first and as
    /// alice the rest.
    pub async fn visit(&self, tabs: &[Page], look: impl AsyncFn(&Page, &'static str)) {
        let (name, path) = PAGES[0];
        tabs[0].open(&self.fill(path)).await;
        look(&tabs[0], name).await;
        let next = AtomicUsize::new(1);
        join_all(tabs.iter().map(|tab| self.visit_some(tab, &next, &look))).await;
        self.visit_answers(&tabs[0], look).await;
    }

    /// Signs in, and opens the pages that no other tab has taken.
    async fn visit_some(
        &self,
        tab: &Page,
        next: &AtomicUsize,
        look: &impl AsyncFn(&Page, &'static str),
    ) {
        tab.open(&self.fill("/sign-in")).await;
        console::sign_in_on(tab, &self.alice.email).await;
        while let Some(&(name, path)) = PAGES.get(next.fetch_add(1, Ordering::Relaxed)) {
            tab.open(&self.fill(path)).await;
            look(tab, name).await;
        }
    }

    /// Sends forms that have a page for an answer.
    async fn visit_answers(&self, tab: &Page, look: impl AsyncFn(&Page, &'static str)) {
        tab.open(&self.fill("/projects/{live}")).await;
        tab.fill_label("Repair URL", "http://billing:3000/repair").await;
        tab.click("button/Save the settings").await;
        look(tab, "project-rejected").await;
        tab.open(&self.fill("/projects/{project}/keys")).await;
        tab.fill_label("Label", "Nightly import").await;
        tab.click("button/Create the key").await;
        look(tab, "keys-made").await;
    }

    /// Where its consoles are.
    #[must_use]
    pub fn homes(&self) -> [&str; 2] {
        [&self.world.url, self.rare.unwatched()]
    }

    /// The address of a page.
    fn fill(&self, path: &str) -> String {
        let path = self
            .rare
            .fill(path)
            .replace("{open}", &self.open.to_string())
            .replace("{repairing}", &self.repairing.to_string())
            .replace("{resolved}", &self.resolved.to_string())
            .replace("{event}", &self.event.to_string())
            .replace("{project}", &self.world.project.id.to_string())
            .replace("{proof}", &self.proof);
        if path.starts_with('/') { format!("{}{path}", self.world.url) } else { path }
    }
}

const NAMES: [(&str, &str); 2] =
    [("event_type", "acme:license.sold"), ("effect_type", "license_issue")];
const HEADER: [(&str, &str); 2] = [("header_name", "X-Gateway-Key"), ("header_value", "secret")];

/// Sets the project up by the console's forms.
async fn configure(world: &World, alice: &Operator, texts: &Texts, webhook: &str) {
    let project = format!("/projects/{}", world.project.id);
    let settings = [
        ("name", texts.project),
        ("timeout_minutes", "30"),
        ("retention_months", "12"),
        ("repair_url", world.repair.url()),
        ("snapshots", "on"),
        ("snapshot_days", "30"),
    ];
    let label = [("label", texts.label)];
    let token = [("label", texts.label), ("password", console::PASSWORD)];
    let maintenance = [("for", "10m"), ("reason", texts.label)];
    let receives = [("webhook", webhook), ("label", texts.label)];
    for (page, form, fields) in [
        (&project, project.clone(), &settings[..]),
        (&project, format!("{project}/keys"), &label),
        (&project, format!("{project}/destinations"), &[("email", texts.address)]),
        (&project, format!("{project}/destinations"), &receives),
        (&project, format!("{project}/names"), &NAMES),
        (&project, format!("{project}/callback-headers"), &HEADER),
        (&format!("{project}/policies"), format!("{project}/policies"), &POLICY),
        (&format!("{project}/alerting"), format!("{project}/alerting"), &QUIET),
        (&format!("{project}/alerting"), format!("{project}/maintenance"), &maintenance),
        (&format!("{project}/alerting"), format!("{project}/maintenance/end"), &[]),
        (&"/account".to_owned(), "/account/tokens".to_owned(), &token),
        (&"/filters".to_owned(), "/filters".to_owned(), &FILTER),
    ] {
        let response = alice.submit(page, &form, fields).await;
        assert!(response.status.as_u16() < 400, "{form}: {}", response.body);
    }
}

/// A minute each day, so that the alerts of the gallery go out.
const QUIET: [(&str, &str); 1] = [("quiet_hours", "03:00-03:01 Asia/Tokyo")];

/// Above the list of incidents, for everyone.
const FILTER: [(&str, &str); 4] = [
    ("list", "incidents"),
    ("filter", "q=db_write_failed&state=all"),
    ("name", "Write errors"),
    ("shared", "on"),
];

/// Of an effect that nothing here has.
const POLICY: [(&str, &str); 2] = [("effect_type", "seat_update"), ("attempts", "2")];

/// A cause for which the policy has stopped.
async fn stop_policy(world: &World) {
    sqlx::query(
        "INSERT INTO policy_stops (id, project_id, effect_type, cause, event_type, reason, error_code, kind, counted, out_of)
         VALUES (gen_random_uuid(), $1, 'seat_update', gen_random_uuid(), 'invoice.paid', 'failed_result', 'plan_unknown', 'failed', 5, 7)",
    )
    .bind(world.project.id.as_uuid())
    .execute(&world.pool)
    .await
    .expect("a stop");
}

async fn take(world: &World, texts: &Texts, number: u8) -> EventId {
    take_for(world, texts.reference, &format!("{}{number}", texts.provider_event)).await
}

async fn take_for(world: &World, reference: &str, provider_event_id: &str) -> EventId {
    let mut body = receipt(provider_event_id);
    body["internal_reference"] = json!(reference);
    let paid =
        json!({ "id": provider_event_id, "amount": 4900, "currency": "eur", "livemode": false });
    body["payload"] =
        json!({ "object": "event", "customer": reference, "data": { "object": paid } });
    world.send_receipt(&body).await
}

async fn failed(world: &World, texts: &Texts, number: u8) -> (EventId, IncidentId) {
    let event = take(world, texts, number).await;
    let words = json!({ "error_code": "db_write_failed", "error_message": texts.error });
    (event, world.fail(event, words).await)
}

/// An incident whose first reprocess was rejected by the app, and whose second one worked.
async fn repaired(world: &World, alice: &Operator, texts: &Texts) -> IncidentId {
    let (event, incident) = failed(world, texts, 2).await;
    let path = format!("/incidents/{incident}");
    let note = [("note", texts.note)];
    alice.submit(&path, &format!("{path}/acknowledge"), &note).await;
    world.repair.respond_with_body(422, texts.response);
    alice.submit(&path, &format!("{path}/reprocess"), &note).await;
    world
        .incident_when(event, "open again", |incident| {
            incident.state == IncidentState::Open && !world.repair.received().is_empty()
        })
        .await;
    alice.submit(&path, &format!("{path}/reprocess"), &note).await;
    let callback = world.repair.wait_for(2).await.remove(1).json();
    world.result(event, "success", json!({ "replay_id": callback["replay_id"] })).await;
    incident
}

/// An incident whose reprocess waits for its result.
async fn reprocessed(world: &World, alice: &Operator, texts: &Texts) -> IncidentId {
    let (_, incident) = failed(world, texts, 3).await;
    let path = format!("/incidents/{incident}");
    world.repair.respond_with_body(202, texts.response);
    alice.submit(&path, &format!("{path}/reprocess"), &[("note", texts.note)]).await;
    world.repair.wait_for(3).await;
    incident
}

/// Waits until the console has seen the worker, and warns of nothing.
async fn be_watched(alice: &Operator) {
    eventually("a console without a warning", async || {
        let page = alice.get("/events").await.body;
        (!page.contains("class=\"trouble\"")).then_some(())
    })
    .await;
}

/// Makes a proof link; gives the path of what the customer sees.
async fn prove(alice: &Operator, incident: IncidentId) -> String {
    let path = format!("/incidents/{incident}");
    alice.submit(&path, &format!("{path}/proof-links"), &[("days", "7")]).await;
    let page = alice.get(&path).await.body;
    let token = page.split("/proof/").nth(1).and_then(|rest| rest.split('<').next());
    format!("/proof/{}", token.unwrap_or_else(|| panic!("no link: {page}")))
}
