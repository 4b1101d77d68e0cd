//! Sees that the schedule of retention is there, where it is wanted. What an operator made of it (paused it, changed its times) stays.

use std::convert::Infallible;
use std::time::Duration;

use engine::Engine;
use engine::setup::Made;
use store::PgPool;

/// How often it is tried again while Temporal takes it not, and looked whether it is still there.
const AGAIN: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_hours(1);

/// Makes it if it is missing, and looks again every hour.
pub(crate) async fn keep(engine: &Engine, pool: &PgPool) -> Infallible {
    while engine.retains() {
        let pause = match engine.ensure_retention_schedule(pool).await {
            Ok(made) => {
                if made == Made::Made {
                    tracing::info!("retention is scheduled");
                }
                LOOK
            }
            Err(error) => {
                tracing::warn!(%error, "retention is not scheduled; trying again");
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
    std::future::pending().await
}
