//! Does what policies have planned, once it is due: a reprocess after its delay, alerts that waited
//! for one.
//!
//! Every API and worker process looks each second. What is due is decided again under the event's
//! lock, so several processes do it once, and a process that dies leaves it to the others. An event
//! that fails is logged, keeps no other waiting, and is tried again after the next look.

use std::sync::Arc;
use std::time::Duration;

use store::pool::transaction;
use store::transitions::policy;
use store::{PgPool, StoreError, policy_plans};
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(1);
const BATCH: i64 = 500;

pub(crate) async fn run(pool: PgPool, committed: Arc<Notify>) {
    loop {
        match carry_out_due(&pool).await {
            Ok(0) => {}
            Ok(_) => committed.notify_one(),
            Err(error) => tracing::warn!(%error, "could not look for planned reprocesses"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Does what is due now; for how many events.
pub async fn carry_out_due(pool: &PgPool) -> Result<usize, StoreError> {
    let mut done = 0;
    for event_id in policy_plans::list_due(pool, BATCH).await? {
        match transaction(pool, async |tx| policy::carry_out(tx, event_id).await).await {
            Ok(()) => done += 1,
            Err(error) if error.is_unavailable() && pool.is_away() => return Err(error),
            Err(error) => {
                tracing::warn!(%event_id, %error, "could not do what a policy has planned");
            }
        }
    }
    Ok(done)
}
