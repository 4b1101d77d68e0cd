//! The steps of a bulk reprocess, and what people signal to it.
//!
//! All of it is the store's; made twice, a step starts nothing twice.

use std::sync::Arc;

use domain::audit::Actor;
use domain::bulk::Steering;
use store::bulk;
use store::pool::transaction;
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{BulkInput, BulkStep, SteerInput, definition};

use crate::decide::Decide;
use crate::deps::Deps;
use crate::records::name;

/// Implements [`workflows::activity_contract::BulkReprocesses`].
pub struct BulkReprocesses {
    deps: Arc<Deps>,
}

impl BulkReprocesses {
    /// Bulk reprocesses of this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl BulkReprocesses {
    #[activity(definition = definition::StepBulk)]
    pub async fn step_bulk(
        self: Arc<Self>,
        _: ActivityContext,
        input: BulkInput,
    ) -> Result<BulkStep, ActivityError> {
        Box::pin(step_bulk(&self.deps, input)).await
    }

    #[activity(definition = definition::SteerBulk)]
    pub async fn steer_bulk(
        self: Arc<Self>,
        _: ActivityContext,
        input: SteerInput,
    ) -> Result<(), ActivityError> {
        Box::pin(steer_bulk(&self.deps, input)).await
    }
}

pub async fn step_bulk(deps: &Deps, input: BulkInput) -> Result<BulkStep, ActivityError> {
    let step = bulk::step(&deps.pool, input.bulk_id).await.or_retry()?;
    let (state, wait, counts) = match step {
        Some(step) => (step.state.as_str(), step.wait, step.counts),
        None => ("gone", None, domain::bulk::BulkCounts::default()),
    };
    Ok(BulkStep {
        state: state.to_owned(),
        wait_ms: wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        waiting: counts.waiting,
        started: counts.started,
        succeeded: counts.succeeded,
        failed: counts.failed,
        skipped: counts.skipped,
    })
}

/// # Errors
/// When the database fails. What cannot be is logged: the state says it too.
pub async fn steer_bulk(deps: &Deps, input: SteerInput) -> Result<(), ActivityError> {
    let all = [Steering::Pause, Steering::Resume, Steering::Cancel];
    let Some(steering) = all.into_iter().find(|one| one.as_str() == input.steering) else {
        return Ok(());
    };
    let actor = Actor::Temporal(input.requested_by.as_deref().and_then(name));
    let steered =
        transaction(&deps.pool, async |tx| bulk::steer(tx, input.bulk_id, &actor, steering).await);
    if let Err(error) = steered.await {
        let why = error.rejection().or_retry()?;
        tracing::info!(bulk_id = %input.bulk_id, %why, "a signal to a bulk reprocess changed nothing");
    }
    Ok(())
}
