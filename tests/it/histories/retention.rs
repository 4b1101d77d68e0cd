//! The golden history of retention: it is recorded and replayed as those of the watch are.

use e2e::{World, WorldOptions, run};
use temporalio_client::{
    WorkflowFetchHistoryOptions, WorkflowGetResultOptions, WorkflowStartOptions,
};
use tokio::sync::OnceCell;
use workflows::Retention;
use workflows::names::retention_id;
use workflows::retention::RetentionInput;

use super::{assert_drifts, assert_fits, golden_of};

/// A rule fails, and the others are applied.
pub(super) const STORY: &str = "one_rule_failed";

static RECORDED: OnceCell<()> = OnceCell::const_new();

pub(super) async fn golden() -> Vec<(String, Vec<u8>)> {
    golden_of("Retention", STORY, &RECORDED, play).await
}

/// A run in which one rule fails for good.
async fn play() -> Vec<u8> {
    let world = World::start_with(WorldOptions::default().without_api()).await;
    let broken = "ALTER FUNCTION purge_identities RENAME TO purged";
    sqlx::query(broken).execute(&world.pool).await.expect("another name");
    let (client, queue) = (world.temporal().await, world.engine.task_queue());
    let options = WorkflowStartOptions::new(queue, retention_id(queue)).build();
    let started = client.start_workflow(Retention::run, RetentionInput {}, options).await;
    let handle = started.expect("a run");
    let outcome = handle.get_result(WorkflowGetResultOptions::default()).await.expect("an end");
    assert_eq!(outcome.failed, ["identities"]);
    assert_eq!(outcome.deleted.len(), domain::retention::Rule::ALL.len() - 1);
    let history = handle.fetch_history(WorkflowFetchHistoryOptions::default());
    history.to_json().await.expect("a history")
}

#[test]
fn a_run_of_an_earlier_release_is_replayed_without_a_mismatch() {
    run(async {
        let golden = golden().await;
        assert!(golden.iter().any(|(name, _)| name == STORY), "no history of {STORY}");
        assert_fits::<Retention>(golden).await;
    });
}

#[test]
fn a_run_that_gives_its_commands_in_another_order_fails_the_replay() {
    run(async {
        assert_drifts::<super::changed::Retention>(golden().await).await;
    });
}
