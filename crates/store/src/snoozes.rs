//! Snoozed incidents: people are not told of them again until a time, or until the next one of their cause opens.
//!
//! What is due is looked for by workers. A snooze ends in one transaction with its entry on the timeline and the message
//! that says that the incident is back, so that a worker that dies half-way leaves it as it was. While a project's people
//! are not told, snoozes last on.

use std::collections::BTreeMap;

use domain::audit::detail::{SnoozeEndDetail, SnoozedDetail};
use domain::audit::{Actor, AuditEvent};
use domain::bulk::MAX_ITEMS;
use domain::ids::{CauseId, EventId, IncidentId, ProjectId};
use domain::incident::IncidentState;
use domain::reminder::{ReminderReason, SnoozeEnd};
use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::{self, Subject};
use crate::event_state::LockedEvent;
use crate::incidents::Incident;
use crate::pool::{or_skip, transaction};
use crate::reminders::{self, NewReminder};
use crate::{ChangeError, PgConnection, PgPool, StoreError, alert_rules};

/// The most incidents of a cause that are snoozed together, as one bulk takes.
const MOST: i64 = MAX_ITEMS;

/// The longest that an incident may be snoozed.
pub const LONGEST: Duration = Duration::days(30);

/// Until when an incident is snoozed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnoozeUntil {
    At(OffsetDateTime),
    /// So long after now, by the database's clock.
    After(Duration),
    NextOfCause,
}

/// A snooze that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snooze {
    /// None where it lasts until the next incident of its cause.
    pub until: Option<OffsetDateTime>,
    pub snoozed_by: String,
    pub snoozed_at: OffsetDateTime,
}

/// Why an incident is not snoozed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnoozeRejection {
    #[error("the incident is already resolved")]
    Resolved,
    #[error("the incident has no cause whose next incident could end it: name a time")]
    NoCause,
    #[error("must lie in the future, at most 30 days from now")]
    Time,
}

/// Snoozes an incident, in place of a snooze that lasts.
///
/// # Errors
/// When a rule forbids it or the database fails.
pub async fn snooze(
    tx: &mut PgConnection,
    incident: &Incident,
    actor: &Actor,
    until: SnoozeUntil,
    note: Option<&str>,
) -> Result<(), ChangeError<SnoozeRejection>> {
    let locked = LockedEvent::lock_existing(tx, incident.event_id).await?;
    let current = locked.incident.as_ref().filter(|it| it.state != IncidentState::Resolved);
    let current = current.ok_or(ChangeError::Rejected(SnoozeRejection::Resolved))?;
    let until = match until {
        SnoozeUntil::NextOfCause if current.cause_id.is_none() => {
            return Err(ChangeError::Rejected(SnoozeRejection::NoCause));
        }
        SnoozeUntil::NextOfCause => None,
        SnoozeUntil::After(passed) => Some(locked.now + passed),
        SnoozeUntil::At(at) => Some(at),
    };
    if until.is_some_and(|at| at <= locked.now || at > locked.now + LONGEST) {
        return Err(ChangeError::Rejected(SnoozeRejection::Time));
    }
    close(&mut *tx, incident.id, SnoozeEnd::Operator).await?;
    insert(&mut *tx, current, actor, until).await?;
    let detail = SnoozedDetail { until, note: note.map(str::to_owned) };
    audit::record(tx, actor, locked.subject(), &AuditEvent::IncidentSnoozed(detail)).await?;
    Ok(())
}

/// Ends the snooze of an incident by hand. `false` if it was not snoozed.
pub async fn unsnooze(
    tx: &mut PgConnection,
    incident: &Incident,
    actor: &Actor,
) -> Result<bool, StoreError> {
    if !close(&mut *tx, incident.id, SnoozeEnd::Operator).await? {
        return Ok(false);
    }
    let subject = Subject::incident(incident.project_id, incident.event_id, incident.id);
    record_end(tx, actor, subject, SnoozeEnd::Operator).await?;
    Ok(true)
}

/// The snooze of an incident that lasts.
pub async fn find_open(
    db: impl PgExecutor<'_>,
    incident_id: IncidentId,
) -> Result<Option<Snooze>, StoreError> {
    let snooze = sqlx::query_as!(
        Snooze,
        "SELECT until, snoozed_by, snoozed_at FROM snoozes WHERE incident_id = $1 AND ended_at IS NULL",
        incident_id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(snooze)
}

/// The snoozes of these incidents that last.
pub async fn list_open(
    db: impl PgExecutor<'_>,
    incident_ids: &[IncidentId],
) -> Result<BTreeMap<IncidentId, Snooze>, StoreError> {
    let open = sqlx::query!(
        "SELECT incident_id, until, snoozed_by, snoozed_at FROM snoozes
         WHERE incident_id = ANY ($1) AND ended_at IS NULL",
        incident_ids as &[IncidentId],
    )
    .map(|row| {
        let snooze =
            Snooze { until: row.until, snoozed_by: row.snoozed_by, snoozed_at: row.snoozed_at };
        (row.incident_id, snooze)
    });
    Ok(open.fetch_all(db).await?.into_iter().collect())
}

/// Snoozes the incidents of a cause that are not resolved for so long, at most ten thousand, first those that are not
/// snoozed, and gives how many. Those that are snoozed for longer, or until the next one, stay as they are.
///
/// A snooze judges no state, so no event is locked, however many there are, and no result waits: what is resolved in the
/// meantime ends its snooze with the next look.
pub async fn snooze_cause(
    tx: &mut PgConnection,
    project_id: ProjectId,
    cause_id: CauseId,
    actor: &Actor,
    passed: Duration,
    note: &str,
) -> Result<u64, StoreError> {
    let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#);
    let until = now.fetch_one(&mut *tx).await? + passed;
    let snoozed = sqlx::query!(
        r#"INSERT INTO snoozes AS s (id, project_id, event_id, incident_id, cause, until, snoozed_by)
           SELECT gen_random_uuid(), i.project_id, i.event_id, i.id, i.cause, $3, $4 FROM incidents i
           WHERE i.cause = $2 AND i.project_id = $1 AND i.state IN ('open', 'acknowledged', 'reprocessing')
           ORDER BY EXISTS (SELECT FROM snoozes o WHERE o.incident_id = i.id AND o.ended_at IS NULL), i.id LIMIT $5
           ON CONFLICT (incident_id) WHERE ended_at IS NULL DO UPDATE
               SET until = excluded.until, snoozed_by = excluded.snoozed_by, snoozed_at = excluded.snoozed_at
               WHERE s.until < excluded.until
           RETURNING event_id AS "event_id: EventId", incident_id AS "incident_id: IncidentId""#,
        project_id.as_uuid(),
        cause_id.as_uuid(),
        until,
        actor.to_string(),
        MOST,
    )
    .fetch_all(&mut *tx)
    .await?;
    let detail = SnoozedDetail { until: Some(until), note: Some(note.to_owned()) };
    let entries = snoozed.iter().map(|row| {
        let subject = Subject::incident(project_id, row.event_id, row.incident_id);
        (subject, AuditEvent::IncidentSnoozed(detail.clone()))
    });
    audit::record_all(tx, actor, &entries.collect::<Vec<_>>()).await?;
    Ok(u64::try_from(snoozed.len()).unwrap_or_default())
}

/// One that the cause was snoozed with since the last one was closed is taken over.
async fn insert(
    tx: &mut PgConnection,
    incident: &Incident,
    actor: &Actor,
    until: Option<OffsetDateTime>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO snoozes (id, project_id, event_id, incident_id, cause, until, snoozed_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (incident_id) WHERE ended_at IS NULL DO UPDATE
             SET until = excluded.until, snoozed_by = excluded.snoozed_by, snoozed_at = excluded.snoozed_at",
        Uuid::now_v7(),
        incident.project_id.as_uuid(),
        incident.event_id.as_uuid(),
        incident.id.as_uuid(),
        incident.cause_id.map(CauseId::as_uuid),
        until,
        actor.to_string(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn close(
    db: impl PgExecutor<'_>,
    incident_id: IncidentId,
    by: SnoozeEnd,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE snoozes SET ended_at = now(), ended_by = $2 WHERE incident_id = $1 AND ended_at IS NULL",
        incident_id.as_uuid(),
        by.as_str(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn record_end(
    tx: &mut PgConnection,
    actor: &Actor,
    subject: Subject,
    ended_by: SnoozeEnd,
) -> Result<(), StoreError> {
    let ended = AuditEvent::IncidentSnoozeEnded(SnoozeEndDetail { ended_by });
    audit::record(tx, actor, subject, &ended).await
}

/// Ends the snoozes that are over, with a message for each project's incidents that are back. Returns how many ended.
pub async fn end_due(pool: &PgPool) -> Result<u64, StoreError> {
    let projects = sqlx::query_scalar!(
        r#"SELECT DISTINCT project_id AS "id: ProjectId" FROM snoozes WHERE ended_at IS NULL"#
    )
    .fetch_all(pool)
    .await?;
    let mut ended = 0;
    for project_id in projects {
        let done = transaction(pool, async |tx| end_of_project(tx, project_id).await).await;
        ended += or_skip(done, "end the snoozes of a project", project_id)?;
    }
    Ok(ended)
}

struct DueSnooze {
    id: Uuid,
    event_id: EventId,
    incident_id: IncidentId,
    ended_by: SnoozeEnd,
}

async fn end_of_project(tx: &mut PgConnection, project_id: ProjectId) -> Result<u64, StoreError> {
    if alert_rules::find_hold(&mut *tx, project_id).await?.is_some() {
        return Ok(0);
    }
    let due = lock_due(&mut *tx, project_id).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let is_back = |snooze: &DueSnooze| snooze.ended_by != SnoozeEnd::Resolved;
    let reminder = if due.iter().any(is_back) {
        let new = NewReminder::new(project_id, None, ReminderReason::SnoozeOver);
        Some(reminders::enqueue(&mut *tx, &new, &[]).await?)
    } else {
        None
    };
    end_all(&mut *tx, &due, reminder).await?;
    let entries = due.iter().map(|snooze| {
        let subject = Subject::incident(project_id, snooze.event_id, snooze.incident_id);
        let detail = SnoozeEndDetail { ended_by: snooze.ended_by };
        (subject, AuditEvent::IncidentSnoozeEnded(detail))
    });
    audit::record_all(tx, &Actor::System, &entries.collect::<Vec<_>>()).await?;
    Ok(u64::try_from(due.len()).unwrap_or_default())
}

/// Ends snoozes together, however many; the message names those that are back.
async fn end_all(
    tx: &mut PgConnection,
    due: &[DueSnooze],
    reminder: Option<Uuid>,
) -> Result<(), StoreError> {
    let ids: Vec<_> = due.iter().map(|snooze| snooze.id).collect();
    let ended_by: Vec<_> = due.iter().map(|snooze| snooze.ended_by.as_str().to_owned()).collect();
    sqlx::query!(
        "UPDATE snoozes s SET ended_at = now(), ended_by = ended.ended_by,
             reminder_id = CASE WHEN ended.ended_by <> $4 THEN $3::uuid END
         FROM unnest($1::uuid[], $2::text[]) AS ended (id, ended_by) WHERE s.id = ended.id",
        &ids,
        &ended_by,
        reminder,
        SnoozeEnd::Resolved.as_str(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ids grow with time, so of a cause only those are looked at that may have opened since; a quarter of an hour is for
/// processes whose clock is late.
async fn lock_due(
    tx: &mut PgConnection,
    project_id: ProjectId,
) -> Result<Vec<DueSnooze>, StoreError> {
    let states: Vec<_> = IncidentState::ALL.iter().map(ToString::to_string).collect();
    let due = sqlx::query_as!(
        DueSnooze,
        r#"SELECT id, event_id, incident_id, ended_by AS "ended_by!: SnoozeEnd" FROM (
               SELECT s.id, s.event_id, s.incident_id, CASE
                   WHEN NOT EXISTS (SELECT FROM incidents i WHERE i.id = s.incident_id AND i.state <> 'resolved') THEN 'resolved'
                   WHEN s.until <= clock_timestamp() THEN 'time'
                   WHEN s.until IS NULL AND EXISTS (
                       SELECT FROM unnest($2::text[]) AS wanted (state) CROSS JOIN LATERAL (
                           SELECT FROM incidents i
                           WHERE (i.cause, i.state, i.id) >= (s.cause, wanted.state, (lpad(to_hex((extract(epoch FROM
                                 s.snoozed_at - interval '15 minutes') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid)
                             AND (i.cause, i.state, i.id) <= (s.cause, wanted.state, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
                             AND i.opened_at > s.snoozed_at AND i.id <> s.incident_id
                           ORDER BY i.cause, i.state, i.id LIMIT 1) AS next) THEN 'next_of_cause' END AS ended_by
               FROM snoozes s WHERE s.project_id = $1 AND s.ended_at IS NULL FOR UPDATE SKIP LOCKED) AS due
           WHERE ended_by IS NOT NULL ORDER BY id"#,
        project_id.as_uuid(),
        &states,
    )
    .fetch_all(tx)
    .await?;
    Ok(due)
}

/// Forgets what ended long ago.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM snoozes WHERE ended_at < now() - interval '90 days'")
        .execute(db)
        .await?;
    Ok(())
}
