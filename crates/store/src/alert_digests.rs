//! What a digest says: how the incidents stand whose alerts were held back.

use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::ids::{EventId, IncidentId};
use domain::incident::Reason;
use domain::money::{Amount, Currency};
use domain::notice::{DigestCause, DigestFacts, MAX_CAUSES, MAX_NAMED, NamedIncident};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{PgPool, StoreError};

/// What the digest of a hold says now; `None` where nothing is left of its incidents. The page is the caller's to add.
pub async fn gather(pool: &PgPool, hold: Uuid) -> Result<Option<DigestFacts>, StoreError> {
    let Some(facts) = count(pool, hold).await? else { return Ok(None) };
    let (causes, left) = (list_causes(pool, hold).await?, list_left(pool, hold).await?);
    let at_risk = sum_at_risk(pool, hold).await?;
    Ok(Some(DigestFacts { at_risk, causes, left, ..facts }))
}

async fn count(db: impl PgExecutor<'_>, hold: Uuid) -> Result<Option<DigestFacts>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT h.reason, h.maintenance_id, w.reason AS "note?", h.began_at, h.ended_at, told.*
           FROM alert_holds h LEFT JOIN maintenance_windows w ON w.id = h.maintenance_id CROSS JOIN LATERAL (
               SELECT count(DISTINCT i.id) AS "incidents!",
                   count(DISTINCT i.id) FILTER (WHERE a.kind = 'incident_opened') AS "opened!",
                   count(DISTINCT i.id) FILTER (WHERE i.state = 'resolved') AS "resolved!",
                   count(DISTINCT i.internal_reference) FILTER (WHERE i.state <> 'resolved') AS "customers_left!"
               FROM alerts a JOIN incidents i ON i.id = a.incident_id WHERE a.told_by = h.id) AS told
           WHERE h.id = $1 AND h.ended_at IS NOT NULL"#,
        hold,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.incidents > 0).and_then(|row| {
        Some(DigestFacts {
            reason: row.reason,
            maintenance_id: row.maintenance_id,
            note: row.note,
            since: row.began_at,
            until: row.ended_at?,
            incidents: row.incidents,
            opened: row.opened,
            resolved: row.resolved,
            customers_left: row.customers_left,
            at_risk: Vec::new(),
            causes: Vec::new(),
            left: Vec::new(),
            incidents_url: String::new(),
        })
    }))
}

/// What was paid for what is left. An incident may have several alerts, and its money is there once.
async fn sum_at_risk(db: impl PgExecutor<'_>, hold: Uuid) -> Result<Vec<Amount>, StoreError> {
    let sums = sqlx::query_as!(
        Amount,
        r#"SELECT sum(paid.amount_value)::bigint AS "value!", paid.amount_currency AS "currency!: Currency"
           FROM (SELECT DISTINCT i.id, i.amount_currency, i.amount_value
                 FROM alerts a JOIN incidents i ON i.id = a.incident_id
                 WHERE a.told_by = $1 AND i.state <> 'resolved' AND i.amount_currency IS NOT NULL) AS paid
           GROUP BY paid.amount_currency ORDER BY sum(paid.amount_value) DESC, paid.amount_currency"#,
        hold,
    );
    Ok(sums.fetch_all(db).await?)
}

async fn list_causes(db: impl PgExecutor<'_>, hold: Uuid) -> Result<Vec<DigestCause>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT i.project_id, i.reason AS "reason: Reason", i.cause_code, i.event_type AS "event_type!",
               i.effect_type AS "effect_type!: EffectType", count(DISTINCT i.id) AS "incidents!",
               count(DISTINCT i.id) FILTER (WHERE i.state <> 'resolved') AS "left!"
           FROM alerts a JOIN incidents i ON i.id = a.incident_id
           WHERE a.told_by = $1 AND i.event_type IS NOT NULL AND i.effect_type IS NOT NULL
           GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 4, 3 LIMIT $2"#,
        hold,
        i64::try_from(MAX_CAUSES).unwrap_or(i64::MAX),
    )
    .fetch_all(db)
    .await?;
    let cause = rows.into_iter().map(|row| DigestCause {
        cause: Cause {
            project_id: row.project_id,
            reason: row.reason,
            error_code: row.cause_code,
            event_type: row.event_type,
            effect_type: row.effect_type,
        },
        incidents: row.incidents,
        left: row.left,
    });
    Ok(cause.collect())
}

async fn list_left(db: impl PgExecutor<'_>, hold: Uuid) -> Result<Vec<NamedIncident>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (i.opened_at, i.id) i.id AS "id: IncidentId", i.event_id AS "event_id: EventId",
               i.internal_reference AS "internal_reference!"
           FROM alerts a JOIN incidents i ON i.id = a.incident_id
           WHERE a.told_by = $1 AND i.state <> 'resolved' ORDER BY i.opened_at DESC, i.id DESC LIMIT $2"#,
        hold,
        i64::try_from(MAX_NAMED).unwrap_or(i64::MAX),
    )
    .fetch_all(db)
    .await?;
    let left = rows.into_iter().map(|row| NamedIncident {
        incident_id: row.id,
        event_id: row.event_id,
        internal_reference: row.internal_reference,
    });
    Ok(left.collect())
}
