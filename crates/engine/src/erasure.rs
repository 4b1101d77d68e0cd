//! Finishes erasures: those that their command or request has left, and what Temporal still has of the customer.
//!
//! A watch shows the reference in its search attributes and its summary, and its history may hold what people typed
//! into signals. So its runs are deleted. One that is open is terminated first, and a new one is started from the
//! database, under the tombstone: the database decides, so nothing is lost with the old one. Its row goes once Temporal
//! lists no run under the reference any more, and not before the relay has dispatched what it read before the erasure.
//! A customer may be erased again, for what was said since: then a run under the tombstone from before goes the same way.
//! Whatever fails is tried again, ever more rarely; several processes do each other no harm.

use std::time::Duration;

use domain::event::Effect;
use domain::ids::EventId;
use domain::incident::IncidentState;
use domain::outbox::OutboxMessage;
use store::erasure::watches::{self, ErasedWatch};
use store::erasure::{self, Erasure};
use store::{MasterKey, PgPool, StoreError, events, incidents};
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::workflowservice::v1::DeleteWorkflowExecutionRequest;
use tokio_util::sync::CancellationToken;
use tonic::{Code, IntoRequest};
use workflows::names::{search_attribute, workflow_id};

use crate::connect::{Engine, EngineError, ask, judge_status};
use crate::reconcile::{enqueue, stored};
use crate::runs::WatchRun;

const EVERY: Duration = Duration::from_secs(2);
/// An erasure that nobody has gone on with for so long was left.
const LEFT_ALONE: Duration = Duration::from_secs(10);
/// So many watches are claimed at a time, for so long.
const BATCH: i64 = 50;
const CLAIMED_FOR: Duration = Duration::from_mins(1);
/// More runs of one watch there are not but by a mistake; the next round takes the rest.
const RUNS: usize = 100;
/// No clocks of database and Temporal are so many seconds apart: a run that replaced one is not taken for an older one.
const CLOCKS_APART: i64 = 5 * 60;
/// What a terminated run says.
const REASON: &str = "its customer was erased; a new run goes on";

/// Finishes what there is, until the process ends.
pub async fn run(
    engine: std::sync::Arc<Engine>,
    pool: PgPool,
    key: MasterKey,
    shutdown: CancellationToken,
) {
    let finishing = async {
        loop {
            tokio::time::sleep(EVERY).await;
            round(&engine, &pool, &key).await;
        }
    };
    shutdown.run_until_cancelled(finishing).await;
}

/// One round. What fails is logged and left to the next.
async fn round(engine: &Engine, pool: &PgPool, key: &MasterKey) {
    if let Err(error) = finish_left(pool, key).await {
        tracing::debug!(%error, "could not list erasures that were left");
    }
    match watches::claim(pool, BATCH, CLAIMED_FOR).await {
        Ok(claimed) => {
            for watch in claimed {
                see_to(engine, pool, &watch).await;
            }
        }
        Err(error) => tracing::debug!(%error, "could not claim watches of erased events"),
    }
}

/// Goes on with every erasure that nobody goes on with. One that fails is logged and keeps no other from its end.
///
/// # Errors
/// When they cannot be listed.
pub async fn finish_left(pool: &PgPool, key: &MasterKey) -> Result<(), StoreError> {
    for left in erasure::list_unfinished(pool, LEFT_ALONE).await? {
        match erasure::run(pool, key, left.id, &mut |_: &Erasure| ()).await {
            Ok(done) => tracing::info!(erasure_id = %done.id, "finished an erasure"),
            Err(error) => {
                tracing::warn!(erasure_id = %left.id, %error, "could not go on with an erasure");
            }
        }
    }
    Ok(())
}

async fn see_to(engine: &Engine, pool: &PgPool, watch: &ErasedWatch) {
    let event_id = watch.event_id;
    let noted = match erase_watch(engine, pool, watch).await {
        Ok(true) => watches::finish(pool, watch).await,
        Ok(false) => watches::reschedule(pool, event_id).await,
        Err(error) => {
            tracing::warn!(%event_id, %error, "could not erase a watch; it is tried again");
            watches::reschedule(pool, event_id).await
        }
    };
    if let Err(error) = noted {
        tracing::debug!(%event_id, %error, "could not note what became of a watch");
    }
}

/// Deletes the runs under the reference. Whether there was none, and none can come any more.
async fn erase_watch(
    engine: &Engine,
    pool: &PgPool,
    watch: &ErasedWatch,
) -> Result<bool, EngineError> {
    engine.ensure_ours(pool).await?;
    let tombstone = watch.customer.to_string();
    let condition = format!("WorkflowId='{}'", workflow_id(watch.event_id));
    let runs = engine.list_watches(&condition, RUNS).await?;
    let (named, others): (Vec<_>, Vec<_>) =
        runs.iter().partition(|run| has_to_go(run, &tombstone, watch.erased_at));
    for run in &named {
        if run.is_open() {
            engine.terminate_watch(run, REASON).await?;
        }
        delete(engine, run).await?;
    }
    let goes_on = others.iter().any(|run| run.is_open());
    if !goes_on && is_watched(pool, watch.event_id).await? {
        let restarting = enqueue(pool, watch.event_id, &OutboxMessage::Restart).await;
        restarting.map_err(|error| stored(&error))?;
        return Ok(false);
    }
    Ok(named.is_empty() && watch.is_settled)
}

/// Whether a run shows the reference, or may hold what was typed into signals until the customer was erased again.
fn has_to_go(run: &WatchRun, tombstone: &str, erased_at: i64) -> bool {
    let shown = run.attributes.get(search_attribute::INTERNAL_REFERENCE.name());
    let is_older = run.started_at.is_some_and(|at| at < erased_at - CLOCKS_APART);
    is_older || shown.is_none_or(|shown| shown != tombstone)
}

/// Whether something is left to do about the event.
async fn is_watched(pool: &PgPool, event_id: EventId) -> Result<bool, EngineError> {
    let reading = async {
        let event = events::find_event(pool, event_id).await?;
        let incident = incidents::find_for_event(pool, event_id).await?;
        Ok(match incident {
            Some(incident) => incident.state != IncidentState::Resolved,
            None => event.is_some_and(|event| event.effect == Effect::Pending),
        })
    };
    reading.await.map_err(|error: StoreError| stored(&error))
}

async fn delete(engine: &Engine, run: &WatchRun) -> Result<(), EngineError> {
    let client = engine.client().await?;
    let (workflow_id, run_id) = (run.workflow_id.clone(), run.run_id.clone());
    let request = DeleteWorkflowExecutionRequest {
        namespace: client.options().namespace.clone(),
        workflow_execution: Some(WorkflowExecution { workflow_id, run_id }),
    };
    let mut service = client.connection().workflow_service();
    match ask(service.delete_workflow_execution(request.into_request())).await {
        Err(status) if status.code() != Code::NotFound => Err(judge_status(&status)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;

    use super::*;

    const TOMBSTONE: &str = "erased:00000000000000000000000001";

    /// A run under this reference that began so many minutes before its event was erased.
    fn goes(reference: Option<&str>, minutes: i64) -> bool {
        let name = search_attribute::INTERNAL_REFERENCE.name().to_owned();
        let erased_at = 1_764_000_000;
        let run = WatchRun {
            workflow_id: "effect-watch/evt_1".to_owned(),
            run_id: "1".to_owned(),
            status: WorkflowExecutionStatus::Running,
            started_at: Some(erased_at - 60 * minutes),
            attributes: reference
                .map(|it| (name, it.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        };
        has_to_go(&run, TOMBSTONE, erased_at)
    }

    #[test]
    fn a_run_goes_that_names_the_customer_or_began_before_they_were_erased_again() {
        for minutes in [-1, 0, 60] {
            assert!(goes(Some("user_1"), minutes) && goes(None, minutes), "{minutes}");
        }
        assert!(goes(Some(TOMBSTONE), 60), "what was typed into it is from before");
        for minutes in [-60, -1, 0, 4] {
            assert!(!goes(Some(TOMBSTONE), minutes), "{minutes}");
        }
    }
}
