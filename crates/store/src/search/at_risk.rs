//! What customers paid for what they do not have, one sum per currency.
//!
//! Only what receipts said can be added up, and nothing is converted. What is read is as much as is not resolved.

use std::collections::BTreeMap;

use domain::ids::{CauseId, ProjectId};
use domain::money::{Amount, Currency};
use domain::project::Mode;
use sqlx::PgExecutor;

use crate::StoreError;

/// The sums of one project, or of all, over incidents that are not resolved: those of live projects, and those of
/// test projects. The largest number comes first.
pub async fn sum_at_risk(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<(Vec<Amount>, Vec<Amount>), StoreError> {
    let rows = sqlx::query!(
        r#"SELECT p.mode, i.amount_currency AS "currency!: Currency", sum(i.amount_value)::bigint AS "value!"
           FROM projects p JOIN incidents i ON i.project_id = p.id
               AND i.state IN ('open', 'acknowledged', 'reprocessing')
           WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND i.amount_currency IS NOT NULL
           GROUP BY p.mode, i.amount_currency ORDER BY sum(i.amount_value) DESC, i.amount_currency"#,
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    let of = |mode| {
        let rows = rows.iter().filter(|row| row.mode == mode);
        rows.map(|row| Amount { value: row.value, currency: row.currency }).collect()
    };
    Ok((of(Mode::Live), of(Mode::Test)))
}

/// The sums of each cause of what is not resolved, of one project or of all.
pub(super) async fn sum_by_cause(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<BTreeMap<CauseId, Vec<Amount>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT i.cause AS "cause!: CauseId", i.amount_currency AS "currency!: Currency", sum(i.amount_value)::bigint AS "value!"
           FROM incidents i
           WHERE i.state <> 'resolved' AND i.cause IS NOT NULL AND ($1::uuid IS NULL OR i.project_id = $1)
             AND i.amount_currency IS NOT NULL
           GROUP BY i.cause, i.amount_currency ORDER BY sum(i.amount_value) DESC, i.amount_currency"#,
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    let mut sums = BTreeMap::<_, Vec<_>>::new();
    for row in rows {
        let sum = Amount { value: row.value, currency: row.currency };
        sums.entry(row.cause).or_default().push(sum);
    }
    Ok(sums)
}
