//! `operator role` and `operator remove`: what an operator may do, and that they may not sign in any more, from their next
//! request on, as the console's page of people has them. The last admin stays one.

use domain::ids::OperatorId;
use domain::operator::{Role, parse_email};
use serde::Serialize;
use store::administration::operator::{change_role, remove_operator};
use store::operators::{self, Operator, OperatorChange};

use super::role_parser;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;

pub(super) const ROLE_HELP: &str = "\
Example:
  sendpromptly operator role --email bob@example.com --role admin

It holds from their next request on. An operator who becomes a viewer gives back the incidents that they own.";

pub(super) const REMOVE_HELP: &str = "\
Example:
  sendpromptly operator remove --email bob@example.com

They are signed out everywhere, their tokens are revoked, and they give back the incidents that they own.";

/// Who gets which role.
#[derive(Debug, clap::Args)]
pub struct RoleArgs {
    /// The operator's e-mail address.
    #[arg(long)]
    email: String,
    /// What they may do from now on.
    #[arg(long, value_parser = role_parser())]
    role: Role,
}

/// Who is removed.
#[derive(Debug, clap::Args)]
pub struct RemoveArgs {
    /// The operator's e-mail address.
    #[arg(long)]
    email: String,
}

#[derive(Serialize)]
struct RoleOutput<'a> {
    operator_id: OperatorId,
    email: &'a str,
    role: Role,
}

#[derive(Serialize)]
struct RemovedOutput<'a> {
    operator_id: OperatorId,
    email: &'a str,
}

pub(super) async fn give_role(args: RoleArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let RoleArgs { email, role } = args;
    let (admin, operator_id) = find(&email, context).await?;
    let changed = admin
        .transaction(async |tx| change_role(tx, &admin.actor, operator_id, role).await)
        .await?;
    let before = read(changed, &email)?;
    let human = format!("{} is now {role}.", before.email);
    CommandOutput::new(&RoleOutput { operator_id, email: &before.email, role }, human)
}

pub(super) async fn remove(args: RemoveArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let RemoveArgs { email } = args;
    let (admin, operator_id) = find(&email, context).await?;
    let removed =
        admin.transaction(async |tx| remove_operator(tx, &admin.actor, operator_id).await).await?;
    let before = read(removed, &email)?;
    let human = format!("{} was removed and is signed out everywhere.", before.email);
    CommandOutput::new(&RemovedOutput { operator_id, email: &before.email }, human)
}

async fn find(email: &str, context: &Context) -> anyhow::Result<(AdminContext, OperatorId)> {
    let email = parse_email(email).map_err(|why| Failure::option("email", why))?;
    let admin = AdminContext::open(context).await?;
    let login = operators::find_login(&admin.pool, &email).await?;
    let login = login.ok_or_else(|| unknown(&email))?;
    Ok((admin, login.id))
}

/// Who they were before, or why nothing was changed.
fn read(change: OperatorChange, email: &str) -> Result<Operator, Failure> {
    match change {
        OperatorChange::Done(before) => Ok(before),
        OperatorChange::LastAdmin => Err(Failure::option(
            "email",
            "is that of the last admin, and only admins add people in the console: give someone else the role admin first",
        )),
        OperatorChange::Unknown => Err(unknown(email)),
    }
}

fn unknown(email: &str) -> Failure {
    Failure::option("email", format!("{email} may not sign in"))
}
