//! The probe of the watch: who starts it, whether all works, and how it ended.
//!
//! One row for all processes. A probe belongs to the one that moves `started_at`, in one statement, so
//! there is one a minute however many look. A process that dies right after it has none started: the
//! next minute belongs to whoever looks then. A worker writes before it judges, because a database that can only
//! be read takes no receipts.

use std::time::Duration;

use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::health::read_work;
use crate::{PgPool, StoreError};

/// How long a message that Temporal should have, and an alert whose destination may be tried, may wait; a deadline
/// counts as not judged after the same time.
pub const LATE: Duration = Duration::from_mins(2);

/// What does not work, so that the dead-man URL is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Temporal did not take the start of the probe.
    NotStarted,
    /// The worker that ran it has no URL.
    NoUrl,
    DeadlinesNotJudged,
    MessagesParked,
    MessagesWait,
    AlertsWait,
}

impl Fault {
    /// As it is stored, logged and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "Temporal does not take the start of the probe",
            Self::NoUrl => "the worker that ran the probe has no SENDPROMPTLY_DEAD_MAN_URL",
            Self::DeadlinesNotJudged => "deadlines are not judged",
            Self::MessagesParked => "Temporal refuses messages",
            Self::MessagesWait => "messages for Temporal do not go out",
            Self::AlertsWait => "alerts wait although their destination may be tried",
        }
    }
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeEnd {
    /// The service took the call.
    Called,
    /// It was not called.
    Silent(Fault),
    /// It was called and did not take it; why, without any part of the URL.
    Failed(String),
}

impl ProbeEnd {
    /// As it is stored and counted.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Called => "called",
            Self::Silent(_) => "silent",
            Self::Failed(_) => "failed",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Called => None,
            Self::Silent(why) => Some(why.as_str()),
            Self::Failed(why) => Some(why),
        }
    }
}

/// What is known of the probe.
#[derive(Debug, Clone, Default)]
pub struct ProbeSeen {
    /// When the service last took a call.
    pub called_at: Option<OffsetDateTime>,
    /// How many seconds ago that was.
    pub called_for: Option<i64>,
    /// Of the probe that ended last: `called`, `silent` or `failed`.
    pub outcome: Option<String>,
    /// Why the service was not called, or did not take it.
    pub reason: Option<String>,
}

/// Takes this minute's probe, where it has been due for as long as `patience`. `true` for one process of all that ask
/// within a minute. A clock that was set back by more than that is not waited for.
pub async fn claim(db: impl PgExecutor<'_>, patience: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE watch_probes SET started_at = now()
         WHERE started_at IS NULL OR started_at <= now() - interval '1 minute' - make_interval(secs => $1)
             OR started_at > now() + interval '1 minute'",
        patience.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether something keeps the URL from being called: first it is seen that the database takes a
/// write.
pub async fn judge(pool: &PgPool) -> Result<Option<Fault>, StoreError> {
    let written = sqlx::query!("UPDATE watch_probes SET checked_at = now()").execute(pool).await?;
    if written.rows_affected() == 0 {
        return Err(StoreError::Missing("watch_probes"));
    }
    let work = read_work(pool).await?;
    let late = i64::try_from(LATE.as_secs()).unwrap_or(i64::MAX);
    if work.overdue_events > 0 {
        Ok(Some(Fault::DeadlinesNotJudged))
    } else if work.parked > 0 {
        Ok(Some(Fault::MessagesParked))
    } else if work.needed_for.is_some_and(|seconds| seconds >= late) {
        Ok(Some(Fault::MessagesWait))
    } else if alerts_wait(pool).await? {
        Ok(Some(Fault::AlertsWait))
    } else {
        Ok(None)
    }
}

/// Whether a destination that may be tried has not been for a while, although an alert waits for it. One
/// that fails is left alone until `retry_at`, and so is one whose address has asked for patience through
/// another, which is no fault of the senders; one that is sent a long row of alerts has taken one lately. Of many that
/// lead to one address each waits for its turn, while another had one.
/// An alert that was held back waits since it was released. Only where an alert is late are those that
/// ended looked at.
async fn alerts_wait(db: impl PgExecutor<'_>) -> Result<bool, StoreError> {
    let waits = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM destinations d
               WHERE d.removed_at IS NULL AND (d.retry_at IS NULL OR d.retry_at < now() - make_interval(secs => $1))
                 AND NOT EXISTS (SELECT FROM destinations o WHERE o.paced_by = d.paced_by AND o.id <> d.id
                     AND greatest(o.asked_until, o.next_send_at) > now() - make_interval(secs => $1))
                 AND EXISTS (SELECT FROM alerts a WHERE a.destination_id = d.id AND a.state = 'pending'
                     AND a.created_at < now() - make_interval(secs => $1)
                     AND coalesce(a.released_at, a.created_at) < now() - make_interval(secs => $1))
                 AND NOT EXISTS (SELECT FROM alerts a WHERE a.destination_id = d.id AND a.state = 'pending'
                     AND a.leased_until > now())
                 AND NOT EXISTS (SELECT FROM alerts a WHERE a.destination_id = d.id
                     AND a.finished_at > now() - make_interval(secs => $1))) AS "waits!""#,
        LATE.as_secs_f64(),
    )
    .fetch_one(db)
    .await?;
    Ok(waits)
}

/// Keeps how a probe ended. `true` where the one before ended otherwise.
pub async fn note_end(db: impl PgExecutor<'_>, end: &ProbeEnd) -> Result<bool, StoreError> {
    let changed = sqlx::query_scalar!(
        r#"UPDATE watch_probes p SET ended_at = now(), outcome = $1, reason = $2,
               called_at = CASE WHEN $1 = 'called' THEN now() ELSE p.called_at END
           FROM (SELECT outcome, reason FROM watch_probes FOR UPDATE) AS before
           RETURNING (before.outcome, before.reason) IS DISTINCT FROM ($1, $2) AS "changed!""#,
        end.as_str(),
        end.reason(),
    )
    .fetch_optional(db)
    .await?;
    changed.ok_or(StoreError::Missing("watch_probes"))
}

/// Reads what is known of the probe.
pub async fn find(db: impl PgExecutor<'_>) -> Result<ProbeSeen, StoreError> {
    let seen = sqlx::query_as!(
        ProbeSeen,
        "SELECT called_at, extract(epoch FROM now() - called_at)::bigint AS called_for, outcome, reason FROM watch_probes",
    )
    .fetch_optional(db)
    .await?;
    Ok(seen.unwrap_or_default())
}
