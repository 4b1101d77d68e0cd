//! From a deadline to the row of its incident.

use std::time::Duration;

use anyhow::Context as _;
use domain::ids::EventId;
use store::{events, incidents};
use tokio::time::{Instant, sleep_until};

use crate::percentiles::{Percentiles, milliseconds};
use crate::report::{Figure, Threshold};
use crate::{BenchContext, eventually, say};

const EVENTS: u32 = 100;
const SPREAD_OVER: Duration = Duration::from_secs(20);
/// The shortest time-out that the API takes.
const TIMEOUT_MINUTES: u32 = 1;
/// How long after the last deadline an incident may still come.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Reports receipts, never a result, and waits for the incidents.
pub async fn measure(context: &BenchContext) -> anyhow::Result<Vec<Figure>> {
    say(&format!("{EVENTS} receipts, a minute of silence, {EVENTS} incidents"));
    let begin = Instant::now();
    let mut silent = Vec::new();
    for number in 0..EVENTS {
        sleep_until(begin + SPREAD_OVER / EVENTS * number).await;
        silent.push(context.app.receipt(TIMEOUT_MINUTES).await?);
    }
    let mut measured = Vec::new();
    for event_id in silent {
        measured.push(latency(context, event_id).await?);
    }
    let percentiles = Percentiles::new(measured)?;
    Ok(vec![Figure {
        name: "deadline → incident row, p99",
        value: milliseconds(percentiles.percentile(99)),
        unit: "ms",
        target: Threshold::AtMost(1_000.0),
        note: percentiles.to_string(),
    }])
}

async fn latency(context: &BenchContext, event_id: EventId) -> anyhow::Result<Duration> {
    let event =
        events::find_event(&context.pool, event_id).await?.context("an event that is gone")?;
    let incident = eventually("an incident", TIMEOUT, async || {
        Ok(incidents::find_for_event(&context.pool, event_id).await?)
    })
    .await?;
    // Opened before the deadline would be a bug of its own, so it must not look like a zero.
    let latency = incident.opened_at - event.timeout_at;
    latency.try_into().with_context(|| format!("the incident of {event_id} came too early"))
}
