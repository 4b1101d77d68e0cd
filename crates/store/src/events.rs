//! Payment events.

use std::time::Duration;

use domain::catalogue::{EffectType, Provider};
use domain::effect_result::EventSelector;
use domain::event::Effect;
use domain::identity::{EventIdentity, is_test_id};
use domain::ids::{EventId, ProjectId};
use domain::money::Amount;
use domain::outage::MISSING;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::expect_one;
use crate::{PgConnection, StoreError};

#[derive(Debug, Clone)]
pub struct PaymentEvent {
    pub id: EventId,
    pub project_id: ProjectId,
    /// Who took the money.
    pub provider: Provider,
    /// The provider's id.
    pub provider_event_id: String,
    /// The provider's event type.
    pub event_type: String,
    /// The effect that is due.
    pub effect_type: EffectType,
    /// The app's reference.
    pub internal_reference: String,
    /// Which of several such effects.
    pub effect_key: Option<String>,
    /// What was paid, where the receipt said so.
    pub amount: Option<Amount>,
    /// The provider's time.
    pub occurred_at: OffsetDateTime,
    /// The shop, for Shopify.
    pub shopify_shop_domain: Option<String>,
    /// What became of the effect.
    pub effect: Effect,
    /// When the receipt was committed.
    pub received_at: OffsetDateTime,
    /// Until when the app may report in time.
    pub timeout_at: OffsetDateTime,
    /// How long that is, in minutes.
    pub timeout_minutes: i32,
    /// The trace that what is done for it later follows.
    pub trace_parent: Option<String>,
}

impl PaymentEvent {
    /// What makes it this event and no other, but for the delivery of a test id, which is not kept.
    #[must_use]
    pub fn identity(&self) -> EventIdentity<'_> {
        EventIdentity {
            provider: self.provider.as_str(),
            shopify_shop_domain: self.shopify_shop_domain.as_deref(),
            provider_event_id: &self.provider_event_id,
            event_type: &self.event_type,
            effect_type: self.effect_type.as_str(),
            internal_reference: &self.internal_reference,
            effect_key: self.effect_key.as_deref(),
            delivery: None,
        }
    }
}

/// Asks for each kind of event of a project. One index has every kind in its order, whatever became
/// of the events, so that each costs one look: the caller follows the indexes.
macro_rules! query_kinds {
    ($select:literal, $project_id:expr $(, $argument:expr)*) => {
        sqlx::query!(
            r#"WITH RECURSIVE kinds AS (
                   SELECT first.* FROM unnest($2::text[]) AS wanted (effect) CROSS JOIN LATERAL (
                       SELECT e.effect, e.event_type, e.effect_type FROM payment_events e
                       WHERE e.project_id = $1 AND e.effect = wanted.effect
                       ORDER BY e.project_id, e.effect, e.event_type, e.effect_type LIMIT 1) AS first
                   UNION ALL
                   SELECT next.* FROM kinds k CROSS JOIN LATERAL (
                       SELECT e.effect, e.event_type, e.effect_type FROM payment_events e
                       WHERE e.project_id = $1 AND e.effect = k.effect
                           AND (e.event_type, e.effect_type) > (k.event_type, k.effect_type)
                       ORDER BY e.project_id, e.effect, e.event_type, e.effect_type LIMIT 1) AS next
               ) "# + $select,
            $project_id.as_uuid(),
            &domain::event::Effect::ALL.iter().map(ToString::to_string).collect::<Vec<_>>()
            $(, $argument)*
        )
    };
}

pub(crate) use query_kinds;

/// Reads whole events; what follows `FROM payment_events` is the caller's.
macro_rules! query_events {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query!(
            "SELECT id, project_id, provider, provider_event_id, event_type, effect_type, internal_reference, effect_key,
                 amount_value, amount_currency, occurred_at, shopify_shop_domain, effect, received_at, timeout_at,
                 timeout_minutes, trace_parent
             FROM payment_events " + $tail,
            $($argument),+
        )
        .map(|row| PaymentEvent {
            id: row.id,
            project_id: row.project_id,
            provider: row.provider,
            provider_event_id: row.provider_event_id,
            event_type: row.event_type,
            effect_type: row.effect_type,
            internal_reference: row.internal_reference,
            effect_key: row.effect_key,
            amount: Amount::from_columns(row.amount_value, row.amount_currency),
            occurred_at: row.occurred_at,
            shopify_shop_domain: row.shopify_shop_domain,
            effect: row.effect,
            received_at: row.received_at,
            timeout_at: row.timeout_at,
            timeout_minutes: row.timeout_minutes,
            trace_parent: row.trace_parent,
        })
    };
}

/// A new event id.
#[must_use]
pub fn new_id() -> EventId {
    EventId::from_uuid(Uuid::now_v7())
}

pub async fn find_event(
    db: impl PgExecutor<'_>,
    id: EventId,
) -> Result<Option<PaymentEvent>, StoreError> {
    Ok(query_events!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// The events with these ids, in no particular order.
pub async fn list_by_ids(
    db: impl PgExecutor<'_>,
    ids: &[EventId],
) -> Result<Vec<PaymentEvent>, StoreError> {
    Ok(query_events!("WHERE id = ANY($1)", ids as &[EventId]).fetch_all(db).await?)
}

/// Which of these events were there and went with retention.
pub async fn list_expired(
    db: impl PgExecutor<'_>,
    ids: &[EventId],
) -> Result<Vec<EventId>, StoreError> {
    let expired = sqlx::query_scalar!(
        r#"SELECT event_id AS "event_id: EventId" FROM expired_events WHERE event_id = ANY ($1)"#,
        ids as &[EventId],
    )
    .fetch_all(db)
    .await?;
    Ok(expired)
}

/// Finds an event and locks its row: every decision about it is serialised here.
pub async fn lock_event(
    tx: &mut PgConnection,
    id: EventId,
) -> Result<Option<PaymentEvent>, StoreError> {
    Ok(query_events!("WHERE id = $1 FOR UPDATE", id.as_uuid()).fetch_optional(tx).await?)
}

/// How many events the response to an ambiguous result lists.
const MAX_CANDIDATES: i64 = 20;

/// The events of a project that a result selects, oldest first. More than one is ambiguous, but for
/// the id that a provider gives to every test event: there the newest is meant. Where it repeats the whole receipt of
/// one of them, that one is meant.
pub async fn list_selected(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    selector: &EventSelector,
) -> Result<Vec<PaymentEvent>, StoreError> {
    let by_id = selector.event_id.as_deref().map(str::parse::<EventId>);
    if let Some(Err(_)) = by_id {
        return Ok(Vec::new());
    }
    let is_test = selector.provider_event_id.as_deref().is_some_and(is_test_id);
    // Of many that fit what repeats a receipt, only the one without an effect key can be its event.
    let mut events = query_events!(
        "WHERE project_id = $1 AND ($2::uuid IS NULL OR id = $2) AND ($3::text IS NULL OR provider_event_id = $3)
           AND ($4::text IS NULL OR provider = $4) AND ($5::text IS NULL OR effect_type = $5)
           AND ($6::text IS NULL OR provider <> 'shopify' OR lower(shopify_shop_domain) = $6) AND ($7::text IS NULL OR event_type = $7)
           AND ($8::text IS NULL OR internal_reference = $8) AND ($9::text IS NULL OR effect_key = $9)
         ORDER BY (effect_key IS NULL AND NOT $11) DESC, id DESC LIMIT $10",
        project_id.as_uuid(),
        by_id.and_then(Result::ok).map(EventId::as_uuid),
        selector.provider_event_id,
        selector.provider.as_ref().map(Provider::as_str),
        selector.effect_type.as_ref().map(EffectType::as_str),
        selector.shopify_shop_domain,
        selector.event_type,
        selector.internal_reference,
        selector.effect_key,
        MAX_CANDIDATES,
        is_test
    )
    .fetch_all(db)
    .await?;
    if is_test {
        events.truncate(1);
    } else if let Some(at) = events.iter().position(|it| selector.repeats(&it.identity())) {
        events = vec![events.swap_remove(at)];
    }
    events.sort_unstable_by_key(|event| event.id);
    Ok(events)
}

/// Moves the effect from the state that was read under the lock.
///
/// # Errors
/// When the state was another one.
pub async fn settle(
    tx: &mut PgConnection,
    event: &PaymentEvent,
    to: Effect,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE payment_events SET effect = $3, settled_at = now() WHERE id = $1 AND effect = $2",
        event.id.as_uuid(),
        event.effect.as_str(),
        to.as_str(),
    )
    .execute(tx)
    .await?;
    expect_one("payment_events", done.rows_affected())
}

/// Holds back every other receipt and early result of one provider event until the transaction
/// ends, so that neither misses the other.
pub async fn lock_provider_event(
    tx: &mut PgConnection,
    project_id: ProjectId,
    provider_event_id: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 2))",
        provider_event_lock(project_id, provider_event_id),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The name of that lock.
pub(crate) fn provider_event_lock(project_id: ProjectId, provider_event_id: &str) -> String {
    format!("{project_id}/{provider_event_id}")
}

/// Forgotten events: something about them is overdue by more than two minutes, nothing waits in the
/// outbox, and their watch was not checked for in the last quarter of an hour. Overdue are a
/// result, and an attempt or the result of a callback.
///
/// An older release does not write when a callback's next attempt is due; there the longest wait
/// counts.
pub async fn list_forgotten(
    db: impl PgExecutor<'_>,
    limit: i64,
) -> Result<Vec<EventId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT DISTINCT event_id AS "event_id!: EventId" FROM (
               SELECT id AS event_id FROM payment_events
               WHERE effect = 'pending' AND timeout_at < now() - interval '2 minutes'
                 AND judged_at(timeout_at) < now() - interval '2 minutes'
               UNION ALL SELECT i.event_id FROM incidents i JOIN payment_events e ON e.id = i.event_id
               WHERE i.watch_late AND i.state <> 'resolved' AND e.timeout_at < now() - interval '2 minutes'
               UNION ALL SELECT event_id FROM reprocesses
               WHERE state = 'requested' AND requested_at < now() - interval '2 minutes'
               UNION ALL SELECT event_id FROM reprocesses
               WHERE state = 'awaiting_result' AND result_due_at < now() - interval '2 minutes'
                 AND judged_at(result_due_at) < now() - interval '2 minutes'
               UNION ALL SELECT event_id FROM reprocesses
               WHERE state = 'delivering' AND next_attempt_at < now() - interval '2 minutes'
               UNION ALL SELECT event_id FROM reprocesses r
               WHERE state = 'delivering' AND next_attempt_at IS NULL AND NOT EXISTS (SELECT FROM callback_attempts a
                   WHERE a.replay_id = r.id AND a.started_at > now() - interval '7 hours')) AS overdue
           WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.event_id = overdue.event_id)
             AND NOT EXISTS (SELECT FROM watch_checks c WHERE c.event_id = overdue.event_id
                 AND c.checked_at > now() - interval '15 minutes')
           LIMIT $1"#,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

/// Pending events that are overdue by this much, the longest overdue first; none that an outage of our
/// own API keeps from being judged ([`crate::outages`]). Asked four times a second, so what waits
/// for an outage is left out by the fewest comparisons.
pub async fn list_overdue(
    db: impl PgExecutor<'_>,
    by: Duration,
    limit: i64,
) -> Result<Vec<EventId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: EventId" FROM payment_events
           WHERE effect = 'pending' AND timeout_at < now() - make_interval(secs => $1)
             AND NOT EXISTS (SELECT FROM outages o WHERE o.began_at <= timeout_at AND o.judged_at > timeout_at
                 AND o.judged_at > now() - make_interval(secs => $1))
             AND (timeout_at < (SELECT beat_at FROM api_heartbeats h
                 WHERE (h.ended OR h.beat_at < now() - make_interval(secs => $3)) AND NOT EXISTS (SELECT FROM outages o
                     WHERE o.began_at = h.beat_at AND o.ended_at IS NULL AND o.judged_at <= now()))) IS NOT FALSE
           ORDER BY timeout_at LIMIT $2"#,
        by.as_secs_f64(),
        limit,
        MISSING.as_seconds_f64(),
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}
