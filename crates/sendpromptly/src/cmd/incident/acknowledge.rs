//! `incident acknowledge`: says that an operator sees to it, or to many.

use api::v1::responses;
use domain::bulk::BulkAction;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::bulk::run::{Many, run as run_many};
use crate::cmd::bulk::selection::SelectionArgs;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly incident acknowledge inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'asking the bank'
  sendpromptly incident acknowledge --cause cau_1QGNZHYDQVHDQ886WQFX8FDAKK --note 'the queue is down' --yes";

/// One incident, or many.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident's id, or several.
    #[arg(value_name = "INCIDENT", required_unless_present = "many")]
    id: Vec<String>,
    /// What you are doing, for the timeline. Required for many.
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let Args { id: ids, note, selection } = args;
    let note = note.as_deref();
    match ids.first() {
        Some(id) if !selection.is_many(ids) => one(id, note, context).await,
        Some(_) | None => {
            let action = BulkAction::Acknowledge;
            run_many(Many { action, ids, selection, pace: None, note }, context).await
        }
    }
}

async fn one(id: &str, note: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    note.map_or(Ok(()), check_note)?;
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    let action = OperatorAction { incident: &incident, actor: &admin.actor, note };
    let acknowledged = action.acknowledge(&admin.pool).await;
    acknowledged.map_err(|error| rejected(error, incident.project_id))?;
    let acknowledged = admin.incident(id).await?;
    let human = format!("Incident {} is acknowledged.", acknowledged.id);
    CommandOutput::new(&responses::incident(acknowledged), human)
}
