//! The top of the hour: many receipts within five seconds, at a rate that does not wait for anyone.

use std::time::Duration;

use crate::latencies::number;
use crate::load::Timing;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::say;
use crate::session::Session;

const RECEIPTS: u32 = 20_000;
const LASTING: Duration = Duration::from_secs(5);
const WARM_UP_RATE: f64 = 50.0;
const LOAD: &str = "burst";

/// Sends them and counts what was not accepted.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    warm_up(session).await?;
    let receipts = session.options.scaled(RECEIPTS);
    say(&format!("{receipts} receipts in {} s", LASTING.as_secs()));
    let sampler = session.sample()?;
    let timing = Timing { warm_up: Duration::ZERO, lasting: LASTING };
    let rate = f64::from(receipts) / LASTING.as_secs_f64();
    let measured = session.receipts_at(rate, timing).await?;
    let p99 = measured.latencies.percentile(99.0);
    let p99 = Figure::new("burst of 20,000 in 5 s, p99", p99, "ms", Threshold::AtMost(250.0));
    let rejected = number(measured.rejections.count.into());
    let rejected =
        Figure::new("burst of 20,000 in 5 s, not 202", rejected, "", Threshold::AtMost(0.0));
    let note = format!("{}{}", measured.latencies, measured.rejections);
    let mut lines = Vec::from(Line::of_load(LOAD, &measured));
    lines.extend(sampler.finish(LOAD).await?);
    Ok(Findings { figures: vec![p99.noting(&note), rejected.noting(note)], lines })
}

/// No running system is without connections.
async fn warm_up(session: &Session) -> anyhow::Result<()> {
    session.receipts_at(WARM_UP_RATE, session.options.timing()).await?;
    session.until_relayed().await
}
