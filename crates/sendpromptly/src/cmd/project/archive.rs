//! `project archive` and `project restore`.
//!
//! What they do is [`store::administration::archive`]'s to say. Without `--yes` nothing is archived.

use domain::ids::ProjectId;
use domain::project::unresolved_phrase;
use serde::Serialize;
use store::administration::archive::{ArchiveRejection, archive_project, restore_project};
use store::incidents;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;

pub const ARCHIVE_HELP: &str = "\
Examples:
  sendpromptly project archive --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K
  sendpromptly project archive --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --yes
  sendpromptly project archive --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --yes --unresolved 3

Without --yes it only says what would be. Its keys are rejected within a second, and it leaves all lists, counts and \
warnings. What waits or is not resolved goes on to its end, with its alerts; retention and erasure go on. Where \
incidents are not resolved, --unresolved says that you know how many. `sendpromptly project restore` takes it back.";

pub const RESTORE_HELP: &str = "\
Example:
  sendpromptly project restore --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K

Its keys of before are accepted again. `sendpromptly project list --archived` names what can be restored.";

/// Which project is archived.
#[derive(Debug, clap::Args)]
pub struct ArchiveArgs {
    /// The project's id.
    #[arg(long, value_name = "PROJECT")]
    project: String,
    /// Archive. Without it, only say what would be.
    #[arg(long)]
    yes: bool,
    /// How many incidents are not resolved, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    unresolved: u32,
}

/// Which project is restored.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The project's id.
    #[arg(long, value_name = "PROJECT")]
    project: String,
}

#[derive(Serialize)]
struct ArchiveOutput {
    project_id: ProjectId,
    archived: bool,
    unresolved: i64,
}

pub(super) async fn archive(
    args: &ArchiveArgs,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project = admin.project(&args.project).await?;
    if !args.yes {
        let unresolved = incidents::count_unresolved(&admin.pool, project.id).await?;
        let archived = project.archived_at.is_some();
        return output(project.id, archived, unresolved, preview(project.id, archived, unresolved));
    }
    let confirmed = i64::from(args.unresolved);
    let change = admin
        .transaction(async |tx| archive_project(tx, &admin.actor, project.id, confirmed).await);
    let said = match change.await {
        Ok(true) => format!("Project {} is archived.", project.id),
        Ok(false) => format!("Project {} was archived before.", project.id),
        Err(error) => return Err(failure(project.id, error.rejection()?).into()),
    };
    let unresolved = incidents::count_unresolved(&admin.pool, project.id).await?;
    output(project.id, true, unresolved, said)
}

fn preview(id: ProjectId, archived: bool, unresolved: i64) -> String {
    if archived {
        return format!("Project {id} is archived. Nothing would change.");
    }
    let confirm = match unresolved {
        0 => String::new(),
        some => format!(" --unresolved {some}"),
    };
    format!(
        "Nothing is changed yet. Project {id} has {}.\n\
         Archive it: sendpromptly project archive --project {id} --yes{confirm}",
        unresolved_phrase(unresolved)
    )
}

fn failure(id: ProjectId, why: ArchiveRejection) -> Failure {
    match why {
        ArchiveRejection::NoProject => no_such("project", id),
        ArchiveRejection::Unresolved(unresolved) => Failure::Validation(format!(
            "project {id} has {}, which leave the lists with it: resolve them, or confirm with --unresolved {unresolved}",
            unresolved_phrase(unresolved)
        )),
    }
}

pub(super) async fn restore(
    args: &RestoreArgs,
    context: &Context,
) -> anyhow::Result<CommandOutput> {
    let id: ProjectId = parse_id("project", &args.project)?;
    let admin = AdminContext::open(context).await?;
    let restored = admin.transaction(async |tx| restore_project(tx, &admin.actor, id).await);
    let said = match restored.await? {
        None => return Err(no_such("project", id).into()),
        Some(true) => format!("Project {id} is restored. Its keys are accepted again."),
        Some(false) => format!("Project {id} is not archived. Nothing is changed."),
    };
    let unresolved = incidents::count_unresolved(&admin.pool, id).await?;
    output(id, false, unresolved, said)
}

fn output(
    project_id: ProjectId,
    archived: bool,
    unresolved: i64,
    said: String,
) -> anyhow::Result<CommandOutput> {
    CommandOutput::new(&ArchiveOutput { project_id, archived, unresolved }, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_archived_names_the_command_that_does_it() {
        let id: ProjectId = "prj_00000000000000000000000001".parse().expect("an id");
        assert!(preview(id, true, 3).ends_with("Nothing would change."));
        let none = preview(id, false, 0);
        assert!(none.ends_with("--project prj_00000000000000000000000001 --yes"), "{none}");
        let some = preview(id, false, 3);
        assert!(some.contains("has 3 incidents that are not resolved."), "{some}");
        assert!(some.ends_with("--yes --unresolved 3"), "{some}");
    }
}
