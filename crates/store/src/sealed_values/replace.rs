//! Writing values that were sealed again, each only where the old one still is.

use uuid::Uuid;

use super::list::StoredValue;
use crate::seal::SealedColumn;
use crate::{PgPool, StoreError, column};

/// Replaces the values of a table whose rows have an id of their own, or their project's.
macro_rules! replace {
    ($pool:expr, $table:literal, $id:literal, $column:literal, $ids:expr, $old:expr, $new:expr) => {
        sqlx::query!(
            "UPDATE "
                + $table
                + " AS t SET "
                + $column
                + " = n.sealed
             FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n (id, before, sealed)
             WHERE t."
                + $id
                + " = n.id AND t."
                + $column
                + " = n.before",
            $ids,
            $old as &[&[u8]],
            $new as &[&[u8]],
        )
        .execute($pool)
        .await
    };
}

/// How many were written. The others changed in the meantime.
pub(super) async fn replace(
    pool: &PgPool,
    of: SealedColumn,
    changed: &[(StoredValue, Vec<u8>)],
) -> Result<u64, StoreError> {
    let ids: &[Uuid] = &column(changed, |(value, _)| value.id);
    let names = column(changed, |(value, _)| value.name.as_str());
    let old = &column(changed, |(value, _)| value.sealed.as_slice());
    let new = &column(changed, |(_, sealed)| sealed.as_slice());
    let done = match of {
        SealedColumn::SigningSecret => replace!(pool, "signing_secrets", "id", "sealed", ids, old, new),
        SealedColumn::DestinationUrl => replace!(pool, "destinations", "id", "sealed", ids, old, new),
        SealedColumn::DestinationSecret => {
            replace!(pool, "destination_secrets", "id", "sealed", ids, old, new)
        }
        SealedColumn::ExtensionSecret => replace!(pool, "extensions", "id", "sealed", ids, old, new),
        SealedColumn::SessionMessage => replace!(pool, "sessions", "id", "flash", ids, old, new),
        SealedColumn::SnapshotKey => {
            replace!(pool, "snapshot_keys", "project_id", "sealed", ids, old, new)
        }
        SealedColumn::ReferenceKey => {
            replace!(pool, "reference_keys", "project_id", "sealed", ids, old, new)
        }
        SealedColumn::Snapshot => replace!(pool, "payment_events", "id", "snapshot", ids, old, new),
        SealedColumn::CallbackHeader => {
            sqlx::query!(
                "UPDATE callback_headers AS t SET sealed = n.sealed
                 FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[]) AS n (project_id, name, before, sealed)
                 WHERE t.project_id = n.project_id AND t.name = n.name AND t.sealed = n.before",
                ids,
                &names as &[&str],
                old as &[&[u8]],
                new as &[&[u8]],
            )
            .execute(pool)
            .await
        }
    };
    Ok(done?.rows_affected())
}
