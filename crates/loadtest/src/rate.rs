//! How often something can be done in a second by many concurrent clients, each one after the
//! other.
//!
//! What is rejected is counted and shown beside the rate, never in it. A sender that was rejected
//! rests for a moment, as a well-behaved app does.

use std::fmt;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How many act at the same time.
pub const SENDERS: u32 = 16;
/// For how long.
pub const LASTING: Duration = Duration::from_secs(10);
/// For how long before that nothing is counted: each new connection to Postgres costs a dev build
/// some 50 ms of computing, and no running system is without connections.
pub const WARM_UP: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_millis(100);

/// What was reached.
pub struct Rate {
    /// What succeeded.
    pub per_second: f64,
    /// What did not.
    pub rejections: Rejections,
}

/// How often something was rejected, and why at first.
#[derive(Default)]
pub struct Rejections(Vec<String>);

impl Rate {
    /// Lets [`SENDERS`] act for as long as [`LASTING`], after a [`WARM_UP`].
    pub async fn measure<F>(act: impl Fn() -> F + Clone + Send + 'static) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let begin = Instant::now() + WARM_UP;
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(act_between(begin, begin + LASTING, act.clone()));
        }
        let (mut done, mut rejections) = (0, Rejections::default());
        while let Some(ended) = senders.join_next().await {
            let (of_one, mut rejected) = ended?;
            done += of_one;
            rejections.0.append(&mut rejected.0);
        }
        anyhow::ensure!(done > 0, "nothing succeeded{rejections}");
        Ok(Self { per_second: f64::from(done) / begin.elapsed().as_secs_f64(), rejections })
    }
}

async fn act_between<F>(begin: Instant, end: Instant, act: impl Fn() -> F) -> (u32, Rejections)
where
    F: Future<Output = anyhow::Result<()>>,
{
    let (mut done, mut rejections) = (0, Rejections::default());
    while Instant::now() < end {
        match act().await {
            Ok(()) => done += u32::from(Instant::now() >= begin),
            Err(error) => {
                rejections.count(&error);
                sleep(REST).await;
            }
        }
    }
    (done, rejections)
}

impl Rejections {
    /// Counts one.
    pub fn count(&mut self, error: &anyhow::Error) {
        self.0.push(format!("{error:#}"));
    }
}

impl fmt::Display for Rejections {
    /// Nothing where there was none, so that it can end a note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            None => Ok(()),
            Some(first) => write!(f, "; {} rejected, the first: {first}", self.0.len()),
        }
    }
}
