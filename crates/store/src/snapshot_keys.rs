//! The keys of projects' snapshots, one a project, each sealed with the master key.
//!
//! A key is made when the first snapshot of its project is kept, in that transaction: with it both stay or
//! neither does. Of two transactions that make one concurrently the later waits for the other and takes its key.
//! No key is ever replaced, since what it sealed would be lost with it.

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use uuid::Uuid;

use crate::seal::{Cell, MasterKey, SealError, SnapshotKey};
use crate::{PgConnection, StoreError, column};

/// The keys of projects, or for each why it does not open.
pub(crate) type SnapshotKeys = BTreeMap<ProjectId, Result<SnapshotKey, SealError>>;

/// The keys of these projects. What is missing is made.
pub(crate) async fn ensure(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    projects: impl IntoIterator<Item = ProjectId>,
) -> Result<SnapshotKeys, StoreError> {
    let mut missing: Vec<_> = projects.into_iter().collect();
    // Who makes several makes them in the same order as everyone else, so that nobody waits in a circle.
    missing.sort_unstable();
    missing.dedup();
    let mut keys = find(tx, master_key, &missing).await?;
    missing.retain(|project_id| !keys.contains_key(project_id));
    if missing.is_empty() {
        return Ok(keys);
    }
    insert(tx, master_key, &missing).await?;
    keys.extend(find(tx, master_key, &missing).await?);
    Ok(keys)
}

/// Those of these projects' keys that there are.
pub(crate) async fn find(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    projects: &[ProjectId],
) -> Result<SnapshotKeys, StoreError> {
    if projects.is_empty() {
        return Ok(SnapshotKeys::new());
    }
    let rows = sqlx::query!(
        "SELECT project_id, sealed FROM snapshot_keys WHERE project_id = ANY ($1)",
        &column(projects, |id| id.as_uuid()),
    )
    .fetch_all(tx)
    .await?;
    let keys = rows.into_iter().map(|row| {
        let opened = master_key.open(&Cell::snapshot_key(row.project_id), &row.sealed);
        (row.project_id, opened.and_then(|bytes| SnapshotKey::from_bytes(&bytes)))
    });
    Ok(keys.collect())
}

/// Leaves those that someone else made in the meantime.
async fn insert(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    projects: &[ProjectId],
) -> Result<(), StoreError> {
    let seal = |id: &ProjectId| master_key.seal(&Cell::snapshot_key(*id), &SnapshotKey::generate());
    let sealed: Vec<Vec<u8>> = projects.iter().map(seal).collect::<Result<_, _>>()?;
    sqlx::query!(
        "INSERT INTO snapshot_keys (project_id, sealed)
         SELECT * FROM unnest($1::uuid[], $2::bytea[]) AS new (project_id, sealed) ORDER BY project_id
         ON CONFLICT ON CONSTRAINT snapshot_keys_pkey DO NOTHING",
        &column(projects, |id| id.as_uuid()) as &[Uuid],
        &sealed,
    )
    .execute(tx)
    .await?;
    Ok(())
}
