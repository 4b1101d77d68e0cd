//! `incident reprocess`: recorded here, carried out by the worker.
//!
//! The wish for Temporal is committed with the reprocess, so it is not lost when no api or worker
//! runs at the moment: the next one to run carries it over.

use domain::ids::{ProjectId, ReplayId};
use domain::reprocess::ReprocessState;
use domain::verdict::ReprocessRefusal;
use serde::Serialize;
use store::reprocesses::new_id;
use store::transitions::reprocess::{Wanted, request_reprocess};

use super::check_note;
use crate::Context;
use crate::answer::Answer;
use crate::desk::Desk;
use crate::failure::Failure;

pub const HELP: &str = "\
Example:
  sendpromptly incident reprocess inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --note 'the account is unlocked'

Follow it with `sendpromptly incident show`. One reprocess runs at a time.";

#[derive(Serialize)]
struct Requested {
    replay_id: ReplayId,
    state: ReprocessState,
}

pub(super) async fn run(id: &str, note: Option<&str>, context: &Context) -> anyhow::Result<Answer> {
    note.map_or(Ok(()), check_note)?;
    let desk = Desk::open(context).await?;
    let incident = desk.incident(id).await?;
    let replay_id = new_id();
    let wanted = Wanted { replay_id, actor: &desk.actor, note, signal: true };
    let requested =
        desk.transaction(async |tx| request_reprocess(tx, incident.event_id, wanted).await);
    if let Err(error) = requested.await {
        return Err(refusal(error.rejection()?, incident.project_id).into());
    }
    let human = format!(
        "Reprocess {replay_id} is requested.\nFollow it: sendpromptly incident show {}",
        incident.id
    );
    Answer::new(&Requested { replay_id, state: ReprocessState::Requested }, human)
}

fn refusal(refusal: ReprocessRefusal, project_id: ProjectId) -> Failure {
    match refusal {
        ReprocessRefusal::NoIncident => Failure::NotFound(refusal.to_string()),
        ReprocessRefusal::Running(_) | ReprocessRefusal::Resolved => {
            Failure::IncidentConflict(refusal.to_string())
        }
        ReprocessRefusal::NoRepairUrl => Failure::IncidentConflict(format!(
            "{refusal}; set one first: sendpromptly project update {project_id} --repair-url URL"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLAY: &str = "rpl_00000000000000000000000001";

    #[test]
    fn the_answer_has_exactly_the_fields_of_the_contract() {
        let replay_id = REPLAY.parse().expect("an id");
        let requested = Requested { replay_id, state: ReprocessState::Requested };
        assert_eq!(
            serde_json::to_string(&requested).expect("json"),
            r#"{"replay_id":"rpl_00000000000000000000000001","state":"requested"}"#
        );
    }

    #[test]
    fn a_conflict_names_the_reprocess_that_runs() {
        let project: ProjectId = "prj_00000000000000000000000001".parse().expect("an id");
        let refusal = |why| refusal(why, project);
        let running = refusal(ReprocessRefusal::Running(REPLAY.parse().expect("an id")));
        assert_eq!(running.code(), "incident_conflict");
        assert!(running.to_string().contains(REPLAY), "{running}");
        assert_eq!(refusal(ReprocessRefusal::Resolved).code(), "incident_conflict");
    }

    #[test]
    fn without_a_repair_url_the_command_that_sets_one_is_named() {
        let project = "prj_00000000000000000000000001".parse().expect("an id");
        let nobody = refusal(ReprocessRefusal::NoRepairUrl, project);
        assert_eq!(nobody.code(), "incident_conflict");
        let command = "sendpromptly project update prj_00000000000000000000000001 --repair-url URL";
        assert!(nobody.to_string().ends_with(command), "{nobody}");
    }
}
