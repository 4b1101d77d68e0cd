//! `maintenance list`.

use api::v1::alerting::{MOST, window_response};
use api_types::list::Listed;
use store::maintenance;

use super::describe;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly maintenance list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K";

pub(super) async fn run(project: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(project).await?.id;
    let windows = maintenance::list_newest(&admin.pool, project_id, MOST).await?;
    let human = describe(&windows, "There was no maintenance.");
    CommandOutput::new(&Listed::whole(windows.into_iter().map(window_response)), human)
}
