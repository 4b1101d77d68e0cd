//! Receipts and results over HTTP, as many as 64 connections can send one after the other.
//!
//! Everything that follows a receipt goes on beside it on the same cores: the relay, Temporal, the
//! worker, and this program. The results are those of the receipts before them, so they meet the
//! same backlog. The floor is measured before `dev` is started, so nothing runs beside that.

use crate::computing::Computing;
use crate::ledger::LedgerCheck;
use crate::load::Measured;
use crate::parts::floor;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::say;
use crate::session::{self, Session, Turn};

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
    let dev = Computing::start(session.dev.pid()?)?;
    let this = Computing::start(std::process::id())?;
    let receipts = session.receipts_over(CONNECTIONS, timing).await?;
    let [used, ours] = [dev.cores()?, this.cores()?];
    let used = format!("; API and worker used {used:.2} cores, this program {ours:.2}");
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
