//! Proof links that expired or were revoked, by the owner's `purge_proof_links`.

use super::{MonthRows, begin_count};
use crate::{PgPool, StoreError};

pub(super) async fn count_due(pool: &PgPool) -> Result<Vec<MonthRows>, StoreError> {
    let mut tx = begin_count(pool).await?;
    let rows = sqlx::query_as!(
        MonthRows,
        r#"SELECT 'proof_links' AS "table!",
               date_trunc('month', least(expires_at, revoked_at) AT TIME ZONE 'UTC')::date AS "month!", count(*) AS "rows!"
           FROM proof_links WHERE least(expires_at, revoked_at) < now() - interval '30 days' GROUP BY 2"#,
    );
    Ok(rows.fetch_all(&mut *tx).await?)
}

super::macros::delete_by_owner!("purge_proof_links", "proof_links");
