//! Deletes what is kept no longer, by one rule.
//!
//! What leaves, and how, is [`store::retention`]'s to say. An attempt goes on where the last one was cut off, because
//! what it deleted is gone. An activity that is canceled stops between two statements: the batch that it was at
//! is rolled back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::audit::Actor;
use domain::retention::Rule;
use store::retention;
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use workflows::activity_contract::{ListRulesInput, RuleApplied, RuleInput, RuleList, definition};

use crate::decide::Decide;
use crate::deps::Deps;

/// Well within the time after which Temporal gives the work to another worker.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Implements [`workflows::activity_contract::Retentions`].
pub struct Retentions {
    deps: Arc<Deps>,
}

impl Retentions {
    /// Retention of this database.
    #[must_use]
    pub const fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[activities]
impl Retentions {
    #[activity(definition = definition::ListRules)]
    #[expect(clippy::unused_async, reason = "an activity is asynchronous, whatever it does")]
    pub async fn list_rules(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _: ListRulesInput,
    ) -> Result<RuleList, ActivityError> {
        Ok(RuleList { rules: Rule::ALL.iter().map(ToString::to_string).collect() })
    }

    #[activity(definition = definition::ApplyRule)]
    pub async fn apply_rule(
        self: Arc<Self>,
        ctx: ActivityContext,
        RuleInput { rule }: RuleInput,
    ) -> Result<RuleApplied, ActivityError> {
        let deleted = AtomicI64::new(0);
        let alive = async {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                // A lost heartbeat only means that another worker takes over, which is safe.
                let _sent = ctx.record_heartbeat(deleted.load(Ordering::Relaxed)).await;
            }
        };
        tokio::select! {
            applied = Box::pin(apply(&self.deps, &rule, &deleted)) => applied,
            never = alive => never,
            () = ctx.cancelled() => Err(ActivityError::cancelled()),
        }
    }
}

/// Applies a rule by its name, and counts in `deleted` how far it has come.
///
/// # Errors
/// When this release knows no such rule: a worker that does may take the next attempt.
pub async fn apply(
    deps: &Deps,
    rule: &str,
    deleted: &AtomicI64,
) -> Result<RuleApplied, ActivityError> {
    let rule = rule.parse::<Rule>().or_retry()?;
    let count = &mut |gone| deleted.store(gone, Ordering::Relaxed);
    let run = retention::run(&deps.pool, rule, &Actor::System, count).await;
    telemetry::retention_deleted(rule.as_str(), deleted.load(Ordering::Relaxed));
    let gone = run.or_retry()?.total();
    if gone > 0 {
        tracing::info!(%rule, rows = gone, "deleted what is kept no longer");
    }
    Ok(RuleApplied { deleted: gone })
}
