//! Reading sealed values, a batch at a time, in the order of their rows.

use domain::ids::{DestinationId, EventId, ExtensionId, ProjectId, SecretId, SessionId};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::StoreError;
use crate::seal::{Cell, SealedColumn};

/// After which row a batch begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    id: Uuid,
    name: String,
}

/// A sealed value, and what names its row.
pub(super) struct StoredValue {
    project_id: Option<Uuid>,
    /// Of a destination.
    kind: String,
    pub(super) id: Uuid,
    /// Of a header; the id is the project's then.
    pub(super) name: String,
    pub(super) sealed: Vec<u8>,
}

impl StoredValue {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { id: self.id, name: self.name.clone() }
    }

    pub(super) fn name_of_row(&self) -> String {
        format!("{} {}", self.id, self.name).trim_end().to_owned()
    }

    /// Only a session belongs to no project, and its cell names none.
    pub(super) fn project_id(&self) -> ProjectId {
        ProjectId::from_uuid(self.project_id.unwrap_or_default())
    }

    pub(super) fn cell(&self, column: SealedColumn) -> Cell {
        let project_id = self.project_id();
        match column {
            SealedColumn::SigningSecret => {
                Cell::signing_secret(project_id, SecretId::from_uuid(self.id))
            }
            SealedColumn::DestinationUrl => {
                Cell::destination_url(project_id, &self.kind, DestinationId::from_uuid(self.id))
            }
            SealedColumn::DestinationSecret => {
                Cell::destination_secret(project_id, SecretId::from_uuid(self.id))
            }
            SealedColumn::CallbackHeader => Cell::callback_header(project_id, &self.name),
            SealedColumn::ExtensionSecret => {
                Cell::extension_secret(project_id, ExtensionId::from_uuid(self.id))
            }
            SealedColumn::SessionMessage => Cell::session_message(SessionId::from_uuid(self.id)),
            SealedColumn::SnapshotKey => Cell::snapshot_key(project_id),
            SealedColumn::ReferenceKey => Cell::reference_key(project_id),
            SealedColumn::Snapshot => Cell::snapshot(project_id, EventId::from_uuid(self.id)),
        }
    }
}

/// The next values of a column.
pub(super) async fn list(
    db: impl PgExecutor<'_>,
    column: SealedColumn,
    after: &Cursor,
    most: i64,
) -> Result<Vec<StoredValue>, StoreError> {
    if column.is_large() {
        return list_snapshots(db, after, most).await;
    }
    let values = sqlx::query_as!(
        StoredValue,
        r#"SELECT project_id, kind AS "kind!", id AS "id!", name AS "name!", sealed AS "sealed!" FROM (
               SELECT project_id, '' AS kind, id, '' AS name, sealed FROM signing_secrets
               WHERE $1 = 'signing_secrets' AND (expires_at IS NULL OR expires_at > now())
               UNION ALL SELECT project_id, kind, id, '', sealed FROM destinations
               WHERE $1 = 'destinations' AND removed_at IS NULL
               UNION ALL SELECT d.project_id, '', s.id, '', s.sealed
               FROM destination_secrets s JOIN destinations d ON d.id = s.destination_id WHERE $1 = 'destination_secrets'
                 AND d.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
               UNION ALL SELECT project_id, '', project_id, name, sealed FROM callback_headers WHERE $1 = 'callback_headers'
               UNION ALL SELECT project_id, '', id, '', sealed FROM extensions
               WHERE $1 = 'extensions' AND removed_at IS NULL
               UNION ALL SELECT project_id, '', project_id, '', sealed FROM snapshot_keys WHERE $1 = 'snapshot_keys'
               UNION ALL SELECT project_id, '', project_id, '', sealed FROM reference_keys WHERE $1 = 'reference_keys'
               UNION ALL SELECT NULL, '', id, '', flash FROM sessions WHERE $1 = 'sessions') AS sealed
           WHERE sealed IS NOT NULL AND (id, name) > ($2, $3) ORDER BY id, name LIMIT $4"#,
        column.table(),
        after.id,
        after.name,
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(values)
}

async fn list_snapshots(
    db: impl PgExecutor<'_>,
    after: &Cursor,
    most: i64,
) -> Result<Vec<StoredValue>, StoreError> {
    let values = sqlx::query_as!(
        StoredValue,
        r#"SELECT project_id AS "project_id: Uuid", '' AS "kind!", id AS "id: Uuid", '' AS "name!", snapshot AS "sealed!"
           FROM payment_events
           WHERE snapshot IS NOT NULL AND substring(snapshot FROM 1 FOR 1) <> '\x03' AND id > $1 ORDER BY id LIMIT $2"#,
        after.id,
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(values)
}
