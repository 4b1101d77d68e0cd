//! Two concurrent connections: the second is judged on what the first one committed.

use domain::incident::{IncidentState, Resolution};
use domain::rejection::Rejection;
use e2e::{run, until_lock_wait};
use serde_json::json;
use store::events::lock_provider_event;
use store::reprocesses;
use store::transitions::receipt::AcceptedReceipt;
use store::transitions::silence::open_incident_if_due;

use super::shop::{Shop, early, receipt_with, success};

const IN_TIME: &str =
    "effect: succeeded\noutbox: start result\ntimeline: receipt.accepted result.succeeded";
const LATE: &str = "effect: succeeded\nincident: resolved/missing_result/late_success\n\
    alerts: incident_opened incident_resolved\noutbox: start result\n\
    timeline: receipt.accepted incident.opened result.succeeded incident.resolved";

#[test]
fn a_success_that_holds_the_lock_when_the_deadline_fires_leaves_no_incident() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.let_time_pass(event_id).await;
        let mut first = shop.begin().await;
        shop.report_in(&mut first, event_id, &json!({"status": "success"})).await;
        let commit = async {
            until_lock_wait(&shop.pool).await;
            first.commit().await.expect("a commit");
        };
        tokio::join!(shop.silence(event_id), commit);
        assert_eq!(shop.story(event_id).await, IN_TIME);
    });
}

#[test]
fn a_deadline_that_holds_the_lock_makes_the_success_a_late_one() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.let_time_pass(event_id).await;
        let mut first = shop.begin().await;
        open_incident_if_due(&mut first, event_id).await.expect("a database");
        let commit = async {
            until_lock_wait(&shop.pool).await;
            first.commit().await.expect("a commit");
        };
        tokio::join!(shop.succeed(event_id), commit);
        assert_eq!(shop.story(event_id).await, LATE);
    });
}

#[test]
fn a_success_and_the_deadline_at_once_end_in_one_of_two_stories() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..50 {
            let event_id = shop.take(&format!("evt_{round}")).await;
            shop.let_time_pass(event_id).await;
            tokio::join!(shop.silence(event_id), shop.succeed(event_id), shop.silence(event_id));
            let story = shop.story(event_id).await;
            assert!([IN_TIME, LATE].contains(&story.as_str()), "round {round}: {story}");
        }
    });
}

#[test]
fn two_conflicting_results_at_once_end_in_success() {
    run(async {
        let shop = Shop::open().await;
        let success_first = "effect: succeeded\noutbox: start result\n\
            timeline: receipt.accepted result.succeeded result.contradicted";
        let failure_first = "effect: succeeded\n\
            incident: resolved/failed_result/db_write_failed/late_success\n\
            alerts: incident_opened incident_resolved\noutbox: start result result\n\
            timeline: receipt.accepted result.failed incident.opened result.succeeded incident.resolved";
        for round in 0..50 {
            let event_id = shop.take(&format!("evt_{round}")).await;
            tokio::join!(shop.succeed(event_id), shop.fail(event_id));
            let story = shop.story(event_id).await;
            let known = [success_first, failure_first].contains(&story.as_str());
            assert!(known, "round {round}: {story}");
        }
    });
}

#[test]
fn of_two_reprocesses_at_once_one_runs_and_the_other_is_told_which() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..20 {
            let event_id = shop.missed(&format!("evt_{round}")).await;
            let (a, b) = (reprocesses::new_id(), reprocesses::new_id());
            let answers =
                tokio::join!(shop.try_reprocess(event_id, a), shop.try_reprocess(event_id, b));
            let expected = [
                (Ok(()), Err(Rejection::Reprocessing(Some(a), None))),
                (Err(Rejection::Reprocessing(Some(b), None)), Ok(())),
            ];
            assert!(expected.contains(&answers), "{answers:?}");
        }
    });
}

#[test]
fn a_resolution_by_hand_and_a_success_at_once_resolve_once() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..20 {
            let event_id = shop.missed(&format!("evt_{round}")).await;
            let (_resolved, _) = tokio::join!(shop.try_resolve(event_id), shop.succeed(event_id));
            let incident = shop.incident(event_id).await;
            assert_eq!(incident.state, IncidentState::Resolved);
            let how = incident.resolution;
            assert!([Some(Resolution::Manual), Some(Resolution::LateSuccess)].contains(&how));
            let story = shop.story(event_id).await;
            assert_eq!(story.matches("incident.resolved").count(), 1, "{story}");
            assert_eq!(story.matches("incident_resolved").count(), 1, "{story}");
        }
    });
}

#[test]
fn the_same_receipt_from_many_connections_is_one_event() {
    run(async {
        let shop = Shop::open().await;
        for round in 0..10 {
            let receipt = receipt_with(&format!("evt_{round}"), &json!({}));
            let taken = futures::future::join_all((0..8).map(|_| shop.accept(&receipt))).await;
            let new = taken.iter().filter(|one| !one.duplicate).count();
            assert_eq!(new, 1, "round {round}: {taken:?}");
            let same = taken.iter().all(|one| {
                (one.event_id, one.timeout_at) == (taken[0].event_id, taken[0].timeout_at)
            });
            assert!(same, "round {round}: {taken:?}");
        }
    });
}

#[test]
fn a_receipt_that_waits_for_its_twin_is_its_duplicate() {
    run(async {
        let shop = Shop::open().await;
        let receipt = receipt_with("evt_1", &json!({}));
        let mut first = shop.begin().await;
        let taken = shop.accept_in(&mut first, &receipt).await;
        let commit = async {
            until_lock_wait(&shop.pool).await;
            first.commit().await.expect("a commit");
        };
        let (again, ()) = tokio::join!(shop.accept(&receipt), commit);
        assert_eq!(again, AcceptedReceipt { duplicate: true, ..taken });
        let story = "effect: pending\noutbox: start\ntimeline: receipt.accepted";
        assert_eq!(shop.story(taken.event_id).await, story);
    });
}

#[test]
fn a_receipt_that_waits_for_an_early_result_applies_it() {
    run(async {
        let shop = Shop::open().await;
        let mut first = shop.begin().await;
        lock_provider_event(&mut first, shop.owner.project_id, "evt_1").await.expect("a lock");
        let commit = async {
            until_lock_wait(&shop.pool).await;
            assert!(shop.keep_early_in(&mut first, "k", &early("evt_1", success())).await);
            first.commit().await.expect("a commit");
        };
        let (event_id, ()) = tokio::join!(shop.take("evt_1"), commit);
        assert_eq!(shop.story(event_id).await, IN_TIME);
    });
}
