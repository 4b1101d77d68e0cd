//! Latency of receipts at a steady rate, with Temporal at work on them beside it.

use crate::report::{Figure, Findings, Line, Threshold};
use crate::say;
use crate::session::Session;

/// Receipts a second, the names of figure and plot, and the highest p99 in milliseconds.
const RATES: [(f64, &str, &str, f64); 2] = [
    (200.0, "POST /receipt at 200/s, p99", "receipts at 200/s", 10.0),
    (500.0, "POST /receipt at 500/s, p99", "receipts at 500/s", 15.0),
];

/// Sends at one rate after the other; what the first left in the outbox is dispatched in between.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    for (rate, name, load, most) in RATES {
        session.until_relayed().await?;
        say(load);
        let sampler = session.sample()?;
        let measured = session.receipts_at(rate, session.options.timing()).await?;
        let p99 = measured.latencies.percentile(99.0);
        let figure = Figure::new(name, p99, "ms", Threshold::AtMost(most));
        let note = format!("{}{}", measured.latencies, measured.rejections);
        findings.figures.push(figure.noting(note));
        findings.lines.extend(Line::of_load(load, &measured));
        findings.lines.extend(sampler.finish(load).await?);
    }
    Ok(findings)
}
