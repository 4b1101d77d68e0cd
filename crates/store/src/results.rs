//! Results, and those that came before their receipt.

use domain::catalogue::{EffectType, Provider};
use domain::effect_result::{EffectResult, ResultReport};
use domain::ids::{EventId, KeyId, ProjectId, ReplayId, ResultId};
use domain::receipt::Receipt;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::StoreError;
use crate::error::read_text;
use crate::idempotency::KeyUse;

/// A new result id.
#[must_use]
pub fn new_id() -> ResultId {
    ResultId::from_uuid(Uuid::now_v7())
}

/// Keeps a result. `false` if it was kept before under the same id.
///
/// # Errors
/// When the database fails.
pub async fn insert_result(
    db: impl PgExecutor<'_>,
    id: ResultId,
    of: (ProjectId, EventId),
    result: &EffectResult,
    replay_id: Option<ReplayId>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO results (id, project_id, event_id, outcome, error_code, error_message, replay_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT results_pkey DO NOTHING",
        id.as_uuid(),
        of.0.as_uuid(),
        of.1.as_uuid(),
        result.outcome.as_str(),
        result.error_code,
        result.error_message,
        replay_id.map(ReplayId::as_uuid),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A result that waits for its receipt.
#[derive(Debug, Clone)]
pub struct EarlyResult {
    /// The key that brought it.
    pub key_id: KeyId,
    /// What it says.
    pub result: EffectResult,
}

/// Keeps a result whose receipt has not arrived. The same request again changes nothing; `false` if
/// the key was used for another one.
///
/// # Errors
/// When the database fails.
pub async fn insert_early(
    db: impl PgExecutor<'_>,
    key_id: KeyId,
    used: KeyUse<'_>,
    report: &ResultReport,
) -> Result<bool, StoreError> {
    let (event, result) = (&report.event, &report.result);
    let kept = sqlx::query_scalar!(
        r#"INSERT INTO early_results (id, project_id, api_key_id, idempotency_key, request_hash, provider,
               provider_event_id, effect_type, outcome, error_code, error_message)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT ON CONSTRAINT early_results_idempotency_key
           DO UPDATE SET idempotency_key = excluded.idempotency_key
           RETURNING request_hash = $5 AS "same!""#,
        Uuid::now_v7(),
        used.project_id.as_uuid(),
        key_id.as_uuid(),
        used.key,
        used.request_hash,
        event.provider.map(Provider::as_str),
        event.provider_event_id.as_deref().unwrap_or_default(),
        event.effect_type.map(EffectType::as_str),
        result.outcome.as_str(),
        result.error_code,
        result.error_message,
    )
    .fetch_one(db)
    .await?;
    Ok(kept)
}

/// Takes the results that waited for this receipt, oldest first. One that names no effect can mean
/// one receipt only, so the first takes it away: another effect of the same provider event must not
/// count as applied because of it. The others stay until the sweep forgets them after 24 hours.
///
/// # Errors
/// When the database fails.
pub async fn take_early(
    tx: &mut PgConnection,
    project_id: ProjectId,
    receipt: &Receipt,
) -> Result<Vec<EarlyResult>, StoreError> {
    let rows = sqlx::query!(
        "WITH meant AS (
             SELECT id, api_key_id, effect_type, outcome, error_code, error_message FROM early_results
             WHERE project_id = $1 AND provider_event_id = $2 AND (provider IS NULL OR provider = $3)
               AND (effect_type IS NULL OR effect_type = $4) AND received_at > now() - interval '24 hours'
         ), used AS (
             DELETE FROM early_results WHERE id IN (SELECT id FROM meant WHERE effect_type IS NULL)
         )
         SELECT id, api_key_id, outcome, error_code, error_message FROM meant ORDER BY id",
        project_id.as_uuid(),
        receipt.provider_event_id,
        receipt.provider.as_str(),
        receipt.effect_type.as_str(),
    )
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let outcome = read_text("early_results", "outcome", row.id, &row.outcome)?;
            let (error_code, error_message) = (row.error_code, row.error_message);
            Ok(EarlyResult {
                key_id: KeyId::from_uuid(row.api_key_id),
                result: EffectResult { outcome, error_code, error_message, replay_id: None },
            })
        })
        .collect()
}

/// Forgets results that waited for 24 hours.
///
/// # Errors
/// When the database fails.
pub async fn delete_expired_early(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let done =
        sqlx::query!("DELETE FROM early_results WHERE received_at < now() - interval '24 hours'")
            .execute(db)
            .await?;
    Ok(done.rows_affected())
}
