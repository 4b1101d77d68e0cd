//! `incident reprocess`: recorded here, carried out by the worker.
//!
//! The message for Temporal is committed with the reprocess, so it is not lost when no api or
//! worker runs at the moment: the next one to run dispatches it.

use api_types::reprocesses::RequestedReprocess;
use domain::reprocess::ReprocessState;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly incident reprocess inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'the account is unlocked'

Follow it with `sendpromptly incident show`. One reprocess runs at a time.";

pub(super) async fn run(
    id: &str,
    note: Option<&str>,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
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
