//! Commands on watches that wait for a result, and what the sweep does without them.

use domain::audit::Actor;
use domain::incident::IncidentState;
use domain::operator::Role;
use domain::signature::SigningSecret;
use e2e::console::Operator;
use e2e::{Receiver, World, eventually, run, temporal};
use serde_json::json;
use store::destinations::Target;
use store::reprocesses;
use store::transitions::reprocess::{ReprocessRequest, request_reprocess};
use store::transitions::stalled::{Stall, StallKind, note_stall};
use time::{Duration, OffsetDateTime};
use workflows::names::workflow_id;

use super::{Failed, entries, pass, pending, restart_by_hand, watch_is};

#[test]
fn a_watch_that_is_paused_over_its_deadline_does_not_keep_its_incident_from_being_opened() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = pending(&world, "evt_1").await;
        let watch = workflow_id(event_id);
        let pause = ["workflow", "pause", "--workflow-id", &watch, "--reason", "a move"];
        world.engines.cli(&pause).await.expect("paused");
        for _ in 0..3 {
            pass(&world, "33 minutes").await;
        }
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        let noted = entries(&world, event_id, "watch.paused").await;
        assert_eq!(noted.len(), 1, "once, whatever the number of sweeps: {noted:?}");
        assert_eq!(noted[0]["what"], "watch");
        assert!(entries(&world, event_id, "watch.restarted").await.is_empty());

        let unpause = ["workflow", "unpause", "--workflow-id", &watch, "--reason", "moved"];
        world.engines.cli(&unpause).await.expect("goes on");
        world.mailbox.wait_for(1).await;
        world.result(event_id, "success", json!({})).await;
        temporal::finished(&world.temporal().await, event_id).await;
    });
}

#[test]
fn a_reprocess_that_a_paused_watch_never_began_ends_and_the_incident_is_open_again() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, incident_id, watch } = Failed::start(&world, "evt_1").await;
        let pause = ["workflow", "pause", "--workflow-id", &watch, "--reason", "a move"];
        world.engines.cli(&pause).await.expect("paused");
        world.reprocess(incident_id).await;
        pass(&world, "3 minutes").await;
        world
            .incident_when(event_id, "reprocessing", |i| i.state == IncidentState::Reprocessing)
            .await;
        pass(&world, "16 minutes").await;
        world.incident_when(event_id, "open again", |i| i.state == IncidentState::Open).await;
        let ended = entries(&world, event_id, "reprocess.undelivered").await;
        assert!(ended[0]["why"].as_str().expect("a reason").contains("paused"), "{ended:?}");
    });
}

#[test]
fn a_canceled_watch_leaves_its_event_to_the_sweep() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = pending(&world, "evt_1").await;
        let watch = workflow_id(event_id);
        world
            .engines
            .cli(&["workflow", "cancel", "--workflow-id", &watch])
            .await
            .expect("canceled");
        watch_is(&world, &watch, "CANCELED").await;
        pass(&world, "33 minutes").await;
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        world.mailbox.wait_for(1).await;
        watch_is(&world, &watch, "RUNNING").await;
        assert_eq!(entries(&world, event_id, "watch.restarted").await.len(), 1);
    });
}

#[test]
fn the_incident_of_a_lost_watch_opens_at_its_deadline_and_the_watch_is_looked_for_later() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = pending(&world, "evt_1").await;
        let watch = workflow_id(event_id);
        let terminate = ["workflow", "terminate", "--workflow-id", &watch];
        world.engines.cli(&terminate).await.expect("terminated");
        watch_is(&world, &watch, "TERMINATED").await;
        sqlx::query("UPDATE payment_events SET timeout_at = now() + interval '1 second'")
            .execute(&world.pool)
            .await
            .expect("a deadline");
        let incident =
            world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        let event = store::events::find_event(&world.pool, event_id).await.expect("a database");
        let late = incident.opened_at - event.expect("an event").timeout_at;
        assert!(late > Duration::ZERO && late < Duration::seconds(20), "{late} late");
        world.mailbox.wait_for(1).await;

        for looks in 0..2 {
            pass(&world, "3 minutes").await;
            watch_is(&world, &watch, "RUNNING").await;
            assert_eq!(entries(&world, event_id, "watch.restarted").await.len(), 1, "{looks}");
        }
    });
}

#[test]
fn a_canceled_watch_that_awaited_the_apps_answer_leaves_no_incident_reprocessing() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, incident_id, watch } = Failed::start(&world, "evt_1").await;
        let replay_id = world.reprocess(incident_id).await;
        eventually("a delivered callback", async || {
            let found = store::reprocesses::find_reprocess(&world.pool, replay_id).await;
            let state = found.expect("a database")?.state;
            (state.as_str() == "awaiting_result").then_some(())
        })
        .await;
        world
            .engines
            .cli(&["workflow", "cancel", "--workflow-id", &watch])
            .await
            .expect("canceled");
        watch_is(&world, &watch, "CANCELED").await;
        pass(&world, "33 minutes").await;
        world.incident_when(event_id, "open again", |i| i.state == IncidentState::Open).await;
        assert!(world.timeline(event_id).await.contains(&"reprocess.no_result".to_owned()));
    });
}

#[test]
fn a_watch_that_no_worker_takes_up_is_told_on_the_timeline_once() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let event_id = world.receipt("evt_1").await;
        let (client, watch) = (world.temporal().await, workflow_id(event_id));
        eventually("a workflow task that waits for longer than a worker needs", async || {
            let described = temporal::describe(&client, &watch).await.ok()?;
            let since = described.pending_workflow_task?.scheduled_time?.seconds;
            (OffsetDateTime::now_utc().unix_timestamp() - since > 12).then_some(())
        })
        .await;
        for _ in 0..2 {
            pass(&world, "33 minutes").await;
        }
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        restart_by_hand(&world, event_id).await;
        pass(&world, "1 minute").await;
        let noted = entries(&world, event_id, "watch.stuck").await;
        assert_eq!(noted.len(), 1, "once, whatever the number of looks: {noted:?}");
        assert_eq!(noted[0]["what"], "no worker takes its workflow task");
        assert_eq!(noted[0]["cure"], "sendpromptly doctor");
        let alice = Operator::signed_in(&world, Role::Viewer).await;
        let page = alice.page(&format!("/events/{event_id}")).await;
        assert!(page.timeline().contains("Stuck in Temporal"), "{}", page.timeline());
        assert_eq!(page.texts("code.command"), ["sendpromptly doctor"]);

        world.start_worker();
        world.mailbox.wait_for(1).await;
        world.result(event_id, "success", json!({})).await;
        temporal::finished(&world.temporal().await, event_id).await;
    });
}

#[test]
fn a_watch_that_fails_ends_the_callback_that_it_does_not_send_and_one_without_a_worker_does_not() {
    run(async {
        let world = World::start_without_worker().await;
        for (id, kind, state) in [
            ("evt_1", StallKind::NoWorker, IncidentState::Reprocessing),
            ("evt_2", StallKind::Stuck, IncidentState::Open),
        ] {
            let event_id = world.receipt(id).await;
            let incident_id = world.fail(event_id, json!({})).await;
            world.reprocess(incident_id).await;
            let stall = Stall { kind, what: "it stands still", key: "run/task", cure: "look" };
            let late = "UPDATE reprocesses SET requested_at = now() - interval '14 minutes'";
            for late in [late, late.replace("14", "16").as_str()] {
                sqlx::query(sqlx::AssertSqlSafe(late)).execute(&world.pool).await.expect("time");
                let mut tx = world.pool.begin().await.expect("a transaction");
                note_stall(&mut tx, event_id, stall).await.expect("a note");
                tx.commit().await.expect("a commit");
                let reprocessing = IncidentState::Reprocessing;
                let wanted = if late.contains("14") { reprocessing } else { state };
                world.incident_when(event_id, "as it should be", |i| i.state == wanted).await;
            }
            assert_eq!(entries(&world, event_id, "watch.stuck").await.len(), 1);
            let ended = entries(&world, event_id, "reprocess.undelivered").await;
            assert_eq!(ended.len(), usize::from(state == IncidentState::Open), "{ended:?}");
        }
    });
}

#[test]
fn a_watch_that_runs_is_not_said_to_be_restarted() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        restart_by_hand(&world, event_id).await;
        pass(&world, "1 minute").await;
        let timeline = world.timeline(event_id).await;
        assert!(!timeline.iter().any(|action| action.starts_with("watch.")), "{timeline:?}");
    });
}

#[test]
fn a_watch_that_lost_its_signal_asks_the_database_once_something_is_overdue() {
    run(async {
        let world = World::start().await;
        let Failed { event_id, .. } = Failed::start(&world, "evt_1").await;
        // As where Temporal was restored to a time before the signal.
        let (replay_id, actor) = (reprocesses::new_id(), &Actor::System);
        let request =
            ReprocessRequest { replay_id, actor, note: None, bulk_id: None, signal: false };
        let mut tx = world.pool.begin().await.expect("a transaction");
        request_reprocess(&mut tx, event_id, request).await.expect("a reprocess");
        tx.commit().await.expect("a commit");
        pass(&world, "1 minute").await;
        assert!(world.repair.received().is_empty(), "nothing is overdue yet");
        pass(&world, "2 minutes").await;
        let callbacks = world.repair.wait_for(1).await;
        assert_eq!(callbacks[0].header("webhook-id"), replay_id.to_string());
        assert!(entries(&world, event_id, "watch.restarted").await.is_empty());
    });
}

#[test]
fn a_resolved_watch_ends_although_its_alerts_wait_and_each_that_is_not_stale_goes_out_once() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = pending(&world, "evt_1").await;
        let held = world.hold_destinations().await;
        world.fail(event_id, json!({"error_code": "locked"})).await;
        world.result(event_id, "success", json!({})).await;
        temporal::finished(&world.temporal().await, event_id).await;
        assert!(world.mailbox.mails().is_empty());

        held.rollback().await.expect("a database");
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("resolved"), "{}", mails[0]);
        eventually("alerts that have ended", async || {
            let states = "SELECT kind || ' ' || state FROM alerts ORDER BY id";
            let states: Vec<String> =
                sqlx::query_scalar(states).fetch_all(&world.pool).await.expect("alerts");
            let ended = ["incident_opened superseded", "incident_resolved delivered"];
            (states == ended).then_some(())
        })
        .await;
        assert_eq!(world.mailbox.mails().len(), 1);
    });
}

#[test]
fn an_alert_that_was_tried_once_is_sent_although_its_watch_is_lost() {
    run(async {
        let world = World::start().await;
        let receiver = Receiver::start().await.expect("a receiver");
        receiver.respond_with(&[503]);
        let secrets = vec![SigningSecret::from_bytes([7; 32])];
        let target = Target::Webhook { url: receiver.url().to_owned(), secrets };
        world.add_destination(&target, "127.0.0.1").await;
        let failed = Failed::start(&world, "evt_1").await;
        eventually("a first attempt", async || {
            let attempts = "SELECT attempts FROM alerts WHERE last_answer IS NOT NULL";
            let attempts: i32 = sqlx::query_scalar(attempts).fetch_one(&world.pool).await.ok()?;
            (attempts == 1).then_some(())
        })
        .await;
        let delete = ["workflow", "delete", "--workflow-id", &failed.watch, "--yes"];
        world.engines.cli(&delete).await.expect("deleted");
        sqlx::raw_sql(
            "UPDATE alerts SET created_at = created_at - interval '1 minute';
             UPDATE destinations SET retry_at = now()",
        )
        .execute(&world.pool)
        .await
        .expect("a database");
        let sent = receiver.wait_for(2).await;
        assert_eq!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
        eventually("a delivered alert", async || {
            let state: String =
                sqlx::query_scalar("SELECT state FROM alerts").fetch_one(&world.pool).await.ok()?;
            (state == "delivered").then_some(())
        })
        .await;
        assert!(entries(&world, failed.event_id, "watch.restarted").await.is_empty());
    });
}
