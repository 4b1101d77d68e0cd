//! `destination update`: its label, and whether it gets each incident. An address does not change: add the other one and remove this.

use domain::ids::DestinationId;
use domain::project::check_name;
use store::administration::destination::{rename_destination, set_every_incident};
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
  sendpromptly destination update dst_01K9QE0A1B2C3D4E5F6G7H8J9K --every-incident

Webhooks and activities get each incident by itself unless you say otherwise; all others get the first one of a \
cause, and then messages about the cause.

Lists, timelines and alerts call it by its label, entries of earlier days too.";

/// Which destination, and what changes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The destination's id, as `destination list` shows it.
    #[arg(value_name = "DESTINATION")]
    id: String,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct ChangeArgs {
    /// What people call it, 1 to 255 characters.
    #[arg(long, conflicts_with = "no_label")]
    label: Option<String>,
    /// Call it as its kind is called by default: by its address, by the last four characters of its
    /// secret, by the webhook's host or by the activity.
    #[arg(long)]
    no_label: bool,
    /// Send it each incident by itself.
    #[arg(long, conflicts_with = "no_every_incident")]
    every_incident: bool,
    /// Send it the first incident of a cause, and then messages about the cause.
    #[arg(long)]
    no_every_incident: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let id: DestinationId = parse_id("destination", &args.id)?;
    let ChangeArgs { label, no_label, every_incident, no_every_incident } = args.change;
    let label = label.as_deref().map(str::trim);
    label.map_or(Ok(()), check_name).map_err(|why| Failure::option("label", why))?;
    let admin = AdminContext::open(context).await?;
    let key = admin.master_key().await?;
    let renamed = admin.transaction(async |tx| {
        if label.is_some() || no_label {
            rename_destination(tx, &admin.actor, &key, id, label).await?;
        }
        if every_incident || no_every_incident {
            set_every_incident(tx, &admin.actor, id, every_incident).await?;
        }
        find_destination(tx, id).await
    });
    let destination = renamed.await?.ok_or_else(|| no_such("destination", id))?;
    let name = domain::alert::one_line(&destination.label);
    let gets = if destination.every_incident {
        "each incident by itself"
    } else {
        "the first incident of a cause, and then messages about the cause"
    };
    let human = format!("Destination {id} is called {name} and gets {gets}.");
    CommandOutput::new(&DestinationOutput::from(destination), human)
}
