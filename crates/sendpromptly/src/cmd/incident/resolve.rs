//! `incident resolve`: closed manually, with the reason that the timeline keeps.

use api::v1::responses;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'credits added manually'

A running reprocess ends with it.";

pub(super) async fn run(id: &str, note: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    check_note(note)?;
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    let action = OperatorAction { incident: &incident, actor: &admin.actor, note: Some(note) };
    let resolved = action.resolve(&admin.pool).await;
    resolved.map_err(|error| rejected(error, incident.project_id))?;
    let resolved = admin.incident(id).await?;
    let human = format!("Incident {} is resolved.", resolved.id);
    CommandOutput::new(&responses::incident(resolved), human)
}
