//! Incidents: list them, read their timeline, have the app do the work again, or resolve them
//! manually.

mod acknowledge;
mod filter;
mod list;
mod owner;
mod reprocess;
mod resolve;
mod show;
mod snooze;

use clap::Subcommand;
use domain::ids::ProjectId;
use domain::incident::{self, IncidentState};
use domain::rejection::Rejection;
use store::comments::About;
use store::operator_actions::ActionError;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::cmd::comment;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::Tone;

const COMMENT_HELP: &str = "\
Example:
  sendpromptly incident comment inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --text '@bob: the account is locked'";

/// What can be done with incidents.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List incidents, newest first.
    #[command(after_help = list::HELP)]
    List(list::Args),
    /// Show one incident: its reason, reprocesses, alerts and timeline.
    #[command(after_help = show::HELP)]
    Show {
        /// The incident's id.
        #[arg(value_name = "INCIDENT")]
        id: String,
    },
    /// Say that you see to it, so that others need not: to one incident, or to many.
    #[command(after_help = acknowledge::HELP)]
    Acknowledge(acknowledge::Args),
    /// Give an incident to an operator, who then sees to it.
    #[command(after_help = owner::ASSIGN_HELP)]
    Assign(owner::AssignArgs),
    /// Comment on an incident, for its timeline.
    #[command(after_help = COMMENT_HELP)]
    Comment {
        /// The incident's id.
        #[arg(value_name = "INCIDENT")]
        id: String,
        /// What you say. @name or the address of an operator has them told by mail.
        #[arg(long)]
        text: String,
    },
    /// Give an incident back: nobody owns it then.
    #[command(after_help = owner::RELEASE_HELP)]
    Release {
        /// The incident's id.
        #[arg(value_name = "INCIDENT")]
        id: String,
    },
    /// Ask the app, by a signed callback, to do the work again: for one incident, or for many.
    #[command(after_help = reprocess::HELP)]
    Reprocess(reprocess::Args),
    /// Let people not be told of an incident again until a time, or until the next one of its cause.
    #[command(after_help = snooze::HELP)]
    Snooze(snooze::Args),
    /// End the snooze of an incident.
    #[command(after_help = snooze::END_HELP)]
    Unsnooze {
        /// The incident's id.
        #[arg(value_name = "INCIDENT")]
        id: String,
    },
    /// Resolve an incident manually, because it was fixed in another way; or many.
    #[command(after_help = resolve::HELP)]
    Resolve(resolve::Args),
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::List(args) => list::run(args, context).await,
            Self::Show { id } => show::run(&id, context).await,
            Self::Acknowledge(args) => Box::pin(acknowledge::run(&args, context)).await,
            Self::Assign(args) => Box::pin(owner::assign(&args, context)).await,
            Self::Comment { id, text } => Box::pin(comment_on(&id, &text, context)).await,
            Self::Release { id } => Box::pin(owner::release(&id, context)).await,
            Self::Reprocess(args) => Box::pin(reprocess::run(&args, context)).await,
            Self::Snooze(args) => snooze::run(&args, context).await,
            Self::Unsnooze { id } => snooze::end(&id, context).await,
            Self::Resolve(args) => Box::pin(resolve::run(&args, context)).await,
        }
    }
}

async fn comment_on(id: &str, text: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    comment::add(&admin, About::incident(&incident), text).await
}

const fn tone(state: IncidentState) -> Tone {
    match state {
        IncidentState::Open => Tone::Bad,
        IncidentState::Acknowledged | IncidentState::Reprocessing => Tone::Careful,
        IncidentState::Resolved => Tone::Good,
    }
}

fn check_note(note: &str) -> Result<(), Failure> {
    incident::check_note(note).map_err(|why| Failure::option("note", why))
}

/// Why an action on an incident of this project changed nothing.
fn rejected(error: ActionError, project_id: ProjectId) -> anyhow::Error {
    match error {
        ActionError::Store(error) => error.into(),
        ActionError::Rejected(rejection) => rejection_failure(&rejection, project_id).into(),
    }
}

fn rejection_failure(rejection: &Rejection, project_id: ProjectId) -> Failure {
    match rejection {
        Rejection::NoIncident => Failure::NotFound(rejection.to_string()),
        Rejection::NoEvidence(_) => {
            Failure::option("evidence", "names no call whose answer proposed this")
        }
        Rejection::NoRepairUrl => Failure::IncidentConflict(format!(
            "{rejection}; set one first: sendpromptly project update {project_id} --repair-url URL"
        )),
        Rejection::Resolved(_) | Rejection::Acknowledged(_) | Rejection::Reprocessing(..) => {
            Failure::IncidentConflict(rejection.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_names_the_reprocess_that_runs() {
        let project: ProjectId = "prj_00000000000000000000000001".parse().expect("an id");
        let id = "rpl_00000000000000000000000001";
        let failure = |rejection| rejection_failure(&rejection, project);
        let running = failure(Rejection::Reprocessing(Some(id.parse().expect("an id")), None));
        assert_eq!(running.code(), "incident_conflict");
        assert!(running.to_string().contains(id), "{running}");
        assert_eq!(failure(Rejection::Resolved(None)).code(), "incident_conflict");
        assert_eq!(failure(Rejection::NoIncident).code(), "not_found");
    }

    #[test]
    fn without_a_repair_url_the_command_that_sets_one_is_named() {
        let project = "prj_00000000000000000000000001".parse().expect("an id");
        let nobody = rejection_failure(&Rejection::NoRepairUrl, project);
        assert_eq!(nobody.code(), "incident_conflict");
        let command = "sendpromptly project update prj_00000000000000000000000001 --repair-url URL";
        assert!(nobody.to_string().ends_with(command), "{nobody}");
    }
}
