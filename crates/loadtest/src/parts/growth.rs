//! What a receipt costs with much on disk: the same load at each of several sizes.
//!
//! The outbox is held back, so that Temporal's work on one load is not measured with the next.

use crate::report::{Figure, Findings, Line, Threshold};
use crate::session::Session;
use crate::spread::{Spread, fitted_order};
use crate::{outbox, say, seed};

const CONNECTIONS: u32 = 64;
/// One of so many events has an incident.
const EVENTS_PER_INCIDENT: u32 = 50;
const OVER: &str = "log₁₀ of events on disk";

/// Fills the database step by step, and measures at each.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    outbox::hold(&session.pool).await?;
    let (mut findings, mut costs, mut on_disk) = (Findings::default(), Vec::new(), 0);
    for size in session.options.scale.clone() {
        let added = size.saturating_sub(on_disk);
        let incidents = added / EVENTS_PER_INCIDENT;
        seed::fill(&session.dev.ready.database_url, (added, incidents)).await?;
        on_disk = on_disk.max(size);
        let (per_second, figure) = measure_at(session, size).await?;
        findings.figures.push(figure);
        costs.push((f64::from(size), 1_000.0 / per_second));
    }
    if let (Some(least), Some(most), Some(order)) =
        (costs.first(), costs.last(), fitted_order(&costs))
    {
        let name = "receipt cost at the most events ÷ at the fewest";
        let figure = Figure::new(name, most.1 / least.1, "×", Threshold::AtMost(1.2));
        let note = format!("{} events ÷ {}; fitted order {order:.3}", most.0, least.0);
        findings.figures.push(figure.noting(note));
    }
    let points = costs.into_iter().map(|(size, cost)| (size.log10(), cost)).collect();
    let line = Line::new("growth", "cost of a receipt, 64 connections", "ms", points);
    findings.lines.push(Line { over: OVER, ..line });
    Ok(findings)
}

/// The median of the rounds at one size.
async fn measure_at(session: &Session, size: u32) -> anyhow::Result<(f64, Figure)> {
    say(&format!("as many receipts as {CONNECTIONS} connections can send, {size} events on disk"));
    let mut rounds = Vec::new();
    for _ in 0..session.options.rounds {
        let measured = session.receipts_over(CONNECTIONS, session.options.timing()).await?;
        rounds.push(measured.per_second);
    }
    let Some(Spread { median, min, max, .. }) = Spread::new(rounds) else {
        anyhow::bail!("no round was measured");
    };
    let name = format!("receipts over HTTP, {size} events on disk");
    let figure = Figure::new(name, median, "/s", Threshold::None);
    Ok((median, figure.noting(format!("{min:.0}–{max:.0}"))))
}
