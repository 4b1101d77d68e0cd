//! The whole way in a real browser: sign in, make a project and a key, walk the Integration Test to
//! its last green step with a failed effect, an alert and a reprocess on the way, and show a
//! customer the proof. Once with scripts, once without.
//!
//! Every page of the way is checked as by a strict visitor; `looks.rs` does so for all pages.

use std::time::Duration;

use domain::api_key::ApiKey;
use domain::operator::Role;
use e2e::browser::{Browser, Page, PageOptions, assert_accessible};
use e2e::{World, console, run};
use serde_json::{Value, json};

use super::strict;

/// How long a signal may take until the page shows it.
const SOON: Duration = Duration::from_secs(30);

/// One operator's way through the console.
pub(super) struct Walk {
    pub(super) world: World,
    pub(super) page: Page,
    /// Whether the page looks by itself.
    scripts: bool,
}

impl Walk {
    pub(super) async fn begin(options: PageOptions) -> Self {
        Self::begin_in(World::start().await, options).await
    }

    pub(super) async fn begin_in(world: World, options: PageOptions) -> Self {
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let page = Browser::start().await.page(options).await;
        let walk = Self { world, page, scripts: options.javascript };
        walk.open("/").await;
        console::sign_in_on(&walk.page, "alice@cometcart.test").await;
        walk.page.wait_for_text("Sign out", SOON).await;
        walk
    }

    pub(super) async fn open(&self, path: &str) {
        self.page.open(&format!("{}{path}", self.world.url)).await;
    }

    pub(super) async fn at(&self) -> String {
        self.page.url().await.trim_start_matches(&self.world.url).to_owned()
    }

    pub(super) async fn inspect(&self) {
        strict::inspect(&self.page, &[&self.world.url]).await;
    }

    /// Waits for a text, reloading where no script does.
    pub(super) async fn see(&self, text: &str) {
        if self.scripts {
            return self.page.wait_for_text(text, SOON).await;
        }
        let until = tokio::time::Instant::now() + SOON;
        while !self.page.text("main").await.contains(text) {
            assert!(tokio::time::Instant::now() < until, "{text:?} never came");
            let here = self.page.url().await;
            self.page.open(&here).await;
        }
    }

    async fn post(&self, key: &ApiKey, path: &str, body: Value) {
        let idempotency = uuid::Uuid::now_v7().to_string();
        let (status, response) = self.world.post_as(key, path, &body, &idempotency).await;
        assert_eq!(status, 202, "{response}");
    }
}

/// Makes a project with a repair endpoint, a destination and a key; gives its path and the key.
async fn make_project(walk: &Walk) -> (String, ApiKey) {
    walk.open("/projects/new").await;
    walk.inspect().await;
    walk.page.fill_label("Name", "CometCart").await;
    walk.page.fill_label("Repair URL", walk.world.repair.url()).await;
    walk.page.click("button/Create the project").await;
    let path = walk.at().await;
    assert!(path.starts_with("/projects/prj_"), "{path}");
    assert!(walk.page.text(".secret code").await.starts_with("whsec_"));
    walk.inspect().await;

    walk.open(&format!("{path}/destinations")).await;
    walk.page.fill_label("E-mail address", "bob@cometcart.test").await;
    walk.page.click("button/Add the address").await;
    walk.see("bob@cometcart.test").await;
    walk.page.click("summary/Rename bob@cometcart.test").await;
    walk.inspect().await;
    walk.page.fill_label("Label of bob@cometcart.test", "Bob, on call").await;
    walk.page.click("button/Rename bob@cometcart.test").await;
    walk.see("bob@cometcart.test is now called Bob, on call.").await;
    walk.inspect().await;

    walk.open(&format!("{path}/keys")).await;
    walk.page.fill_label("Label", "Production worker").await;
    walk.page.click("button/Create the key").await;
    let key = walk.page.text(".secret code").await;
    walk.inspect().await;
    (path, ApiKey::parse(&key).expect("a key"))
}

/// Sends what the page's calls would, until the failed effect has its incident; gives the page of
/// this run and the event.
async fn pay(walk: &Walk, project: &str, key: &ApiKey) -> (String, String) {
    walk.open(&format!("{project}/integration-test")).await;
    walk.inspect().await;
    let ids = walk.page.texts("aside dd.id").await;
    let [applied, failed] = ids.as_slice() else { panic!("two events: {ids:?}") };
    for (event, outcome) in [
        (applied, json!({ "status": "success" })),
        (failed, json!({ "status": "failed", "error_code": "account_locked" })),
    ] {
        let receipt = json!({
            "provider": "stripe", "provider_event_id": event, "event_type": "invoice.paid",
            "effect_type": "credit_grant", "internal_reference": "user_456",
            "occurred_at": "2026-11-21T14:02:09Z",
        });
        walk.post(key, "/api/v1/receipt", receipt).await;
        let mut result = outcome;
        result["provider_event_id"] = json!(event);
        walk.post(key, "/api/v1/result", result).await;
    }
    walk.see("See the incident").await;
    (walk.at().await, failed.clone())
}

/// Reprocesses from the incident's page and reports as the app would; gives the incident's path.
async fn repair(walk: &Walk, key: &ApiKey) -> String {
    walk.page.click_text("See the incident").await;
    let incident = walk.at().await;
    assert!(incident.starts_with("/incidents/inc_"), "{incident}");
    walk.see("Adding them failed.").await;
    walk.inspect().await;
    walk.page
        .fill_label("Note, saved with Reprocess or Acknowledge", "the account is unlocked")
        .await;
    walk.page.click("button/Reprocess").await;
    let order = walk.world.repair.wait_for(1).await.remove(0).json();
    let result = json!({
        "event_id": order["event_id"], "status": "success", "replay_id": order["replay_id"],
    });
    walk.post(key, "/api/v1/result", result).await;
    walk.see("They were added by the reprocess.").await;
    walk.see("the account is unlocked").await;
    walk.inspect().await;
    incident
}

/// Makes a proof link and opens it as the customer, who has no session.
async fn prove(walk: &Walk, event: &str, incident: &str) {
    walk.open(incident).await;
    walk.page.click_text("Proof link…").await;
    walk.page.click("button/Create a proof link").await;
    let link = walk.page.text(".secret code").await;
    assert!(link.starts_with(&format!("{}/proof/", walk.world.url)), "{link}");
    let customer = Browser::start().await.page(PageOptions::phone()).await;
    customer.open(&link).await;
    customer.wait_for_text(event, SOON).await;
    assert_accessible(&customer).await;
    let text = customer.text("body").await;
    assert!(text.contains("Your payment was received."), "{text}");
    for inside in ["account_locked", "alice@", "bob@", "on call", "Production worker", "unlocked"] {
        assert!(!text.contains(inside), "{inside} is on the proof page: {text}");
    }
}

async fn walk(options: PageOptions) {
    let walk = Walk::begin(options).await;
    let (project, key) = make_project(&walk).await;
    let (integration_test, event) = pay(&walk, &project, &key).await;
    let mails = walk.world.mailbox.wait_for(1).await;
    assert!(mails[0].contains("bob@cometcart.test"), "{}", mails[0]);
    let incident = repair(&walk, &key).await;
    walk.open(&integration_test).await;
    let steps = walk.page.count("ol.steps > li").await;
    assert_eq!(walk.page.count("ol.steps .arrived").await, steps, "a step is not green");
    walk.inspect().await;
    prove(&walk, &event, &incident).await;
    walk.open("/audit").await;
    for told in
        ["Proof link created", "Reprocess succeeded", "Reprocess requested", "API key created"]
    {
        walk.see(told).await;
    }
    walk.inspect().await;
}

#[test]
fn from_signing_in_to_the_proof_with_scripts() {
    run(walk(PageOptions::default()));
}

#[test]
fn from_signing_in_to_the_proof_without_scripts() {
    run(walk(PageOptions::default().without_javascript()));
}
