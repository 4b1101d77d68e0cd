//! `incident resolve`: closed manually, with the reason or the evidence that the timeline keeps.

use api::v1::responses;
use domain::ids::CallId;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::parse_id;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'credits added manually'
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --evidence cal_01K9QF3Z7M8V2T4B6N0C1D5E9H

A running reprocess ends with it.";

pub(super) async fn run(
    id: &str,
    note: Option<&str>,
    evidence: Option<&str>,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    if let Some(note) = note {
        check_note(note)?;
    }
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
