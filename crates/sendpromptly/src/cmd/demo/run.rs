//! The steps of the demo: applied in time, failed, applied without a report, missing, repaired.

use std::io::{Write, stderr, stdout};
use std::time::Duration;

use anyhow::Context as _;
use api_types::ingest::ResultRequest;
use domain::effect_result::Outcome;
use domain::event::Effect;
use domain::ids::EventId;
use domain::incident::IncidentState;
use store::incidents::Incident;
use store::transitions::reprocess::{ReprocessRequest, request_reprocess};
use store::{alerts, events, incidents, reprocesses, timeline};
use tokio::time::Instant;

use super::BOB;
use super::app::DemoApp;
use crate::admin_context::AdminContext;
use crate::local::DevState;
use crate::progress::while_waiting;
use crate::random;
use crate::text::invoked_as;
use crate::timeline::render;

/// Longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(100);
const POLL_EVERY: Duration = Duration::from_millis(200);

/// The context of the demo: the output, the service and the shop.
pub(super) struct DemoRun<'a> {
    pub(super) admin: &'a AdminContext,
    pub(super) dev: &'a DevState,
    pub(super) app: &'a DemoApp,
    /// Whether standard output belongs to a machine.
    pub(super) quiet: bool,
}

impl DemoRun<'_> {
    /// The whole demo, in a little over a minute.
    pub(super) async fn play(&self) -> anyhow::Result<()> {
        self.say(
            "A shop sells credits, access and seats. Its app makes two calls per payment event.",
        );
        let unreported = self.take_and_grant("credit_grant", "user_789").await?;
        let missing = self.take("seat_update", "team_northwind").await?;
        self.say("\n1. Applied in time");
        self.applied_in_time().await?;
        self.say("\n2. Failed");
        self.failed_and_repaired().await?;
        self.say("\n3. Applied, but never reported");
        self.settled_by_the_probe(unreported).await?;
        self.say("\n4. Missing");
        self.missing_and_repaired(missing).await?;
        self.say(&format!(
            "\nThat was the whole story. See it at {} or with: {} incident list",
            self.dev.url,
            invoked_as()
        ));
        Ok(())
    }

    async fn applied_in_time(&self) -> anyhow::Result<()> {
        let event_id = self.take("credit_grant", "user_123").await?;
        self.app.result(&ResultRequest::new(event_id, Outcome::Succeeded)).await?;
        self.step(&format!(
            "user_123 paid and got the credits: {event_id} is applied, no alert is sent"
        ));
        self.link(event_id);
        Ok(())
    }

    async fn failed_and_repaired(&self) -> anyhow::Result<()> {
        let event_id = self.take("access_unlock", "user_456").await?;
        let failure = ResultRequest {
            error_code: Some("db_write_failed".to_owned()),
            error_message: Some("disk full".to_owned()),
            ..ResultRequest::new(event_id, Outcome::Failed)
        };
        self.app.result(&failure).await?;
        let incident = self.wait_for(event_id, "the incident", |_| true).await?;
        self.step(&format!(
            "user_456 paid, the app reports db_write_failed: {} opens immediately",
            incident.id
        ));
        self.link_to(&incident);
        self.repair(&incident).await
    }

    async fn settled_by_the_probe(&self, event_id: EventId) -> anyhow::Result<()> {
        self.step(&format!(
            "user_789 paid and got the credits, and the report is lost: {event_id} looks unapplied"
        ));
        let waiting = self.wait_for_success(event_id);
        while_waiting("waiting until half the time-out has passed", waiting).await?;
        self.step(
            "before it alarms anybody, sendpromptly asks the shop's own probe, which finds the credits \
             in the ledger: applied, no alert is sent",
        );
        self.link(event_id);
        self.timeline_of(event_id).await
    }

    async fn missing_and_repaired(&self, event_id: EventId) -> anyhow::Result<()> {
        self.step(&format!(
            "team_northwind paid for seats, and the app says nothing about {event_id}"
        ));
        let waiting = self.wait_for(event_id, "the incident", |_| true);
        let incident =
            while_waiting("waiting for the shortest time-out, one minute", waiting).await?;
        self.step(&format!("the minute is over: {} opens", incident.id));
        self.link_to(&incident);
        self.repair(&incident).await?;
        self.timeline_of(event_id).await
    }

    async fn timeline_of(&self, event_id: EventId) -> anyhow::Result<()> {
        let event = events::find_event(&self.admin.pool, event_id).await?.context("the event")?;
        let entries = timeline::list_for_event(&self.admin.pool, event_id).await?;
        let names = timeline::load_names(&self.admin.pool, &[event.project_id]).await?;
        self.say(&format!("\nThe timeline of {event_id}:\n\n{}", render(&entries, &names)));
        Ok(())
    }

    /// The shop takes a payment event; gives our id of it.
    async fn take(&self, effect: &str, customer: &str) -> anyhow::Result<EventId> {
        Ok(self.app.receipt(&provider_event_id()?, effect, customer).await?.event_id)
    }

    /// The shop takes a payment event and does what was paid for.
    async fn take_and_grant(&self, effect: &str, customer: &str) -> anyhow::Result<EventId> {
        let provider_event_id = provider_event_id()?;
        let taken = self.app.receipt(&provider_event_id, effect, customer).await?;
        self.app.grant(&provider_event_id);
        Ok(taken.event_id)
    }

    /// Checks that bob is notified, asks for a reprocess, and waits until the shop has repaired.
    async fn repair(&self, incident: &Incident) -> anyhow::Result<()> {
        self.wait_for_alert(incident).await?;
        self.step(&format!("{BOB} receives an alert by e-mail"));
        let replay_id = reprocesses::new_id();
        let note = Some("asked for by the demo");
        let request = ReprocessRequest {
            replay_id,
            actor: &self.admin.actor,
            note,
            bulk_id: None,
            signal: true,
        };
        let requested = self
            .admin
            .transaction(async |tx| request_reprocess(tx, incident.event_id, request).await);
        requested.await?;
        self.step(&format!("bob asks for a reprocess: {replay_id}"));
        let resolved = |incident: &Incident| incident.state == IncidentState::Resolved;
        self.wait_for(incident.event_id, "the repair", resolved).await?;
        self.step("the shop checks the signed callback, does the work and reports: resolved");
        Ok(())
    }

    async fn wait_for(
        &self,
        event_id: EventId,
        what: &str,
        request: impl Fn(&Incident) -> bool,
    ) -> anyhow::Result<Incident> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let incident = incidents::find_for_event(&self.admin.pool, event_id).await?;
            if let Some(incident) = incident.filter(&request) {
                return Ok(incident);
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "{what} of {event_id} did not come; is a worker running?"
            );
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    async fn wait_for_success(&self, event_id: EventId) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let event = events::find_event(&self.admin.pool, event_id).await?;
            match event.map(|event| event.effect) {
                Some(Effect::Succeeded) => return Ok(()),
                Some(Effect::Pending) if Instant::now() < deadline => {}
                other => anyhow::bail!("the probe did not settle {event_id}: {other:?}"),
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    async fn wait_for_alert(&self, incident: &Incident) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let alerts = alerts::list_for_incident(&self.admin.pool, incident.id).await?;
            // Where the demo ran before, a message about the cause may stand for it.
            let told = ["delivered", "folded", "told"];
            if alerts.iter().any(|alert| told.contains(&alert.state.as_str())) {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "no alert about {} went out", incident.id);
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    fn link(&self, event_id: EventId) {
        let (ui, namespace) = (&self.dev.temporal_ui_url, &self.dev.temporal_namespace);
        self.say(&format!("     {ui}/namespaces/{namespace}/workflows/effect-watch%2F{event_id}"));
    }

    fn link_to(&self, incident: &Incident) {
        self.say(&format!("     {}/incidents/{}", self.dev.url, incident.id));
        self.link(incident.event_id);
    }

    fn step(&self, text: &str) {
        self.say(&format!("   - {text}"));
    }

    fn say(&self, line: &str) {
        // A reader that has gone away has seen enough; the demo still runs to its end.
        let _said =
            if self.quiet { writeln!(stderr(), "{line}") } else { writeln!(stdout(), "{line}") };
    }
}

fn provider_event_id() -> anyhow::Result<String> {
    Ok(format!("evt_{}", hex::encode(random::bytes::<8>()?)))
}
