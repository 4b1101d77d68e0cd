//! A crash of Postgres under many clients: how soon after the server's return the first receipt is
//! accepted.
//!
//! Postgres is killed as `kill -9` does; `dev` starts it again. The clients send a receipt, wait a
//! second and send the next one, whatever became of it, all through the crash.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::app::{App, TIMEOUT_MINUTES};
use crate::latencies::Latencies;
use crate::report::{Figure, Findings, Threshold};
use crate::say;
use crate::session::{Session, eventually};

const CLIENTS: usize = 500;
const REPEATS_AFTER: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_mins(2);
/// Until then a receipt may have been accepted by what was left of the server.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// When a receipt was sent, when the response came, and whether it was accepted.
type Exchange = (Instant, Instant, bool);

/// Kills Postgres under load and watches it and the API come back.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    say(&format!("killing Postgres under {CLIENTS} clients"));
    let exchanges = Arc::new(Mutex::new(Vec::<Exchange>::new()));
    let all = || exchanges.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(keep_sending(session.app.clone(), Arc::clone(&exchanges)));
    }
    let first = |from: Instant| all().into_iter().find(|(sent, _, ok)| *ok && *sent >= from);
    eventually("all clients at work", TIMEOUT, async || {
        Ok((all().iter().filter(|exchange| exchange.2).count() >= CLIENTS).then_some(()))
    })
    .await?;
    let killed = kill_postgres(session).await?;
    let back = until_back(&session.dev.ready.database_url).await?;
    let from = killed + LAST_WORDS;
    let (_, accepted, _) = eventually("a receipt", TIMEOUT, async || Ok(first(from))).await?;
    clients.shutdown().await;
    let away: Vec<_> = all()
        .into_iter()
        .filter(|(sent, _, ok)| !ok && *sent >= killed)
        .map(|(sent, answered, _)| answered - sent)
        .collect();
    let rejected = away.len();
    let took = Latencies::collect(away).map_or(0.0, |latencies| latencies.percentile(50.0));
    let value = accepted.saturating_duration_since(back).as_secs_f64();
    let name = "Postgres back after kill -9 → first 202";
    let figure = Figure::new(name, value, "s", Threshold::AtMost(5.0));
    let was_away = (back - killed).as_secs_f64();
    let note = format!(
        "{CLIENTS} clients; away for {was_away:.1} s, {rejected} responses of 503 in {took:.0} ms (median)",
    );
    Ok(vec![figure.noting(note)].into())
}

async fn keep_sending(app: App, exchanges: Arc<Mutex<Vec<Exchange>>>) {
    loop {
        let sent = Instant::now();
        let accepted = app.receipt(TIMEOUT_MINUTES).await.is_ok();
        let exchange = (sent, Instant::now(), accepted);
        exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
        tokio::time::sleep(REPEATS_AFTER).await;
    }
}

async fn kill_postgres(session: &Session) -> anyhow::Result<Instant> {
    let folder: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&session.pool).await?;
    let text = fs::read_to_string(format!("{folder}/postmaster.pid"))?;
    let pid = text.lines().next().context("an empty postmaster.pid")?.trim().parse()?;
    kill_process(Pid::from_raw(pid).context("no pid")?, Signal::KILL)?;
    Ok(Instant::now())
}

/// When a newcomer is let in again.
async fn until_back(database_url: &str) -> anyhow::Result<Instant> {
    eventually("Postgres", TIMEOUT, async || {
        let Ok(connection) = PgConnection::connect(database_url).await else { return Ok(None) };
        connection.close().await.ok();
        Ok(Some(Instant::now()))
    })
    .await
}
