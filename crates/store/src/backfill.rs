//! Changes that go over old rows in batches, while the service runs.
//!
//! Each batch is one statement that also notes how far it came: a process that dies in between has
//! done whole batches only, and the next one goes on from there. Several processes alternate.

use domain::ids::EventId;
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError};

/// How many rows one batch has.
const BATCH: i64 = 2_000;

/// Keys a batch of the events that the release before added without a key. `false` when all are
/// done, or another process is at it.
pub async fn key_events(db: impl PgExecutor<'_>) -> Result<bool, StoreError> {
    let more = sqlx::query_scalar!(
        r#"WITH task AS (
               SELECT name, done_until FROM backfills WHERE name = 'event_keys' AND finished_at IS NULL
               FOR UPDATE SKIP LOCKED
           ), batch AS (
               SELECT e.* FROM task CROSS JOIN LATERAL (
                   SELECT id, project_id, provider, shopify_shop_domain, provider_event_id, event_type, effect_type,
                       internal_reference, effect_key, keyed
                   FROM payment_events WHERE id > task.done_until ORDER BY id LIMIT $1) AS e
           ), keyed AS (
               INSERT INTO event_keys (project_id, key, event_id)
               SELECT project_id, event_key(provider, lower(shopify_shop_domain), provider_event_id, event_type,
                   effect_type, internal_reference, effect_key), id
               FROM batch WHERE NOT keyed ORDER BY id
               ON CONFLICT ON CONSTRAINT event_keys_pkey DO NOTHING
           ), come AS (
               SELECT count(*) AS rows, (SELECT id FROM batch ORDER BY id DESC LIMIT 1) AS last FROM batch
           )
           UPDATE backfills SET done_until = coalesce(come.last, backfills.done_until),
               finished_at = CASE WHEN come.rows < $1 THEN now() END
           FROM task, come WHERE backfills.name = task.name
           RETURNING finished_at IS NULL AS "more!""#,
        BATCH,
    )
    .fetch_optional(db)
    .await?;
    Ok(more.unwrap_or(false))
}

/// Keys those of these events that no batch has keyed, for whoever is about to change what keys are made of. Batches rest until
/// the end of the transaction, so that none keys what it read before.
pub(crate) async fn key_ahead(tx: &mut PgConnection, ids: &[EventId]) -> Result<(), StoreError> {
    let task = sqlx::query!(
        "SELECT FROM backfills WHERE name = 'event_keys' AND finished_at IS NULL FOR UPDATE"
    );
    if task.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO event_keys (project_id, key, event_id)
         SELECT project_id, event_key(provider, lower(shopify_shop_domain), provider_event_id, event_type, effect_type,
             internal_reference, effect_key), id
         FROM payment_events WHERE id = ANY ($1) AND NOT keyed ORDER BY id
         ON CONFLICT ON CONSTRAINT event_keys_pkey DO NOTHING",
        ids as &[EventId],
    )
    .execute(tx)
    .await?;
    Ok(())
}
