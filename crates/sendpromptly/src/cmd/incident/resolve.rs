//! `incident resolve`: closed by hand, with the reason that the timeline keeps.

use store::pool;
use store::transitions::resolve::{ResolveAnswer, Resolving, resolve_incident};

use super::{Shape, check_note};
use crate::Context;
use crate::answer::Answer;
use crate::desk::Desk;
use crate::failure::{Failure, no_such};

pub const HELP: &str = "\
Example:
  sendpromptly incident resolve inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'credits added manually'

A running reprocess ends with it.";

pub(super) async fn run(id: &str, note: &str, context: &Context) -> anyhow::Result<Answer> {
    check_note(note)?;
    let desk = Desk::open(context).await?;
    let incident = desk.incident(id).await?;
    let resolving = Resolving { actor: &desk.actor, note: Some(note), signal: true };
    let mut tx = desk.begin().await?;
    match resolve_incident(&mut tx, incident.event_id, resolving).await? {
        ResolveAnswer::Resolved => pool::commit(tx).await?,
        ResolveAnswer::AlreadyResolved => {
            let said = format!("incident {} is resolved already", incident.id);
            return Err(Failure::IncidentConflict(said).into());
        }
        ResolveAnswer::NoIncident => return Err(no_such("incident", incident.id).into()),
    }
    let resolved = desk.incident(id).await?;
    let human = format!("Incident {} is resolved.", resolved.id);
    Answer::new(&Shape::from(resolved), human)
}
