//! Taking several results in one transaction, where each is the usual one: the first success of an
//! event that is pending.
//!
//! As for [`receipts`](super::receipts), each gets the outcome and leaves the rows that it would
//! alone, and none waits on behalf of the others. The events are locked and read in one statement,
//! judged by [`verdict`] one by one, and written in another. Everything else is left
//! [`Alone`](SharedOutcome::Alone), without a trace: an event that is not found, not the only one,
//! held by someone else or settled before.

use std::collections::BTreeSet;

use domain::audit::detail::ResultDetail;
use domain::audit::{Action, Actor, AuditEvent};
use domain::catalogue::{EffectType, Provider};
use domain::effect_result::{EventSelector, Outcome, ResultReport};
use domain::event::Effect;
use domain::identity::is_test_id;
use domain::ids::{EventId, ResultId};
use domain::outbox::{OutboxKind, OutboxMessage, RecordedResult};
use domain::verdict::{self, EventState, ResultVerdict};
use uuid::Uuid;

use crate::api_keys::KeyOwner;
use crate::error::expect_all;
use crate::idempotency::{
    self, ClaimRequest, KeyUse, ResponseScope, SharedOutcome, StoredResponse,
};
use crate::{PgConnection, StoreError, audit, column, results};

/// A result that is taken together with others.
#[derive(Debug, Clone, Copy)]
pub struct SharedReport<'a> {
    /// Who sends it.
    pub owner: &'a KeyOwner,
    /// The key that it uses up; no other of the same batch has it.
    pub used: KeyUse<'a>,
    pub report: &'a ResultReport,
}

/// Takes results; the outcome of each, in their order. `respond` makes the response that is stored
/// for one of them about its event, whose effect has succeeded; a result that it has none for is
/// left alone.
///
/// # Errors
/// When the database rejects a row. Nothing may be committed then.
pub async fn accept_results(
    tx: &mut PgConnection,
    batch: &[SharedReport<'_>],
    respond: impl Fn(usize, EventId) -> Option<StoredResponse>,
) -> Result<Vec<SharedOutcome>, StoreError> {
    let wanted = column(batch, |it| ClaimRequest { used: it.used, provider_event_id: None });
    let (mut outcomes, claimed) = idempotency::claim_together(tx, &wanted).await?;
    let events = lock_events(tx, &column(&claimed, |(n, _)| batch[*n])).await?;
    let (mut new, mut responded, mut settled) = (Vec::new(), Vec::new(), BTreeSet::new());
    for ((n, scope), event) in claimed.into_iter().zip(events) {
        let Some(event_id) = event.filter(|event_id| settled.insert(*event_id)) else { continue };
        let Some(response) = respond(n, event_id) else { continue };
        let result_id = results::new_id();
        new.push(Success { from: batch[n], event_id, result_id, scope, response });
        responded.push(n);
    }
    insert_all(tx, &new).await?;
    for (n, Success { response, .. }) in responded.into_iter().zip(new) {
        outcomes[n] = SharedOutcome::Accepted(response);
    }
    Ok(outcomes)
}

/// Whether a result can be taken together with others: it is a success that names its event.
#[must_use]
pub fn is_usual(report: &ResultReport) -> bool {
    let EventSelector { event_id, provider_event_id, .. } = &report.event;
    let names_one = match event_id {
        Some(id) => id.parse::<EventId>().is_ok(),
        // Of the events with a test id the newest is meant.
        None => provider_event_id.as_deref().is_some_and(|id| !is_test_id(id)),
    };
    names_one && report.result.outcome == Outcome::Succeeded && report.result.replay_id.is_none()
}

/// Locks the events that results are about, but for those that another transaction has locked. `None` for a result that
/// does more than to settle its event.
async fn lock_events(
    tx: &mut PgConnection,
    batch: &[SharedReport<'_>],
) -> Result<Vec<Option<EventId>>, StoreError> {
    let mut events = vec![None; batch.len()];
    if batch.is_empty() {
        return Ok(events);
    }
    let found = sqlx::query_file!(
        "src/transitions/results/lock.sql",
        &column(batch, |it| it.owner.project_id.as_uuid()),
        &column(batch, |it| event_id(it.selector())) as &[Option<Uuid>],
        &column(batch, |it| it.selector().provider_event_id.as_deref()) as &[Option<&str>],
        &column(batch, |it| it.selector().provider.as_ref().map(Provider::as_str))
            as &[Option<&str>],
        &column(batch, |it| it.selector().effect_type.as_ref().map(EffectType::as_str))
            as &[Option<&str>],
        &column(batch, |it| it.selector().shopify_shop_domain.as_deref()) as &[Option<&str>],
        &column(batch, |it| it.selector().event_type.as_deref()) as &[Option<&str>],
        &column(batch, |it| it.selector().internal_reference.as_deref()) as &[Option<&str>],
        &column(batch, |it| it.selector().effect_key.as_deref()) as &[Option<&str>],
    )
    .fetch_all(tx)
    .await?;
    for row in found {
        let ordinal = usize::try_from(row.ordinal - 1).unwrap_or_default();
        if batch[ordinal].settles(row.effect) {
            events[ordinal] = Some(row.id);
        }
    }
    Ok(events)
}

fn event_id(selector: &EventSelector) -> Option<Uuid> {
    selector.event_id.as_deref()?.parse().ok().map(EventId::as_uuid)
}

impl<'a> SharedReport<'a> {
    fn selector(&self) -> &'a EventSelector {
        &self.report.event
    }

    /// Whether it is the first success of an event with this effect. A pending one has no incident
    /// and was never reprocessed.
    fn settles(&self, effect: Effect) -> bool {
        let at = EventState { effect, incident: None, running: None, reprocessed_before: false };
        let succeeds = ResultVerdict::Succeed { resolution: None, ends: None };
        effect == Effect::Pending
            && is_usual(self.report)
            && verdict::judge_result(at, self.report.result.outcome, None) == succeeds
    }
}

/// A success that is about to be written.
struct Success<'a> {
    from: SharedReport<'a>,
    event_id: EventId,
    result_id: ResultId,
    scope: ResponseScope,
    response: StoredResponse,
}

impl Success<'_> {
    fn entry(&self) -> AuditEvent {
        let result_id = Some(self.result_id);
        AuditEvent::ResultSucceeded(ResultDetail {
            result_id,
            repeated: false,
            error: None,
            replay_id: None,
        })
    }

    fn message(&self) -> OutboxMessage {
        let status = self.from.report.result.outcome.into();
        OutboxMessage::Result(RecordedResult { result_id: self.result_id, status })
    }
}

async fn insert_all(tx: &mut PgConnection, new: &[Success<'_>]) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let written = sqlx::query_file!(
        "src/transitions/results/insert.sql",
        &column(new, |it| it.event_id.as_uuid()),
        &column(new, |it| it.from.owner.project_id.as_uuid()),
        &column(new, |it| it.result_id.as_uuid()),
        &column(new, |it| it.from.report.result.error.code.as_deref()) as &[Option<&str>],
        &column(new, |it| it.from.report.result.error.message.as_deref()) as &[Option<&str>],
        &column(new, |_| audit::new_id().as_uuid()),
        &column(new, |it| Actor::Key(it.from.owner.key_id).to_string()),
        &column(new, |it| it.entry().detail()),
        &column(new, |_| Uuid::now_v7()),
        &column(new, |it| it.message().payload()),
        &column(new, |it| it.message().leeway().as_secs_f64()),
        &column(new, |it| it.from.used.route_of(it.scope)),
        &column(new, |it| it.from.used.key) as &[&str],
        &column(new, |it| it.from.used.request_hash) as &[&[u8]],
        &column(new, |it| it.from.used.fingerprint) as &[&[u8]],
        &column(new, |it| it.from.used.scope) as &[&str],
        &column(new, |it| i16::try_from(it.response.status).unwrap_or_default()),
        &column(new, |it| it.response.body.as_slice()) as &[&[u8]],
        Outcome::Succeeded.as_str(),
        Effect::Pending.as_str(),
        Effect::Succeeded.as_str(),
        Action::ResultSucceeded.as_str(),
        OutboxKind::Result.as_str(),
    )
    .fetch_one(tx)
    .await?;
    expect_all("payment_events", new.len(), written.settled.unsigned_abs())?;
    expect_all("idempotency_keys", new.len(), written.responses.unsigned_abs())
}
