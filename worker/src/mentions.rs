//! Mails operators of the comments that mention them, for the life of a worker process.

use std::time::Duration;

use activities::{Deps, mentions};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(3);

/// Sends what is due. What fails is logged and left to the next look.
pub(crate) async fn run(deps: &Deps) {
    loop {
        match mentions::send_due(deps).await {
            Ok(0) => tokio::time::sleep(EVERY).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "could not look for mentions");
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
