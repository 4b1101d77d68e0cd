//! `Retention`: deletes what is kept no longer, rule by rule.
//!
//! A schedule starts it every hour; while a run goes on, the next start is skipped. Which rules there are is asked
//! first, so that a release with another rule changes no command of a run that is under way. A rule that fails, after
//! five attempts, keeps no other from being applied: it is in the result, in the row of its run and in health,
//! and the next hour tries again. A run that is canceled, or whose worker dies, has deleted whole batches.

use serde::{Deserialize, Serialize};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityExecutionError, WorkflowContext, WorkflowContextView, WorkflowResult,
};

use crate::activity_contract::{ListRulesInput, Retentions, RuleInput};
use crate::options;

/// The input of a run: nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetentionInput {}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetentionOutcome {
    /// Rows that went, by rule.
    pub deleted: Vec<RuleDeleted>,
    /// Rules that failed.
    #[serde(default)]
    pub failed: Vec<String>,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDeleted {
    pub rule: String,
    pub rows: i64,
}

/// One run.
#[workflow]
pub struct Retention {}

#[workflow_methods]
impl Retention {
    #[init]
    fn new(_ctx: &WorkflowContextView, _input: RetentionInput) -> Self {
        Self {}
    }

    /// Applies each rule.
    ///
    /// # Errors
    /// When the rules cannot be listed, or the run was canceled.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<RetentionOutcome> {
        let listing = options::records("list the rules of retention");
        let listed =
            ctx.execute_activity(Retentions::list_rules, ListRulesInput {}, listing).await?;
        let mut outcome = RetentionOutcome::default();
        for rule in listed.rules {
            let options = options::retention(format!("apply the rule {rule}"));
            let input = RuleInput { rule: rule.clone() };
            match ctx.execute_activity(Retentions::apply_rule, input, options).await {
                Ok(applied) => outcome.deleted.push(RuleDeleted { rule, rows: applied.deleted }),
                Err(canceled @ ActivityExecutionError::Cancelled(_)) => return Err(canceled.into()),
                Err(_) => outcome.failed.push(rule),
            }
        }
        Ok(outcome)
    }
}
