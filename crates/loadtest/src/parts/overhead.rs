//! What metrics and traces cost: receipts over 64 connections, with all off, with metrics, with one
//! trace in a hundred beside them and with every trace.
//!
//! Each load has a `dev` of its own, so that no load works off what the one before it left. They come in
//! one order and then in the reverse one: what slows the machine down or speeds it up over a round does
//! so to all. With metrics on they are read once a second, and traces are exported to a sink on this
//! machine. Receipts come without a parent, so a parent-based sampler decides by itself. The exporter
//! drops what its queue, of the default size, cannot hold; the note says how many spans arrived. All log
//! what `dev` logs by default.

use std::fmt;

use hyper::StatusCode;

use crate::computing::Computing;
use crate::latencies::number;
use crate::ledger::LedgerCheck;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::scraper::{Scraper, Scrapes};
use crate::session::{Session, Turn, run_with};
use crate::sink::{Received, Sink};

const CONNECTIONS: u32 = 64;
const ORDER: [Observing; 8] = [
    Observing::Nothing,
    Observing::Metrics,
    Observing::Sample,
    Observing::Everything,
    Observing::Everything,
    Observing::Sample,
    Observing::Metrics,
    Observing::Nothing,
];
/// The ratio of throughputs that is to be reached with a sample: at most 3 % are lost.
const LEAST: f64 = 0.97;

/// What is observed beside a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Observing {
    Nothing,
    Metrics,
    /// Metrics and one trace in a hundred.
    Sample,
    /// Metrics and every trace, which is the default.
    Everything,
}

/// One load.
#[derive(Debug, Clone, Copy)]
struct Load {
    per_second: f64,
    /// Cores that API and worker used.
    cores: f64,
    rejected: u32,
}

/// What was observed beside a load.
#[derive(Debug, Clone, Copy, Default)]
struct Observed {
    scrapes: Scrapes,
    received: Received,
}

/// The loads of one kind.
#[derive(Debug, Default)]
struct Loads {
    loads: Vec<Load>,
    observed: Observed,
}

/// Measures the loads in turn.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
    let [mut nothing, mut metrics, mut sample, mut everything] = <[Loads; 4]>::default();
    let mut ledger = LedgerCheck::default();
    for observing in ORDER {
        say(&format!(
            "as many receipts as {CONNECTIONS} connections can send, {}",
            observing.describe()
        ));
        let loads = match observing {
            Observing::Nothing => &mut nothing,
            Observing::Metrics => &mut metrics,
            Observing::Sample => &mut sample,
            Observing::Everything => &mut everything,
        };
        let (load, check) = if observing == Observing::Nothing {
            let settings = vec![("SENDPROMPTLY_METRICS_LISTEN", "off".to_owned())];
            run_with(turn, settings, flat_out).await?
        } else {
            let ((load, observed), check) = observe(turn, observing).await?;
            loads.observed.add(&observed);
            (load, check)
        };
        loads.loads.push(load);
        ledger.add(&check);
    }
    Ok((figures(&nothing, &metrics, &sample, &everything).into(), ledger))
}

async fn observe(
    turn: Turn<'_>,
    observing: Observing,
) -> anyhow::Result<((Load, Observed), LedgerCheck)> {
    let sink = Sink::start(StatusCode::OK).await?;
    let metrics = format!("127.0.0.1:{}", embedded::free_port()?);
    let mut settings = vec![("SENDPROMPTLY_METRICS_LISTEN", metrics.clone())];
    if observing != Observing::Metrics {
        settings.push(("OTEL_EXPORTER_OTLP_ENDPOINT", sink.origin.clone()));
    }
    if observing == Observing::Sample {
        settings.push(("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()));
        settings.push(("OTEL_TRACES_SAMPLER_ARG", "0.01".to_owned()));
    }
    run_with(turn, settings, async |session| {
        let scraper = Scraper::start(format!("http://{metrics}"));
        let load = flat_out(session).await?;
        let observed = Observed { scrapes: scraper.finish().await?, received: sink.received() };
        anyhow::ensure!(observed.scrapes.count > 0, "the metrics could not be read");
        let is_traced = observed.received.spans > 0;
        anyhow::ensure!(is_traced || observing == Observing::Metrics, "no span was exported");
        Ok((load, observed))
    })
    .await
}

async fn flat_out(session: &Session) -> anyhow::Result<Load> {
    let computing = Computing::start(session.dev.pid()?)?;
    let measured = session.receipts_over(CONNECTIONS, session.options.timing()).await?;
    let rejected = measured.rejections.count;
    Ok(Load { per_second: measured.per_second, cores: computing.cores()?, rejected })
}

fn figures(nothing: &Loads, metrics: &Loads, sample: &Loads, everything: &Loads) -> Vec<Figure> {
    let off = mean(&nothing.loads);
    let mut figures = vec![rate(Observing::Nothing, off)];
    let kinds = [
        (Observing::Metrics, metrics, Threshold::None),
        (Observing::Sample, sample, Threshold::AtLeast(LEAST)),
        (Observing::Everything, everything, Threshold::None),
    ];
    for (observing, loads, threshold) in kinds {
        let on = mean(&loads.loads);
        let name = format!("receipts with {} ÷ without", observing.describe());
        let ratio = Figure::new(name, on.per_second / off.per_second, "×", threshold);
        figures.extend([rate(observing, on), ratio.noting(loads.observed.to_string())]);
    }
    figures
}

fn rate(observing: Observing, load: Load) -> Figure {
    let (used, rejected) = (load.microseconds(), load.rejected);
    let name = format!("receipts over HTTP, {CONNECTIONS} connections, {}", observing.describe());
    let note = format!("API and worker used {used:.0} µs a receipt; {rejected} rejected");
    Figure::new(name, load.per_second, "/s", Threshold::None).noting(note)
}

impl Observing {
    const fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "metrics and traces off",
            Self::Metrics => "metrics alone",
            Self::Sample => "metrics and one trace in a hundred",
            Self::Everything => "metrics and every trace",
        }
    }
}

impl Observed {
    fn add(&mut self, other: &Self) {
        self.scrapes.count += other.scrapes.count;
        self.scrapes.bytes = other.scrapes.bytes;
        self.received.requests += other.received.requests;
        self.received.spans += other.received.spans;
        self.received.bytes += other.received.bytes;
    }
}

/// What was read and exported in all loads.
impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scrapes, received } = self;
        write!(
            f,
            "{} spans in {} exports of {:.1} MB; {} scrapes of {} KB",
            received.spans,
            received.requests,
            number(received.bytes) / 1e6,
            scrapes.count,
            scrapes.bytes / 1_000,
        )
    }
}

/// Of the loads of a side; what was rejected is added up.
fn mean(loads: &[Load]) -> Load {
    let count = f64::from(u32::try_from(loads.len()).unwrap_or(u32::MAX).max(1));
    let mean = |of: fn(&Load) -> f64| loads.iter().map(of).sum::<f64>() / count;
    let rejected = loads.iter().map(|load| load.rejected).sum();
    Load { per_second: mean(|load| load.per_second), cores: mean(|load| load.cores), rejected }
}

impl Load {
    /// How long API and worker computed for a receipt, and for what followed it in the meantime.
    fn microseconds(self) -> f64 {
        self.cores / self.per_second * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(per_second: f64) -> Load {
        Load { per_second, cores: 0.5, rejected: 1 }
    }

    fn loads(rates: &[f64]) -> Loads {
        let observed = Observed {
            scrapes: Scrapes { count: 24, bytes: 45_000 },
            received: Received { requests: 40, spans: 20_000, bytes: 3_000_000 },
        };
        Loads { loads: rates.iter().map(|rate| load(*rate)).collect(), observed }
    }

    #[test]
    fn what_slows_down_over_a_round_slows_all() {
        let (nothing, sample) = (loads(&[10_000.0, 7_000.0]), loads(&[9_000.0, 8_000.0]));
        let (metrics, everything) = (loads(&[8_500.0, 8_500.0]), loads(&[4_000.0, 4_500.0]));
        let figures = figures(&nothing, &metrics, &sample, &everything);
        let values: Vec<_> = figures.iter().map(|figure| figure.value).collect();
        assert_eq!(values, [8_500.0, 8_500.0, 1.0, 8_500.0, 1.0, 4_250.0, 0.5]);
        assert_eq!(figures[0].note, "API and worker used 59 µs a receipt; 2 rejected");
        assert_eq!(figures[2].note, "20000 spans in 40 exports of 3.0 MB; 24 scrapes of 45 KB");
    }
}
