//! Messages that wait for their destination: alerts and notices, which share its back-off.
//!
//! What waits for a destination is sent one after the other: what is too old to be sent first, so
//! that it is given up, then what was tried least, so that a message that is never taken keeps no
//! other from going out.

use std::time::Duration;

use domain::ids::{AlertId, DestinationId};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::StoreError;

/// How long a process that says nothing more keeps a message from the others. A worker that died is
/// followed by another one within this and its next look for what waits; after several in a row that
/// noted nothing the message is left alone for longer (`pause_after_unnoted` in the database).
pub const CLAIM: Duration = Duration::from_secs(10);

/// [`CLAIM`], as Postgres reads an interval. It begins with the claim, not with its transaction, which may have
/// waited for the lock for longer than that.
pub(crate) const fn claim_seconds() -> f64 {
    CLAIM.as_secs_f64()
}

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingMessage {
    /// About an incident.
    Alert(AlertId),
    /// About what no single incident shows.
    Notice(Uuid),
}

impl WaitingMessage {
    const fn id(self) -> Uuid {
        match self {
            Self::Alert(id) => id.as_uuid(),
            Self::Notice(id) => id,
        }
    }
}

/// The destinations for which messages wait that no process is about to send: notices, and alerts
/// of more than ten seconds ago, which their watches have left, or of before the database's clock was set back. One that is
/// left alone for a while is listed only where a message is to be given up.
pub async fn list_destinations(db: impl PgExecutor<'_>) -> Result<Vec<DestinationId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT d.id AS "id!: DestinationId" FROM destinations d WHERE EXISTS (
             SELECT FROM alerts a WHERE a.destination_id = d.id AND a.state = 'pending'
               AND a.created_at NOT BETWEEN now() - interval '10 seconds' AND now() + interval '5 minutes'
               AND (a.leased_until IS NULL OR a.leased_until + pause_after_unnoted(a.unnoted_attempts) < now())
               AND (d.retry_at IS NULL OR d.retry_at < now() OR d.removed_at IS NOT NULL
                   OR coalesce(a.released_at, a.created_at) < now() - interval '24 hours'))
           UNION
           SELECT d.id FROM notices n JOIN destinations d ON d.id = n.destination_id
           WHERE n.state = 'pending' AND n.due_at <= now()
             AND n.due_at + pause_after_unnoted(n.unnoted_attempts) <= now()
             AND (d.retry_at IS NULL OR d.retry_at < now() OR d.removed_at IS NOT NULL
                 OR greatest(n.created_at, n.held_at) < now() - interval '24 hours')"#,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

/// The next message for a destination, but for these.
pub async fn find_next(
    db: impl PgExecutor<'_>,
    destination_id: DestinationId,
    but_for: &[WaitingMessage],
) -> Result<Option<WaitingMessage>, StoreError> {
    let but_for: Vec<_> = but_for.iter().map(|waiting| waiting.id()).collect();
    let row = sqlx::query!(
        r#"SELECT id AS "id!", is_alert AS "is_alert!" FROM (
               SELECT id, true AS is_alert, coalesce(released_at, created_at) AS created_at, attempts FROM alerts
               WHERE destination_id = $1 AND state = 'pending'
                 AND created_at NOT BETWEEN now() - interval '10 seconds' AND now() + interval '5 minutes'
               UNION ALL
               SELECT id, false, greatest(created_at, held_at), attempts FROM notices
               WHERE destination_id = $1 AND state = 'pending'
                 AND due_at + pause_after_unnoted(unnoted_attempts) <= now()) AS waiting
           WHERE id <> ALL ($2)
           ORDER BY created_at > now() - interval '24 hours', attempts, created_at, id LIMIT 1"#,
        destination_id.as_uuid(),
        &but_for,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        if row.is_alert {
            WaitingMessage::Alert(AlertId::from_uuid(row.id))
        } else {
            WaitingMessage::Notice(row.id)
        }
    }))
}
