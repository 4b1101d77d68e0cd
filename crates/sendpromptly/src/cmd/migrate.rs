//! `migrate`: brings the database's schema up to date.

use serde_json::json;
use store::Fault;
use store::pool::Pooler;
use store::privileges::{self, GrantError};

use crate::Context;
use crate::admin_context::DatabaseTarget;
use crate::config::{ConfigError, DATABASE_URL, MIGRATE_DATABASE_URL};
use crate::failure::{Failure, database_failure};
use crate::output::CommandOutput;
use crate::progress::while_waiting;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Examples:
  DATABASE_URL=postgres://… sendpromptly migrate
  DATABASE_URL=postgres://… sendpromptly migrate --grant-to sendpromptly

Run it before a new version of api and worker starts. Concurrent runs do no harm. Behind a pooler in \
transaction mode, SENDPROMPTLY_MIGRATE_DATABASE_URL leads past it. With --grant-to the role that api and worker connect \
as gets what this version writes and nothing else: it can neither change audit entries nor delete what apps reported.";

/// Whom the schema is for.
#[derive(Debug, clap::Args)]
pub struct MigrateArgs {
    /// The role that api and worker connect as: it gets its rights after the migration.
    #[arg(long, value_name = "ROLE")]
    grant_to: Option<String>,
}

/// Brings the schema up to date.
///
/// # Errors
/// When no database is named, or it cannot be worked with, or is newer than this program, or has no such role.
pub async fn run(context: &Context, args: &MigrateArgs) -> anyhow::Result<CommandOutput> {
    let (url, name) = url(context)?;
    let migrating = while_waiting("bringing the schema up to date", store::pool::migrate(&url));
    migrating.await.map_err(|error| database_failure(&name, cure_for_owner, error))?;
    let Some(role) = &args.grant_to else {
        return CommandOutput::new(&json!({ "status": "ok" }), "the schema is up to date");
    };
    grant(&url, &name, role).await?;
    let text = format!("the schema is up to date; {role} may do what api and worker do");
    CommandOutput::new(&json!({ "status": "ok", "granted_to": role }), text)
}

/// What the role lacks that migrates is not what `--grant-to` gives.
const fn cure_for_owner(fault: Fault) -> &'static str {
    match fault {
        Fault::Rights => "migrate as the owner of the schema, who needs CREATE on it",
        other => other.cure(),
    }
}

async fn grant(url: &str, name: &str, role: &str) -> anyhow::Result<()> {
    let granting = while_waiting("granting rights", privileges::grant(url, role)).await;
    granting.map_err(|error| match error {
        GrantError::NoSuchRole => {
            Failure::option("--grant-to", "names no role of this server: CREATE ROLE it first").into()
        }
        GrantError::Owner => {
            let why = "must be another role than the one that migrates: that one may change the audit log";
            Failure::option("--grant-to", why).into()
        }
        GrantError::Store(error) => database_failure(name, cure_for_owner, error),
    })
}

/// Where the schema is brought up to date, and what that is called: past a pooler in transaction mode, because migrations
/// hold a lock of their session, which such a pooler would give to another client.
fn url(context: &Context) -> anyhow::Result<(String, String)> {
    if let Some(url) = context.environment.migrate_database_url()? {
        return Ok((url, format!("the database of {MIGRATE_DATABASE_URL}")));
    }
    let target = DatabaseTarget::find(context)?;
    if target.pooler == Pooler::Transaction {
        let cure = "migrations need a session of their own, which a pooler in transaction mode does \
                    not give; set it to the URL of Postgres itself, or of its pooler in session mode";
        return Err(ConfigError::Missing { name: MIGRATE_DATABASE_URL, cure }.into());
    }
    let name = target.name(context);
    Ok((target.database_url, name))
}

/// The database of a service, which is never guessed.
///
/// # Errors
/// When `DATABASE_URL` is not set or no URL.
pub fn database_url(context: &Context) -> Result<String, ConfigError> {
    let cure = "set it to the database, such as postgres://user:password@host:5432/sendpromptly";
    context.environment.database_url()?.ok_or(ConfigError::Missing { name: DATABASE_URL, cure })
}
