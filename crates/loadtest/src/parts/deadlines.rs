//! From a deadline to the row of its incident, one at a time.

use std::time::Duration;

use anyhow::Context as _;
use domain::ids::EventId;
use tokio::time::{Instant, sleep_until};

use crate::latencies::Latencies;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::session::{Session, eventually};

const EVENTS: u32 = 100;
const SPREAD_OVER: Duration = Duration::from_secs(20);
/// The shortest time-out that the API takes.
pub const SHORTEST_TIMEOUT_MINUTES: u32 = 1;
/// How long after the last deadline an incident may still come.
pub const TIMEOUT: Duration = Duration::from_mins(3);

/// Reports receipts, never a result, and waits for the incidents.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    say(&format!("{EVENTS} receipts, a minute of silence, {EVENTS} incidents"));
    let begin = Instant::now();
    let mut silent = Vec::new();
    for number in 0..EVENTS {
        sleep_until(begin + SPREAD_OVER / EVENTS * number).await;
        silent.push(session.app.receipt(SHORTEST_TIMEOUT_MINUTES).await?);
    }
    let mut measured = Vec::new();
    for event_id in silent {
        measured.push(latency(session, event_id).await?);
    }
    let latencies = Latencies::collect(measured)?;
    let p99 = latencies.percentile(99.0);
    let figure = Figure::new("deadline → incident row, p99", p99, "ms", Threshold::AtMost(50.0));
    Ok(vec![figure.noting(latencies)].into())
}

async fn latency(session: &Session, event_id: EventId) -> anyhow::Result<Duration> {
    let late = "SELECT extract(epoch FROM i.opened_at - e.timeout_at)::float8
        FROM incidents i JOIN payment_events e ON e.id = i.event_id WHERE e.id = $1";
    let late: f64 = eventually("an incident", TIMEOUT, async || {
        let late = sqlx::query_scalar(late).bind(event_id.as_uuid());
        Ok(late.fetch_optional(&session.pool).await?)
    })
    .await?;
    // Opened before the deadline would be a bug of its own, so it must not look like a zero.
    Duration::try_from_secs_f64(late)
        .with_context(|| format!("the incident of {event_id} came too early"))
}
