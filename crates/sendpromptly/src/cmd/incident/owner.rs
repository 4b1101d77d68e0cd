//! `incident assign` and `incident release`: who sees to an incident.

use api::v1::responses;
use domain::alert::one_line;
use domain::ids::OperatorId;
use store::owners::{self, Assignment, OwnerRejection, TakeOver};
use store::pool::transaction;
use store::search::incidents::OwnerFilter;
use store::{ChangeError, operators};

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;

pub const ASSIGN_HELP: &str = "\
Example:
  sendpromptly incident assign inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --to bob@example.com";

pub const RELEASE_HELP: &str = "\
Example:
  sendpromptly incident release inc_01K9QF3Z7M8V2T4B6N0C1D5E9G";

/// Which incident, and whose it shall be.
#[derive(Debug, clap::Args)]
pub struct AssignArgs {
    /// The incident's id.
    #[arg(value_name = "INCIDENT")]
    id: String,
    /// The address of an operator who may act on incidents.
    #[arg(long, value_name = "EMAIL")]
    to: String,
    /// Also if somebody else owns it.
    #[arg(long)]
    take_over: bool,
}

pub(super) async fn assign(args: &AssignArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(&args.id).await?;
    let to = find_operator(&admin, "to", &args.to).await?;
    let take_over = TakeOver::if_asked(args.take_over);
    let assignment = Assignment { incident_id: incident.id, to, take_over, actor: &admin.actor };
    let assigned = transaction(&admin.pool, async |tx| owners::assign(tx, assignment).await).await;
    assigned.map_err(rejected)?;
    show(&admin, &args.id).await
}

pub(super) async fn release(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    let released =
        transaction(&admin.pool, async |tx| owners::release(tx, incident.id, &admin.actor).await);
    released.await.map_err(rejected)?;
    show(&admin, id).await
}

/// Whose incidents a list is narrowed to: `none` or an address.
pub(super) async fn filter(
    admin: &AdminContext,
    owner: Option<&str>,
) -> anyhow::Result<Option<OwnerFilter>> {
    Ok(match owner {
        None => None,
        Some("none") => Some(OwnerFilter::Unowned),
        Some(email) => Some(OwnerFilter::Of(find_operator(admin, "owner", email).await?)),
    })
}

async fn show(admin: &AdminContext, id: &str) -> anyhow::Result<CommandOutput> {
    let incident = admin.incident(id).await?;
    let human = match &incident.owner {
        Some(owner) => format!("{} sees to incident {}.", one_line(owner), incident.id),
        None => format!("Nobody owns incident {}.", incident.id),
    };
    CommandOutput::new(&responses::incident(incident), human)
}

async fn find_operator(
    admin: &AdminContext,
    option: &str,
    email: &str,
) -> anyhow::Result<OperatorId> {
    let found = operators::find_login(&admin.pool, &email.trim().to_lowercase()).await?;
    let why = "is the address of no operator; see sendpromptly operator list";
    Ok(found.ok_or_else(|| Failure::option(option, why))?.id)
}

fn rejected(error: ChangeError<OwnerRejection>) -> anyhow::Error {
    let failure = |why| match why {
        OwnerRejection::NoIncident => Failure::NotFound(why.to_string()),
        OwnerRejection::NoOperator => {
            Failure::option("to", "must be the address of an operator who may act on incidents")
        }
        OwnerRejection::Owned(_) => {
            Failure::IncidentConflict(format!("{why}; take it over with --take-over"))
        }
        OwnerRejection::Resolved | OwnerRejection::Unowned => {
            Failure::IncidentConflict(why.to_string())
        }
    };
    error.into_error(|why| failure(why).into())
}
