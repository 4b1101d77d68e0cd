//! What metrics and traces cost: receipts over 64 connections, with everything on and with all off.
//!
//! Each load has a `dev` of its own, so that no load works off what the one before it left. They come
//! in the order off, on, on, off: what slows the machine down or speeds it up over a round does so to
//! both. With everything on the metrics are read once a second, and every trace is exported to a sink
//! on this machine, as the default sampler has it, parent-based and always on, because receipts come
//! without a parent. The exporter drops what its queue, of the default size, cannot hold; the note
//! says how many spans arrived. Both sides log what `dev` logs by default.

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
/// Whether everything is on.
const ORDER: [bool; 4] = [false, true, true, false];
/// The ratio of throughputs that is to be reached: at most 3 % are lost.
const LEAST: f64 = 0.97;

/// One load.
#[derive(Debug, Clone, Copy)]
struct Load {
    per_second: f64,
    /// Cores that API and worker used.
    cores: f64,
    rejected: u32,
}

/// What was observed beside a load.
struct Observed {
    load: Load,
    scrapes: Scrapes,
    received: Received,
}

/// Measures the loads in turn.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
    let (mut plain, mut observed) = (Vec::new(), Vec::new());
    let mut ledger = LedgerCheck::default();
    for is_on in ORDER {
        let check = if is_on {
            let (load, check) = with_everything_on(turn).await?;
            observed.push(load);
            check
        } else {
            let (load, check) = with_all_off(turn).await?;
            plain.push(load);
            check
        };
        ledger.add(&check);
    }
    Ok((figures(&plain, &observed).into(), ledger))
}

async fn with_all_off(turn: Turn<'_>) -> anyhow::Result<(Load, LedgerCheck)> {
    say(&format!("as many receipts as {CONNECTIONS} connections can send, metrics and traces off"));
    let settings = vec![("SENDPROMPTLY_METRICS_LISTEN", "off".to_owned())];
    run_with(turn, settings, flat_out).await
}

async fn with_everything_on(turn: Turn<'_>) -> anyhow::Result<(Observed, LedgerCheck)> {
    say(&format!("as many receipts as {CONNECTIONS} connections can send, metrics and traces on"));
    let sink = Sink::start(StatusCode::OK).await?;
    let metrics = format!("127.0.0.1:{}", embedded::free_port()?);
    let settings = vec![
        ("SENDPROMPTLY_METRICS_LISTEN", metrics.clone()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.origin.clone()),
    ];
    run_with(turn, settings, async |session| {
        let scraper = Scraper::start(format!("http://{metrics}"));
        let load = flat_out(session).await?;
        let (read, received) = (scraper.finish().await?, sink.received());
        anyhow::ensure!(read.count > 0, "the metrics could not be read");
        anyhow::ensure!(received.spans > 0, "no span was exported");
        Ok(Observed { load, scrapes: read, received })
    })
    .await
}

async fn flat_out(session: &Session) -> anyhow::Result<Load> {
    let computing = Computing::start(session.dev.pid()?)?;
    let measured = session.receipts_over(CONNECTIONS, session.options.timing()).await?;
    let rejected = measured.rejections.count;
    Ok(Load { per_second: measured.per_second, cores: computing.cores()?, rejected })
}

fn figures(plain: &[Load], observed: &[Observed]) -> Vec<Figure> {
    let loads: Vec<Load> = observed.iter().map(|observed| observed.load).collect();
    let (off, on) = (mean(plain), mean(&loads));
    let rate = |name: &str, load: Load| {
        let (used, rejected) = (load.microseconds(), load.rejected);
        let note = format!("API and worker used {used:.0} µs a receipt; {rejected} rejected");
        Figure::new(name, load.per_second, "/s", Threshold::None).noting(note)
    };
    let ratio = on.per_second / off.per_second;
    let name = "receipts with metrics and traces ÷ without";
    vec![
        rate("receipts over HTTP, 64 connections, metrics and traces off", off),
        rate("receipts over HTTP, 64 connections, metrics and traces on", on),
        Figure::new(name, ratio, "×", Threshold::AtLeast(LEAST)).noting(describe(observed)),
    ]
}

/// What was read and exported in all loads.
fn describe(observed: &[Observed]) -> String {
    let scrapes: u32 = observed.iter().map(|observed| observed.scrapes.count).sum();
    let kilobytes = observed.last().map_or(0, |observed| observed.scrapes.bytes / 1_000);
    let sum =
        |of: fn(&Received) -> u64| observed.iter().map(|load| of(&load.received)).sum::<u64>();
    let [spans, requests, bytes] = [
        sum(|received| received.spans),
        sum(|received| received.requests),
        sum(|received| received.bytes),
    ];
    format!(
        "parent-based, always on: {spans} spans in {requests} exports of {:.1} MB; {scrapes} scrapes of \
         {kilobytes} KB",
        number(bytes) / 1e6,
    )
}

/// Of the loads of a side; what was rejected is added up.
fn mean(loads: &[Load]) -> Load {
    let count = f64::from(u32::try_from(loads.len()).unwrap_or(u32::MAX).max(1));
    let mean = |of: fn(&Load) -> f64| loads.iter().map(of).sum::<f64>() / count;
    let rejected = loads.iter().map(|load| load.rejected).sum();
    Load { per_second: mean(|load| load.per_second), cores: mean(|load| load.cores), rejected }
}

impl Load {
    /// How long API and worker computed for a receipt, and for what followed it meanwhile.
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

    fn observed(per_second: f64) -> Observed {
        let scrapes = Scrapes { count: 12, bytes: 45_000 };
        let received = Received { requests: 20, spans: 10_000, bytes: 1_500_000 };
        Observed { load: load(per_second), scrapes, received }
    }

    #[test]
    fn what_slows_down_over_a_round_slows_both() {
        let figures =
            figures(&[load(10_000.0), load(7_000.0)], &[observed(9_000.0), observed(8_000.0)]);
        let values: Vec<_> = figures.iter().map(|figure| figure.value).collect();
        assert_eq!(values, [8_500.0, 8_500.0, 1.0]);
        assert_eq!(figures[0].note, "API and worker used 59 µs a receipt; 2 rejected");
        assert_eq!(
            figures[2].note,
            "parent-based, always on: 20000 spans in 40 exports of 3.0 MB; 24 scrapes of 45 KB"
        );
    }
}
