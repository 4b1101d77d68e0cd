//! `migrate`: brings the database's schema up to date.

use serde_json::json;

use crate::Context;
use crate::answer::Answer;
use crate::config::{ConfigError, DATABASE_URL};
use crate::desk::Site;
use crate::progress::while_waiting;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… sendpromptly migrate

Run it before a new version of api and worker starts. Several at once do no harm.";

/// Brings the schema up to date.
///
/// # Errors
/// When no database is named, or it is out of reach, or newer than this program.
pub async fn run(context: &Context) -> anyhow::Result<Answer> {
    let site = Site::find(context)?;
    while_waiting("bringing the schema up to date", store::pool::migrate(&site.database_url))
        .await?;
    Answer::new(&json!({ "status": "ok" }), "the schema is up to date")
}

/// The database of a service, which is never guessed.
///
/// # Errors
/// When `DATABASE_URL` is not set or no URL.
pub fn database_url(context: &Context) -> Result<String, ConfigError> {
    let cure = "set it to the database, such as postgres://user:password@host:5432/sendpromptly";
    context.environment.database_url()?.ok_or(ConfigError::Missing { name: DATABASE_URL, cure })
}
