//! What a receipt costs when there is much of something: the same load with several numbers of
//! events on disk, then with several numbers of watches that wait for a result.
//!
//! While a load runs the outbox is held back, so that Temporal's work on one load is not measured
//! with the next. What was held is given up before watches are added, so that there are as many as
//! the report says. Each has a `dev` of its own.

use std::time::Duration;

use crate::ledger::LedgerCheck;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::seed::{self, Size};
use crate::session::{self, Session, Turn};
use crate::spread::{Spread, fitted_order};
use crate::{outbox, say};

const CONNECTIONS: u32 = 64;
/// One of so many events has an incident.
const EVENTS_PER_INCIDENT: u32 = 50;
/// For freed memory to go back to the system.
const SETTLE: Duration = Duration::from_secs(10);

/// What there is more of each time.
#[derive(Clone, Copy)]
struct Axis {
    name: &'static str,
    load: &'static str,
    over: &'static str,
}

const EVENTS: Axis =
    Axis { name: "events on disk", load: "growth", over: "log₁₀ of events on disk" };
const WATCHES: Axis = Axis {
    name: "pending watches",
    load: "growth of pending watches",
    over: "log₁₀ of pending watches",
};

/// Something that may grow with it, by size.
struct Growth {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    target: Threshold,
    values: Vec<(f64, f64)>,
}

/// Measures both, one after the other.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
    let (mut findings, mut ledger) = session::run(turn, over_events).await?;
    let (pending, check) = session::run(turn, over_watches).await?;
    findings.figures.extend(pending.figures);
    findings.lines.extend(pending.lines);
    ledger.add(&check);
    Ok((findings, ledger))
}

/// Fills the database step by step, and measures at each.
async fn over_events(session: &Session) -> anyhow::Result<Findings> {
    outbox::hold(&session.pool).await?;
    let (mut findings, mut cost, mut on_disk) = (Findings::default(), Growth::of_cost(), 0);
    for size in session.options.scale.clone() {
        let added = size.saturating_sub(on_disk);
        let added = Size::usual(added, added / EVENTS_PER_INCIDENT);
        seed::fill(&session.dev.ready.database_url, added).await?;
        on_disk = on_disk.max(size);
        cost.add(size, measure_cost(session, size, EVENTS, &mut findings).await?);
    }
    cost.conclude(EVENTS, &mut findings);
    Ok(findings)
}

/// Adds events and waits until each has a watch, step by step, and measures at each.
async fn over_watches(session: &Session) -> anyhow::Result<Findings> {
    let (mut findings, mut cost, mut pending) = (Findings::default(), Growth::of_cost(), 0);
    let mut memory = Growth::of_memory();
    for size in session.options.pending.clone() {
        let added = size.saturating_sub(pending);
        say(&format!("{added} more watches"));
        session.add_watches(&session.temporal().await?, CONNECTIONS, added).await?;
        pending = pending.max(size);
        tokio::time::sleep(SETTLE).await;
        let megabytes = session.memory()?;
        memory.add(size, megabytes);
        let name = format!("memory of API and worker, {size} {}", WATCHES.name);
        findings.figures.push(Figure::new(name, megabytes, "MB", Threshold::None));
        outbox::hold(&session.pool).await?;
        cost.add(size, measure_cost(session, size, WATCHES, &mut findings).await?);
        outbox::discard(&session.pool).await?;
    }
    cost.conclude(WATCHES, &mut findings);
    memory.conclude(WATCHES, &mut findings);
    Ok(findings)
}

/// Milliseconds per receipt: the median of the rounds.
async fn measure_cost(
    session: &Session,
    size: u32,
    axis: Axis,
    findings: &mut Findings,
) -> anyhow::Result<f64> {
    let beside = format!("{size} {}", axis.name);
    say(&format!("as many receipts as {CONNECTIONS} connections can send, {beside}"));
    let mut rounds = Vec::new();
    for _ in 0..session.options.rounds {
        let measured = session.receipts_over(CONNECTIONS, session.options.timing()).await?;
        rounds.push(measured.per_second);
    }
    let Some(Spread { median, min, max, .. }) = Spread::new(rounds) else {
        anyhow::bail!("no round was measured");
    };
    let name = format!("receipts over HTTP, {beside}");
    let figure = Figure::new(name, median, "/s", Threshold::None);
    findings.figures.push(figure.noting(format!("{min:.0}–{max:.0}")));
    Ok(1_000.0 / median)
}

impl Growth {
    const fn of_cost() -> Self {
        Self {
            name: "receipt cost",
            title: "cost of a receipt, 64 connections",
            unit: "ms",
            target: Threshold::AtMost(1.2),
            values: Vec::new(),
        }
    }

    const fn of_memory() -> Self {
        Self {
            name: "memory",
            title: "memory of API and worker",
            unit: "MB",
            target: Threshold::None,
            values: Vec::new(),
        }
    }

    fn add(&mut self, size: u32, value: f64) {
        self.values.push((f64::from(size), value));
    }

    /// How much it grew from the least to the most, and its line.
    fn conclude(self, axis: Axis, findings: &mut Findings) {
        let Self { name, title, unit, target, values } = self;
        if let (Some(least), Some(most), Some(order)) =
            (values.first(), values.last(), fitted_order(&values))
        {
            let name = format!("{name} at the most {} ÷ at the fewest", axis.name);
            let note = format!("{} ÷ {}; fitted order {order:.3}", most.0, least.0);
            let figure = Figure::new(name, most.1 / least.1, "×", target);
            findings.figures.push(figure.noting(note));
        }
        let points = values.into_iter().map(|(size, value)| (size.log10(), value)).collect();
        let line = Line::new(axis.load, title, unit, points);
        findings.lines.push(Line { over: axis.over, ..line });
    }
}
