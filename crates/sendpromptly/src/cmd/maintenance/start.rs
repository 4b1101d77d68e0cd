//! `maintenance start`.

use api::v1::alerting::window_response;
use domain::incident::check_note;
use domain::maintenance::{InvalidLength, WindowLength};
use store::administration::alert_rules::start_maintenance;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::format_timestamp;

pub const HELP: &str = "\
Example, in a deploy script:
  sendpromptly maintenance start --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --for 10m --reason 'deploy 42'
  ./deploy
  sendpromptly maintenance end --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K

Deadlines are judged and incidents open as ever; messages to the project's destinations wait. When the last \
maintenance of the project is over, each destination gets one digest of what opened, what healed and what is left; one \
that gets each incident gets those. A script that dies leaves a maintenance that ends by itself.";

/// Whose maintenance, and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    /// How long it lasts unless it is ended before: 1m to 7d, such as 10m or 2h.
    #[arg(long = "for", value_name = "TIME")]
    length: String,
    /// What it is for; the digest says it.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let wrong = |why: InvalidLength| Failure::option("for", why);
    let length: WindowLength = args.length.parse().map_err(wrong)?;
    let reason = args.reason.as_deref();
    if let Some(reason) = reason {
        check_note(reason).map_err(|why| Failure::option("reason", why))?;
    }
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(&args.project).await?.id;
    let window = admin
        .transaction(async |tx| {
            start_maintenance(tx, &admin.actor, project_id, length, reason).await
        })
        .await?;
    let human = format!(
        "Maintenance {} lasts until {}. To end it before: sendpromptly maintenance end --project {project_id}",
        window.id,
        format_timestamp(window.ends_at)
    );
    CommandOutput::new(&window_response(window), human)
}
