//! `maintenance end`.

use api::v1::alerting::window_response;
use api_types::list::Listed;
use domain::ids::MaintenanceId;
use store::administration::alert_rules::end_maintenance;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::parse_id;
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly maintenance end --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K
  sendpromptly maintenance end --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --maintenance mnt_01K9QE0A1B2C3D4E5F6G7H8J9K

Where several last, as those of two deploys, name the one that is over: people are told after the last one.";

/// Whose maintenance is over.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    /// Only this one; otherwise all that last.
    #[arg(long)]
    maintenance: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let id = match &args.maintenance {
        Some(text) => Some(parse_id::<MaintenanceId>("maintenance", text)?),
        None => None,
    };
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(&args.project).await?.id;
    let ended = admin
        .transaction(async |tx| end_maintenance(tx, &admin.actor, project_id, id).await)
        .await?;
    let human = match ended.len() {
        0 => "No maintenance lasted; nothing changed.".to_owned(),
        1 => "The maintenance is over; people are told what happened.".to_owned(),
        count => format!("{count} maintenance windows are over; people are told what happened."),
    };
    CommandOutput::new(&Listed::whole(ended.into_iter().map(window_response)), human)
}
