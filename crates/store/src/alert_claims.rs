//! Who sends which alert now.
//!
//! A claim is made under a lock on the destination's row, so that of several processes one sends an
//! alert, one message probes a destination that failed, and two alerts of one incident never
//! overtake each other. Whoever claims, renews or notes locks the destination first and its alerts then, so that nobody
//! waits in a circle. A claim holds for ten seconds and is renewed while the attempt goes on
//! ([`renew_alert`]): a process that dies after it sent and before it noted that leaves a claim that
//! runs out, and the message is sent once more. An attempt is counted with its claim: where the database takes
//! everything but the note, each attempt comes after twice the time, up to half an hour.

use std::collections::BTreeMap;

use domain::alert::KnownBy;
use domain::ids::{AlertId, DestinationId, IncidentId, ProjectId};
use sqlx::PgExecutor;

use crate::alerts::Alert;
use crate::cause_threads::{self, FirstAlert, Placement};
use crate::destination_health::Turn;
use crate::pool::transaction;
use crate::waiting::claim_seconds;
use crate::{PgConnection, PgPool, StoreError, alert_holds, alert_rules, destination_health};

/// What is to be done with an alert.
#[derive(Debug)]
pub enum AlertClaim {
    /// Nothing: it has ended, or is gone.
    Ended,
    /// Nothing now: another process sends it, or another alert of its incident to its destination, or its last
    /// attempts left no note.
    Busy,
    /// Nothing now: its destination failed and is left alone for a while, or enough is under way to it.
    LeftAlone,
    /// Nothing for a second: its destination has just got a message.
    Paced,
    /// It is not to be sent any more, because 24 hours have passed or its destination was removed.
    GiveUp(Alert, &'static str),
    /// It is not to be sent any more, because a newer alert says more.
    Supersede(Alert),
    /// It is not to be sent: the next message about its cause stands for it.
    Folded(ProjectId),
    /// It is not to be sent: its project is not told now, and what comes after that stands for it.
    Held,
    /// It is ours to send.
    Send(ClaimedAlert),
}

/// An alert that its reader claimed.
#[derive(Debug, Clone)]
pub struct ClaimedAlert {
    pub alert: Alert,
    /// How often its destination failed in a row.
    pub failures: i32,
    /// The first alert of the incident that the destination took, which this one follows.
    pub first: Option<FirstAlert>,
    /// Where that is none, the alert of another incident of its cause that this one follows.
    pub root: Option<FirstAlert>,
    /// The incident by which a service that follows our state knows what the alert is about.
    pub conversation: IncidentId,
    /// Whether it says of all incidents of its cause that none waits for an operator any more.
    pub stands_for_cause: bool,
}

/// Claims an alert, or says why not. Nothing is held unless the result is [`AlertClaim::Send`] and the
/// transaction is committed.
pub async fn claim_alert(tx: &mut PgConnection, id: AlertId) -> Result<AlertClaim, StoreError> {
    lock_destination(&mut *tx, id).await?;
    let Some(pending) = lock_pending(&mut *tx, id).await? else { return Ok(AlertClaim::Ended) };
    let Pending { alert, project_id, failures, not_now, .. } = pending;
    if pending.is_removed {
        return Ok(AlertClaim::GiveUp(alert, "the destination was removed"));
    }
    let others = read_others(&mut *tx, &alert).await?;
    if others.is_leased {
        return Ok(AlertClaim::Busy);
    }
    if others.is_newer {
        return Ok(AlertClaim::Supersede(alert));
    }
    let waits = alert_rules::find_hold(&mut *tx, project_id).await?;
    if pending.is_old && waits.is_none() {
        return Ok(AlertClaim::GiveUp(alert, "not delivered within 24 hours"));
    }
    let placement = cause_threads::place(&mut *tx, &alert, others.known).await?;
    if let Some(hold) = waits {
        alert_holds::hold_back(tx, &alert, project_id, &hold, placement).await?;
        return Ok(AlertClaim::Held);
    }
    let Placement::Alone { root, conversation, stands_for_cause } = placement else {
        return Ok(AlertClaim::Folded(project_id));
    };
    if let Some(not_now) = not_now {
        return Ok(not_now);
    }
    match destination_health::take_turn(&mut *tx, alert.destination_id).await? {
        Turn::Now => {}
        Turn::Soon => return Ok(AlertClaim::Paced),
        Turn::Later => return Ok(AlertClaim::LeftAlone),
    }
    // The attempt is counted before it is made: what became of it may never be noted.
    hold(tx, &alert, failures, 1).await?;
    let first = others.first;
    let claimed = ClaimedAlert { alert, failures, first, root, conversation, stands_for_cause };
    Ok(AlertClaim::Send(claimed))
}

/// A pending alert and what is known of its destination.
struct Pending {
    alert: Alert,
    project_id: ProjectId,
    failures: i32,
    is_removed: bool,
    is_old: bool,
    /// Its destination is left alone, or its last attempts left no note and the pause after them is not over.
    not_now: Option<AlertClaim>,
}

/// Locks the destination of an alert.
async fn lock_destination(tx: &mut PgConnection, id: AlertId) -> Result<(), StoreError> {
    sqlx::query!(
        "SELECT FROM destinations WHERE id = (SELECT destination_id FROM alerts WHERE id = $1) FOR NO KEY UPDATE",
        id.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Reads a pending alert and locks it; its destination is locked.
async fn lock_pending(tx: &mut PgConnection, id: AlertId) -> Result<Option<Pending>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT a.incident_id, a.event_id, a.destination_id, a.kind, a.replay_id, a.created_at, d.project_id, d.failures,
               coalesce(a.released_at, a.created_at) < now() - interval '24 hours' AS "is_old!", d.removed_at IS NOT NULL AS "is_removed!",
               coalesce(d.retry_at > clock_timestamp(), false) AS "is_left_alone!",
               coalesce(a.leased_until + pause_after_unnoted(a.unnoted_attempts) > clock_timestamp(), false) AS "is_put_off!"
           FROM alerts a JOIN destinations d ON d.id = a.destination_id
           WHERE a.id = $1 AND a.state = 'pending' FOR NO KEY UPDATE OF a"#,
        id.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let alert = Alert {
        id,
        incident_id: row.incident_id,
        event_id: row.event_id,
        destination_id: row.destination_id,
        kind: row.kind,
        replay_id: row.replay_id,
        created_at: row.created_at,
    };
    let not_now = if row.is_left_alone {
        Some(AlertClaim::LeftAlone)
    } else {
        row.is_put_off.then_some(AlertClaim::Busy)
    };
    Ok(Some(Pending {
        alert,
        project_id: row.project_id,
        failures: row.failures,
        is_removed: row.is_removed,
        is_old: row.is_old,
        not_now,
    }))
}

/// The other alerts of the incident to the same destination.
struct Others {
    /// Whether one of them, or this one, is being sent.
    is_leased: bool,
    /// Whether there is a newer one.
    is_newer: bool,
    first: Option<FirstAlert>,
    /// How the destination knows of the incident.
    known: KnownBy,
}

async fn read_others(tx: &mut PgConnection, alert: &Alert) -> Result<Others, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, kind, replay_id, state = 'delivered' AS "is_delivered!",
               state = 'pending' AND coalesce(leased_until > clock_timestamp(), false) AS "is_leased!",
               state IN ('folded', 'told') AS "is_folded!"
           FROM alerts WHERE incident_id = $1 AND destination_id = $2 ORDER BY id"#,
        alert.incident_id.as_uuid(),
        alert.destination_id.as_uuid(),
    )
    .fetch_all(tx)
    .await?;
    let first = rows.iter().find(|row| row.is_delivered);
    let known = if rows.iter().any(|row| row.is_folded) {
        KnownBy::Cause
    } else if first.is_some() {
        KnownBy::Alert
    } else {
        KnownBy::Nothing
    };
    Ok(Others {
        is_leased: rows.iter().any(|row| row.is_leased),
        is_newer: rows.iter().any(|row| row.id > alert.id),
        first: first.map(|row| FirstAlert {
            incident_id: alert.incident_id,
            kind: row.kind,
            replay_id: row.replay_id,
        }),
        known,
    })
}

/// Says that the process that claimed the alert still sends it.
pub async fn renew_alert(pool: &PgPool, claimed: &ClaimedAlert) -> Result<(), StoreError> {
    transaction(pool, async |tx| hold(tx, &claimed.alert, claimed.failures, 0).await).await
}

/// Holds the alert from now on, with `begun` attempts more.
async fn hold(
    tx: &mut PgConnection,
    alert: &Alert,
    failures: i32,
    begun: i32,
) -> Result<(), StoreError> {
    destination_health::hold(&mut *tx, alert.destination_id, failures).await?;
    sqlx::query!(
        "UPDATE alerts SET attempts = attempts + $3, unnoted_attempts = unnoted_attempts + $3,
             leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = $1 AND state = 'pending'",
        alert.id.as_uuid(),
        claim_seconds(),
        begun,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// How many alerts wait for each destination of a project.
pub async fn count_waiting(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<BTreeMap<DestinationId, i64>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT d.id, waiting.count AS "count!" FROM destinations d CROSS JOIN LATERAL (
               SELECT count(*) FROM alerts a WHERE a.destination_id = d.id AND a.state = 'pending') AS waiting
           WHERE d.project_id = $1 AND d.removed_at IS NULL"#,
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.count)).collect())
}
