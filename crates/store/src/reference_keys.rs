//! The keys by which projects hash their customers' references, one a project, each sealed with the master key.
//!
//! A key is made with its project's first hash, in that transaction; of two that make one concurrently the later
//! waits for the other and takes its key. It is never replaced: a new master key seals it again, and hashes stay.

use domain::customer::ReferenceKey;
use domain::ids::{CustomerHash, ProjectId};

use crate::seal::{Cell, MasterKey, SealError, generate_key};
use crate::{PgConnection, StoreError};

/// The hash of a customer's reference.
///
/// # Errors
/// When the project's key does not open.
pub async fn hash(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
    reference: &str,
) -> Result<CustomerHash, StoreError> {
    Ok(ensure(tx, master_key, project_id).await?.hash(project_id, reference))
}

/// The key of a project, made where there is none.
pub(crate) async fn ensure(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
) -> Result<ReferenceKey, StoreError> {
    if let Some(key) = find(tx, master_key, project_id).await? {
        return Ok(key);
    }
    let sealed = master_key.seal(&Cell::reference_key(project_id), &generate_key())?;
    insert(tx, project_id, &sealed).await?;
    let made = find(tx, master_key, project_id).await?;
    made.ok_or(StoreError::Missing("reference_keys"))
}

/// The key of a project, if it has hashed anything.
pub(crate) async fn find(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
) -> Result<Option<ReferenceKey>, StoreError> {
    let Some(sealed) = find_sealed(tx, project_id).await? else { return Ok(None) };
    Ok(Some(open(master_key, project_id, &sealed)?))
}

/// Opens the key of a project.
pub(crate) fn open(
    master_key: &MasterKey,
    project_id: ProjectId,
    sealed: &[u8],
) -> Result<ReferenceKey, SealError> {
    let bytes = master_key.open(&Cell::reference_key(project_id), sealed)?;
    ReferenceKey::from_bytes(&bytes).ok_or(SealError::Damaged)
}

/// The key that a project had before its database was restored. It is the project's again where that has made no other since.
pub(crate) async fn restore(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    project_id: ProjectId,
    sealed: &[u8],
) -> Result<ReferenceKey, StoreError> {
    let key = open(master_key, project_id, sealed)?;
    insert(tx, project_id, sealed).await?;
    Ok(key)
}

async fn find_sealed(
    tx: &mut PgConnection,
    project_id: ProjectId,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sealed = sqlx::query_scalar!(
        "SELECT sealed FROM reference_keys WHERE project_id = $1",
        project_id.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(sealed)
}

/// Leaves the one that someone else made in the meantime.
async fn insert(
    tx: &mut PgConnection,
    project_id: ProjectId,
    sealed: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO reference_keys (project_id, sealed) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT reference_keys_pkey DO NOTHING",
        project_id.as_uuid(),
        sealed,
    )
    .execute(tx)
    .await?;
    Ok(())
}
