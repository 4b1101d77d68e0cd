//! API keys: only their SHA-256 is here.

use domain::api_key::ApiKey;
use domain::catalogue::Catalogue;
use domain::ids::{CustomerHash, KeyId, ProjectId};
use domain::project::Mode;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::erasure::ErasedCustomers;
use crate::{StoreError, declared_names};

/// A key as it is shown to people.
#[derive(Debug, Clone)]
pub struct KeyRow {
    pub id: KeyId,
    pub project_id: ProjectId,
    /// What people call it.
    pub label: String,
    /// Its last four characters.
    pub last_four: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    pub revoked_at: Option<OffsetDateTime>,
}

/// The project of a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    pub key_id: KeyId,
    pub project_id: ProjectId,
    /// The project's time-out.
    pub timeout_minutes: i32,
    /// Whether the project keeps snapshots.
    pub snapshots: bool,
    /// Whether real money is concerned.
    pub mode: Mode,
    /// The names that the project may use.
    pub catalogue: Catalogue,
    /// Whose events are known by tombstones alone.
    pub erased: ErasedCustomers,
}

/// A valid key with its project.
struct OwnerRow {
    id: KeyId,
    hash: Vec<u8>,
    project_id: ProjectId,
    timeout_minutes: i32,
    snapshots: bool,
    mode: Mode,
    declared: Vec<String>,
    erased: Vec<CustomerHash>,
    reference_key: Option<Vec<u8>>,
}

impl From<OwnerRow> for KeyOwner {
    fn from(row: OwnerRow) -> Self {
        Self {
            key_id: row.id,
            project_id: row.project_id,
            timeout_minutes: row.timeout_minutes,
            snapshots: row.snapshots,
            mode: row.mode,
            catalogue: Catalogue::new(row.project_id, declared_names::read(&row.declared)),
            erased: ErasedCustomers::new(row.erased, row.reference_key),
        }
    }
}

/// Reads valid keys with their projects, of which no archived one has any; what stands before and behind is the caller's.
macro_rules! query_owners {
    ($before:tt, $after:tt $(, $argument:expr)*) => {
        sqlx::query_as!(
            OwnerRow,
            $before + r#"SELECT k.id, k.hash, k.project_id, p.timeout_minutes, p.snapshots, p.mode, ARRAY(
                   SELECT d.provider || ':' || d.name FROM declared_names d WHERE d.project_id = p.id
                   ORDER BY d.declared_at, d.name
               ) AS "declared!",
               ARRAY(SELECT DISTINCT customer FROM erasures WHERE project_id = p.id) AS "erased!: Vec<CustomerHash>",
               (SELECT sealed FROM reference_keys WHERE project_id = p.id) AS reference_key
               FROM api_keys k JOIN projects p ON p.id = k.project_id
               WHERE k.revoked_at IS NULL AND p.archived_at IS NULL"# + $after,
            $($argument),*
        )
    };
}

/// Adds a key.
pub async fn insert_key(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    label: &str,
    key: &ApiKey,
) -> Result<KeyId, StoreError> {
    let id = KeyId::from_uuid(Uuid::now_v7());
    let hash = key.hash();
    sqlx::query!(
        "INSERT INTO api_keys (id, project_id, label, hash, last_four) VALUES ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        project_id.as_uuid(),
        label,
        hash.as_slice(),
        key.last_four(),
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// The project of a key; `None` for an unknown or revoked one, and one of an archived project. Notes the use, at most once a
/// minute, so that a busy key does not rewrite its row on every request.
pub async fn find_owner(
    db: impl PgExecutor<'_>,
    key: &ApiKey,
) -> Result<Option<KeyOwner>, StoreError> {
    let hash = key.hash();
    let row = query_owners!(
        "WITH used AS (
             UPDATE api_keys SET last_used_at = now()
             WHERE hash = $1 AND revoked_at IS NULL
               AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
         ) ",
        " AND k.hash = $1",
        hash.as_slice()
    );
    Ok(row.fetch_optional(db).await?.map(KeyOwner::from))
}

/// A number that grows with every change to what [`list_owners`] gives.
pub async fn find_version(db: impl PgExecutor<'_>) -> Result<i64, StoreError> {
    let version =
        sqlx::query_scalar!("SELECT version FROM key_versions").fetch_optional(db).await?;
    version.ok_or(StoreError::Missing("key_versions"))
}

/// Every valid key, by its hash, with its project.
pub async fn list_owners(db: impl PgExecutor<'_>) -> Result<Vec<(Vec<u8>, KeyOwner)>, StoreError> {
    let rows = query_owners!("", "").fetch_all(db).await?;
    Ok(rows.into_iter().map(|mut row| (std::mem::take(&mut row.hash), row.into())).collect())
}

/// Notes that keys were used, each at most once a minute.
pub async fn note_uses(db: impl PgExecutor<'_>, ids: &[KeyId]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE api_keys SET last_used_at = now()
         WHERE id = ANY($1) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        ids as &[KeyId],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The keys of a project, or of all, oldest first.
pub async fn list_keys(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<Vec<KeyRow>, StoreError> {
    let keys = sqlx::query_as!(
        KeyRow,
        "SELECT id, project_id, label, last_four, created_at, last_used_at, revoked_at FROM api_keys
         WHERE $1::uuid IS NULL OR project_id = $1 ORDER BY id",
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    Ok(keys)
}

/// Revokes a key for good; `None` if there is no such valid key.
pub async fn revoke_key(
    db: impl PgExecutor<'_>,
    id: KeyId,
) -> Result<Option<RevokedKey>, StoreError> {
    let revoked = sqlx::query_as!(
        RevokedKey,
        "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
         RETURNING project_id, label, last_four",
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(revoked)
}

/// A key that was just revoked, as people know it.
#[derive(Debug, Clone)]
pub struct RevokedKey {
    /// Whose it was.
    pub project_id: ProjectId,
    /// What it was called.
    pub label: String,
    /// How it ended.
    pub last_four: String,
}

/// What the keys of these projects are called, revoked ones too: timelines name them for ever.
pub async fn list_names(
    db: impl PgExecutor<'_>,
    project_ids: &[ProjectId],
) -> Result<Vec<(KeyId, String)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, label FROM api_keys WHERE project_id = ANY($1)",
        project_ids as &[ProjectId],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.label)).collect())
}
