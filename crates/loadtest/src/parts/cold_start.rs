//! From the start of `dev` until it is ready, in a folder in which it ran before: its database is
//! made and its engines are installed.

use anyhow::Context as _;

use crate::dev::Dev;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::session::Turn;

/// Starts `dev`, ends it, and starts it again.
pub async fn measure(turn: Turn<'_>) -> anyhow::Result<Findings> {
    say("starting dev twice");
    let starting = async {
        let first = Dev::start(&turn.build.binary, Vec::new()).await?;
        let took = first.ready_after;
        let second = first.restart().await?;
        let measured = (took, second.ready_after);
        second.stop().await?;
        anyhow::Ok(measured)
    };
    let started = turn.interrupted.run_until_cancelled(starting).await.context("interrupted")?;
    let (first, second) = started?;
    let name = "cold start of dev to ready, second start";
    let figure = Figure::new(name, second.as_secs_f64(), "s", Threshold::AtMost(4.0));
    let note = format!("the first start took {:.1} s", first.as_secs_f64());
    Ok(vec![figure.noting(note)].into())
}
