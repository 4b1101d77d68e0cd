//! What an operator does with Temporal's own tools must not strand an incident.
//!
//! Real engines and the real `temporal` command line. Time passes in the database: what is due is
//! set back, and the sweep is run by the test.

mod callbacks;
mod details;
mod documented;
mod processes;
mod signals;
mod watches;

use domain::ids::{EventId, IncidentId, ReplayId};
use e2e::{World, eventually, temporal, until_dispatched};
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::PendingActivityState;
use temporalio_common::protos::temporal::api::workflow::v1::PendingActivityInfo;
use workflows::names::workflow_id;

/// An event whose result was a failure, with its incident; bob was notified.
struct Failed {
    event_id: EventId,
    incident_id: IncidentId,
    watch: String,
}

/// A callback that got a 503 once and waits for its next attempt.
struct Waiting {
    event_id: EventId,
    replay_id: ReplayId,
    watch: String,
    activity: String,
}

/// An event whose watch waits for its result.
async fn pending(world: &World, provider_event_id: &str) -> EventId {
    let event_id = world.receipt(provider_event_id).await;
    let client = world.temporal().await;
    eventually("a watch", async || temporal::status(&client, event_id).await.ok()).await;
    event_id
}

impl Failed {
    async fn start(world: &World, provider_event_id: &str) -> Self {
        let event_id = pending(world, provider_event_id).await;
        let client = world.temporal().await;
        let incident_id = world.fail(event_id, json!({"error_code": "locked"})).await;
        eventually("a watch over the incident", async || {
            let status = temporal::status(&client, event_id).await.ok()?;
            (status.state == "open").then_some(())
        })
        .await;
        Self { event_id, incident_id, watch: workflow_id(event_id) }
    }
}

impl Waiting {
    async fn start(world: &World, provider_event_id: &str) -> Self {
        let Failed { event_id, incident_id, watch } = Failed::start(world, provider_event_id).await;
        world.repair.respond_with(&[503]);
        let replay_id = world.reprocess(incident_id).await;
        let activity = eventually("a callback that waits", async || {
            let pending = pending_callback(world, &watch).await?;
            (is_scheduled(&pending) && pending.attempt == 2).then_some(pending.activity_id)
        })
        .await;
        Self { event_id, replay_id, watch, activity }
    }

    /// Runs a command on the activity that sends the callback.
    async fn activity(&self, world: &World, command: &str, more: &[&str]) {
        let of = ["--workflow-id", &self.watch, "--activity-id", &self.activity];
        let arguments = [&["activity", command][..], &of, more].concat();
        world.engines.cli(&arguments).await.expect("a command on the activity");
    }

    async fn reprocess_state(&self, world: &World) -> String {
        let found = store::reprocesses::find_reprocess(&world.pool, self.replay_id).await;
        found.expect("a database").expect("a reprocess").state.to_string()
    }

    /// Waits until the reprocess has ended as undelivered, and gives the reason that the timeline
    /// names.
    async fn undelivered(&self, world: &World) -> String {
        eventually("an undelivered reprocess", async || {
            let entries = entries(world, self.event_id, "reprocess.undelivered").await;
            entries.first().map(|detail| detail["why"].as_str().unwrap_or_default().to_owned())
        })
        .await
    }
}

/// The callback's activity as the server describes it while it is pending.
async fn pending_callback(world: &World, watch: &str) -> Option<PendingActivityInfo> {
    let described = temporal::describe(&world.temporal().await, watch).await.ok()?;
    let is_callback = |one: &PendingActivityInfo| {
        one.activity_type.as_ref().is_some_and(|kind| kind.name == "send_callback")
    };
    described.pending_activities.into_iter().find(is_callback)
}

/// Whether it waits for an attempt, or for a worker.
fn is_scheduled(pending: &PendingActivityInfo) -> bool {
    pending.state() == PendingActivityState::Scheduled
}

/// The details of an event's entries of this action, oldest first.
async fn entries(world: &World, event_id: EventId, action: &str) -> Vec<Value> {
    let timeline =
        store::timeline::list_for_event(&world.pool, event_id).await.expect("a timeline");
    timeline.into_iter().filter(|entry| entry.action == action).map(|entry| entry.detail).collect()
}

/// Lets so much time pass for whatever is due, and sweeps.
async fn pass(world: &World, time: &str) {
    for sql in [
        "UPDATE payment_events SET timeout_at = timeout_at - interval '{}'",
        "UPDATE reprocesses SET requested_at = requested_at - interval '{}',
             next_attempt_at = next_attempt_at - interval '{}', result_due_at = result_due_at - interval '{}'",
        "UPDATE alerts SET created_at = created_at - interval '{}'",
        "UPDATE watch_checks SET checked_at = checked_at - interval '{}'",
    ] {
        let sql = sqlx::AssertSqlSafe(sql.replace("{}", time));
        sqlx::query(sql).execute(&world.pool).await.expect("time that has passed");
    }
    engine::sweep::sweep(&world.pool).await;
    until_dispatched(&world.pool).await;
}

/// Waits until the watch's latest run has this status.
async fn watch_is(world: &World, watch: &str, wanted: &str) {
    let client = world.temporal().await;
    eventually(&format!("a watch that is {wanted}"), async || {
        let described = temporal::describe(&client, watch).await.ok()?;
        let status = described.workflow_execution_info?.status().as_str_name();
        status.ends_with(wanted).then_some(())
    })
    .await;
}

/// Has the relay check for the watch, as the document says.
async fn restart_by_hand(world: &World, event_id: EventId) {
    let restart = "INSERT INTO outbox (id, event_id, wish, payload)
                   VALUES (gen_random_uuid(), $1, 'restart', '{}')";
    let written = sqlx::query(restart).bind(event_id.as_uuid()).execute(&world.pool).await;
    written.expect("a message");
}
