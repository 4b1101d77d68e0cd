//! `destination update`: its label. An address does not change: add the other one and remove this.

use domain::ids::DestinationId;
use domain::project::check_name;
use store::administration::destination::rename_destination;
use store::destinations::find_destination;

use super::list::DestinationOutput;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly destination update dst_01K9QE0A1B2C3D4E5F6G7H8J9K --label 'Bob, on call'
  sendpromptly destination update dst_01K9QE0A1B2C3D4E5F6G7H8J9K --no-label

Lists, timelines and alerts call it by its label, entries of earlier days too.";

/// Which destination, and its label.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The destination's id, as `destination list` shows it.
    #[arg(value_name = "DESTINATION")]
    id: String,
    #[command(flatten)]
    label: LabelArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct LabelArgs {
    /// What people call it, 1 to 255 characters.
    #[arg(long)]
    label: Option<String>,
    /// Call it by its address again, by the last four characters of its Slack URL, or by the webhook's
    /// host.
    #[arg(long)]
    no_label: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let id: DestinationId = parse_id("destination", &args.id)?;
    let label = args.label.label.as_deref().map(str::trim);
    label.map_or(Ok(()), check_name).map_err(|why| Failure::option("label", why))?;
    let admin = AdminContext::open(context).await?;
    let key = admin.master_key().await?;
    let renamed = admin.transaction(async |tx| {
        rename_destination(tx, &admin.actor, &key, id, label).await?;
        find_destination(tx, id).await
    });
    let destination = renamed.await?.ok_or_else(|| no_such("destination", id))?;
    let name = domain::alert::one_line(&destination.label);
    let human = format!("Destination {id} is called {name}.");
    CommandOutput::new(&DestinationOutput::from(destination), human)
}
