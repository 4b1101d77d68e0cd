//! The golden history of a bulk reprocess: it is recorded and replayed as those of the watch are.

use domain::audit::Actor;
use domain::bulk::{BulkAction, BulkSettings};
use e2e::{World, eventually, run};
use serde_json::json;
use store::bulk::{NewBulk, Selection, create_preview, start};
use store::pool::transaction;
use temporalio_client::{WorkflowFetchHistoryOptions, WorkflowGetResultOptions};
use tokio::sync::OnceCell;
use workflows::BulkReprocess;
use workflows::names::bulk_workflow_id;

use super::{assert_drifts, assert_fits, golden_of};

pub(super) const STORY: &str = "bulk-done";

static RECORDED: OnceCell<()> = OnceCell::const_new();

pub(super) async fn golden() -> Vec<(String, Vec<u8>)> {
    golden_of("BulkReprocess", STORY, &RECORDED, play).await
}

/// Two incidents, one of them first; the app does both.
async fn play() -> Vec<u8> {
    let world = World::start().await;
    for event in ["evt_1", "evt_2"] {
        let event = world.receipt(event).await;
        world.fail(event, json!({})).await;
    }
    let (project_id, actor) = (world.project.id, Actor::Cli("bob".to_owned()));
    let (action, selection) = (BulkAction::Reprocess, Selection::All);
    let new = NewBulk { project_id, action, selection, include_taking: false, actor: &actor };
    let made = transaction(&world.pool, async |tx| create_preview(tx, &new).await).await;
    let id = made.expect("a preview").id;
    let settings = BulkSettings { canary: 1, per_minute: 600, stop_percent: 20 };
    let begun = transaction(&world.pool, async |tx| start(tx, id, &actor, settings, "again").await);
    begun.await.expect("a start");
    for asked in 1..=2 {
        let body = world.repair.wait_for(asked).await.remove(asked - 1).json();
        let done = json!({ "replay_id": body["replay_id"] });
        world.result(e2e::world::parse(&body["event_id"]), "success", done).await;
    }
    let client = world.temporal().await;
    let bulk = client.get_workflow_handle::<BulkReprocess>(bulk_workflow_id(id));
    let ended = async || bulk.get_result(WorkflowGetResultOptions::default()).await.ok();
    assert_eq!(eventually("its end", ended).await.ended, "done");
    let history = bulk.fetch_history(WorkflowFetchHistoryOptions::default());
    history.to_json().await.expect("a history")
}

#[test]
fn a_bulk_reprocess_of_an_earlier_release_is_replayed_without_a_mismatch() {
    run(async {
        let golden = golden().await;
        assert!(golden.iter().any(|(name, _)| name == STORY), "no history of {STORY}");
        assert_fits::<BulkReprocess>(golden).await;
    });
}

#[test]
fn a_bulk_reprocess_that_gives_its_commands_in_another_order_fails_the_replay() {
    run(async {
        assert_drifts::<super::changed::BulkReprocess>(golden().await).await;
    });
}
