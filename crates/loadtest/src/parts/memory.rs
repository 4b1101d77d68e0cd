//! Memory of API and worker with many pending events, and with many idle connections beside.

use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::session::Session;

const PENDING: u32 = 100_000;
const IDLE: u32 = 1_000;
const CONNECTIONS: u32 = 64;
/// For freed memory to go back to the system.
const SETTLE: Duration = Duration::from_secs(10);
/// A connection that says nothing is closed as one that is too slow; one that asked before is idle.
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Makes events and waits until each has a watch, then connects.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let pending = session.options.scaled(PENDING);
    say(&format!("{pending} pending events, then {IDLE} idle connections"));
    let sampler = session.sample()?;
    session.add_watches(&session.temporal().await?, CONNECTIONS, pending).await?;
    tokio::time::sleep(SETTLE).await;
    let with_pending = session.memory()?;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(connect(&session.dev.ready.url).await?);
    }
    tokio::time::sleep(SETTLE).await;
    let with_idle = session.memory()?;
    drop(idle);
    let figure = |name, value| Figure::new(name, value, "MB", Threshold::AtMost(150.0));
    let figures = vec![
        figure("memory with 100,000 pending events", with_pending),
        figure("and with 1,000 idle connections", with_idle),
    ];
    let what = format!("API and worker, {pending} pending");
    let figures = figures.into_iter().map(|figure| figure.noting(&what)).collect();
    Ok(Findings { figures, lines: sampler.finish("many pending events").await?.into() })
}

async fn connect(url: &str) -> anyhow::Result<TcpStream> {
    let address = url.strip_prefix("http://").context("the API is not at http://")?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut response = [0; 512];
    let read = stream.read(&mut response).await?;
    anyhow::ensure!(read > 0, "the API closed a connection");
    Ok(stream)
}
