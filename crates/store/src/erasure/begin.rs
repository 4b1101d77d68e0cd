//! Asking for an erasure.

use domain::audit::Actor;
use domain::ids::{ErasureId, ProjectId};
use uuid::Uuid;

use super::{Erasure, find_erasure};
use crate::pool::transaction;
use crate::seal::MasterKey;
use crate::{PgConnection, PgPool, StoreError, reference_keys};

/// Commits that a customer is to be erased. While an erasure of the same customer is under way it is that one; it begins
/// again where it was asked for by the tombstone and is now by the reference. The reference may be the tombstone of an
/// earlier one.
///
/// # Errors
/// When the key of the project's hashes does not open. Nothing is begun then.
pub async fn begin(
    pool: &PgPool,
    master_key: &MasterKey,
    actor: &Actor,
    project_id: ProjectId,
    reference: &str,
) -> Result<Erasure, StoreError> {
    let id = ErasureId::from_uuid(Uuid::now_v7());
    transaction(pool, async |tx| insert(tx, master_key, actor, project_id, reference, id).await)
        .await
}

/// The same in the caller's transaction, under this id unless one is under way.
pub(super) async fn insert(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    actor: &Actor,
    project_id: ProjectId,
    reference: &str,
    id: ErasureId,
) -> Result<Erasure, StoreError> {
    let customer = reference_keys::hash(tx, master_key, project_id, reference).await?;
    let id = sqlx::query_scalar!(
        r#"INSERT INTO erasures AS kept (id, project_id, customer, tombstone, reference, requested_by)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (project_id, customer) WHERE state <> 'done' DO UPDATE SET stepped_at = now()
           RETURNING kept.id AS "id: ErasureId""#,
        id.as_uuid(),
        project_id.as_uuid(),
        customer.as_uuid(),
        customer.to_string(),
        reference,
        actor.to_string(),
    )
    .fetch_one(&mut *tx)
    .await?;
    name(tx, id, reference).await?;
    find_erasure(tx, id).await?.ok_or(StoreError::Missing("erasures"))
}

/// Lets an erasure that knew the tombstone alone look for the reference, from the beginning.
async fn name(tx: &mut PgConnection, id: ErasureId, reference: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE erasures SET reference = $2, state = 'events', requested_at = now(), last_event = NULL, last_route = NULL,
             last_key = NULL
         WHERE id = $1 AND reference = tombstone AND tombstone <> $2",
        id.as_uuid(),
        reference,
    )
    .execute(tx)
    .await?;
    Ok(())
}
