//! From an address and a password to a session.
//!
//! An attempt is counted before its password is checked, so that of many concurrent guesses only a
//! few are ever checked, and a crash in between errs on the safe side. An unknown address costs the
//! same work as a known one. A browser in which the address signed in before is counted apart
//! ([`crate::known_browser`]), so that guesses of others do not lock it. The session, the end of the
//! count and the audit entry are committed together; the browser gets its token only then.

use std::net::IpAddr;

use axum::http::StatusCode;
use domain::alert::format_duration;
use domain::secret_token::SessionToken;
use store::administration::session;
use store::operators::{self, Login};
use store::pool::transaction;
use store::sign_ins::{self, SignInAttempt};
use store::{PgConnection, StoreError, sessions};
use time::{Duration, OffsetDateTime};
use web::error::ApiError;
use web::random;

use super::password::PasswordError;
use crate::known_browser::KnownBrowser;
use crate::password_queue::Comer;
use crate::session::SignedIn;
use crate::state::ConsoleState;

/// Where an operator signs in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Browser<'a> {
    /// What it calls itself.
    pub name: Option<&'a str>,
    /// The session that it had before.
    pub session: Option<&'a SessionToken>,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// Whether, and as which, it is known.
    pub known: Option<KnownBrowser>,
}

/// Whose password is tried, and by whom.
struct Attempt<'a> {
    email: &'a str,
    /// Under what it is counted.
    counted_as: &'a str,
    comer: Comer,
}

/// Why the sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInRejection {
    /// The address and the password do not go together.
    Wrong,
    /// Too many failures; the password was not checked.
    Locked {
        /// Seconds until one is again.
        retry_after: u64,
    },
    /// Too many passwords wait to be checked; this one was not, and the attempt does not count.
    Busy,
}

/// Why no one was signed in.
#[derive(Debug)]
pub enum SignInError {
    Rejected(SignInRejection),
    Failed(ApiError),
}

impl SignInRejection {
    /// The status of the response that says so.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Locked { .. } | Self::Busy => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Seconds after which it may be tried again, where waiting is all that helps.
    #[must_use]
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Wrong => None,
            Self::Locked { retry_after } => Some(retry_after),
            Self::Busy => Some(BUSY_SECS),
        }
    }

    fn locked(until: OffsetDateTime) -> Self {
        let left = (until - OffsetDateTime::now_utc()).whole_seconds() + 1;
        Self::Locked { retry_after: u64::try_from(left).unwrap_or(0).max(1) }
    }
}

/// So many seconds, as a person is asked to wait: whole minutes that are enough.
#[must_use]
pub fn in_minutes(seconds: u64) -> String {
    let minutes = u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX);
    format_duration(Duration::minutes(minutes.into()))
}

/// How long a full queue takes to get shorter.
const BUSY_SECS: u64 = 2;

impl From<SignInRejection> for SignInError {
    fn from(rejection: SignInRejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<ApiError> for SignInError {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Begins a session for an address as it is compared, or says why not. The session that the browser
/// had before ends with that: it would live on, and no one could end it there.
pub async fn sign_in(
    state: &ConsoleState,
    email: &str,
    password: &str,
    browser: Browser<'_>,
) -> Result<SessionToken, SignInError> {
    let counted_as = browser.known.map_or_else(|| email.to_owned(), |it| it.counted_as(email));
    let comer = match browser.known {
        Some(known) => Comer::Known(known.number()),
        None => Comer::Stranger(browser.address),
    };
    let login = find(state, password, Attempt { email, counted_as: &counted_as, comer }).await?;
    let token = random::session_token().map_err(ApiError::internal)?;
    let begun = transaction(&state.pool, async |tx| {
        let begun = session::sign_in(tx, &login, &token.hash(), browser.name).await?;
        sign_ins::clear_failures(&mut *tx, &counted_as).await?;
        if let (Some(_), Some(before)) = (begun, browser.session) {
            end(tx, before).await?;
        }
        Ok::<_, StoreError>(begun)
    });
    begun.await?.ok_or(SignInRejection::Wrong)?;
    Ok(token)
}

/// Asks a signed-in operator for their password again. Counted as at sign-in, so that a browser
/// that was left open is no way around the lock; but apart from there, so that whoever guesses at the
/// address does not keep its owner from changing the password that is guessed at. What follows holds
/// the login against the database again, since the password may change in the meantime.
pub async fn confirm(
    state: &ConsoleState,
    signed_in: &SignedIn,
    password: &str,
) -> Result<Login, SignInError> {
    let email = &signed_in.session.email;
    // Nobody can type a line break into the address at sign-in.
    let counted_as = format!("{email}\nsigned in");
    let comer = signed_in.comer();
    let login = find(state, password, Attempt { email, counted_as: &counted_as, comer }).await?;
    sign_ins::clear_failures(&state.pool, &counted_as).await?;
    Ok(login)
}

/// Whose password it is, with the attempt counted; the caller forgets the count.
async fn find(
    state: &ConsoleState,
    password: &str,
    Attempt { email, counted_as, comer }: Attempt<'_>,
) -> Result<Login, SignInError> {
    let place = state.console.passwords.enter(comer).map_err(|_| SignInRejection::Busy)?;
    let attempt = sign_ins::begin_attempt(&state.pool, counted_as).await?;
    if let SignInAttempt::Locked { until } = attempt {
        return Err(SignInRejection::locked(until).into());
    }
    let login = operators::find_login(&state.pool, email).await?;
    let stored = login.as_ref().map(|login| login.password_hash.clone());
    let right = place.verify(password.to_owned(), stored).await.map_err(unread)?;
    if let Some(login) = login.filter(|_| right) {
        return Ok(login);
    }
    if let SignInAttempt::Last { locked_until } = attempt {
        note_lock(state, email, locked_until).await?;
        return Err(SignInRejection::locked(locked_until).into());
    }
    Err(SignInRejection::Wrong.into())
}

/// Why a password could not be checked, as the person who entered it may know.
pub fn unread(error: PasswordError) -> ApiError {
    match error {
        PasswordError::Busy => ApiError::RateLimited { retry_after_secs: BUSY_SECS },
        error => ApiError::internal(error),
    }
}

async fn note_lock(
    state: &ConsoleState,
    email: &str,
    until: OffsetDateTime,
) -> Result<(), StoreError> {
    let noted = transaction(&state.pool, async |tx| session::note_lock_out(tx, email, until).await);
    noted.await.map(|_| ())
}

/// Ends the session of a browser.
pub async fn sign_out(state: &ConsoleState, signed_in: &SignedIn) -> Result<(), StoreError> {
    let ended =
        transaction(&state.pool, async |tx| session::sign_out(tx, &signed_in.session).await);
    ended.await.map(|_| ())
}

async fn end(tx: &mut PgConnection, token: &SessionToken) -> Result<(), StoreError> {
    if let Some(before) = sessions::find_session(&mut *tx, &token.hash(), false).await? {
        session::sign_out(tx, &before).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_as_long_as_is_said_is_not_too_early() {
        for (seconds, said) in
            [(1, "1 minute"), (60, "1 minute"), (61, "2 minutes"), (900, "15 minutes")]
        {
            assert_eq!(in_minutes(seconds), said);
        }
    }
}
