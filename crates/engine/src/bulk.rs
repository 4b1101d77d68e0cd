//! Starting the workflow of a bulk reprocess, and waking it.
//!
//! Every process that dispatches looks each second; one of them claims what is due
//! ([`store::bulk::dispatch`]). A signal that starts the workflow if it is not there does both, and does nothing
//! new when it is sent twice.

use domain::ids::BulkId;
use store::PgPool;
use store::bulk::dispatch;
use temporalio_client::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions};
use workflows::BulkReprocess;
use workflows::activity_contract::BulkInput;
use workflows::names::bulk_workflow_id;

use crate::connect::{Engine, EngineError};
use crate::watch::{Signal, input, judge_start};

/// What signals that something is in the database already.
const WAKE: &str = "wake";

/// Those that are ours to dispatch now. Without a database there is none.
pub(crate) async fn claim(pool: &PgPool) -> Vec<BulkId> {
    dispatch::claim_due(pool).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "could not look for bulk reprocesses");
        Vec::new()
    })
}

/// Has Temporal see to it.
pub(crate) async fn wake(engine: &Engine, pool: &PgPool, id: BulkId) -> Result<(), EngineError> {
    engine.ensure_ours(pool).await?;
    let client = engine.client().await?;
    let page = engine.console().map(|console| format!("<{console}/bulk/{id}>"));
    let options = WorkflowStartOptions::new(engine.task_queue(), bulk_workflow_id(id))
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .static_summary("sees to many incidents, step by step".to_owned())
        .maybe_static_details(page)
        .build();
    let started = client.signal_with_start_workflow(
        BulkReprocess::run,
        BulkInput { bulk_id: id },
        Signal::<BulkReprocess>::new(WAKE),
        input(&serde_json::json!({})),
        options,
    );
    started.await.map_err(|error| judge_start(&error))?;
    if let Err(error) = dispatch::note_dispatched(pool, id).await {
        // It is dispatched again, which changes nothing.
        tracing::debug!(%error, bulk_id = %id, "could not keep that a bulk reprocess was dispatched");
    }
    Ok(())
}
