//! Alerts that a team's own activity delivers: the activities say what is to be done, the engine has
//! it done.

use std::sync::Arc;

use activities::destinations::activity::{ActivityRunner, BUDGET, Delivery, Undelivered};
use engine::Engine;
use engine::extension::{ActivityRun, DeliveryEnd};

/// What has teams' activities run by this Temporal.
#[must_use]
pub fn provide(engine: Arc<Engine>) -> ActivityRunner {
    ActivityRunner::new(move |delivery| {
        let engine = Arc::clone(&engine);
        Box::pin(async move { run(&engine, delivery).await })
    })
}

async fn run(engine: &Engine, delivery: Delivery) -> Result<Vec<u8>, Undelivered> {
    let run = ActivityRun {
        id: delivery.id,
        activity: delivery.activity,
        task_queue: delivery.queue,
        summary: delivery.summary,
        input: delivery.message,
        budget: BUDGET,
        heartbeat: None,
    };
    match engine.deliver(run).await {
        Ok(DeliveryEnd::Completed(returned)) => Ok(returned),
        Ok(DeliveryEnd::Failed { silence, for_good, retry_after }) => {
            Err(Undelivered::Failed { silence, for_good, retry_after })
        }
        Err(error) => Err(Undelivered::Unavailable(error.to_string())),
    }
}
