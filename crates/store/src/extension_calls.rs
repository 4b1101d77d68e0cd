//! Calls of extensions: one row per occasion, made before the call is.
//!
//! The row's id is what the extension keys its work on. A watch that is reset, restarted or
//! continued asks about the same occasion under the same id, and the first answer that is recorded
//! stays.

use std::time::Duration;

use domain::extension::{
    CONTRACT, CallOutcome, ExtensionAnswer, ExtensionInput, ExtensionTarget, InputReason, Point,
    SILENT_AFTER, Silence, Unanswered,
};
use domain::ids::{CallId, EventId, ExtensionId, ReplayId};
use domain::project::Mode;
use domain::signature::SigningSecret;
use serde_json::Value;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::events::{self, PaymentEvent};
use crate::incidents::{self, Incident};
use crate::seal::MasterKey;
use crate::{PgConnection, StoreError, extensions, notices, projects};

/// One call of an extension.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtensionCall {
    pub id: CallId,
    pub event_id: EventId,
    pub extension_id: ExtensionId,
    pub point: Point,
    pub replay_id: Option<ReplayId>,
    pub asked_at: OffsetDateTime,
    /// A later answer is too late for what the point is for.
    pub answer_by: OffsetDateTime,
    /// When it was answered, or given up.
    pub answered_at: Option<OffsetDateTime>,
    /// What it answered, as it was kept: a release may have known other fields.
    pub answer: Option<Value>,
    /// Why it did not.
    pub silence: Option<Silence>,
    /// What that counted as: a [`CallOutcome`], or what another release wrote.
    pub outcome: Option<String>,
}

impl ExtensionCall {
    /// The answer as this release reads it.
    #[must_use]
    pub fn read_answer(&self) -> Option<ExtensionAnswer> {
        let stored = self.answer.as_ref()?.to_string();
        ExtensionAnswer::read(self.point, stored.as_bytes()).ok().map(|read| read.answer)
    }

    /// How long it may go on at most: that of a reprocess ends when another extension or the app is asked to do the
    /// same work, also where it is made late, or again.
    pub(crate) fn time_left(&self, now: OffsetDateTime) -> Duration {
        match self.point {
            Point::Reprocess => Duration::try_from(self.answer_by - now).unwrap_or_default(),
            Point::BeforeIncident | Point::AfterFailure => Duration::MAX,
        }
    }

    /// How long the answer took.
    #[must_use]
    pub fn latency(&self) -> Option<time::Duration> {
        self.answered_at.map(|at| at - self.asked_at)
    }
}

/// The occasion of a call.
#[derive(Debug, Clone, Copy)]
pub struct NewCall {
    pub event_id: EventId,
    pub extension_id: ExtensionId,
    pub point: Point,
    pub replay_id: Option<ReplayId>,
    pub answer_by: OffsetDateTime,
}

/// Reads whole calls; what follows `FROM extension_calls` is the caller's.
macro_rules! query_calls {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query!(
            "SELECT id, event_id, extension_id, point, replay_id, asked_at, answer_by, answered_at, answer, why,
                 error_type, outcome
             FROM extension_calls " + $tail,
            $($argument),+
        )
        .map(|row| ExtensionCall {
            id: row.id,
            event_id: row.event_id,
            extension_id: row.extension_id,
            point: row.point,
            replay_id: row.replay_id,
            asked_at: row.asked_at,
            answer_by: row.answer_by,
            answered_at: row.answered_at,
            answer: row.answer,
            silence: row.why.map(|why| Silence::from_stored(&why, row.error_type)),
            outcome: row.outcome,
        })
    };
}

/// A new call id.
#[must_use]
pub fn new_id() -> CallId {
    CallId::from_uuid(Uuid::now_v7())
}

/// The call of this occasion, made now unless it was before.
pub async fn insert_call(tx: &mut PgConnection, new: NewCall) -> Result<ExtensionCall, StoreError> {
    sqlx::query!(
        "INSERT INTO extension_calls (id, event_id, extension_id, point, replay_id, answer_by)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT extension_calls_occasion_key DO NOTHING",
        new_id().as_uuid(),
        new.event_id.as_uuid(),
        new.extension_id.as_uuid(),
        new.point.as_str(),
        new.replay_id.map(ReplayId::as_uuid),
        new.answer_by,
    )
    .execute(&mut *tx)
    .await?;
    // A statement of its own, because only a later one sees a row that was added in the meantime.
    query_calls!(
        "WHERE event_id = $1 AND extension_id = $2 AND point = $3 AND replay_id IS NOT DISTINCT FROM $4",
        new.event_id.as_uuid(),
        new.extension_id.as_uuid(),
        new.point.as_str(),
        new.replay_id.map(ReplayId::as_uuid)
    )
    .fetch_optional(tx)
    .await?
    .ok_or(StoreError::Missing("extension_calls"))
}

pub async fn find_call(
    db: impl PgExecutor<'_>,
    id: CallId,
) -> Result<Option<ExtensionCall>, StoreError> {
    let call = query_calls!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?;
    Ok(call)
}

/// The calls about an event, oldest first.
pub async fn list_for_event(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Vec<ExtensionCall>, StoreError> {
    let calls = query_calls!("WHERE event_id = $1 ORDER BY asked_at, id", event_id.as_uuid())
        .fetch_all(db)
        .await?;
    Ok(calls)
}

/// The last calls of an extension, newest first.
pub async fn list_last(
    db: impl PgExecutor<'_>,
    extension_id: ExtensionId,
    limit: i64,
) -> Result<Vec<ExtensionCall>, StoreError> {
    let calls = query_calls!(
        "WHERE extension_id = $1 ORDER BY asked_at DESC, id DESC LIMIT $2",
        extension_id.as_uuid(),
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(calls)
}

/// How many calls an extension got within the last second, counted up to `limit`; without those that
/// were not made because there were too many.
pub async fn count_last_second(
    db: impl PgExecutor<'_>,
    extension_id: ExtensionId,
    limit: i32,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM extension_calls
               WHERE extension_id = $1 AND asked_at > clock_timestamp() - interval '1 second'
                   AND why IS DISTINCT FROM 'busy' LIMIT $2) AS last"#,
        extension_id.as_uuid(),
        i64::from(limit),
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub enum CallEnd<'a> {
    Answered(&'a ExtensionAnswer),
    Unanswered(&'a Silence),
}

/// What recording the end of a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It is the call's end; so many calls of the extension in a row had no answer now. One that was
    /// not made does not count.
    Recorded { unanswered_in_a_row: i32 },
    /// The call had ended before, and nothing was changed.
    EndedBefore,
}

/// Records how a call ended and what that counted as, unless it had ended before. From
/// [`SILENT_AFTER`] without an answer in a row on, the project's destinations are to hear of it, once
/// a day: those of a day earlier may have been told of another silence, or of none because they broke.
///
/// # Errors
/// When there is no such call.
pub async fn record_end(
    tx: &mut PgConnection,
    id: CallId,
    end: CallEnd<'_>,
    outcome: CallOutcome,
) -> Result<Recording, StoreError> {
    let (answer, silence) = match end {
        CallEnd::Answered(answer) => (Some(serde_json::json!(answer)), None),
        CallEnd::Unanswered(silence) => (None, Some(silence)),
    };
    let extension_id = sqlx::query_scalar!(
        "UPDATE extension_calls SET answered_at = clock_timestamp(), answer = $2, why = $3, error_type = $4, outcome = $5
         WHERE id = $1 AND answered_at IS NULL RETURNING extension_id",
        id.as_uuid(),
        answer,
        silence.map(|silence| silence.why.to_string()),
        silence.and_then(|silence| silence.error_type.as_deref()),
        outcome.as_str(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(extension_id) = extension_id else {
        find_call(tx, id).await?.ok_or(StoreError::Missing("extension_calls"))?;
        return Ok(Recording::EndedBefore);
    };
    if silence.is_some_and(|silence| silence.why == Unanswered::Busy) {
        return Ok(Recording::Recorded { unanswered_in_a_row: 0 });
    }
    let unanswered_in_a_row =
        extensions::note_answer(&mut *tx, extension_id, silence.is_none()).await?;
    // Of those that end together each counts one, under the lock of the extension's row.
    if unanswered_in_a_row >= SILENT_AFTER {
        notices::enqueue_silent(tx, extension_id).await?;
    }
    Ok(Recording::Recorded { unanswered_in_a_row })
}

/// Takes back that a call was given up, so that its end is recorded. The caller holds the event's lock.
pub(crate) async fn reopen(db: impl PgExecutor<'_>, id: CallId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE extension_calls SET answered_at = NULL, why = NULL, error_type = NULL, outcome = NULL
         WHERE id = $1 AND answer IS NULL",
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Everything that a request to an extension over HTTPS needs.
#[derive(Debug)]
pub struct EndpointCall {
    /// As it is stored.
    pub url: String,
    pub mode: Mode,
    pub secret: SigningSecret,
    pub input: ExtensionInput,
    /// What is left of it for the work of a reprocess.
    pub budget: Duration,
}

/// A call of an extension over HTTPS that has not ended; `None` for any other, and for one of an
/// extension that is paused or was removed.
///
/// # Errors
/// When the secret does not open.
pub async fn find_endpoint_call(
    db: &mut PgConnection,
    key: &MasterKey,
    id: CallId,
) -> Result<Option<EndpointCall>, StoreError> {
    let call = find_call(&mut *db, id).await?.filter(|call| call.answered_at.is_none());
    let Some(call) = call else { return Ok(None) };
    let extension = extensions::find_extension(&mut *db, call.extension_id).await?;
    let Some(extension) = extension.filter(|extension| extension.paused_at.is_none()) else {
        return Ok(None);
    };
    let now =
        sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(&mut *db).await?;
    let budget = extension.budget().min(call.time_left(now));
    let ExtensionTarget::Https { url } = extension.target else { return Ok(None) };
    let secret = extensions::find_secret(&mut *db, key, extension.id).await?;
    let secret = secret.ok_or(StoreError::Missing("extensions"))?;
    let event = events::find_event(&mut *db, call.event_id).await?;
    let event = event.ok_or(StoreError::Missing("payment_events"))?;
    let project = projects::find_project(&mut *db, event.project_id).await?;
    let mode = project.ok_or(StoreError::Missing("projects"))?.mode;
    let incident = incidents::find_for_event(&mut *db, event.id).await?;
    let input = input(&call, mode, &event, incident.as_ref());
    Ok(Some(EndpointCall { url, mode, secret, input, budget }))
}

/// What an extension is given about an event. At the point before the incident that never holds one,
/// whenever it is asked again.
#[must_use]
pub fn input(
    call: &ExtensionCall,
    mode: Mode,
    event: &PaymentEvent,
    incident: Option<&Incident>,
) -> ExtensionInput {
    let incident = incident.filter(|_| call.point != Point::BeforeIncident);
    ExtensionInput {
        contract: CONTRACT.to_owned(),
        call_id: call.id,
        point: call.point,
        answer_by: call.answer_by,
        mode,
        project_id: event.project_id,
        event_id: event.id,
        incident_id: incident.map(|incident| incident.id),
        replay_id: call.replay_id,
        provider: event.provider.clone(),
        provider_event_id: event.provider_event_id.clone(),
        event_type: event.event_type.clone(),
        effect_type: event.effect_type.clone(),
        internal_reference: event.internal_reference.clone(),
        effect_key: event.effect_key.clone(),
        shopify_shop_domain: event.shopify_shop_domain.clone(),
        amount: event.amount,
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        timeout_at: event.timeout_at,
        reason: incident.map(|incident| InputReason {
            kind: incident.reason,
            error_code: incident.error.code.clone(),
        }),
    }
}
