//! Results that no receipt claimed: each becomes an entry of the audit, under its own id, in the same transaction.

use domain::audit::{Action, Actor};
use time::OffsetDateTime;

use super::{Batch, GoneRows, begin_batch};
use crate::{PgPool, StoreError};

super::macros::count_by_age!(
    "early_results",
    "received_at",
    "received_at < now() - interval '24 hours'"
);

pub(super) async fn delete_batch(
    pool: &PgPool,
    since: &mut OffsetDateTime,
    most: i64,
) -> Result<Batch, StoreError> {
    let mut tx = begin_batch(pool).await?;
    let gone = sqlx::query_as!(
        GoneRows,
        r#"WITH gone AS (
               DELETE FROM early_results WHERE ctid = ANY (ARRAY(
                   SELECT ctid FROM early_results WHERE received_at < now() - interval '24 hours'
                       AND received_at >= $4
                   ORDER BY received_at LIMIT $1 FOR UPDATE SKIP LOCKED))
               RETURNING *
           ), entry AS (
               INSERT INTO audit_entries (id, actor, action, project_id, detail)
               SELECT id, $2, $3, project_id, jsonb_strip_nulls(jsonb_build_object('provider', provider,
                   'provider_event_id', provider_event_id, 'shopify_shop_domain', shopify_shop_domain, 'event_type', event_type,
                   'effect_type', effect_type, 'internal_reference', internal_reference, 'effect_key', effect_key,
                   'status', outcome, 'error_code', error_code, 'error_message', error_message, 'received_at', received_at))
               FROM gone ON CONFLICT ON CONSTRAINT audit_entries_pkey DO NOTHING
           )
           SELECT 'early_results' AS "table!", date_trunc('month', received_at AT TIME ZONE 'UTC')::date AS "month!",
               count(*) AS "rows!", max(received_at) AS last
           FROM gone GROUP BY 2"#,
        most,
        Actor::System.to_string(),
        Action::ResultUnclaimed.as_str(),
        *since,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Batch::since(since, most, gone, "early_results"))
}
