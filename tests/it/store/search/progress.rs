//! How far a project, and one run of the integration test, has come.

use domain::audit::{Action, AuditEvent};
use domain::callback::AnswerVerdict;
use e2e::run;
use serde_json::json;
use store::audit::{Subject, record};
use store::progress::{EventProgress, Progress, event_progress, project_progress};

use super::super::shop::{RunningReprocess, Shop, bob};
use super::for_charlie;

async fn of_project(shop: &Shop) -> Progress {
    project_progress(&shop.pool, shop.owner.project_id).await.expect("a progress")
}

async fn of_event(shop: &Shop, provider_event_id: &str) -> EventProgress {
    let progress = event_progress(&shop.pool, shop.owner.project_id, provider_event_id).await;
    progress.expect("a progress")
}

async fn test_destination(shop: &Shop, delivered: bool) {
    let subject = Subject::project(shop.owner.project_id);
    let detail = json!({ "delivered": delivered });
    let tested = AuditEvent::read(Action::DestinationTested.as_str(), detail);
    record(&shop.pool, &bob(), subject, &tested).await.expect("an entry");
}

#[test]
fn a_project_shows_each_step_once_it_was_seen() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        let fresh = of_project(&shop).await;
        assert_eq!(fresh, Progress { key_made: fresh.key_made, ..Progress::default() });
        assert!(fresh.key_made.is_some());
        shop.succeed(shop.take("evt_1").await).await;
        let event_id = shop.take("evt_2").await;
        shop.fail(event_id).await;
        test_destination(&shop, false).await;
        let half = of_project(&shop).await;
        assert!(half.receipt_seen.is_some() && half.success_seen.is_some());
        assert!(half.failure_seen.is_some() && half.incident_seen.is_some());
        assert_eq!((half.destination_tested, half.callback_delivered), (None, None));
        let replay_id = shop.reprocess(event_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Delivered).await;
        shop.report(event_id, json!({"status": "success", "replay_id": replay_id})).await;
        test_destination(&shop, true).await;
        let whole = of_project(&shop).await;
        assert!(whole.callback_delivered.is_some() && whole.reprocess_succeeded.is_some());
        assert!(whole.reprocess_requested.is_some() && whole.incident_resolved.is_some());
        assert!(whole.destination_tested.is_some());
        assert_eq!(whole.receipt_seen, half.receipt_seen, "the first one counts");
        let charlies = of_project(&charlie).await;
        assert_eq!(charlies, Progress { key_made: charlies.key_made, ..Progress::default() });
    });
}

#[test]
fn one_run_shows_what_became_of_its_own_event() {
    run(async {
        let shop = Shop::open().await;
        let charlie = for_charlie(&shop).await;
        charlie.succeed(charlie.take("evt_1").await).await;
        shop.fail(shop.take("evt_other").await).await;
        assert_eq!(of_event(&shop, "evt_1").await, EventProgress::default());
        let event_id = shop.take("evt_1").await;
        let taken = of_event(&shop, "evt_1").await;
        assert_eq!((taken.event_id, taken.success), (Some(event_id), None));
        assert!(taken.receipt.is_some());
        shop.fail(event_id).await;
        let replay_id = shop.reprocess(event_id).await;
        let failed = of_event(&shop, "evt_1").await;
        assert!(failed.failure.is_some() && failed.incident_opened.is_some());
        assert_eq!(failed.incident_id, Some(shop.incident(event_id).await.id));
        assert!(failed.reprocess_requested.is_some() && failed.callback_delivered.is_none());
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Delivered).await;
        shop.report(event_id, json!({"status": "success", "replay_id": replay_id})).await;
        let repaired = of_event(&shop, "evt_1").await;
        assert!(repaired.callback_delivered.is_some() && repaired.success.is_some());
        assert!(repaired.resolved >= repaired.success && repaired.resolved.is_some());
        assert_eq!(repaired.receipt, taken.receipt);
    });
}
