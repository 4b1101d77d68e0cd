//! `retention pause` and `retention resume`: of the schedule in Temporal, which keeps who it was, as the database does.

use domain::timeline::actor_name;
use serde::Serialize;
use workflows::names::{TASK_QUEUE, retention_schedule_id};

use crate::Context;
use crate::admin_context::{self, DatabaseTarget};
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::while_waiting;

pub const HELP: &str = "\
Example:
  sendpromptly retention pause

It stays paused, also when workers start again or another Temporal is used. Results whose receipts do not come are not reported in the meantime. \
`sendpromptly retention run` deletes all the same. After two days `doctor` says that rules have not run.";

#[derive(Serialize)]
struct PauseReport {
    paused: bool,
}

pub(super) async fn run(paused: bool, context: &Context) -> anyhow::Result<CommandOutput> {
    let target = DatabaseTarget::find(context)?;
    let engine = admin_context::engine(target.dev.as_ref(), context);
    let verb = if paused { "paused" } else { "resumed" };
    let note = format!("{verb} by {}", actor_name(&admin_context::actor().to_string()));
    let pool = target.connect_lazily()?;
    let patching = engine.pause_retention(&pool, paused, &note);
    if !while_waiting("asking Temporal", patching).await? {
        let id = retention_schedule_id(TASK_QUEUE);
        let missing = format!("there is no schedule {id}: a worker makes it when it starts");
        return Err(Failure::NotFound(missing).into());
    }
    CommandOutput::new(&PauseReport { paused }, format!("Retention is {verb}."))
}
