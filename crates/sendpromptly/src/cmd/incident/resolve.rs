//! `incident resolve`: closed manually, with the reason or the evidence that the timeline keeps; or many.

use api::v1::responses;
use domain::bulk::BulkAction;
use domain::ids::CallId;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::bulk::run::{Many, run as run_many};
use crate::cmd::bulk::selection::SelectionArgs;
use crate::failure::{Failure, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'credits added manually'
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --evidence cal_01K9QF3Z7M8V2T4B6N0C1D5E9H
  sendpromptly incident resolve --cause cau_1QGNZHYDQVHDQ886WQFX8FDAKK --note 'refunded all of them' --yes

A running reprocess ends with it; of many, those whose reprocess runs are left out.";

/// One incident, or many.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident's id, or several.
    #[arg(value_name = "INCIDENT", required_unless_present = "many")]
    id: Vec<String>,
    /// How it was fixed, for the timeline.
    #[arg(long, required_unless_present_any = ["evidence", "many"])]
    note: Option<String>,
    /// The call of an extension whose evidence says so, as `incident show` names it.
    #[arg(long, value_name = "CALL", conflicts_with = "many")]
    evidence: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let Args { id: ids, note, evidence, selection } = args;
    let note = note.as_deref();
    match ids.first() {
        Some(id) if !selection.is_many(ids) => one(id, note, evidence.as_deref(), context).await,
        Some(_) | None if evidence.is_some() => {
            Err(Failure::option("evidence", "is of one incident: name one").into())
        }
        Some(_) | None => {
            let action = BulkAction::Resolve;
            run_many(Many { action, ids, selection, pace: None, note }, context).await
        }
    }
}

async fn one(
    id: &str,
    note: Option<&str>,
    evidence: Option<&str>,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    note.map_or(Ok(()), check_note)?;
    let evidence = evidence.map(|id| parse_id::<CallId>("call", id)).transpose()?;
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    let action = OperatorAction { incident: &incident, actor: &admin.actor, note };
    let resolved = action.resolve(&admin.pool, evidence).await;
    resolved.map_err(|error| rejected(error, incident.project_id))?;
    let resolved = admin.incident(id).await?;
    let human = format!("Incident {} is resolved.", resolved.id);
    CommandOutput::new(&responses::incident(resolved), human)
}
