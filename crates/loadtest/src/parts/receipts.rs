//! Receipts and results over HTTP, as many as 64 connections can send one after the other.
//!
//! Everything that follows a receipt goes on beside it on the same cores: the relay, Temporal, the
//! worker, and this program. The results are those of the receipts before them, so they meet the
//! same backlog. The floor is measured before `dev` is started, so nothing runs beside that.

use std::time::Instant;

use crate::ledger::LedgerCheck;
use crate::load::Measured;
use crate::parts::floor;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::session::{self, Session, Turn};
use crate::{process, say};

const CONNECTIONS: u32 = 64;

/// Measures the floor, then receipts, then their results.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
    say(&format!("the statements of a receipt without HTTP, {} at a time", floor::CONNECTIONS));
    let floor = floor::measure(turn.options.timing()).await?;
    session::run(turn, async |session| flat_out(session, &floor).await).await
}

async fn flat_out(session: &Session, floor: &Measured) -> anyhow::Result<Findings> {
    let timing = session.options.timing();
    let sampler = session.sample()?;
    say(&format!("as many receipts as {CONNECTIONS} connections can send"));
    let computing = Computing::start(session)?;
    let receipts = session.receipts_over(CONNECTIONS, timing).await?;
    let used = computing.note()?;
    say("as many of their results");
    let results = session.results_over(CONNECTIONS, timing).await?;
    let mut lines = Vec::from(sampler.finish("receipts, then results").await?);
    lines.extend(Line::of_load("receipts", &receipts));
    lines.extend(Line::of_load("results", &results));
    Ok(Findings { figures: figures(floor, (&receipts, &used), &results).into(), lines })
}

fn figures(
    floor: &Measured,
    (receipts, used): (&Measured, &str),
    results: &Measured,
) -> [Figure; 5] {
    let per_second = |name: &str, measured: &Measured, note: &str| {
        let note = format!("{}{note}{}", measured.latencies, measured.rejections);
        Figure::new(name, measured.per_second, "/s", Threshold::None).noting(note)
    };
    let ratio = |name: &str, of: &Measured, to: &Measured, least| {
        Figure::new(name, of.per_second / to.per_second, "×", Threshold::AtLeast(least))
    };
    [
        per_second("receipts over HTTP, 64 connections", receipts, used),
        per_second("the same statements one transaction each, 16 connections", floor, ""),
        ratio("receipts ÷ the same statements one transaction each", receipts, floor, 2.5),
        per_second("results over HTTP, 64 connections", results, ""),
        ratio("results ÷ receipts", results, receipts, 0.8),
    ]
}

/// How much `dev` and this program compute beside a load.
struct Computing {
    begin: Instant,
    before: [f64; 2],
    pids: [u32; 2],
}

impl Computing {
    fn start(session: &Session) -> anyhow::Result<Self> {
        let pids = [session.dev.pid()?, std::process::id()];
        let before = [process::cpu_seconds(pids[0])?, process::cpu_seconds(pids[1])?];
        Ok(Self { begin: Instant::now(), before, pids })
    }

    fn note(&self) -> anyhow::Result<String> {
        let took = self.begin.elapsed().as_secs_f64();
        let cores = |place: usize| -> anyhow::Result<f64> {
            Ok((process::cpu_seconds(self.pids[place])? - self.before[place]) / took)
        };
        Ok(format!("; API and worker used {:.2} cores, this program {:.2}", cores(0)?, cores(1)?))
    }
}
