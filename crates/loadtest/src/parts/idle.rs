//! What a `dev` with nothing to do costs, a minute after a load: memory and CPU of API and worker
//! together.
//!
//! The engines are processes of their own and are not counted.

use std::time::Duration;

use crate::report::{Figure, Findings, Threshold};
use crate::session::Session;
use crate::{process, say};

const RATE: f64 = 200.0;
const RESTS: Duration = Duration::from_mins(1);
const WATCHED: Duration = Duration::from_secs(30);

/// Loads it, lets it come to rest, then watches.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    say("a load, a minute of rest, and watching it do nothing");
    let load = session.receipts_at(RATE, session.options.timing()).await?;
    session.until_relayed().await?;
    tokio::time::sleep(RESTS).await;
    let pid = session.dev.pid()?;
    let before = process::cpu_seconds(pid)?;
    tokio::time::sleep(WATCHED).await;
    let used = (process::cpu_seconds(pid)? - before) / WATCHED.as_secs_f64() * 100.0;
    let cpu = Figure::new("CPU of dev at rest", used, "% of a core", Threshold::AtMost(1.0));
    let memory = session.memory()?;
    let memory = Figure::new("memory of dev at rest", memory, "MB", Threshold::AtMost(120.0));
    let what = format!("API and worker, after {} receipts", load.latencies.count());
    Ok(vec![cpu.noting(&what), memory.noting(&what)].into())
}
