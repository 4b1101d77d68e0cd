//! Full flows, beside a bare workflow of the same shape on the same server.
//!
//! Both go in two steps: everything is started and waits; then everything gets its result and ends.
//! So the relay cannot make one call of a start and its signal, and both have the same histories. A
//! full flow is over HTTP and through database, outbox, relay and worker; a bare one is two calls of
//! this program to Temporal.

use tokio::time::Instant;

use crate::bare::{self, BareWorker};
use crate::report::{Figure, Findings, Threshold};
use crate::session::Session;
use crate::{say, temporal};

const FLOWS: u32 = 2_000;
const CONNECTIONS: u32 = 64;

/// Measures both, one after the other.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let flows = session.options.scaled(FLOWS);
    say(&format!("{flows} bare workflows"));
    let bare = bare_flows(session, flows).await?;
    say(&format!("{flows} full flows"));
    let sampler = session.sample()?;
    let full = full_flows(session, flows).await?;
    let per_second = |name, value| Figure::new(name, value, "/s", Threshold::None);
    let ratio =
        Figure::new("full flows ÷ bare workflows", full / bare, "×", Threshold::AtLeast(0.95));
    let figures = vec![
        per_second("full flows", full),
        per_second("bare workflows of the same shape", bare),
        ratio.noting(format!("{flows} each")),
    ];
    Ok(Findings { figures, lines: sampler.finish("full flows").await?.into() })
}

async fn full_flows(session: &Session, flows: u32) -> anyhow::Result<f64> {
    let client = session.temporal().await?;
    let begin = Instant::now();
    session.add_watches(&client, CONNECTIONS, flows).await?;
    session.results(CONNECTIONS).await?;
    temporal::until_completed(&client, "EffectWatch", flows).await?;
    Ok(f64::from(flows) / begin.elapsed().as_secs_f64())
}

async fn bare_flows(session: &Session, flows: u32) -> anyhow::Result<f64> {
    let client = session.temporal().await?;
    let worker = BareWorker::start(client.clone())?;
    let begin = Instant::now();
    worker.start_workflows(flows).await?;
    temporal::until_waiting(&client, &temporal::sample(worker.workflow_ids(flows))).await?;
    worker.signal_workflows(flows).await?;
    temporal::until_completed(&client, bare::WORKFLOW_TYPE, flows).await?;
    Ok(f64::from(flows) / begin.elapsed().as_secs_f64())
}
