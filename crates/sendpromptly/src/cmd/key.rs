//! API keys: shown once, stored as a hash, revoked for good.

use api_types::keys::CreatedKey;
use api_types::list::Listed;
use clap::Subcommand;
use domain::identifier::check_label;
use domain::ids::{KeyId, ProjectId};
use serde::Serialize;
use store::administration;
use store::api_keys::{self, KeyRow};
use time::OffsetDateTime;

use crate::admin_context::AdminContext;
use crate::failure::{Failure, parse_id};
use crate::output::CommandOutput;
use crate::text::{Tone, block, format_optional_timestamp, plain, table_or};
use crate::{Context, random};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a key and show it once.
    #[command(after_help = CREATE_HELP)]
    Create {
        /// The project's id.
        #[arg(long)]
        project: String,
        /// What people call the key, such as the server that uses it.
        #[arg(long)]
        label: String,
    },
    /// List keys: their labels, last four characters and last use.
    #[command(
        after_help = "Example:\n  sendpromptly key list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K"
    )]
    List {
        /// Only this project's keys.
        #[arg(long)]
        project: Option<String>,
    },
    /// Revoke a key: every request with it is rejected. This cannot be undone.
    #[command(after_help = "Example:\n  sendpromptly key revoke key_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Revoke {
        /// The key's id, as `key list` shows it.
        #[arg(value_name = "KEY")]
        id: String,
    },
}

const CREATE_HELP: &str = "\
Example:
  sendpromptly key create --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --label production

Your app sends the key as `Authorization: Bearer sk_...` with every receipt and result.";

#[derive(Serialize)]
struct KeyOutput {
    key_id: KeyId,
    project_id: ProjectId,
    label: String,
    last_four: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
struct Revoked {
    key_id: KeyId,
    project_id: ProjectId,
}

impl From<KeyRow> for KeyOutput {
    fn from(key: KeyRow) -> Self {
        Self {
            key_id: key.id,
            project_id: key.project_id,
            label: key.label,
            last_four: key.last_four,
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
        }
    }
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Create { project, label } => create(&project, &label, context).await,
            Self::List { project } => list(project.as_deref(), context).await,
            Self::Revoke { id } => revoke(&id, context).await,
        }
    }
}

async fn create(project: &str, label: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    check_label(label).map_err(|why| Failure::option("label", why))?;
    let admin = AdminContext::open(context).await?;
    let project = admin.project(project).await?;
    let key = random::api_key(project.mode)?;
    let created = admin.transaction(async |tx| {
        administration::key::create_key(tx, &admin.actor, project.id, label, &key).await
    });
    let key_id = created.await?;
    let facts = block(&[
        ("key id", key_id.to_string()),
        ("label", label.to_owned()),
        ("key", key.reveal().to_owned()),
    ]);
    let human = format!("{facts}\n\nKeep the key now: it is not shown again.");
    let (label, key) = (label.to_owned(), key.reveal().to_owned());
    CommandOutput::new(&CreatedKey { key_id, label, key }, human)
}

async fn list(project: Option<&str>, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project_id(project).await?;
    let keys = api_keys::list_keys(&admin.pool, project_id).await?;
    let headers = ["KEY ID", "PROJECT", "LABEL", "KEY", "LAST USED", "STATE"];
    let human = table_or(
        "No keys. Create one: sendpromptly key create --help",
        &headers,
        keys.iter().map(row).collect(),
    );
    CommandOutput::new(&Listed::whole(keys.into_iter().map(KeyOutput::from)), human)
}

fn row(key: &KeyRow) -> Vec<(String, Tone)> {
    let state = match key.revoked_at {
        None => ("valid".to_owned(), Tone::Good),
        Some(_) => ("revoked".to_owned(), Tone::Careful),
    };
    vec![
        plain(&key.id),
        plain(&key.project_id),
        plain(&key.label),
        plain(&format!("…{}", key.last_four)),
        plain(&format_optional_timestamp(key.last_used_at)),
        state,
    ]
}

async fn revoke(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let key_id: KeyId = parse_id("key", id)?;
    let admin = AdminContext::open(context).await?;
    let revoked = admin
        .transaction(async |tx| administration::key::revoke_key(tx, &admin.actor, key_id).await);
    let gone = || Failure::NotFound(format!("there is no key {key_id} that is still valid"));
    let project_id = revoked.await?.ok_or_else(gone)?;
    let revoked = Revoked { key_id, project_id };
    CommandOutput::new(&revoked, format!("Key {key_id} is revoked. Requests with it are rejected."))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const KEY: &str = "key_00000000000000000000000001";

    #[test]
    fn a_listed_key_shows_its_last_four_characters_and_no_more() {
        let key = KeyRow {
            id: KEY.parse().expect("an id"),
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            label: "production".into(),
            last_four: "x9Yz".into(),
            created_at: datetime!(2026-11-21 14:02:09 UTC),
            last_used_at: None,
            revoked_at: Some(datetime!(2026-11-22 08:00:00.5 UTC)),
        };
        assert_eq!(
            serde_json::to_string(&KeyOutput::from(key)).expect("json"),
            r#"{"key_id":"key_00000000000000000000000001","project_id":"prj_00000000000000000000000001","label":"production","last_four":"x9Yz","created_at":"2026-11-21T14:02:09Z","last_used_at":null,"revoked_at":"2026-11-22T08:00:00.5Z"}"#
        );
    }
}
