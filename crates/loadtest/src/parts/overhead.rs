//! What metrics and traces cost: receipts over 64 connections with metrics, with one trace in a hundred
//! beside them and with every trace, each compared with all of it off; and, first, that with the same once more.
//!
//! The two sides of a comparison are two `dev` at the same time, which get the load in turn, for some seconds
//! each, in one order and then in the other: what slows the machine down or speeds it up does so to both, and
//! both work off what they were sent beside the load of either. While one has the load its metrics are read
//! once a second, and traces are exported to a sink on this machine. Receipts come without a parent, so a
//! parent-based sampler decides by itself. The exporter drops what its queue, of the default size, cannot
//! hold; the note says how many spans arrived. All log what `dev` logs by default.

use std::fmt;

use hyper::StatusCode;

use crate::computing::Computing;
use crate::dev::Setting;
use crate::latencies::number;
use crate::ledger::LedgerCheck;
use crate::load::Timing;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::scraper::{Scraper, Scrapes};
use crate::session::{Session, Turn, run_with};
use crate::sink::{Received, Sink};

const CONNECTIONS: u32 = 64;
const METRICS: &str = "SENDPROMPTLY_METRICS_LISTEN";
/// How often each side of a comparison gets the load.
const TURNS: u32 = 4;
const ALL: [Observing; 4] =
    [Observing::Nothing, Observing::Metrics, Observing::Sample, Observing::Everything];
/// The ratio of throughputs that is to be reached with a sample: at most 3 % are lost.
const LEAST: f64 = 0.97;

/// What is observed beside a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Observing {
    /// Nothing, as on the other side: what the ratio of two that are the same comes to.
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

/// The loads of both sides, and what was observed beside one of them.
#[derive(Debug, Default)]
struct Comparison {
    without: Vec<Load>,
    with: Vec<Load>,
    observed: Observed,
}

/// Makes the comparisons one after the other.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
    let mut figures = Vec::new();
    let mut ledger = LedgerCheck::default();
    for observing in ALL {
        say(&format!(
            "as many receipts as {CONNECTIONS} connections can send, {} and without, in turn",
            observing.describe()
        ));
        let off = vec![(METRICS, "off".to_owned())];
        let ((comparison, check), check_of_without) =
            run_with(turn, off, async |without| compare(turn, observing, without).await).await?;
        figures.extend(comparison.figures(observing));
        ledger.add(&check);
        ledger.add(&check_of_without);
    }
    Ok((figures.into(), ledger))
}

async fn compare(
    turn: Turn<'_>,
    observing: Observing,
    without: &Session,
) -> anyhow::Result<(Comparison, LedgerCheck)> {
    let sink = Sink::start(StatusCode::OK).await?;
    let metrics = format!("127.0.0.1:{}", embedded::free_port()?);
    let settings = observing.settings(&metrics, &sink);
    run_with(turn, settings, async |with| {
        // Whoever came first would have the machine to itself: nothing would be left to be worked off yet.
        tokio::try_join!(flat_out(without), flat_out(with))?;
        let mut comparison = Comparison::default();
        for number in 0..TURNS {
            if number % 2 == 0 {
                comparison.without.push(flat_out(without).await?);
            }
            let scraper = Scraper::start(format!("http://{metrics}"));
            comparison.with.push(flat_out(with).await?);
            comparison.observed.add(scraper.finish().await?);
            if number % 2 == 1 {
                comparison.without.push(flat_out(without).await?);
            }
        }
        comparison.observed.received = sink.received();
        comparison.observed.check(observing)?;
        Ok(comparison)
    })
    .await
}

/// One turn.
async fn flat_out(session: &Session) -> anyhow::Result<Load> {
    let Timing { warm_up, lasting } = session.options.timing();
    let timing = Timing { warm_up: warm_up / 2, lasting: lasting / 2 };
    let computing = Computing::start(session.dev.pid()?)?;
    let measured = session.receipts_over(CONNECTIONS, timing).await?;
    let rejected = measured.rejections.count;
    Ok(Load { per_second: measured.per_second, cores: computing.cores()?, rejected })
}

impl Observing {
    const fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "nothing of it",
            Self::Metrics => "metrics alone",
            Self::Sample => "metrics and one trace in a hundred",
            Self::Everything => "metrics and every trace",
        }
    }

    fn settings(self, metrics: &str, sink: &Sink) -> Vec<Setting> {
        if self == Self::Nothing {
            return vec![(METRICS, "off".to_owned())];
        }
        let mut settings = vec![(METRICS, metrics.to_owned())];
        if self != Self::Metrics {
            settings.push(("OTEL_EXPORTER_OTLP_ENDPOINT", sink.origin.clone()));
        }
        if self == Self::Sample {
            settings.push(("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()));
            settings.push(("OTEL_TRACES_SAMPLER_ARG", "0.01".to_owned()));
        }
        settings
    }
}

impl Observed {
    fn add(&mut self, scrapes: Scrapes) {
        self.scrapes.count += scrapes.count;
        self.scrapes.bytes = scrapes.bytes;
    }

    /// What is not observed costs nothing.
    fn check(&self, observing: Observing) -> anyhow::Result<()> {
        let (is_read, is_traced) = (self.scrapes.count > 0, self.received.spans > 0);
        let [reads, traces] = match observing {
            Observing::Nothing => [false, false],
            Observing::Metrics => [true, false],
            Observing::Sample | Observing::Everything => [true, true],
        };
        anyhow::ensure!(is_read == reads, "the metrics could not be read");
        anyhow::ensure!(is_traced == traces, "no span was exported");
        Ok(())
    }
}

impl Comparison {
    fn figures(&self, observing: Observing) -> [Figure; 2] {
        let [with, without] = [mean(&self.with), mean(&self.without)];
        let what = observing.describe();
        let used = [with, without].map(Load::microseconds);
        let note = format!(
            "beside {:.0} without; API and worker used {:.0} and {:.0} µs a receipt; {} rejected",
            without.per_second,
            used[0],
            used[1],
            with.rejected + without.rejected,
        );
        let rate = format!("receipts over HTTP, {CONNECTIONS} connections, {what}");
        let rate = Figure::new(rate, with.per_second, "/s", Threshold::None).noting(note);
        let least = match observing {
            Observing::Sample => Threshold::AtLeast(LEAST),
            Observing::Nothing | Observing::Metrics | Observing::Everything => Threshold::None,
        };
        let ratio = with.per_second / without.per_second;
        let ratio = Figure::new(format!("receipts with {what} ÷ without"), ratio, "×", least);
        [rate, ratio.noting(self.observed.to_string())]
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

    fn loads(rates: [f64; 2]) -> Vec<Load> {
        rates.map(|per_second| Load { per_second, cores: 0.5, rejected: 1 }).into()
    }

    #[test]
    fn what_slows_down_over_a_round_slows_both_sides() {
        let comparison = Comparison {
            without: loads([10_000.0, 7_000.0]),
            with: loads([9_000.0, 8_000.0]),
            observed: Observed {
                scrapes: Scrapes { count: 24, bytes: 45_000 },
                received: Received { requests: 40, spans: 20_000, bytes: 3_000_000 },
            },
        };
        let [rate, ratio] = comparison.figures(Observing::Sample);
        let beside = "beside 8500 without; API and worker used 59 and 59 µs a receipt; 4 rejected";
        assert_eq!(rate.note, beside);
        assert!((ratio.value - 1.0).abs() < f64::EPSILON);
        assert_eq!(ratio.note, "20000 spans in 40 exports of 3.0 MB; 24 scrapes of 45 KB");
    }
}
