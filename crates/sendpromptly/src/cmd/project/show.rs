//! `project list` and `project show`.

use std::fmt::Write;

use api::v1::responses;
use api_types::list::Listed;
use domain::alert::one_line;
use domain::silence::describe_flow;
use store::projects::{self, Project};
use store::silences;

use super::describe;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{format_timestamp, minutes, or_nothing, plain, table_or};

pub(super) async fn one(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project = admin.project(id).await?;
    let human = describe_with_silences(&admin, &project).await?;
    CommandOutput::new(&responses::project(project), human)
}

/// A project, and which of its receipts do not come though some are expected.
pub(super) async fn describe_with_silences(
    admin: &AdminContext,
    project: &Project,
) -> anyhow::Result<String> {
    let open = silences::list_open(&admin.pool, Some(project.id)).await?;
    let mut human = describe(project);
    for silence in open {
        let flow = one_line(&describe_flow(silence.event_type.as_deref()));
        let since = format_timestamp(silence.since);
        write!(human, "\n\nNo {flow} since {since} ({}).", silence.usual)?;
    }
    Ok(human)
}

pub(super) async fn list(archived: bool, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let mut projects = projects::list_projects(&admin.pool).await?;
    let is_any_archived = projects.iter().any(|project| project.archived_at.is_some());
    projects.retain(|project| project.archived_at.is_some() == archived);
    let rows = projects.iter().map(|project| {
        vec![
            plain(&project.id),
            plain(&project.name),
            plain(&project.mode),
            plain(&minutes(project.timeout_minutes)),
            plain(&or_nothing(project.repair_url.as_deref())),
        ]
    });
    let headers = ["PROJECT", "NAME", "MODE", "TIME-OUT", "REPAIR URL"];
    let nothing = match (archived, is_any_archived) {
        (true, _) => "No project is archived.",
        (false, true) => "Every project is archived. See: sendpromptly project list --archived",
        (false, false) => {
            "No projects yet. Create one: sendpromptly project create --name CometCart"
        }
    };
    let human = table_or(nothing, &headers, rows.collect());
    CommandOutput::new(&Listed::whole(projects.into_iter().map(responses::project)), human)
}
