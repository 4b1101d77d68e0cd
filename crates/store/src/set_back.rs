//! Claims and pauses of before the database's clock was set back, as by a failover.
//!
//! Each is kept as the moment at which it is over. A claim lies two minutes ahead at most, a pause an hour, or six where a
//! destination is broken. One that lies further was written before the clock was set back, and would keep its message from
//! going out for as long. Messages for Temporal are claimed past such a moment ([`crate::outbox::claim_due`]).

use crate::{PgPool, StoreError};

/// Ends them. What another transaction holds is left to the next time.
pub async fn end_holds(pool: &PgPool) -> Result<(), StoreError> {
    let ended = end_claims(pool).await? + end_pauses(pool).await?;
    if ended > 0 {
        tracing::warn!(
            ended,
            "claims and pauses lay far ahead, as after the database's clock was set back"
        );
    }
    Ok(())
}

async fn end_claims(pool: &PgPool) -> Result<u64, StoreError> {
    let alerts = sqlx::query!(
        "UPDATE alerts SET leased_until = NULL WHERE id = ANY (ARRAY(
             SELECT id FROM alerts WHERE state = 'pending' AND leased_until > now() + interval '5 minutes'
             FOR NO KEY UPDATE SKIP LOCKED))",
    );
    let notices = sqlx::query!(
        "UPDATE notices SET due_at = now() WHERE id = ANY (ARRAY(
             SELECT id FROM notices WHERE state = 'pending' AND due_at > now() + interval '5 minutes'
             FOR NO KEY UPDATE SKIP LOCKED))",
    );
    let bulks = sqlx::query!(
        "UPDATE bulk_reprocesses SET dispatch_at = now() WHERE id = ANY (ARRAY(
             SELECT id FROM bulk_reprocesses WHERE dispatch_at > now() + interval '5 minutes'
             FOR NO KEY UPDATE SKIP LOCKED))",
    );
    let (alerts, notices) = (alerts.execute(pool).await?, notices.execute(pool).await?);
    let bulks = bulks.execute(pool).await?;
    Ok(alerts.rows_affected() + notices.rows_affected() + bulks.rows_affected())
}

async fn end_pauses(pool: &PgPool) -> Result<u64, StoreError> {
    let destinations = sqlx::query!(
        "UPDATE destinations SET retry_at = now(), asked_until = NULL WHERE id = ANY (ARRAY(
             SELECT id FROM destinations WHERE asked_until > now() + interval '65 minutes' OR retry_at > now()
                 + CASE WHEN broken_at IS NULL THEN interval '65 minutes' ELSE interval '365 minutes' END
             FOR NO KEY UPDATE SKIP LOCKED))",
    );
    let mentions = sqlx::query!(
        "UPDATE mentions SET due_at = now() WHERE (entry_id, operator_id) IN (
             SELECT entry_id, operator_id FROM mentions
             WHERE state = 'pending' AND due_at > now() + interval '65 minutes' FOR UPDATE SKIP LOCKED)",
    );
    let (destinations, mentions) =
        (destinations.execute(pool).await?, mentions.execute(pool).await?);
    Ok(destinations.rows_affected() + mentions.rows_affected())
}
