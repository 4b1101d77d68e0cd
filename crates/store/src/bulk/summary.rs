//! What is frozen, in sums: how much of which effect, and how old it is.

use std::collections::BTreeMap;

use domain::catalogue::EffectType;
use domain::ids::BulkId;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::StoreError;

/// The incidents of a bulk reprocess.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub oldest_opened_at: Option<OffsetDateTime>,
    pub newest_opened_at: Option<OffsetDateTime>,
    /// How many for each effect that is due, the most first.
    pub by_effect: Vec<(EffectType, i64)>,
}

impl Summary {
    #[must_use]
    pub fn items(&self) -> i64 {
        self.by_effect.iter().map(|(_, items)| items).sum()
    }
}

/// Those of each of these; one without incidents is left out.
pub async fn summarize_items(
    db: impl PgExecutor<'_>,
    ids: &[BulkId],
) -> Result<BTreeMap<BulkId, Summary>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT b.bulk_id, i.effect_type AS "effect_type!: EffectType", count(*) AS "items!", min(i.opened_at) AS oldest, max(i.opened_at) AS newest
           FROM bulk_reprocess_items b JOIN incidents i ON i.id = b.incident_id
           WHERE b.bulk_id = ANY ($1) GROUP BY b.bulk_id, i.effect_type ORDER BY b.bulk_id, count(*) DESC, i.effect_type"#,
        ids as &[BulkId],
    )
    .fetch_all(db)
    .await?;
    let mut summaries = BTreeMap::<BulkId, Summary>::new();
    for row in rows {
        let summary = summaries.entry(row.bulk_id).or_default();
        let oldest = summary.oldest_opened_at.into_iter().chain(row.oldest).min();
        let newest = summary.newest_opened_at.into_iter().chain(row.newest).max();
        (summary.oldest_opened_at, summary.newest_opened_at) = (oldest, newest);
        summary.by_effect.push((row.effect_type, row.items));
    }
    Ok(summaries)
}
