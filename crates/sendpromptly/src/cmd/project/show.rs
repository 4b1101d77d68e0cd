//! `project list` and `project show`.

use api::v1::responses;
use api_types::list::Listed;
use store::projects;

use super::describe;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::text::{minutes, or_nothing, plain, table_or};

pub(super) async fn one(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let project = AdminContext::open(context).await?.project(id).await?;
    let human = describe(&project);
    CommandOutput::new(&responses::project(project), human)
}

pub(super) async fn list(context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let projects = projects::list_projects(&admin.pool).await?;
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
    let nothing = "No projects yet. Create one: sendpromptly project create --name CometCart";
    let human = table_or(nothing, &headers, rows.collect());
    CommandOutput::new(&Listed::whole(projects.into_iter().map(responses::project)), human)
}
