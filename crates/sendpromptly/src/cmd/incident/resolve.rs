//! `incident resolve`: closed by hand, with the reason that the timeline keeps.

use store::transitions::resolve::{ResolveRejection, Resolving, resolve_incident};

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
    let resolved =
        desk.transaction(async |tx| resolve_incident(tx, incident.event_id, resolving).await);
    if let Err(error) = resolved.await {
        let failure = match error.rejection()? {
            ResolveRejection::AlreadyResolved => {
                Failure::IncidentConflict(format!("incident {} is resolved already", incident.id))
            }
            ResolveRejection::NoIncident => no_such("incident", incident.id),
        };
        return Err(failure.into());
    }
    let resolved = desk.incident(id).await?;
    let human = format!("Incident {} is resolved.", resolved.id);
    Answer::new(&Shape::from(resolved), human)
}
