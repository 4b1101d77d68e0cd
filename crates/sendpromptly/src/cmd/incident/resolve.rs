//! `incident resolve`: closed by hand, with the reason that the timeline keeps.

use store::operator_actions::OperatorAction;

use super::{Shape, check_note, rejected};
use crate::Context;
use crate::answer::Answer;
use crate::desk::Desk;

pub const HELP: &str = "\
Example:
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'credits added manually'

A running reprocess ends with it.";

pub(super) async fn run(id: &str, note: &str, context: &Context) -> anyhow::Result<Answer> {
    check_note(note)?;
    let desk = Desk::open(context).await?;
    let incident = desk.incident(id).await?;
    let action = OperatorAction { incident: &incident, actor: &desk.actor, note: Some(note) };
    let resolved = action.resolve(&desk.pool).await;
    resolved.map_err(|error| rejected(error, incident.project_id))?;
    let resolved = desk.incident(id).await?;
    let human = format!("Incident {} is resolved.", resolved.id);
    Answer::new(&Shape::from(resolved), human)
}
