//! Messages that wait for their destination: alerts that it did not take or whose worker died, and
//! notices.
//!
//! When a destination may be tried is recorded per destination ([`store::destination_health`]),
//! whatever waits for it: one message asks, and when it is taken the rest follow one after the
//! other.

use std::time::Duration;

use domain::ids::DestinationId;
use store::waiting::{self, WaitingMessage};
use store::{PgConnection, StoreError, destination_health};

use crate::deps::Deps;
use crate::destinations::{FailureKind, SendFailure};
use crate::{alerts, notices};

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendOutcome {
    /// The message needs no more attempts.
    Ended,
    /// Another process sees to it.
    Busy,
    /// The destination took the message.
    Delivered,
    /// The destination is left alone for a while.
    LeftAlone,
}

/// The destinations for which messages wait and that may be tried.
pub async fn list_destinations(deps: &Deps) -> Result<Vec<DestinationId>, StoreError> {
    waiting::list_destinations(&deps.pool).await
}

/// Sends a destination what waits for it, until it fails or has all of it; `pace` passes between
/// two messages.
pub async fn send_to(deps: &Deps, id: DestinationId, pace: Duration) -> Result<(), StoreError> {
    let mut busy = Vec::new();
    while let Some(message) = waiting::find_next(&deps.pool, id, &busy).await? {
        let attempt = match message {
            WaitingMessage::Alert(id) => Box::pin(alerts::attempt(deps, id)).await?,
            WaitingMessage::Notice(id) => Box::pin(notices::attempt(deps, id)).await?,
        };
        match attempt {
            SendOutcome::Ended => {}
            SendOutcome::Busy => busy.push(message),
            SendOutcome::Delivered => tokio::time::sleep(pace).await,
            // What is too old to be sent came first, and was given up.
            SendOutcome::LeftAlone => break,
        }
    }
    Ok(())
}

/// Counts a message that was not taken; `failures` is how many there were before. `true` if that
/// makes the destination broken.
pub(crate) async fn count_failure(
    tx: &mut PgConnection,
    id: DestinationId,
    failures: i32,
    failure: &SendFailure,
) -> Result<bool, StoreError> {
    let asked = match failure.kind {
        FailureKind::Gone => return destination_health::note_gone(tx, id, Some(failures)).await,
        FailureKind::Transient { retry_after } => retry_after,
        FailureKind::Permanent => None,
    };
    destination_health::note_failure(tx, id, failures, asked).await?;
    Ok(false)
}
