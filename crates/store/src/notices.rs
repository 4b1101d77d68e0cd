//! Notifying a project's destinations of what no single incident shows: that results never found
//! their receipt, that another destination broke, that a policy stopped for a cause, that an
//! extension does not answer, or that receipts stopped or came again. Each is sent once a day at most,
//! that of a silence once.
//!
//! A notice about results covers what the audit took in since the notice before, so that nothing is
//! reported twice and nothing of the last seven days is left out. A sender claims it first: two
//! processes send it once, and one that dies after it sent sends it once more, with the same
//! message id.

use domain::audit::{Action, Actor};
use domain::effect_result::Outcome;
use domain::ids::{DestinationId, ExtensionId, IncidentId, ProjectId};
use domain::notice::NoticeKind;
use domain::project::Mode;
use sqlx::PgExecutor;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::destination_health::Turn;
use crate::pool::transaction;
use crate::waiting::claim_seconds;
use crate::{PgConnection, PgPool, StoreError, alert_rules, destination_health};

pub type NoticeId = Uuid;

/// Why a notice is given up that says nothing any more, because of what became of what it is about.
#[must_use]
pub const fn why_moot(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::DestinationBroken => "it works again, or was removed",
        NoticeKind::PolicyStopped => "the policy was reset",
        NoticeKind::ExtensionSilent => "it answers again, is paused, or was removed",
        NoticeKind::ReceiptsSilent => "the silence is over",
        NoticeKind::IncidentsWaiting => "nothing that it is about waits any more",
        NoticeKind::ResultsUnclaimed
        | NoticeKind::ReceiptsResumed
        | NoticeKind::CauseUpdated
        | NoticeKind::CauseEnded
        | NoticeKind::AlertsDigest => "what it is about was deleted",
    }
}

/// A notice that its reader claimed.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: NoticeId,
    /// What it reports.
    pub kind: NoticeKind,
    /// Where it goes.
    pub destination_id: DestinationId,
    /// The day of it, in UTC.
    pub day: Date,
    pub project_id: ProjectId,
    /// The destination that broke, the row of the stop, the extension or the silence, for these
    /// kinds.
    pub about: Option<Uuid>,
    /// It covers entries after this.
    pub since: OffsetDateTime,
    /// It covers entries up to this.
    pub until: OffsetDateTime,
    /// Whether 24 hours have passed since its project could be told, so that this attempt is the last one.
    pub last: bool,
    /// How often its destination failed in a row.
    pub failures: i32,
    /// The incident that began the episode of the cause that it is about.
    pub conversation: Option<IncidentId>,
}

/// Results that never found their receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// How many.
    pub count: i64,
    /// How many of them said that the effect failed.
    pub failures: i64,
    /// The provider's ids of some of them: failures first, and of each the newest.
    pub provider_event_ids: Vec<String>,
}

/// Writes the notices that are due: of each project in which a result was given up since the last
/// notice, unless that was less than 24 hours ago. What was notified eight days ago is older than all that is looked at.
/// Returns how many destinations are notified. The kind that is looked for is a literal, so that whatever the plan is made
/// for, it may read the index of these alone.
pub async fn enqueue_notices(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "WITH notified AS (
             SELECT p.id AS project_id, max(n.created_at) AS notified_at,
                    greatest(max(n.until), now() - interval '7 days') AS since
             FROM projects p LEFT JOIN notices n ON n.project_id = p.id AND n.kind = 'results_unclaimed'
                 AND n.created_at > now() - interval '8 days' GROUP BY p.id
         ), due AS (
             SELECT notified.project_id, notified.since,
                    (SELECT max(a.at) FROM audit_entries a
                     WHERE coalesce(a.project_id, '00000000-0000-0000-0000-000000000000') = notified.project_id
                       AND a.actor = $1 AND a.action = $2 AND a.at > notified.since) AS until
             FROM notified WHERE notified.notified_at IS NULL OR notified.notified_at < now() - interval '24 hours'
         )
         INSERT INTO notices (destination_id, kind, day, project_id, since, until)
         SELECT d.id, $3, (now() AT TIME ZONE 'UTC')::date, due.project_id, due.since, due.until
         FROM due JOIN destinations d ON d.project_id = due.project_id
         WHERE due.until IS NOT NULL AND d.removed_at IS NULL AND d.broken_at IS NULL
         ON CONFLICT ON CONSTRAINT notices_occasion_key DO NOTHING",
        Actor::System.to_string(),
        Action::ResultUnclaimed.as_str(),
        NoticeKind::ResultsUnclaimed.as_str(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Notifies the project's other destinations that one of them broke, unless they were notified
/// today.
pub async fn enqueue_broken(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    broken: DestinationId,
) -> Result<(), StoreError> {
    enqueue_about(db, project_id, NoticeKind::DestinationBroken, broken.as_uuid()).await
}

/// Notifies a project's destinations of a policy that stopped, of a silence, or of one of them: `about` is its row,
/// and not notified itself.
pub(crate) async fn enqueue_about(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    kind: NoticeKind,
    about: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until)
         SELECT id, $3, (now() AT TIME ZONE 'UTC')::date, project_id, $2, now(), now() FROM destinations
         WHERE project_id = $1 AND id <> $2 AND removed_at IS NULL AND broken_at IS NULL
         ON CONFLICT ON CONSTRAINT notices_occasion_key DO NOTHING",
        project_id.as_uuid(),
        about,
        kind.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notifies a project's destinations that one of its extensions does not answer.
pub(crate) async fn enqueue_silent(
    db: impl PgExecutor<'_>,
    silent: ExtensionId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until)
         SELECT d.id, $2, (now() AT TIME ZONE 'UTC')::date, d.project_id, x.id, now(), now()
         FROM extensions x JOIN destinations d ON d.project_id = x.project_id
         WHERE x.id = $1 AND x.removed_at IS NULL AND d.removed_at IS NULL AND d.broken_at IS NULL
         ON CONFLICT ON CONSTRAINT notices_occasion_key DO NOTHING",
        silent.as_uuid(),
        NoticeKind::ExtensionSilent.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is to be done with a notice.
#[derive(Debug)]
pub enum NoticeClaim {
    /// Nothing: it has ended, or another process is at it.
    Ended,
    /// Nothing now: its destination failed and is left alone for a while, or enough is under way to it.
    LeftAlone,
    /// Nothing for a second: its destination has just got a message.
    Paced,
    /// Nothing now: its project is not told for a while.
    Held,
    /// It is not to be sent any more: 24 hours have passed, its destination was removed, or what it
    /// reports holds no longer.
    GiveUp(Notice, String),
    /// It is ours to send.
    Send(Notice),
}

/// Claims a notice for one attempt, or says why not. A claim holds for ten seconds, is renewed
/// while the attempt goes on ([`renew_notice`]), and begins under a lock on the destination's row, as
/// an alert's does: of a destination that failed nothing else is sent until this attempt has ended. It counts the
/// attempt. Nothing is held, but that it waits is kept, unless the result is [`NoticeClaim::Send`] and the transaction is
/// committed.
pub async fn claim_notice(tx: &mut PgConnection, id: NoticeId) -> Result<NoticeClaim, StoreError> {
    lock_destination(&mut *tx, id).await?;
    let Some(pending) = lock_pending(&mut *tx, id).await? else { return Ok(NoticeClaim::Ended) };
    let Pending { notice, .. } = pending;
    if pending.is_removed {
        return Ok(NoticeClaim::GiveUp(notice, "the destination was removed".to_owned()));
    }
    if pending.is_moot {
        let why = why_moot(notice.kind).to_owned();
        return Ok(NoticeClaim::GiveUp(notice, why));
    }
    if alert_rules::find_hold(&mut *tx, notice.project_id).await?.is_some() {
        note_held(tx, id).await?;
        return Ok(NoticeClaim::Held);
    }
    if pending.is_left_alone && notice.last {
        let why = pending.last_answer.unwrap_or_else(|| "not delivered within 24 hours".to_owned());
        return Ok(NoticeClaim::GiveUp(notice, why));
    }
    if pending.is_left_alone {
        return Ok(NoticeClaim::LeftAlone);
    }
    match destination_health::take_turn(&mut *tx, notice.destination_id).await? {
        Turn::Now => {}
        Turn::Soon => return Ok(NoticeClaim::Paced),
        Turn::Later => return Ok(NoticeClaim::LeftAlone),
    }
    hold(tx, &notice, 1).await?;
    Ok(NoticeClaim::Send(notice))
}

/// Says that the process that claimed the notice still sends it.
pub async fn renew_notice(pool: &PgPool, notice: &Notice) -> Result<(), StoreError> {
    transaction(pool, async |tx| hold(tx, notice, 0).await).await
}

/// Keeps that it waits for its project to be told, to the minute: its 24 hours have not begun.
async fn note_held(db: impl PgExecutor<'_>, id: NoticeId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE notices SET held_at = now() WHERE id = $1 AND coalesce(held_at < now() - interval '1 minute', true)",
        id,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Holds the notice from now on, with `begun` attempts more.
async fn hold(tx: &mut PgConnection, notice: &Notice, begun: i32) -> Result<(), StoreError> {
    destination_health::hold(&mut *tx, notice.destination_id, notice.failures).await?;
    sqlx::query!(
        "UPDATE notices SET attempts = attempts + $3, unnoted_attempts = unnoted_attempts + $3,
             due_at = clock_timestamp() + make_interval(secs => $2)
         WHERE id = $1 AND state = 'pending'",
        notice.id,
        claim_seconds(),
        begun,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A notice that waits and what is known of its destination.
struct Pending {
    notice: Notice,
    last_answer: Option<String>,
    is_removed: bool,
    /// What it reports holds no longer.
    is_moot: bool,
    is_left_alone: bool,
}

/// Locks the destination of a notice, which goes before the notice: whoever supersedes notices holds it, too.
async fn lock_destination(tx: &mut PgConnection, id: NoticeId) -> Result<(), StoreError> {
    sqlx::query!(
        "SELECT FROM destinations WHERE id = (SELECT destination_id FROM notices WHERE id = $1) FOR NO KEY UPDATE",
        id,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Reads a notice that waits and locks it; its destination is locked.
async fn lock_pending(tx: &mut PgConnection, id: NoticeId) -> Result<Option<Pending>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT n.kind, n.destination_id, n.day, n.project_id, n.about_id, n.since, n.until, n.last_answer, d.failures,
               n.first_incident_id, greatest(n.created_at, n.held_at) < now() - interval '24 hours' AS "last!", d.removed_at IS NOT NULL AS "is_removed!",
               coalesce(d.retry_at > clock_timestamp(), false) AS "is_left_alone!",
               CASE n.kind
                   WHEN 'destination_broken' THEN about.broken_at IS NULL OR about.removed_at IS NOT NULL
                   WHEN 'policy_stopped' THEN stop.reset_at IS NOT NULL
                   WHEN 'extension_silent' THEN silent.removed_at IS NOT NULL OR silent.paused_at IS NOT NULL OR silent.unanswered_in_a_row = 0
                   WHEN 'receipts_silent' THEN silence.ended_at IS NOT NULL
                   ELSE false END AS "is_moot!"
           FROM notices n JOIN destinations d ON d.id = n.destination_id
               LEFT JOIN destinations about ON about.id = n.about_id LEFT JOIN policy_stops stop ON stop.id = n.about_id
               LEFT JOIN extensions silent ON silent.id = n.about_id LEFT JOIN silences silence ON silence.id = n.about_id
           WHERE n.id = $1 AND n.state = 'pending'
             AND n.due_at + pause_after_unnoted(n.unnoted_attempts) <= clock_timestamp() FOR NO KEY UPDATE OF n"#,
        id,
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| Pending {
        notice: Notice {
            id,
            kind: row.kind,
            destination_id: row.destination_id,
            day: row.day,
            project_id: row.project_id,
            about: row.about_id,
            since: row.since,
            until: row.until,
            last: row.last,
            failures: row.failures,
            conversation: row.first_incident_id,
        },
        last_answer: row.last_answer,
        is_removed: row.is_removed,
        is_moot: row.is_moot,
        is_left_alone: row.is_left_alone,
    }))
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeOutcome<'a> {
    /// The message was accepted; the other side's response.
    Delivered(&'a str),
    /// It was not, and is retried when its destination may be; the other side's response.
    Failed(&'a str),
    /// It was not, and that was the last attempt.
    GivenUp(&'a str),
}

/// Notes how an attempt ended. `false` if the notice was finished before.
pub async fn note_attempt(
    db: impl PgExecutor<'_>,
    notice: &Notice,
    end: NoticeOutcome<'_>,
) -> Result<bool, StoreError> {
    let (state, answer) = match end {
        NoticeOutcome::Delivered(answer) => ("delivered", answer),
        NoticeOutcome::Failed(answer) => ("pending", answer),
        NoticeOutcome::GivenUp(answer) => ("given_up", answer),
    };
    let done = sqlx::query!(
        "UPDATE notices SET state = $2, last_answer = $3, due_at = now(), unnoted_attempts = 0,
             finished_at = CASE WHEN $2 = 'pending' THEN NULL ELSE now() END
         WHERE id = $1 AND state = 'pending'",
        notice.id,
        state,
        answer,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The results of one project, or of all of a mode or of both, that were given up after `since` and up to `until`, with
/// the ids of five.
pub async fn find_unclaimed(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Unclaimed, StoreError> {
    let row = sqlx::query!(
        r#"WITH given_up AS (
               SELECT entry.at, entry.detail ->> 'provider_event_id' AS id, entry.detail ->> 'status' AS status
               FROM projects p CROSS JOIN LATERAL (
                   SELECT at, detail FROM audit_entries
                   WHERE coalesce(project_id, '00000000-0000-0000-0000-000000000000') = p.id
                     AND actor = $2 AND action = $3 AND at > $4 AND at <= $5) AS entry
               WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($7::text IS NULL OR p.mode = $7)
           )
           SELECT (SELECT count(*) FROM given_up) AS "count!",
                  (SELECT count(*) FROM given_up WHERE status = $6) AS "failures!",
                  ARRAY(SELECT id FROM given_up WHERE id IS NOT NULL
                      ORDER BY coalesce(status = $6, false) DESC, at DESC LIMIT 5) AS "ids!""#,
        project_id.map(ProjectId::as_uuid),
        Actor::System.to_string(),
        Action::ResultUnclaimed.as_str(),
        since,
        until,
        Outcome::Failed.as_str(),
        mode.map(Mode::as_str),
    )
    .fetch_one(db)
    .await?;
    Ok(Unclaimed { count: row.count, failures: row.failures, provider_event_ids: row.ids })
}

/// Forgets finished notices after 30 days, but those of a cause that lasts: its next message counts what
/// they were about.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM notices n WHERE state <> 'pending' AND created_at < now() - interval '30 days'
           AND NOT EXISTS (SELECT FROM cause_threads t WHERE t.id = n.cause_thread_id AND t.ended_at IS NULL)"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
