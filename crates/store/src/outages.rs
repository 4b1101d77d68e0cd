//! Outages of our own API: its heartbeat, the outages that were noted, and when a deadline is judged.
//!
//! All APIs share one row that says when one of them last took requests, on the database's clock.
//! Whoever writes it after a gap writes the outage in the same transaction, under the lock of that
//! row: two APIs that return at the same time note one outage, and one that dies half-way none, so the next
//! heartbeat does. Before the first heartbeat there is no outage, and neither is there one where
//! nothing beats because the release before runs.
//!
//! A gap that lasts is noted by the sweep, with the latest moment that anything waits for it.
//! [`judge`] does not depend on that: it sees a gap by the heartbeat's age.
//!
//! Where the database's clock was set back, as by a failover, the heartbeat lies ahead of it. Whoever beats next writes
//! the clock as it is now; with no API that does, the sweep does so, and the gap begins then.

use domain::outage::{self, Deadline, Heartbeat, LONGEST_WAIT, OUTAGE};
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::pool::transaction;
use crate::{PgConnection, PgPool, StoreError};

/// The newest heartbeat, locked, and the database's clock since.
struct Newest {
    beat_at: OffsetDateTime,
    now: OffsetDateTime,
}

/// Says that an API takes requests. Where none did for a while, that is noted as an outage.
pub async fn beat(pool: &PgPool) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE api_heartbeats SET ended = false, beat_at = CASE
             WHEN beat_at > clock_timestamp() + make_interval(secs => $1) THEN clock_timestamp()
             ELSE greatest(beat_at, clock_timestamp()) END
         WHERE beat_at > clock_timestamp() - make_interval(secs => $1)",
        OUTAGE.as_seconds_f64(),
    )
    .execute(pool)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(());
    }
    transaction(pool, begin_again).await
}

/// Says that the API that beats ends. Another one that lives takes it back within five seconds; until
/// then nothing that falls due is judged.
pub async fn end_beat(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE api_heartbeats SET beat_at = greatest(beat_at, clock_timestamp()), ended = true
         WHERE beat_at > clock_timestamp() - make_interval(secs => $1)",
        OUTAGE.as_seconds_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The first heartbeat ever, or the first one after a gap.
async fn begin_again(tx: &mut PgConnection) -> Result<(), StoreError> {
    let Some(Newest { beat_at, now }) = lock_newest(tx).await? else {
        sqlx::query!("INSERT INTO api_heartbeats DEFAULT VALUES ON CONFLICT DO NOTHING")
            .execute(tx)
            .await?;
        return Ok(());
    };
    if let Some(grace) = outage::grace(now - beat_at) {
        end_outage(tx, beat_at, now, now + grace).await?;
    }
    sqlx::query!("UPDATE api_heartbeats SET beat_at = greatest(beat_at, $1), ended = false", now)
        .execute(tx)
        .await?;
    Ok(())
}

async fn lock_newest(tx: &mut PgConnection) -> Result<Option<Newest>, StoreError> {
    let beat_at = sqlx::query_scalar!("SELECT beat_at FROM api_heartbeats FOR UPDATE")
        .fetch_optional(&mut *tx)
        .await?;
    let Some(beat_at) = beat_at else { return Ok(None) };
    let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(tx).await?;
    Ok(Some(Newest { beat_at, now }))
}

/// Notes an outage that is over. What waits for the grace of an earlier one waits for this one's,
/// where that began before: its app had less time than it was given.
async fn end_outage(
    tx: &mut PgConnection,
    began_at: OffsetDateTime,
    ended_at: OffsetDateTime,
    judged_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO outages (began_at, ended_at, judged_at) VALUES ($1, $2, $3)
         ON CONFLICT ON CONSTRAINT outages_pkey DO UPDATE SET ended_at = $2, judged_at = $3",
        began_at,
        ended_at,
        judged_at,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "UPDATE outages SET judged_at = greatest(judged_at, least($2, ended_at + make_interval(secs => $3)))
         WHERE began_at < $1 AND judged_at >= $1",
        began_at,
        judged_at,
        LONGEST_WAIT.as_seconds_f64(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that no API has taken requests for a while, if nobody has noted it yet: from now on it is
/// known until when at the latest deadlines wait for one.
pub async fn note_gap(pool: &PgPool) -> Result<(), StoreError> {
    transaction(pool, async |tx| {
        let Some(Newest { beat_at, now }) = lock_newest(tx).await? else { return Ok(()) };
        if outage::grace(now - beat_at).is_some() {
            sqlx::query!(
                "INSERT INTO outages (began_at, judged_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                beat_at,
                now + LONGEST_WAIT,
            )
            .execute(tx)
            .await?;
        } else if beat_at - now > OUTAGE {
            sqlx::query!("UPDATE api_heartbeats SET beat_at = $1", now).execute(tx).await?;
        }
        Ok(())
    })
    .await
}

/// When a deadline that has passed is judged.
pub async fn judge(
    db: impl PgExecutor<'_>,
    due_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Deadline, StoreError> {
    let row = sqlx::query!(
        r#"SELECT (SELECT max(o.judged_at) FROM outages o
                   WHERE o.judged_at > $1 AND o.began_at <= $1 AND o.ended_at IS NOT NULL) AS after_outages,
               h.beat_at AS "beat_at?", h.ended AS "ended?",
               (SELECT o.judged_at FROM outages o WHERE o.began_at = h.beat_at AND o.ended_at IS NULL) AS latest_at
           FROM (VALUES (true)) AS once LEFT JOIN api_heartbeats h ON true"#,
        due_at,
    )
    .fetch_one(db)
    .await?;
    let heartbeat = row.beat_at.zip(row.ended).map(|(beat_at, ended)| Heartbeat {
        beat_at,
        ended,
        latest_at: row.latest_at,
    });
    Ok(Deadline::passed(due_at, row.after_outages, heartbeat, now))
}

/// When the outages that are over began, and when what fell into them was judged; those that touch
/// what came after a moment, in order.
pub(crate) async fn list_ended(
    db: impl PgExecutor<'_>,
    since: OffsetDateTime,
) -> Result<Vec<(OffsetDateTime, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT began_at, judged_at FROM outages WHERE judged_at > $1 AND ended_at IS NOT NULL ORDER BY began_at",
        since,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.began_at, row.judged_at)).collect())
}

/// Forgets outages that ended a quarter of a year ago: no deadline is that old.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM outages WHERE judged_at < now() - interval '90 days'")
        .execute(db)
        .await?;
    Ok(())
}
