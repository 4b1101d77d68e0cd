//! What customers paid for what they do not have, one sum per currency, the largest number first.
//!
//! Only what receipts said can be added up, and nothing is converted. What is read is as much as is not resolved.

use std::collections::BTreeMap;

use domain::ids::{CauseId, ProjectId};
use domain::money::{Amount, Currency};
use domain::project::Mode;
use sqlx::PgExecutor;

use crate::{StoreError, column};

/// The sums of one project, or of all of a mode that are not archived, over incidents that are not resolved.
pub(super) async fn sum_at_risk(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<Vec<Amount>, StoreError> {
    let sums = sqlx::query_as!(
        Amount,
        r#"SELECT sum(paid.value)::bigint AS "value!", paid.currency AS "currency!: Currency"
           FROM projects p CROSS JOIN LATERAL (
               SELECT i.amount_currency AS currency, sum(i.amount_value) AS value FROM incidents i
               WHERE i.project_id = p.id AND i.state <> 'resolved' AND i.amount_currency IS NOT NULL
               GROUP BY i.amount_currency) AS paid
           WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
           GROUP BY paid.currency ORDER BY sum(paid.value) DESC, paid.currency"#,
        project_id.map(ProjectId::as_uuid),
        mode.map(Mode::as_str),
    );
    Ok(sums.fetch_all(db).await?)
}

/// The sums of each of these causes, which are named with their projects.
pub(super) async fn sum_by_cause(
    db: impl PgExecutor<'_>,
    causes: &[(ProjectId, CauseId)],
) -> Result<BTreeMap<CauseId, Vec<Amount>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT wanted.cause AS "cause!: CauseId", paid.currency AS "currency!: Currency", paid.value AS "value!"
           FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, cause) CROSS JOIN LATERAL (
               SELECT i.amount_currency AS currency, sum(i.amount_value)::bigint AS value FROM incidents i
               WHERE i.project_id = wanted.project_id AND i.cause = wanted.cause AND i.state <> 'resolved'
                 AND i.amount_currency IS NOT NULL
               GROUP BY i.amount_currency) AS paid
           ORDER BY paid.value DESC, paid.currency"#,
        &column(causes, |(project_id, _)| project_id.as_uuid()),
        &column(causes, |(_, cause)| cause.as_uuid()),
    );
    let mut sums = BTreeMap::<_, Vec<_>>::new();
    for row in rows.fetch_all(db).await? {
        let sum = Amount { value: row.value, currency: row.currency };
        sums.entry(row.cause).or_default().push(sum);
    }
    Ok(sums)
}
