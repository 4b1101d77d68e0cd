//! Sends the alerts and notices that wait for their destination.
//!
//! Every few seconds it checks which destinations have some and may be tried. Each is served on its
//! own, so that one that hangs keeps no other waiting. A worker that dies leaves claims that run
//! out.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use activities::{Deps, waiting};
use tokio::task::JoinSet;

/// From one poll to the next.
const EVERY: Duration = Duration::from_secs(3);
/// Between two messages to one destination: Slack takes one a second
/// (<https://docs.slack.dev/apis/web-api/rate-limits>).
const PACE: Duration = Duration::from_secs(1);

/// Sends what waits, for the life of a worker process. What fails is logged and left to the next
/// poll.
pub(crate) async fn run(deps: Arc<Deps>) {
    let mut served = JoinSet::new();
    let mut busy = HashSet::new();
    let mut polls = tokio::time::interval(EVERY);
    polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = polls.tick() => match waiting::list_destinations(&deps).await {
                Ok(found) => for id in found {
                    if busy.insert(id) {
                        let deps = Arc::clone(&deps);
                        served.spawn(async move { (id, waiting::send_to(&deps, id, PACE).await) });
                    }
                },
                Err(error) => tracing::warn!(%error, "could not look for messages that wait"),
            },
            Some(ended) = served.join_next() => match ended {
                Ok((id, sent)) => {
                    busy.remove(&id);
                    if let Err(error) = sent {
                        tracing::warn!(%id, %error, "could not send the messages that wait");
                    }
                }
                Err(error) => {
                    // Which one it was is not known; claims keep the others from being sent twice.
                    busy.clear();
                    tracing::error!(%error, "sending messages ended badly");
                }
            },
        }
    }
}
