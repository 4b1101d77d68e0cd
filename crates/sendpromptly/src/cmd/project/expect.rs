//! `project expect`: when it is a silence that no receipt of a project comes.

use api::v1::responses;
use domain::ids::ProjectId;
use domain::silence::{ExpectedReceipts, InvalidExpectation};
use store::administration::project::update_project;
use store::projects::{self, ProjectSettings};

use super::show;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly project expect prj_01K9QE0A1B2C3D4E5F6G7H8J9K --receipts 6h
  sendpromptly project expect prj_01K9QE0A1B2C3D4E5F6G7H8J9K --receipts learned
  sendpromptly project expect prj_01K9QE0A1B2C3D4E5F6G7H8J9K --receipts off

Where no receipt comes though some are expected, the project's destinations are told, and once more when they \
come again. `learned` goes by the same hours of the last four weeks; it is what a live project begins with. A \
change ends the silences that last; what is silent by the new expectation is noticed within a minute.";

/// Which project, and what it expects.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(value_name = "PROJECT")]
    id: String,
    /// `off`, `learned`, or a time from 1h to 30d in which at least one receipt comes.
    #[arg(long, value_name = "TIME|learned|off")]
    receipts: String,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let expected_receipts: ExpectedReceipts = args
        .receipts
        .parse()
        .map_err(|why: InvalidExpectation| Failure::option("receipts", why))?;
    let id: ProjectId = parse_id("project", &args.id)?;
    let admin = AdminContext::open(context).await?;
    let changed = admin.transaction(async |tx| {
        let found = projects::lock_project(tx, id).await?;
        let before = found.ok_or_else(|| no_such("project", id))?;
        let after = ProjectSettings { expected_receipts, ..ProjectSettings::from_project(&before) };
        update_project(tx, &admin.actor, id, &after).await?;
        anyhow::Ok(())
    });
    changed.await?;
    let project = admin.project(&args.id).await?;
    let human = show::describe_with_silences(&admin, &project).await?;
    CommandOutput::new(&responses::project(project), human)
}
