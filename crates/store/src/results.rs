//! Results, and those that came before their receipt.

use domain::app_error::AppError;
use domain::catalogue::{EffectType, Provider};
use domain::effect_result::{EffectResult, ResultReport};
use domain::ids::{EventId, KeyId, ProjectId, ReplayId, ResultId};
use domain::receipt::Receipt;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::idempotency::KeyUse;
use crate::{PgConnection, StoreError};

/// A new result id.
#[must_use]
pub fn new_id() -> ResultId {
    ResultId::from_uuid(Uuid::now_v7())
}

/// Keeps a result. `false` if it was kept before under the same id.
pub async fn insert_result(
    db: impl PgExecutor<'_>,
    id: ResultId,
    project_id: ProjectId,
    event_id: EventId,
    result: &EffectResult,
    replay_id: Option<ReplayId>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO results (id, project_id, event_id, outcome, error_code, error_message, replay_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT results_pkey DO NOTHING",
        id.as_uuid(),
        project_id.as_uuid(),
        event_id.as_uuid(),
        result.outcome.as_str(),
        result.error.code,
        result.error.message,
        replay_id.map(ReplayId::as_uuid),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The event of a result that is kept.
pub async fn find_event_of(
    db: impl PgExecutor<'_>,
    id: ResultId,
) -> Result<Option<EventId>, StoreError> {
    let event = sqlx::query_scalar!("SELECT event_id FROM results WHERE id = $1", id.as_uuid());
    Ok(event.fetch_optional(db).await?)
}

/// A result that waits for its receipt.
#[derive(Debug, Clone)]
pub struct EarlyResult {
    /// The key that brought it.
    pub key_id: KeyId,
    /// What it says.
    pub result: EffectResult,
}

/// What became of a result that came before its receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyKept {
    New,
    /// It was kept before; nothing changed, but that one which nobody gave up yet after its 24 hours is kept again.
    Again,
    /// Its key was used for another event.
    Conflict,
}

/// Keeps a result whose receipt has not arrived.
pub async fn insert_early(
    db: impl PgExecutor<'_>,
    key_id: KeyId,
    used: KeyUse<'_>,
    report: &ResultReport,
) -> Result<EarlyKept, StoreError> {
    let (event, result) = (&report.event, &report.result);
    let kept = sqlx::query!(
        r#"INSERT INTO early_results AS kept (id, project_id, api_key_id, idempotency_key, request_hash, fingerprint,
               provider, provider_event_id, shopify_shop_domain, event_type, effect_type, internal_reference, effect_key,
               outcome, error_code, error_message)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
           ON CONFLICT ON CONSTRAINT early_results_idempotency_key
           DO UPDATE SET received_at = CASE WHEN kept.received_at <= now() - interval '24 hours'
                   AND coalesce(kept.fingerprint = excluded.fingerprint, kept.request_hash = excluded.request_hash)
               THEN now() ELSE kept.received_at END
           RETURNING kept.id = $1 AS "is_new!", coalesce(fingerprint = $6, request_hash = $5) AS "same!""#,
        Uuid::now_v7(),
        used.project_id.as_uuid(),
        key_id.as_uuid(),
        used.key,
        used.request_hash,
        used.fingerprint,
        event.provider.as_ref().map(Provider::as_str),
        event.provider_event_id.as_deref().unwrap_or_default(),
        event.shopify_shop_domain,
        event.event_type,
        event.effect_type.as_ref().map(EffectType::as_str),
        event.internal_reference,
        event.effect_key,
        result.outcome.as_str(),
        result.error.code,
        result.error.message,
    )
    .fetch_one(db)
    .await?;
    Ok(match (kept.same, kept.is_new) {
        (false, _) => EarlyKept::Conflict,
        (true, true) => EarlyKept::New,
        (true, false) => EarlyKept::Again,
    })
}

/// A query about kept results of a project whose every named field fits a receipt.
macro_rules! fitting {
    ($query:ident!($before:tt, $after:tt), $project_id:expr, $receipt:expr $(, $more:expr)*) => {
        sqlx::$query!(
            $before + "project_id = $1 AND provider_event_id = $2
               AND (provider IS NULL OR provider = $3) AND (effect_type IS NULL OR effect_type = $4)
               AND (shopify_shop_domain IS NULL OR shopify_shop_domain = $5 OR $3 <> 'shopify')
               AND (event_type IS NULL OR event_type = $6)
               AND (internal_reference IS NULL OR internal_reference = $7)
               AND (effect_key IS NULL OR effect_key = $8)" + $after,
            $project_id.as_uuid(),
            $receipt.provider_event_id,
            $receipt.provider.as_str(),
            $receipt.effect_type.as_str(),
            $receipt.shopify_shop_domain,
            $receipt.event_type,
            $receipt.internal_reference,
            $receipt.effect_key,
            $($more,)*
        )
    };
}

/// Claims the results that waited for this receipt, oldest first. Each settles one receipt: another
/// effect, or another customer's, must not count as applied because of it.
pub async fn claim_early(
    tx: &mut PgConnection,
    project_id: ProjectId,
    event_id: EventId,
    receipt: &Receipt,
) -> Result<Vec<EarlyResult>, StoreError> {
    let rows = fitting!(
        query!(
            "WITH meant AS (DELETE FROM early_results WHERE received_at > now() - interval '24 hours' AND ",
            " RETURNING *),
             claimed AS (
                 INSERT INTO claimed_early_results (id, project_id, event_id, provider, provider_event_id,
                     shopify_shop_domain, event_type, effect_type, internal_reference, effect_key, idempotency_key, outcome)
                 SELECT id, project_id, $9, provider, provider_event_id, shopify_shop_domain, event_type, effect_type,
                     internal_reference, effect_key, idempotency_key, outcome FROM meant
             )
             SELECT api_key_id, outcome, error_code, error_message FROM meant ORDER BY id"
        ),
        project_id,
        receipt,
        event_id.as_uuid()
    )
    .fetch_all(tx)
    .await?;
    let early = rows.into_iter().map(|row| EarlyResult {
        key_id: row.api_key_id,
        result: EffectResult {
            outcome: row.outcome,
            error: AppError { code: row.error_code, message: row.error_message },
            replay_id: None,
        },
    });
    Ok(early.collect())
}

/// The event that this very call has settled, when it came before the receipt.
pub async fn find_settled(
    db: impl PgExecutor<'_>,
    used: KeyUse<'_>,
    report: &ResultReport,
) -> Result<Option<EventId>, StoreError> {
    let id = sqlx::query_scalar!(
        "SELECT event_id FROM claimed_early_results
         WHERE project_id = $1 AND provider_event_id = $2 AND idempotency_key = $3 AND outcome = $4
           AND claimed_at > now() - interval '24 hours'",
        used.project_id.as_uuid(),
        report.event.provider_event_id.as_deref().unwrap_or_default(),
        used.key,
        report.result.outcome.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(id)
}

/// The events that were settled by a kept result that this receipt fits as well.
pub async fn list_claimed(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    receipt: &Receipt,
) -> Result<Vec<EventId>, StoreError> {
    let ids = fitting!(
        query_scalar!(
            "SELECT DISTINCT event_id FROM claimed_early_results WHERE claimed_at > now() - interval '24 hours' AND ",
            ""
        ),
        project_id,
        receipt
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
