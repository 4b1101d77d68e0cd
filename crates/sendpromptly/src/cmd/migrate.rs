//! `migrate`: brings the database's schema up to date.

use serde_json::json;
use store::pool::Pooler;

use crate::Context;
use crate::admin_context::DatabaseTarget;
use crate::config::{ConfigError, DATABASE_URL, MIGRATE_DATABASE_URL};
use crate::output::CommandOutput;
use crate::progress::while_waiting;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… sendpromptly migrate

Run it before a new version of api and worker starts. Concurrent runs do no harm. Behind a pooler in \
transaction mode, SENDPROMPTLY_MIGRATE_DATABASE_URL leads past it.";

/// Brings the schema up to date.
///
/// # Errors
/// When no database is named, or it is out of reach, or newer than this program.
pub async fn run(context: &Context) -> anyhow::Result<CommandOutput> {
    let url = url(context)?;
    while_waiting("bringing the schema up to date", store::pool::migrate(&url)).await?;
    CommandOutput::new(&json!({ "status": "ok" }), "the schema is up to date")
}

/// Where the schema is brought up to date: past a pooler in transaction mode, because migrations
/// hold a lock of their session, which such a pooler would give to another client.
fn url(context: &Context) -> anyhow::Result<String> {
    if let Some(url) = context.environment.migrate_database_url()? {
        return Ok(url);
    }
    let target = DatabaseTarget::find(context)?;
    if target.pooler == Pooler::Transaction {
        let cure = "migrations need a session of their own, which a pooler in transaction mode does \
                    not give; set it to the URL of Postgres itself, or of its pooler in session mode";
        return Err(ConfigError::Missing { name: MIGRATE_DATABASE_URL, cure }.into());
    }
    Ok(target.database_url)
}

/// The database of a service, which is never guessed.
///
/// # Errors
/// When `DATABASE_URL` is not set or no URL.
pub fn database_url(context: &Context) -> Result<String, ConfigError> {
    let cure = "set it to the database, such as postgres://user:password@host:5432/sendpromptly";
    context.environment.database_url()?.ok_or(ConfigError::Missing { name: DATABASE_URL, cure })
}
