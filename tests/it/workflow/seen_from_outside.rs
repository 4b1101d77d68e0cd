//! What a user at a terminal sees of a watch: its status, and where searches find it.

use std::time::Duration;

use domain::ids::EventId;
use domain::incident::IncidentState;
use domain::reprocess::ReprocessState;
use domain::watch::NextStep;
use e2e::engines::Engines;
use e2e::scripted::{Reply, Script, ScriptedWorker};
use e2e::{World, eventually, run, temporal};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use workflows::names::workflow_id;

use super::{
    HALF_AN_HOUR, INCIDENT, REPLAY, awaiting_repair, finished, incident, open, reprocess, resolved,
    signal_reprocess, signal_result, skip_time, state_is, to_be_sent,
};

/// Waits until a search finds exactly this watch; searches see changes a little later.
async fn found_by(engines: &Engines, query: &str, event_id: EventId) {
    let wanted = workflow_id(event_id);
    eventually(&format!("{wanted} by {query}"), async || {
        let arguments = ["workflow", "list", "--query", query, "--output", "json"];
        let listed = engines.cli(&arguments).await.expect("a list");
        let rows: Vec<Value> = serde_json::from_str(&listed).expect("a list of JSON");
        let ids: Vec<_> = rows.iter().map(|row| &row["execution"]["workflowId"]).collect();
        (ids == [&json!(wanted)]).then_some(())
    })
    .await;
}

#[test]
fn the_status_tells_every_stage_of_a_repair() {
    run(async {
        let (asked, sent) = (CancellationToken::new(), CancellationToken::new());
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()).held_by(&asked))
            .on("request_reprocess", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::stands(awaiting_repair(HALF_AN_HOUR)).held_by(&sent))
            .on("read_standing", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        let pending = state_is(&worker, event_id, "pending").await;
        assert_eq!((pending.incident, pending.reprocess, pending.attempts), (None, None, 0));
        skip_time(&worker, event_id).await;
        worker.wait_for("open_incident_if_due", 1).await;
        asked.cancel();

        let opened = state_is(&worker, event_id, "open").await;
        assert_eq!(opened.deadline, pending.deadline);
        assert_eq!(opened.incident.expect("an incident").incident_id, INCIDENT);
        signal_reprocess(&worker, event_id).await;
        let repairing = state_is(&worker, event_id, "reprocessing").await;
        let reprocess = repairing.reprocess.expect("a reprocess");
        assert_eq!(
            (reprocess.replay_id, reprocess.state),
            (REPLAY, ReprocessState::Requested.into())
        );
        sent.cancel();
        let awaiting = eventually("a delivered callback", async || {
            let status = temporal::status(&worker.client, event_id).await.ok()?;
            (status.attempts == 1).then_some(status)
        })
        .await;
        assert_eq!(awaiting.state, "reprocessing");
        let reprocess = awaiting.reprocess.expect("a reprocess");
        assert_eq!(reprocess.state, ReprocessState::AwaitingResult);
    });
}

#[test]
fn the_status_counts_attempts_while_they_are_made() {
    run(async {
        let counted = CancellationToken::new();
        let trying = reprocess(ReprocessState::Delivering, 1, to_be_sent());
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(to_be_sent()))
            .on("send_callback", Reply::retry_after(Duration::from_hours(1)))
            .on("read_standing", Reply::stands(trying))
            .on("read_standing", Reply::stands(resolved()).held_by(&counted));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(HALF_AN_HOUR).await;
        skip_time(&worker, event_id).await;
        let seen = eventually("an attempt is counted", async || {
            let status = temporal::status(&worker.client, event_id).await.ok()?;
            (status.attempts == 1).then_some(status)
        })
        .await;
        assert_eq!(seen.reprocess.expect("a reprocess").state, ReprocessState::Delivering);
        counted.cancel();
        finished(&worker, event_id).await;
    });
}

#[test]
fn an_acknowledgement_is_seen_at_once() {
    run(async {
        let acknowledged = incident(IncidentState::Acknowledged, NextStep::WaitForPeople);
        let script = Script::new()
            .on("open_incident_if_due", Reply::stands(open()))
            .on("read_standing", Reply::stands(acknowledged))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::ZERO).await;
        state_is(&worker, event_id, "open").await;
        worker.engines.signal(event_id, "acknowledged", None).await.expect("a signal");
        state_is(&worker, event_id, "acknowledged").await;
        let by = format!("SpState='acknowledged' AND WorkflowId='{}'", workflow_id(event_id));
        found_by(&worker.engines, &by, event_id).await;
        signal_result(&worker, event_id, "success").await;
        finished(&worker, event_id).await;
    });
}

#[test]
fn a_search_finds_a_watch_by_its_state() {
    run(async {
        let script = Script::new()
            .on("record_result", Reply::stands(open()))
            .on("record_result", Reply::stands(resolved()));
        let worker = ScriptedWorker::start(script).await;
        let event_id = worker.watch(Duration::from_hours(1)).await;
        let by = |state| format!("SpState='{state}' AND WorkflowId='{}'", workflow_id(event_id));
        found_by(&worker.engines, &by("pending"), event_id).await;
        signal_result(&worker, event_id, "failed").await;
        found_by(&worker.engines, &by("open"), event_id).await;
        signal_result(&worker, event_id, "success").await;
        finished(&worker, event_id).await;
        found_by(&worker.engines, &by("resolved"), event_id).await;
    });
}

#[test]
fn a_search_finds_a_watch_by_what_people_know_of_its_event() {
    run(async {
        let world = World::start().await;
        let provider_event_id = format!("evt_{}", uuid::Uuid::now_v7().simple());
        let event_id = world.receipt(&provider_event_id).await;
        for query in [
            format!("SpProviderEventId='{provider_event_id}'"),
            format!("SpProjectId='{}'", world.project.id),
            format!("SpInternalReference='user_456' AND SpProjectId='{}'", world.project.id),
            format!("SpEffectType='credit_grant' AND SpProjectId='{}'", world.project.id),
        ] {
            found_by(&world.engines, &query, event_id).await;
        }
        let id = workflow_id(event_id);
        let arguments = ["workflow", "describe", "--workflow-id", &id, "--output", "json"];
        let described = world.engines.cli(&arguments).await.expect("a description");
        assert!(
            described.contains("Stripe invoice.paid: credit_grant for user_456"),
            "{described}"
        );
    });
}
