//! What is looked at every half second beside a load: the outbox's backlog and the memory of `dev`.

use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::latencies::Points;
use crate::report::Line;
use crate::{outbox, process};

const EVERY: Duration = Duration::from_millis(500);

/// A watch that runs until it is asked for what it saw.
pub struct Sampler {
    stop: CancellationToken,
    samples: JoinHandle<Samples>,
}

#[derive(Default)]
struct Samples {
    backlog: Points,
    megabytes: Points,
}

impl Sampler {
    pub fn start(pool: PgPool, pid: u32) -> Self {
        let stop = CancellationToken::new();
        let samples = tokio::spawn(sample(pool, pid, stop.clone()));
        Self { stop, samples }
    }

    /// Lines for the plots of that load.
    pub async fn finish(self, load: &'static str) -> anyhow::Result<[Line; 2]> {
        self.stop.cancel();
        let Samples { backlog, megabytes } = self.samples.await?;
        Ok([
            Line::new(load, "backlog of the outbox", "messages", backlog),
            Line::new(load, "memory of API and worker", "MB", megabytes),
        ])
    }
}

async fn sample(pool: PgPool, pid: u32, stop: CancellationToken) -> Samples {
    let begin = Instant::now();
    let mut samples = Samples::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let after = begin.elapsed().as_secs_f64();
        // A busy server may not respond; a plot with a gap says so.
        if let Ok((waiting, _)) = outbox::count(&pool).await
            && let Ok(waiting) = i32::try_from(waiting)
        {
            samples.backlog.push((after, waiting.into()));
        }
        if let Ok(megabytes) = process::resident_megabytes(pid) {
            samples.megabytes.push((after, megabytes));
        }
    }
    samples
}
