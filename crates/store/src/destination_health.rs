//! What a destination responded lately: since when it fails, when it may be tried again, and since
//! when it is broken.
//!
//! A destination fails from the first message that it did not take, a test message too, until it takes
//! one: nothing else, no pause that is over either, makes it count as working again.
//!
//! This is kept at the destination and not at each alert or notice, so that one that is down is
//! tried by one message at a time, with growing pauses, and sent everything that waits once it
//! accepts one. Mails and chats are judged alike. A destination is broken when it responded twice,
//! at least ten minutes apart and with no success between, that the recipient does not exist; the
//! second attempt is the confirming test. It is still tried now and then, because what broke may be
//! fixed on the other side.

use std::time::Duration;

use domain::destination::DestinationKind;
use domain::ids::DestinationId;
use sqlx::PgExecutor;

use crate::waiting::claim_seconds;
use crate::{PgConnection, StoreError};

/// Leaves a destination that failed alone while an attempt goes on, which says so again and again.
pub(crate) async fn hold(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    failures: i32,
) -> Result<(), StoreError> {
    if failures > 0 {
        sqlx::query!(
            "UPDATE destinations SET retry_at = clock_timestamp() + make_interval(secs => $3) WHERE id = $1 AND failures = $2",
            id.as_uuid(),
            failures,
            claim_seconds(),
        )
        .execute(db)
        .await?;
    }
    Ok(())
}

/// How many alerts are under way to one destination at most: one that hangs leaves the senders to
/// the others.
pub const MAX_UNDER_WAY: i64 = 16;

/// Whether a message may begin to go to a destination now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Now,
    /// Its provider takes the next one within a second.
    Soon,
    /// Too many are under way, or its provider asked for patience there.
    Later,
}

/// Takes a turn at a destination whose row is locked; the next one comes after what its provider wants between
/// two messages ([`DestinationKind::pace`]). The provider counts by address: destinations that lead to one, of whichever
/// projects, take their turns one after the other, under a lock on the address that is the last one that a claim waits for.
pub(crate) async fn take_turn(
    tx: &mut PgConnection,
    id: DestinationId,
) -> Result<Turn, StoreError> {
    let row = sqlx::query!(
        r#"SELECT d.kind, d.paced_by,
               (SELECT count(*) FROM (SELECT FROM alerts a WHERE a.destination_id = d.id AND a.state = 'pending'
                   AND a.leased_until > clock_timestamp() LIMIT $2) AS under_way) >= $2 AS "is_crowded!"
           FROM destinations d WHERE d.id = $1"#,
        id.as_uuid(),
        MAX_UNDER_WAY,
    )
    .fetch_one(&mut *tx)
    .await?;
    if row.is_crowded {
        return Ok(Turn::Later);
    }
    if let Some(address) = row.paced_by {
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", address).execute(&mut *tx).await?;
    }
    let pace = row.kind.parse().ok().and_then(DestinationKind::pace);
    let turn = find_turn(&mut *tx, id, row.paced_by, pace.unwrap_or_default()).await?;
    if let (Turn::Now, Some(pace)) = (turn, pace) {
        sqlx::query!(
            "UPDATE destinations SET next_send_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1",
            id.as_uuid(),
            pace.as_secs_f64(),
        )
        .execute(tx)
        .await?;
    }
    Ok(turn)
}

/// How far ahead the next message to an address may lie: no provider is left alone for longer than an hour. What lies further
/// was written before the database's clock was set back, and would keep every message for as long.
const FURTHEST: Duration = Duration::from_mins(61);

/// Whether it is a destination's turn at its address. It lets one pass of each of the others for which an alert waits,
/// so that a flood of one project starves no alert of another.
async fn find_turn(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    address: Option<i64>,
    pace: Duration,
) -> Result<Turn, StoreError> {
    let row = sqlx::query!(
        r#"SELECT coalesce(max(d.asked_until) FILTER (WHERE d.id <> $1) > clock_timestamp(), false) AS "is_asked!",
               coalesce(max(next.at) > clock_timestamp(), false) AS "is_paced!",
               coalesce(max(next.at) FILTER (WHERE d.id = $1) + make_interval(secs => $3) * count(*) FILTER (
                   WHERE d.id <> $1 AND d.removed_at IS NULL AND coalesce(d.retry_at <= clock_timestamp(), true)
                     AND EXISTS (SELECT FROM alerts a WHERE a.destination_id = d.id AND a.state = 'pending')
               ) > clock_timestamp(), false) AS "lets_others_pass!"
           FROM destinations d CROSS JOIN LATERAL (
               SELECT CASE WHEN d.next_send_at <= clock_timestamp() + make_interval(secs => $4) THEN d.next_send_at END AS at) AS next
           WHERE d.id = $1 OR d.paced_by = $2"#,
        id.as_uuid(),
        address,
        pace.as_secs_f64(),
        FURTHEST.as_secs_f64(),
    )
    .fetch_one(db)
    .await?;
    Ok(if row.is_asked {
        Turn::Later
    } else if row.is_paced || row.lets_others_pass {
        Turn::Soon
    } else {
        Turn::Now
    })
}

/// Keeps by which address a destination is paced, where a release did not know it that added the destination.
pub(crate) async fn note_address(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    address: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE destinations SET paced_by = $2 WHERE id = $1 AND paced_by IS NULL",
        id.as_uuid(),
        address,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets every failure, because a message went through.
pub async fn note_success(db: impl PgExecutor<'_>, id: DestinationId) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE destinations SET failures = 0, retry_at = NULL, gone_at = NULL, broken_at = NULL,
             failing_since = NULL, last_failure = NULL
         WHERE id = $1 AND (failures > 0 OR retry_at IS NOT NULL OR gone_at IS NOT NULL OR broken_at IS NOT NULL
             OR failing_since IS NOT NULL)",
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Leaves a destination alone, and those that lead where it does, for as long as its provider wants no other message;
/// it does not fail.
pub async fn pause(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    pause: Duration,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE destinations SET next_send_at = greatest(next_send_at, clock_timestamp() + make_interval(secs => $2))
         WHERE id = $1",
        id.as_uuid(),
        pause.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a failed attempt: the next one is due 30 s later, then after twice as long each time, up
/// to half an hour (6 hours, where it is broken). The destination may ask for more, up to an hour, which holds for all that
/// lead where it does.
/// `failures` is how many there were when the attempt began: of attempts side by side one is
/// counted. `answer` is the other side's.
pub async fn note_failure(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    failures: i32,
    asked: Option<Duration>,
    answer: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE destinations SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
             last_failure = $4, asked_until = CASE WHEN $3::double precision > 0 THEN now() + least(make_interval(secs => $3), interval '1 hour') END,
             retry_at = now() + greatest(
             least(make_interval(secs => $3), interval '1 hour'),
             CASE WHEN broken_at IS NOT NULL THEN interval '6 hours'
                  ELSE least(interval '30 seconds' * power(2, least(failures, 10)), interval '30 minutes') END)
         WHERE id = $1 AND failures = $2",
        id.as_uuid(),
        failures,
        asked.unwrap_or_default().as_secs_f64(),
        answer,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps that a test message was not taken. That says nothing of the next alert, so none is kept back.
pub async fn note_rejected_test(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    answer: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE destinations SET failing_since = coalesce(failing_since, now()), last_failure = $2 WHERE id = $1",
        id.as_uuid(),
        answer,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps that the destination said that the recipient does not exist. `true` if that makes it
/// broken: the next attempt after the first such response, ten minutes later, is the confirming
/// test. A chat may be asked once more after 30 s, because a stray 404 is common there; a mail
/// server counts what is sent to unknown mailboxes against the sender.
pub async fn note_gone(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    failures: Option<i32>,
    answer: &str,
) -> Result<bool, StoreError> {
    let broke = sqlx::query_scalar!(
        r#"WITH judged AS (
               SELECT id, broken_at IS NULL AND gone_at <= now() - interval '10 minutes' AS breaks,
                      broken_at IS NOT NULL AS broken, coalesce(gone_at, now()) AS gone_at,
                      gone_at IS NULL AND kind IN ('slack', 'slack_app', 'teams', 'discord') AS stray
               FROM destinations WHERE id = $1 AND ($2::int IS NULL OR failures = $2) FOR NO KEY UPDATE
           )
           UPDATE destinations d SET failures = failures + 1, gone_at = j.gone_at,
               failing_since = coalesce(failing_since, now()), last_failure = $3,
               broken_at = CASE WHEN j.breaks THEN now() ELSE broken_at END,
               retry_at = CASE WHEN j.breaks OR j.broken THEN now() + interval '6 hours'
                               WHEN j.stray THEN now() + interval '30 seconds'
                               ELSE greatest(j.gone_at + interval '10 minutes', now() + interval '30 seconds') END
           FROM judged j WHERE d.id = j.id RETURNING coalesce(j.breaks, false) AS "breaks!""#,
        id.as_uuid(),
        failures,
        answer,
    )
    .fetch_optional(db)
    .await?;
    Ok(broke.unwrap_or_default())
}
