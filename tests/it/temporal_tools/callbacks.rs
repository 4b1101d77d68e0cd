//! Commands on the activity that sends a callback, and on its watch, while it waits for its next
//! attempt.

use domain::incident::IncidentState;
use std::time::Duration;

use e2e::receiver::Received;
use e2e::{World, eventually, run};
use serde_json::json;

use super::{Waiting, entries, is_scheduled, pass, pending_callback, restart_by_hand, watch_is};

/// The reprocess has ended, the incident is open again, bob is notified, and another reprocess
/// works.
async fn goes_on(world: &World, waiting: &Waiting, why: &str) {
    let reason = waiting.undelivered(world).await;
    assert!(reason.contains(why), "{reason}");
    let event_id = waiting.event_id;
    let incident =
        world.incident_when(event_id, "open again", |i| i.state == IncidentState::Open).await;
    pass(world, "3 minutes").await;
    let mails = world.mailbox.wait_for(2).await;
    assert!(mails[1].contains("reprocess") || mails[1].contains("Reprocess"), "{}", mails[1]);
    let replay_id = world.reprocess(incident.id).await;
    eventually("another callback", async || {
        let received = world.repair.received();
        let again = |one: &Received| one.header("webhook-id") == replay_id.to_string();
        received.iter().any(again).then_some(())
    })
    .await;
    world.result(event_id, "success", json!({"replay_id": replay_id})).await;
    world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
}

async fn waiting_world() -> (World, Waiting) {
    let world = World::start().await;
    world.alert_bob().await;
    let waiting = Waiting::start(&world, "evt_1").await;
    world.mailbox.wait_for(1).await;
    (world, waiting)
}

#[test]
fn a_canceled_watch_ends_the_reprocess_whose_callback_waits() {
    run(async {
        let (world, waiting) = waiting_world().await;
        let cancel = ["workflow", "cancel", "--workflow-id", &waiting.watch];
        world.engines.cli(&cancel).await.expect("canceled");
        watch_is(&world, &waiting.watch, "CANCELED").await;
        goes_on(&world, &waiting, "the watch was canceled").await;
    });
}

#[test]
fn a_maximum_of_attempts_ends_the_reprocess_and_not_the_watch() {
    run(async {
        let (world, waiting) = waiting_world().await;
        waiting.activity(&world, "update-options", &["--retry-maximum-attempts", "2"]).await;
        let reason = waiting.undelivered(&world).await;
        assert!(reason.contains("maximum of attempts"), "{reason}");
        watch_is(&world, &waiting.watch, "RUNNING").await;
        goes_on(&world, &waiting, "maximum of attempts").await;
        assert!(entries(&world, waiting.event_id, "watch.restarted").await.is_empty());
    });
}

#[test]
fn a_time_limit_ends_the_reprocess_and_not_the_watch() {
    run(async {
        let (world, waiting) = waiting_world().await;
        waiting.activity(&world, "update-options", &["--schedule-to-close-timeout", "2s"]).await;
        goes_on(&world, &waiting, "time limit").await;
    });
}

#[test]
fn an_activity_that_is_failed_or_completed_by_hand_ends_the_reprocess() {
    run(async {
        let (world, waiting) = waiting_world().await;
        attempt_under_way(&world, &waiting).await;
        waiting.activity(&world, "fail", &["--reason", "enough of this"]).await;
        goes_on(&world, &waiting, "enough of this").await;
        let second = Waiting::start(&world, "evt_2").await;
        attempt_under_way(&world, &second).await;
        second.activity(&world, "complete", &["--result", "\"done\""]).await;
        let reason = second.undelivered(&world).await;
        assert!(reason.contains("completed by hand"), "{reason}");
        watch_is(&world, &second.watch, "RUNNING").await;
    });
}

/// Lets the next attempt begin and hang, because a waiting activity can be neither failed nor
/// completed.
async fn attempt_under_way(world: &World, waiting: &Waiting) {
    let before = world.repair.received().len();
    world.repair.hang_next(Duration::from_secs(20));
    waiting.activity(world, "reset", &[]).await;
    world.repair.wait_for(before + 1).await;
}

#[test]
fn a_reset_makes_the_next_attempt_now() {
    run(async {
        let (world, waiting) = waiting_world().await;
        waiting.activity(&world, "reset", &[]).await;
        let callbacks = world.repair.wait_for(2).await;
        assert_eq!(callbacks[0].header("webhook-id"), callbacks[1].header("webhook-id"));
        let awaited = async || waiting.reprocess_state(&world).await == "awaiting_result";
        eventually("a delivered callback", async || awaited().await.then_some(())).await;
    });
}

#[test]
fn a_pause_and_its_end_make_no_attempt_before_its_time() {
    run(async {
        let (world, waiting) = waiting_world().await;
        waiting.activity(&world, "pause", &["--reason", "the app is being deployed"]).await;
        waiting.activity(&world, "unpause", &[]).await;
        // An attempt of the activity that came too early was sent back and waits again.
        eventually("an activity that waits for the rest", async || {
            let pending = pending_callback(&world, &waiting.watch).await?;
            (pending.attempt > 2 && is_scheduled(&pending)).then_some(())
        })
        .await;
        assert_eq!(world.repair.received().len(), 1);
        assert_eq!(waiting.reprocess_state(&world).await, "delivering");
    });
}

#[test]
fn a_callback_that_stays_paused_is_named_once_and_then_ends() {
    run(async {
        let (world, waiting) = waiting_world().await;
        waiting.activity(&world, "pause", &["--reason", "the app is being deployed"]).await;
        pass(&world, "4 minutes").await;
        let noted = entries(&world, waiting.event_id, "watch.paused").await;
        assert_eq!(noted.len(), 1, "{noted:?}");
        let cure = noted[0]["cure"].as_str().expect("a cure");
        assert!(cure.contains("activity unpause") && cure.contains(&waiting.watch), "{cure}");
        assert_eq!(waiting.reprocess_state(&world).await, "delivering");
        pass(&world, "4 minutes").await;
        pass(&world, "16 minutes").await;
        assert_eq!(entries(&world, waiting.event_id, "watch.paused").await.len(), 1);
        assert!(entries(&world, waiting.event_id, "watch.restarted").await.is_empty());
        goes_on(&world, &waiting, "paused").await;
    });
}

#[test]
fn a_new_run_of_the_watch_makes_no_attempt_before_its_time() {
    run(async {
        let (world, waiting) = waiting_world().await;
        let terminate = ["workflow", "terminate", "--workflow-id", &waiting.watch];
        world.engines.cli(&terminate).await.expect("terminated");
        watch_is(&world, &waiting.watch, "TERMINATED").await;
        restart_by_hand(&world, waiting.event_id).await;
        eventually("an activity that waits for the rest", async || {
            let pending = pending_callback(&world, &waiting.watch).await?;
            (pending.attempt == 2 && is_scheduled(&pending)).then_some(())
        })
        .await;
        assert_eq!(world.repair.received().len(), 1);
    });
}

#[test]
fn a_terminated_or_deleted_watch_gets_a_new_run_that_makes_the_attempt_when_it_is_due() {
    run(async {
        for command in ["terminate", "delete"] {
            let (world, waiting) = waiting_world().await;
            let yes = if command == "delete" { "--yes" } else { "--reason=by mistake" };
            let arguments = ["workflow", command, "--workflow-id", &waiting.watch, yes];
            world.engines.cli(&arguments).await.expect("a command on the watch");
            eventually("a watch that is gone", async || {
                let running = ["workflow", "describe", "--workflow-id", &waiting.watch];
                let shown = world.engines.cli(&running).await.unwrap_or_default();
                (!shown.to_uppercase().contains("RUNNING")).then_some(())
            })
            .await;
            pass(&world, "30 seconds").await;
            assert_eq!(world.repair.received().len(), 1, "not due yet");
            pass(&world, "4 minutes").await;
            let callbacks = world.repair.wait_for(2).await;
            assert_eq!(callbacks[1].header("webhook-id"), waiting.replay_id.to_string());
            assert_eq!(entries(&world, waiting.event_id, "watch.restarted").await.len(), 1);
            let words = json!({"replay_id": waiting.replay_id});
            world.result(waiting.event_id, "success", words).await;
            let resolved = |i: &store::incidents::Incident| i.state == IncidentState::Resolved;
            world.incident_when(waiting.event_id, "resolved", resolved).await;
        }
    });
}
