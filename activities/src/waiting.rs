//! Messages that wait for their destination: alerts that it did not take or whose worker died, and
//! notices.
//!
//! When a destination may be tried is recorded per destination ([`store::destination_health`]),
//! whatever waits for it: one message asks, and when it is taken the rest follow one after the
//! other.

use std::time::Duration;

use domain::ids::DestinationId;
use store::waiting::{self, CLAIM, WaitingMessage};
use store::{PgConnection, StoreError, alert_holds, cause_threads, destination_health};

use crate::deps::Deps;
use crate::destinations::{FailureKind, SendFailure};
use crate::{alerts, notices};

/// How soon a destination takes another message that takes one a second.
pub(crate) const PACED: Duration = Duration::from_secs(1);

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendOutcome {
    /// The message needs no more attempts.
    Ended,
    /// Another process sees to it, or its project is not told now.
    Busy,
    /// The destination took the message.
    Delivered,
    /// The destination is left alone for a while.
    LeftAlone,
    /// The destination takes the next message within [`PACED`].
    Paced,
}

/// Writes the digests and the messages about causes that are due, and lists the destinations for which messages wait
/// and that may be tried.
pub async fn list_destinations(deps: &Deps) -> Result<Vec<DestinationId>, StoreError> {
    alert_holds::end_due(&deps.pool).await?;
    cause_threads::enqueue_due(&deps.pool).await?;
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
            SendOutcome::Paced => tokio::time::sleep(PACED).await,
        }
    }
    Ok(())
}

/// Sends a claimed message, and renews its claim until that has ended. A renewal that fails is left
/// to the next one; where none succeeds, another process sends the message too.
pub(crate) async fn while_claimed<T, R>(
    sending: impl Future<Output = T>,
    renew: impl Fn() -> R,
) -> T
where
    R: Future<Output = Result<(), StoreError>>,
{
    let renewing = async {
        loop {
            tokio::time::sleep(CLAIM / 4).await;
            if let Err(error) = renew().await {
                tracing::debug!(%error, "could not renew the claim of a message");
            }
        }
    };
    tokio::select! {
        sent = sending => sent,
        never = renewing => never,
    }
}

/// Counts a message that was not taken; `failures` is how many there were before. `true` if that
/// makes the destination broken.
pub(crate) async fn count_failure(
    tx: &mut PgConnection,
    id: DestinationId,
    failures: i32,
    failure: &SendFailure,
) -> Result<bool, StoreError> {
    let answer = failure.answer.as_str();
    let asked = match failure.kind {
        FailureKind::Gone => {
            return destination_health::note_gone(tx, id, Some(failures), answer).await;
        }
        FailureKind::Transient { retry_after } => retry_after,
        FailureKind::Permanent => None,
    };
    destination_health::note_failure(tx, id, failures, asked, answer).await?;
    Ok(false)
}
