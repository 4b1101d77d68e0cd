//! What a message about a cause says, and what becomes of the alerts that it stands for.

use domain::alert::AlertKind;
use domain::app_error::AppError;
use domain::audit::detail::{AlertDetail, NotificationKind, ToldDetail};
use domain::audit::{Actor, AuditEvent};
use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::ids::{AlertId, DestinationId, EventId, IncidentId, ProjectId};
use domain::money::{Amount, Currency};
use domain::notice::{CauseFacts, MAX_NAMED, NamedIncident, ResolutionCounts, StateCounts};
use sqlx::PgExecutor;
use time::Duration;

use crate::audit::{self, Subject};
use crate::cause_threads::FirstAlert;
use crate::notices::NoticeId;
use crate::{PgConnection, PgPool, StoreError};

/// The first alert of the conversation that a message about a cause belongs to.
pub async fn find_root(
    db: impl PgExecutor<'_>,
    message: NoticeId,
) -> Result<Option<FirstAlert>, StoreError> {
    let row = sqlx::query!(
        "SELECT t.root_incident_id, t.root_kind, t.root_replay_id
         FROM notices n JOIN cause_threads t ON t.id = n.cause_thread_id WHERE n.id = $1",
        message,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| FirstAlert {
        incident_id: row.root_incident_id,
        kind: row.root_kind,
        replay_id: row.root_replay_id,
    }))
}

/// What a message about a cause says now; `None` where nothing is left of its incidents. The page is
/// the caller's to add.
pub async fn gather(pool: &PgPool, message: NoticeId) -> Result<Option<CauseFacts>, StoreError> {
    let Some(cause) = find_cause(pool, message).await? else { return Ok(None) };
    let Some(facts) = count(pool, message, cause).await? else { return Ok(None) };
    let (newest, last_error) = list_newest(pool, message).await?;
    let at_risk = sum_at_risk(pool, message).await?;
    Ok(Some(CauseFacts { at_risk, newest, last_error, ..facts }))
}

async fn find_cause(
    db: impl PgExecutor<'_>,
    message: NoticeId,
) -> Result<Option<Cause>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT i.project_id, i.reason, i.cause_code, i.event_type AS "event_type!", i.effect_type AS "effect_type!: EffectType"
           FROM notices n JOIN incidents i ON i.id = n.first_incident_id WHERE n.id = $1"#,
        message,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Cause {
        project_id: row.project_id,
        reason: row.reason,
        error_code: row.cause_code,
        event_type: row.event_type,
        effect_type: row.effect_type,
    }))
}

/// Reads of the incidents that a message is about, `told`: the first of its episode, and those whose
/// alerts it, an earlier message of the episode or a digest stands for.
macro_rules! query_told {
    ($query:ident!($($into:path,)? $tail:literal, $($argument:expr),+)) => {
        sqlx::$query!(
            $($into,)?
            r#"WITH message AS (SELECT id, cause_thread_id, first_incident_id, since, created_at FROM notices WHERE id = $1), told AS (
                   SELECT first_incident_id AS incident_id FROM message
                   UNION SELECT a.incident_id FROM message m
                       JOIN notices n ON n.cause_thread_id = m.cause_thread_id AND n.first_incident_id = m.first_incident_id
                           AND n.created_at <= m.created_at
                       JOIN alerts a ON a.told_by = n.id
                   UNION SELECT a.incident_id FROM message m JOIN cause_threads t ON t.id = m.cause_thread_id
                       JOIN alert_holds h ON h.destination_id = t.destination_id AND h.ended_at BETWEEN m.since AND m.created_at
                       JOIN alerts a ON a.told_by = h.id JOIN incidents i ON i.id = a.incident_id AND i.cause = t.cause)
               "# + $tail,
            $($argument),+
        )
    };
}

#[expect(clippy::too_many_lines, reason = "one question to the database, whose text is most of it")]
async fn count(
    db: impl PgExecutor<'_>,
    message: NoticeId,
    cause: Cause,
) -> Result<Option<CauseFacts>, StoreError> {
    let row = query_told!(query!(
        r#"SELECT count(*) AS "incidents!", count(DISTINCT i.internal_reference) AS "customers!",
               (SELECT count(DISTINCT a.incident_id) FROM alerts a WHERE a.told_by = $1 AND a.kind = 'incident_opened') AS "new!",
               count(*) FILTER (WHERE i.state = 'open') AS "open!", count(*) FILTER (WHERE i.state = 'acknowledged') AS "acknowledged!",
               count(*) FILTER (WHERE i.state = 'reprocessing') AS "reprocessing!",
               count(*) FILTER (WHERE i.resolution = 'reprocessed') AS "reprocessed!",
               count(*) FILTER (WHERE i.resolution = 'late_success') AS "late_success!",
               count(*) FILTER (WHERE i.resolution = 'manual') AS "manual!",
               count(*) FILTER (WHERE i.resolution = 'superseded') AS "superseded!",
               count(DISTINCT i.internal_reference) FILTER (WHERE i.state <> 'resolved') AS "customers_left!",
               min(i.opened_at) FILTER (WHERE i.state <> 'resolved') AS oldest_left_at, clock_timestamp() AS "now!",
               min(i.opened_at) AS first_opened_at, max(i.opened_at) AS last_opened_at, max(i.resolved_at) AS last_resolved_at
           FROM told JOIN incidents i ON i.id = told.incident_id"#,
        message
    ))
    .fetch_one(db)
    .await?;
    let (Some(first_opened_at), Some(last_opened_at)) = (row.first_opened_at, row.last_opened_at)
    else {
        return Ok(None);
    };
    Ok(Some(CauseFacts {
        cause,
        incidents: row.incidents,
        new: row.new,
        customers: row.customers,
        at_risk: Vec::new(),
        customers_left: row.customers_left,
        age: row.oldest_left_at.map_or(Duration::ZERO, |at| row.now - at),
        states: StateCounts {
            open: row.open,
            acknowledged: row.acknowledged,
            reprocessing: row.reprocessing,
        },
        resolutions: ResolutionCounts {
            reprocessed: row.reprocessed,
            late_success: row.late_success,
            manual: row.manual,
            superseded: row.superseded,
        },
        newest: Vec::new(),
        last_error: AppError::default(),
        first_opened_at,
        last_opened_at,
        last_resolved_at: row.last_resolved_at,
        cause_url: String::new(),
    }))
}

/// What was paid for those that are not resolved.
async fn sum_at_risk(
    db: impl PgExecutor<'_>,
    message: NoticeId,
) -> Result<Vec<Amount>, StoreError> {
    let sums = query_told!(query_as!(
        Amount,
        r#"SELECT sum(i.amount_value)::bigint AS "value!", i.amount_currency AS "currency!: Currency"
           FROM told JOIN incidents i ON i.id = told.incident_id
           WHERE i.state <> 'resolved' AND i.amount_currency IS NOT NULL
           GROUP BY i.amount_currency ORDER BY sum(i.amount_value) DESC, i.amount_currency"#,
        message
    ));
    Ok(sums.fetch_all(db).await?)
}

/// The newest incidents, and what the app reported of the newest.
async fn list_newest(
    db: impl PgExecutor<'_>,
    message: NoticeId,
) -> Result<(Vec<NamedIncident>, AppError), StoreError> {
    let rows = query_told!(query!(
        r#"SELECT i.id, i.event_id, i.internal_reference AS "internal_reference!", i.error_code, i.error_message
           FROM told JOIN incidents i ON i.id = told.incident_id ORDER BY i.opened_at DESC, i.id DESC LIMIT $2"#,
        message,
        i64::try_from(MAX_NAMED).unwrap_or(i64::MAX)
    ))
    .fetch_all(db)
    .await?;
    let last_error = rows
        .first()
        .map(|row| AppError { code: row.error_code.clone(), message: row.error_message.clone() });
    let named = rows.into_iter().map(|row| NamedIncident {
        incident_id: row.id,
        event_id: row.event_id,
        internal_reference: row.internal_reference,
    });
    Ok((named.collect(), last_error.unwrap_or_default()))
}

/// An alert that a message stands for.
struct Folded {
    incident_id: IncidentId,
    event_id: EventId,
    kind: AlertKind,
}

/// Ends the alerts that a message stands for, each with an entry on its timeline: told, or given up
/// with this reason. What an attempt of its own got before it was folded is not kept of one that is told.
pub async fn finish_folded(
    tx: &mut PgConnection,
    project_id: ProjectId,
    destination_id: DestinationId,
    message: NoticeId,
    given_up: Option<&str>,
) -> Result<(), StoreError> {
    let folded = sqlx::query_as!(
        Folded,
        "UPDATE alerts SET state = CASE WHEN $2::text IS NULL THEN 'told' ELSE 'given_up' END,
             last_answer = $2, finished_at = now()
         WHERE told_by = $1 AND state = 'folded' RETURNING incident_id, event_id, kind",
        message,
        given_up,
    )
    .fetch_all(&mut *tx)
    .await?;
    let entries = folded.iter().map(|alert| {
        let kind = NotificationKind::Alert(alert.kind);
        let told_by = AlertId::from_uuid(message);
        let event = match given_up {
            None => {
                AuditEvent::AlertTold(ToldDetail { alert: alert.kind, destination_id, told_by })
            }
            Some(why) => AuditEvent::AlertGivenUp(AlertDetail {
                why: Some(why.to_owned()),
                ..AlertDetail::new(kind, destination_id)
            }),
        };
        (Subject::incident(project_id, alert.event_id, alert.incident_id), event)
    });
    audit::record_all(tx, &Actor::System, &entries.collect::<Vec<_>>()).await
}
