//! What each destination was told of a cause, and what is to be told next.
//!
//! A row is locked after its destination's, by which claims of alerts follow one another, so that of
//! 200 incidents that open together one is the first; notices are locked last. Whoever locks in that order waits for
//! nobody in a circle. An alert that is folded names the message that
//! will stand for it before that is written: `next_message` becomes a notice, and what is folded
//! afterwards names the one after it. So no alert is between two messages, and a process that dies
//! anywhere leaves either a folded alert whose message is due, or a notice that waits.

use domain::alert::{AT_LEAST_EVERY, AlertKind, CauseMessage, Episode, KnownBy, Progress, Telling};
use domain::ids::{AlertId, CauseId, IncidentId, ReplayId};
use domain::notice::NoticeKind;
use sqlx::PgExecutor;
use time::Duration;
use uuid::Uuid;

use crate::alerts::Alert;
use crate::pool::{or_skip, transaction};
use crate::{PgConnection, PgPool, StoreError, alert_rules};

/// An alert that others follow in mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstAlert {
    pub incident_id: IncidentId,
    /// What it reported.
    pub kind: AlertKind,
    /// The reprocess that it reported on.
    pub replay_id: Option<ReplayId>,
}

/// How an alert is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// By itself.
    Alone {
        /// The alert of another incident with which the conversation begins in mail.
        root: Option<FirstAlert>,
        /// The incident that began the episode: what services that follow our state know all of it by.
        conversation: IncidentId,
        /// Whether it is about all incidents of its cause.
        stands_for_cause: bool,
    },
    /// By the next message about its cause; the alert is not pending any more.
    Folded,
}

/// Places an alert that is to be sent, while its destination is locked.
pub(crate) async fn place(
    tx: &mut PgConnection,
    alert: &Alert,
    known: KnownBy,
) -> Result<Placement, StoreError> {
    let conversation = alert.incident_id;
    let alone = |root| Placement::Alone { root, conversation, stands_for_cause: false };
    let Some(cause) = find_cause(&mut *tx, alert).await? else {
        return Ok(alone(None));
    };
    let thread = lock_thread(&mut *tx, alert, cause).await?;
    let episode = thread.as_ref().map(|thread| thread.episode);
    match Telling::decide(alert.kind, known, episode) {
        Telling::Alone => {
            let begun = thread.filter(|thread| thread.episode.is_first).map(|thread| thread.root);
            Ok(alone(begun.filter(|root| root.incident_id != alert.incident_id)))
        }
        Telling::First { follows } => {
            begin(tx, alert, cause, follows).await?;
            Ok(alone(thread.filter(|_| follows).map(|thread| thread.root)))
        }
        Telling::ByCause { joins, is_due } => {
            if let Some(conversation) = acknowledge(&mut *tx, alert, cause).await? {
                return Ok(Placement::Alone { root: None, conversation, stands_for_cause: true });
            }
            fold(&mut *tx, alert, cause, joins).await?;
            if is_due {
                let_update_be_due(tx, alert, cause).await?;
            }
            Ok(Placement::Folded)
        }
    }
}

/// Lets the acknowledgement after which no incident of a cause waits for an operator be told by itself, the first such
/// one since something was to be done; the incident that began the episode. It is told alone again if it was not taken.
async fn acknowledge(
    tx: &mut PgConnection,
    alert: &Alert,
    cause: CauseId,
) -> Result<Option<IncidentId>, StoreError> {
    if alert.kind != AlertKind::IncidentAcknowledged {
        return Ok(None);
    }
    let conversation = sqlx::query_scalar!(
        "UPDATE cause_threads SET acknowledged_by = $1 WHERE destination_id = $2 AND cause = $3
             AND (acknowledged_by IS NULL OR acknowledged_by = $1)
             AND NOT EXISTS (SELECT FROM incidents i WHERE i.cause = $3 AND i.state = 'open')
         RETURNING first_incident_id",
        alert.id.as_uuid(),
        alert.destination_id.as_uuid(),
        cause.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(conversation)
}

/// The cause that messages to this destination are about; `None` where it gets each incident.
async fn find_cause(db: impl PgExecutor<'_>, alert: &Alert) -> Result<Option<CauseId>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT i.cause, coalesce(d.every_incident, d.kind IN ('webhook', 'activity')) AS "every_incident!"
           FROM incidents i CROSS JOIN destinations d WHERE i.id = $1 AND d.id = $2"#,
        alert.incident_id.as_uuid(),
        alert.destination_id.as_uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(row.cause.filter(|_| !row.every_incident))
}

struct Thread {
    episode: Episode,
    root: FirstAlert,
}

async fn lock_thread(
    tx: &mut PgConnection,
    alert: &Alert,
    cause: CauseId,
) -> Result<Option<Thread>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT root_incident_id, root_kind, root_replay_id, first_incident_id, incidents, is_quiet,
               extract(epoch FROM clock_timestamp() - ended_at)::float8 AS ended_seconds,
               NOT has_news AND EXISTS (SELECT FROM incidents i WHERE i.id = t.first_incident_id AND i.state = 'resolved') AS "is_first_resolved!"
           FROM cause_threads t WHERE destination_id = $1 AND cause = $2 FOR UPDATE"#,
        alert.destination_id.as_uuid(),
        cause.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| Thread {
        episode: Episode {
            incidents: row.incidents,
            is_first: row.first_incident_id == alert.incident_id,
            is_first_resolved: row.is_first_resolved,
            is_quiet: row.is_quiet,
            ended: row.ended_seconds.map(Duration::seconds_f64),
        },
        root: FirstAlert {
            incident_id: row.root_incident_id,
            kind: row.root_kind,
            replay_id: row.root_replay_id,
        },
    }))
}

/// Begins an episode with the incident of this alert; a new conversation too, unless it follows the
/// one before.
async fn begin(
    tx: &mut PgConnection,
    alert: &Alert,
    cause: CauseId,
    follows: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO cause_threads AS t (id, project_id, destination_id, cause, root_incident_id, root_kind, root_replay_id,
             first_incident_id, next_message, is_quiet)
         SELECT $1, d.project_id, d.id, $3, $4, $5, $6, $4, $7, $9 FROM destinations d WHERE d.id = $2
         ON CONFLICT ON CONSTRAINT cause_threads_cause_key DO UPDATE SET
             root_incident_id = CASE WHEN $8 THEN t.root_incident_id ELSE excluded.root_incident_id END,
             root_kind = CASE WHEN $8 THEN t.root_kind ELSE excluded.root_kind END,
             root_replay_id = CASE WHEN $8 THEN t.root_replay_id ELSE excluded.root_replay_id END,
             first_incident_id = excluded.first_incident_id, began_at = now(), incidents = 1, told = 1,
             has_news = false, told_at = now(), next_message = excluded.next_message, ended_at = NULL, acknowledged_by = NULL,
             is_quiet = excluded.is_quiet",
        Uuid::now_v7(),
        alert.destination_id.as_uuid(),
        cause.as_uuid(),
        alert.incident_id.as_uuid(),
        alert.kind.as_str(),
        alert.replay_id.map(ReplayId::as_uuid),
        Uuid::now_v7(),
        follows,
        !alert.kind.opens(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Leaves an alert to the next message of its cause. One that says that something is to be done again lets the next
/// acknowledgement of all be told by itself.
async fn fold(
    tx: &mut PgConnection,
    alert: &Alert,
    cause: CauseId,
    joins: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH thread AS (
             UPDATE cause_threads SET incidents = incidents + $4, has_news = true, ended_at = NULL,
                 acknowledged_by = CASE WHEN $4 > 0 OR $5 THEN NULL ELSE acknowledged_by END
             WHERE destination_id = $2 AND cause = $3 RETURNING next_message)
         UPDATE alerts SET state = 'folded', told_by = thread.next_message, leased_until = NULL
         FROM thread WHERE id = $1 AND state = 'pending'",
        alert.id.as_uuid(),
        alert.destination_id.as_uuid(),
        cause.as_uuid(),
        i32::from(joins),
        alert.kind.opens(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Lets the next message of a cause be due now: the first that opened, of those that the destination is told of.
async fn let_update_be_due(
    tx: &mut PgConnection,
    alert: &Alert,
    cause: CauseId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE cause_threads SET is_quiet = false, told_at = least(told_at, now() - make_interval(secs => $3))
         WHERE destination_id = $1 AND cause = $2",
        alert.destination_id.as_uuid(),
        cause.as_uuid(),
        AT_LEAST_EVERY.as_seconds_f64(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes the messages about causes that are due, and ends what is over; those of a project that is not told now wait,
/// and its digest stands for them. Returns how many were written. One that cannot be written keeps no other waiting.
pub async fn enqueue_due(pool: &PgPool) -> Result<u64, StoreError> {
    let mut written = 0;
    for id in list_due(pool).await? {
        let advanced = transaction(pool, async |tx| advance(tx, id).await).await;
        written += u64::from(or_skip(advanced, "tell how a cause stands", id)?);
    }
    Ok(written)
}

/// Reads how far threads are; what follows `WHERE` is the caller's. An end is not told while an alert
/// of the cause is still to be placed.
macro_rules! query_progress {
    ($condition:literal $(, $argument:expr)*) => {
        sqlx::query!(
            r#"SELECT t.id, t.project_id, t.incidents, t.told, t.has_news,
                   extract(epoch FROM clock_timestamp() - t.told_at)::float8 AS "seconds!",
                   NOT EXISTS (SELECT FROM incidents i WHERE i.cause = t.cause
                       AND i.state IN ('open', 'acknowledged', 'reprocessing'))
                   AND (t.incidents = 1 OR NOT EXISTS (SELECT FROM alerts a JOIN incidents i ON i.id = a.incident_id
                       WHERE a.destination_id = t.destination_id AND a.state = 'pending' AND i.cause = t.cause)) AS "is_over!"
               FROM cause_threads t WHERE t.ended_at IS NULL AND "# + $condition
            $(, $argument)*
        )
        .map(|row| {
            let progress = Progress {
                incidents: row.incidents,
                told: row.told,
                has_news: row.has_news,
                since_last: Duration::seconds_f64(row.seconds),
                is_over: row.is_over,
            };
            (row.id, row.project_id, CauseMessage::decide(progress))
        })
    };
}

async fn list_due(db: impl PgExecutor<'_>) -> Result<Vec<Uuid>, StoreError> {
    let threads = query_progress!("true").fetch_all(db).await?;
    let due = threads.into_iter().filter(|(.., message)| *message != CauseMessage::NotYet);
    Ok(due.map(|(id, ..)| id).collect())
}

/// Decides again under the locks of the destination and the thread, and writes what is due. `true` if a message was written.
async fn advance(tx: &mut PgConnection, id: Uuid) -> Result<bool, StoreError> {
    sqlx::query!(
        "SELECT FROM destinations WHERE id = (SELECT destination_id FROM cause_threads WHERE id = $1) FOR NO KEY UPDATE",
        id,
    )
    .execute(&mut *tx)
    .await?;
    // A statement of its own, because only a later one sees what was committed while it waited.
    sqlx::query!("SELECT FROM cause_threads WHERE id = $1 FOR UPDATE", id)
        .execute(&mut *tx)
        .await?;
    let found = query_progress!("t.id = $1", id).fetch_optional(&mut *tx).await?;
    let Some((_, project_id, message)) = found else { return Ok(false) };
    // Also of what is over without a message: what was held back of it may be.
    if alert_rules::find_hold(&mut *tx, project_id).await?.is_some() {
        return Ok(false);
    }
    let kind = match message {
        CauseMessage::NotYet => return Ok(false),
        CauseMessage::EndUntold => {
            end(tx, id).await?;
            return Ok(false);
        }
        CauseMessage::Update => NoticeKind::CauseUpdated,
        CauseMessage::End => NoticeKind::CauseEnded,
    };
    if is_sending(&mut *tx, id).await? {
        return Ok(false);
    }
    let message = write(&mut *tx, id, kind).await?;
    supersede(&mut *tx, id, message).await?;
    if kind == NoticeKind::CauseEnded {
        end(tx, id).await?;
    }
    Ok(true)
}

/// Whether a message of the thread is on its way, which a newer one must not overtake.
async fn is_sending(db: impl PgExecutor<'_>, id: Uuid) -> Result<bool, StoreError> {
    let sending = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM notices WHERE cause_thread_id = $1 AND state = 'pending'
               AND due_at > clock_timestamp()) AS "sending!""#,
        id,
    );
    Ok(sending.fetch_one(db).await?)
}

async fn write(tx: &mut PgConnection, id: Uuid, kind: NoticeKind) -> Result<AlertId, StoreError> {
    let message = sqlx::query_scalar!(
        r#"INSERT INTO notices (id, destination_id, kind, day, project_id, about_id, since, until, cause_thread_id, first_incident_id)
           SELECT next_message, destination_id, $2, (now() AT TIME ZONE 'UTC')::date, project_id, next_message, began_at,
               clock_timestamp(), id, first_incident_id
           FROM cause_threads WHERE id = $1 RETURNING id AS "id: AlertId""#,
        id,
        kind.as_str(),
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE cause_threads SET told = incidents, has_news = false, told_at = clock_timestamp(), next_message = $2 WHERE id = $1",
        id,
        Uuid::now_v7(),
    )
    .execute(tx)
    .await?;
    Ok(message)
}

/// Lets a message stand for those of its episode that were written before and not sent yet.
async fn supersede(tx: &mut PgConnection, id: Uuid, message: AlertId) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH newer AS (SELECT first_incident_id FROM notices WHERE id = $2), stale AS (
             UPDATE notices n SET state = 'superseded', finished_at = now() FROM newer
             WHERE n.cause_thread_id = $1 AND n.first_incident_id = newer.first_incident_id
               AND n.state = 'pending' AND n.id <> $2 RETURNING n.id)
         UPDATE alerts SET told_by = $2 WHERE told_by IN (SELECT id FROM stale) AND state = 'folded'",
        id,
        message.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn end(tx: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("UPDATE cause_threads SET ended_at = clock_timestamp() WHERE id = $1", id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets what ended more than 30 days ago, as notices are.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM cause_threads WHERE ended_at < now() - interval '30 days'")
        .execute(db)
        .await?;
    Ok(())
}
