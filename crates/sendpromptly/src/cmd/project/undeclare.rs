//! `project undeclare`: removes declared names that nothing uses.
//!
//! All of the names go, or none: a name that an event has stays, because results name it.

use domain::ids::ProjectId;
use store::administration::declared_name::{RemoveRejection, remove_names};
use store::projects;

use super::declare::{self, Args};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Example:
  sendpromptly project undeclare --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K \\
    --event-type acme:license.sold

A name that an event uses is kept. With several names, all are removed or none.";

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let names = args.names.read()?;
    let id: ProjectId = parse_id("project", &args.project)?;
    let admin = AdminContext::open(context).await?;
    if projects::find_project(&admin.pool, id).await?.is_none() {
        return Err(no_such("project", id).into());
    }
    let removed = admin.transaction(async |tx| remove_names(tx, &admin.actor, id, &names).await);
    if let Err(error) = removed.await {
        let failure = match error.rejection()? {
            rejection @ RemoveRejection::InUse(_) => Failure::option("a name", rejection),
            RemoveRejection::NotDeclared(name) => {
                Failure::NotFound(format!("project {id} does not declare {name}"))
            }
        };
        return Err(failure.into());
    }
    declare::show(&admin, id, declare::describe(&names, |_| "removed")).await
}
