//! `destination remove`. What was sent there stays on the timelines.

use domain::ids::{DestinationId, ProjectId};
use serde::Serialize;
use store::administration::destination::remove_destination;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{no_such, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly destination remove dst_01K9QE0A1B2C3D4E5F6G7H8J9K";

#[derive(Serialize)]
struct Removed {
    destination_id: DestinationId,
    project_id: ProjectId,
}

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let destination_id: DestinationId = parse_id("destination", id)?;
    let admin = AdminContext::open(context).await?;
    let found =
        admin.transaction(async |tx| remove_destination(tx, &admin.actor, destination_id).await);
    let project_id = found.await?.ok_or_else(|| no_such("destination", destination_id))?;
    let removed = Removed { destination_id, project_id };
    CommandOutput::new(&removed, format!("Destination {destination_id} is removed."))
}
