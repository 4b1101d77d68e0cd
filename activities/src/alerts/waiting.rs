//! Alerts that wait: for a destination that failed, or because a worker died. A destination is sent the
//! one that was tried least, and of those the oldest, first; when it takes that, the rest follow one after the
//! other.

use std::time::Duration;

use domain::ids::DestinationId;
use store::{StoreError, alert_claims};

use super::{Attempt, attempt};
use crate::deps::Deps;

/// The destinations for which alerts wait and that may be tried.
pub async fn list_destinations(deps: &Deps) -> Result<Vec<DestinationId>, StoreError> {
    alert_claims::list_destinations(&deps.pool).await
}

/// Sends a destination what waits for it, until it fails or has all of it; `pace` stands
/// between two messages.
pub async fn send_to(deps: &Deps, id: DestinationId, pace: Duration) -> Result<(), StoreError> {
    let mut busy = Vec::new();
    while let Some(alert) = alert_claims::find_next(&deps.pool, id, &busy).await? {
        match Box::pin(attempt(deps, alert)).await? {
            Attempt::Ended => {}
            Attempt::Busy => busy.push(alert),
            Attempt::Delivered => tokio::time::sleep(pace).await,
            // What is too old to be sent came first, and was given up.
            Attempt::LeftAlone => break,
        }
    }
    Ok(())
}
