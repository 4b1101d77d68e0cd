//! Many deadlines in one moment, with receipts coming in beside: how late the last incident is, and
//! whether the receipts are harmed.

use std::time::Duration;

use crate::latencies::number;
use crate::load::Timing;
use crate::parts::deadlines::{SHORTEST_TIMEOUT_MINUTES, TIMEOUT};
use crate::report::{Figure, Findings, Line, Threshold};
use crate::say;
use crate::session::{Session, eventually};

const DEADLINES: u32 = 3_000;
const CONNECTIONS: u32 = 64;
const RATE: f64 = 100.0;
/// The receipts beside begin before the deadlines, and are counted around them.
const BESIDE: Timing = Timing { warm_up: Duration::from_secs(50), lasting: Duration::from_mins(1) };
const LOAD: &str = "receipts beside many incidents";

/// Seconds from the deadline to the incident's row: of the last, and of half of them.
const LATENESS: &str = "
    SELECT max(late)::float8, percentile_cont(0.5) WITHIN GROUP (ORDER BY late)::float8
    FROM (
        SELECT extract(epoch FROM i.opened_at - e.timeout_at) AS late
        FROM payment_events e JOIN incidents i ON i.event_id = e.id WHERE e.timeout_minutes = $1
    ) AS incidents HAVING count(*) = $2";

/// Reports receipts as fast as they are accepted, never a result, and waits for the incidents.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let deadlines = session.options.scaled(DEADLINES);
    say(&format!("{deadlines} receipts, a minute, {deadlines} incidents"));
    session.receipts_due(SHORTEST_TIMEOUT_MINUTES, CONNECTIONS, deadlines).await?;
    let sampler = session.sample()?;
    let incidents = eventually("all incidents", TIMEOUT, async || {
        let lateness = sqlx::query_as(LATENESS).bind(i32::try_from(SHORTEST_TIMEOUT_MINUTES)?);
        let lateness = lateness.bind(i64::from(deadlines)).fetch_optional(&session.pool).await?;
        Ok::<Option<(f64, f64)>, _>(lateness)
    });
    let (incidents, beside) = tokio::join!(incidents, session.receipts_at(RATE, BESIDE));
    let ((last, median), beside) = (incidents?, beside?);
    let name = "3,000 deadlines in one moment → last incident";
    let last = Figure::new(name, last, "s", Threshold::AtMost(60.0));
    let note = format!("half of them within {median:.1} s");
    let p99 = beside.latencies.percentile(99.0);
    let p99 = Figure::new("receipts at 100/s beside them, p99", p99, "ms", Threshold::AtMost(15.0));
    let rejected = number(beside.rejections.count.into());
    let name = "receipts at 100/s beside them, not 202";
    let rejected = Figure::new(name, rejected, "", Threshold::AtMost(0.0));
    let mut lines = Vec::from(Line::of_load(LOAD, &beside));
    lines.extend(sampler.finish(LOAD).await?);
    let note_beside = format!("{}{}", beside.latencies, beside.rejections);
    let figures = vec![last.noting(note), p99.noting(&note_beside), rejected.noting(note_beside)];
    Ok(Findings { figures, lines })
}
