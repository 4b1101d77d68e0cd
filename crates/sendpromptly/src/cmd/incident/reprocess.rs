//! `incident reprocess`: recorded here, carried out by the worker.
//!
//! The message for Temporal is committed with the reprocess, so it is not lost when no api or
//! worker runs at the moment: the next one to run dispatches it.

use api_types::reprocesses::RequestedReprocess;
use domain::bulk::BulkAction;
use domain::reprocess::ReprocessState;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::bulk::run::{Many, PaceArgs, run as run_many};
use crate::cmd::bulk::selection::SelectionArgs;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly incident reprocess inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'the account is unlocked'
  sendpromptly incident reprocess --cause cau_1QGNZHYDQVHDQ886WQFX8FDAKK --note 'the disk has room again' \\
    --canary 3 --rate 30/m --yes
  sendpromptly incident reprocess --search db_write_failed --note 'the disk has room again' --yes

Follow one with `sendpromptly incident show`. Of one incident, one reprocess runs at a time.

A search without --project finds incidents of all projects, which then start together. Many are shown before they start, and what has started goes on without the command: see `sendpromptly bulk --help`.";

/// One incident, or many.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident's id, or several.
    #[arg(value_name = "INCIDENT", required_unless_present_any = ["many", "failures_of"])]
    id: Vec<String>,
    /// Why, for the timeline. Required for many.
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    pace: PaceArgs,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let note = args.note.as_deref();
    let Args { id: ids, selection, pace, .. } = args;
    match ids.first() {
        Some(id) if !selection.is_many(ids) => one(id, note, context).await,
        Some(_) | None => {
            let action = BulkAction::Reprocess;
            run_many(Many { action, ids, selection, pace: Some(pace), note }, context).await
        }
    }
}

async fn one(id: &str, note: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    note.map_or(Ok(()), check_note)?;
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    let action = OperatorAction { incident: &incident, actor: &admin.actor, note };
    let requested = action.request_reprocess(&admin.pool).await;
    let replay_id = requested.map_err(|error| rejected(error, incident.project_id))?;
    let human = format!(
        "Reprocess {replay_id} is requested.\nFollow it: sendpromptly incident show {}",
        incident.id
    );
    let requested = RequestedReprocess { replay_id, state: ReprocessState::Requested };
    CommandOutput::new(&requested, human)
}
