//! `incident acknowledge`: says that an operator sees to it.

use api::v1::responses;
use store::operator_actions::OperatorAction;

use super::{check_note, rejected};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly incident acknowledge inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'asking the bank'";

pub(super) async fn run(
    id: &str,
    note: Option<&str>,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    if let Some(note) = note {
        check_note(note)?;
    }
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    let action = OperatorAction { incident: &incident, actor: &admin.actor, note };
    let acknowledged = action.acknowledge(&admin.pool).await;
    acknowledged.map_err(|error| rejected(error, incident.project_id))?;
    let acknowledged = admin.incident(id).await?;
    let human = format!("Incident {} is acknowledged.", acknowledged.id);
    CommandOutput::new(&responses::incident(acknowledged), human)
}
