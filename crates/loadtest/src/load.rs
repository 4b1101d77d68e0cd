//! Load of two shapes.
//!
//! An *open loop* sends at a rate, whatever became of what was sent before, and counts each latency
//! from the moment at which the request was due: a server that stalls is charged with everything
//! that waited (no coordinated omission). A *closed loop* has so many connections send one request
//! after the other, and shows what can be taken; its latencies are those of the requests that it
//! came to send, so no target is held against them.
//!
//! What is rejected is counted and shown beside, never in, what was measured. A connection that was
//! rejected rests for a moment, as a well-behaved app does.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::latencies::{Latencies, number};

const REST: Duration = Duration::from_millis(100);

/// How long a load lasts, after a warm-up of which nothing is counted.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub warm_up: Duration,
    pub lasting: Duration,
}

impl Timing {
    /// Until the inputs of a closed loop are at their end, or an open one is cancelled.
    pub const UNLIMITED: Self = Self { warm_up: Duration::ZERO, lasting: Duration::from_hours(24) };
}

/// What a load came to.
pub struct Measured {
    pub latencies: Latencies,
    pub per_second: f64,
    pub rejections: Rejections,
}

/// What was rejected, in the warm-up too, and why at first.
#[derive(Default)]
pub struct Rejections {
    pub count: u32,
    first: Option<String>,
}

/// What is counted while a load runs.
struct Tally {
    begin: Instant,
    last: Instant,
    latencies: Latencies,
    rejections: Rejections,
}

#[derive(Clone)]
struct SharedTally(Arc<Mutex<Tally>>);

/// Sends `rate` a second.
pub async fn open<F>(
    rate: f64,
    timing: Timing,
    act: impl Fn() -> F + Send + 'static,
) -> anyhow::Result<Measured>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    open_until(rate, timing, &CancellationToken::new(), act).await
}

/// The same, and no more once this is cancelled.
pub async fn open_until<F>(
    rate: f64,
    timing: Timing,
    stop: &CancellationToken,
    act: impl Fn() -> F + Send + 'static,
) -> anyhow::Result<Measured>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let start = Instant::now();
    let begin = start + timing.warm_up;
    let tally = SharedTally::new(begin)?;
    let mut running = JoinSet::new();
    let mut number: u32 = 0;
    loop {
        let due = start + Duration::from_secs_f64(f64::from(number) / rate);
        if stop.is_cancelled() || due >= begin + timing.lasting {
            break;
        }
        number += 1;
        sleep_until(due).await;
        let (action, tally) = (act(), tally.clone());
        running.spawn(async move { tally.record(due, action.await) });
    }
    while running.join_next().await.is_some() {}
    tally.finish()
}

/// Has so many connections work off inputs, one after the other, until time or inputs are at their
/// end.
pub async fn closed<T, F>(
    connections: u32,
    timing: Timing,
    inputs: impl Iterator<Item = T> + Send + 'static,
    act: impl Fn(T) -> F + Clone + Send + 'static,
) -> anyhow::Result<Measured>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let begin = Instant::now() + timing.warm_up;
    let end = begin + timing.lasting;
    let tally = SharedTally::new(begin)?;
    let inputs = Arc::new(Mutex::new(inputs.fuse()));
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (tally, inputs, act) = (tally.clone(), Arc::clone(&inputs), act.clone());
        senders.spawn(async move {
            let next = || lock(&inputs).next();
            while Instant::now() < end
                && let Some(input) = next()
            {
                let sent = Instant::now();
                let outcome = act(input).await;
                let rejected = outcome.is_err();
                tally.record(sent, outcome);
                if rejected {
                    sleep(REST).await;
                }
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended?;
    }
    tally.finish()
}

impl Measured {
    /// For loads that prepare something.
    pub fn all_accepted(&self) -> anyhow::Result<()> {
        let Rejections { count, .. } = self.rejections;
        anyhow::ensure!(count == 0, "not everything was accepted{}", self.rejections);
        Ok(())
    }
}

impl SharedTally {
    fn new(begin: Instant) -> anyhow::Result<Self> {
        let (latencies, rejections) = (Latencies::new()?, Rejections::default());
        Ok(Self(Arc::new(Mutex::new(Tally { begin, last: begin, latencies, rejections }))))
    }

    fn record(&self, sent: Instant, outcome: anyhow::Result<()>) {
        let now = Instant::now();
        let mut tally = lock(&self.0);
        match outcome {
            Err(error) => tally.rejections.count(&error),
            Ok(()) if sent < tally.begin => {}
            Ok(()) => {
                let sent_after = sent - tally.begin;
                tally.latencies.record(sent_after, now - sent);
                tally.last = now;
            }
        }
    }

    fn finish(&self) -> anyhow::Result<Measured> {
        let mut tally = lock(&self.0);
        let (latencies, rejections) = (
            std::mem::replace(&mut tally.latencies, Latencies::new()?),
            std::mem::take(&mut tally.rejections),
        );
        anyhow::ensure!(latencies.count() > 0, "nothing succeeded{rejections}");
        let took = tally.last - tally.begin;
        let per_second = number(latencies.count()) / took.as_secs_f64();
        Ok(Measured { latencies, per_second, rejections })
    }
}

impl Rejections {
    /// Counts one.
    fn count(&mut self, error: &anyhow::Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{error:#}"));
    }
}

impl fmt::Display for Rejections {
    /// Nothing where there was none, so that it can end a note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first {
            None => Ok(()),
            Some(first) => write!(f, "; {} rejected, the first: {first}", self.count),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing { warm_up: Duration::ZERO, lasting: Duration::from_secs(1) };

    /// One at a time, and the fiftieth stalls.
    async fn stalling_server(turn: Arc<tokio::sync::Mutex<u32>>) -> anyhow::Result<()> {
        let mut turn = turn.lock().await;
        *turn += 1;
        if *turn == 50 {
            sleep(Duration::from_millis(400)).await;
        }
        Ok(())
    }

    #[tokio::test]
    async fn an_open_loop_charges_a_stall_with_everything_that_waited() {
        let turn = Arc::default();
        let measured = open(100.0, TIMING, move || stalling_server(Arc::clone(&turn)));
        let measured = measured.await.expect("a load");
        assert_eq!(measured.latencies.count(), 100);
        let waited = measured.latencies.percentile(75.0);
        assert!(waited > 50.0, "a third waited for the stalled one, p75 {waited} ms");
    }

    #[tokio::test]
    async fn an_open_loop_ends_once_it_is_cancelled() {
        let stop = CancellationToken::new();
        let acting = stop.clone();
        let act = move || {
            acting.cancel();
            async { Ok(()) }
        };
        let measured = open_until(100.0, Timing::UNLIMITED, &stop, act).await.expect("a load");
        assert_eq!(measured.latencies.count(), 1);
    }

    #[tokio::test]
    async fn a_closed_loop_ends_with_its_inputs() {
        let measured =
            closed(4, Timing::UNLIMITED, 0..10, |_| async { Ok(()) }).await.expect("a load");
        assert_eq!(measured.latencies.count(), 10);
    }

    #[tokio::test]
    async fn what_is_rejected_is_counted_beside() {
        let measured = closed(1, Timing::UNLIMITED, 0..5, |turn| async move {
            anyhow::ensure!(turn != 3, "busy");
            Ok(())
        });
        let measured = measured.await.expect("a load");
        assert_eq!((measured.latencies.count(), measured.rejections.count), (4, 1));
        assert_eq!(measured.rejections.to_string(), "; 1 rejected, the first: busy");
    }

    #[tokio::test]
    async fn nothing_that_succeeds_is_an_error() {
        let measured =
            closed(1, Timing::UNLIMITED, 0..1, |_| async { Err(anyhow::anyhow!("busy")) }).await;
        let error = measured.err().expect("an error");
        assert_eq!(error.to_string(), "nothing succeeded; 1 rejected, the first: busy");
    }
}
