//! Guesses at passwords, counted per address, known or not.
//!
//! Five failures within a quarter of an hour lock the address for a quarter of an hour. An attempt
//! is counted before the password is checked and forgotten when it was right, so that of many
//! concurrent guesses no more than five are ever checked. One statement counts; its row lock puts
//! those that come together into an order. A crash in between leaves an attempt counted, which is
//! the safe side.

use sha2::{Digest, Sha256};
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::StoreError;

/// How many failures lock an address: more than a person needs, and few enough that a password of
/// twelve characters is not guessed in a lifetime.
pub const MAX_FAILURES: i32 = 5;
/// Within how many minutes they count together.
pub const WINDOW_MINUTES: i32 = 15;
/// For how many minutes the address is locked: short enough that no one is kept out for the night.
pub const LOCK_MINUTES: i32 = 15;

/// Whether a password may be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInAttempt {
    /// It may.
    Allowed,
    /// It may, and unless it is right the address is locked until then.
    Last {
        /// The end of the lock.
        locked_until: OffsetDateTime,
    },
    /// It must not.
    Locked {
        /// The end of the lock.
        until: OffsetDateTime,
    },
}

/// Counts an attempt before its password is checked, and says whether it may be. When the password
/// is right, [`clear_failures`] forgets it.
pub async fn begin_attempt(
    db: impl PgExecutor<'_>,
    email: &str,
) -> Result<SignInAttempt, StoreError> {
    let hash = hash(email);
    let row = sqlx::query!(
        "INSERT INTO sign_in_failures AS f (email_hash, failures, first_failed_at)
         VALUES ($1, 1, clock_timestamp())
         ON CONFLICT ON CONSTRAINT sign_in_failures_pkey DO UPDATE SET (failures, first_failed_at, locked_until) = (
             SELECT CASE WHEN over THEN 1 ELSE least(f.failures + 1, $2 + 1) END,
                    CASE WHEN over THEN clock_timestamp() ELSE f.first_failed_at END,
                    CASE WHEN over OR f.failures + 1 < $2 THEN NULL
                         WHEN f.failures + 1 = $2 THEN clock_timestamp() + make_interval(mins => $4)
                         ELSE f.locked_until END
             FROM (SELECT CASE WHEN f.locked_until IS NULL
                               THEN f.first_failed_at <= clock_timestamp() - make_interval(mins => $3)
                               ELSE f.locked_until <= clock_timestamp() END AS over) AS o
         )
         RETURNING failures, locked_until",
        hash.as_slice(),
        MAX_FAILURES,
        WINDOW_MINUTES,
        LOCK_MINUTES,
    )
    .fetch_one(db)
    .await?;
    Ok(match row.locked_until {
        None => SignInAttempt::Allowed,
        Some(locked_until) if row.failures == MAX_FAILURES => SignInAttempt::Last { locked_until },
        Some(until) => SignInAttempt::Locked { until },
    })
}

/// Forgets the failures of an address whose password was right.
pub async fn clear_failures(db: impl PgExecutor<'_>, email: &str) -> Result<(), StoreError> {
    let hash = hash(email);
    sqlx::query!("DELETE FROM sign_in_failures WHERE email_hash = $1", hash.as_slice())
        .execute(db)
        .await?;
    Ok(())
}

/// The key of an address. It is compared without case, as at sign-in.
fn hash(email: &str) -> [u8; 32] {
    Sha256::digest(email.trim().to_lowercase().as_bytes()).into()
}
