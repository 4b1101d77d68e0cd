//! `make bench`: how fast the product is, measured against a real `sendpromptly dev`.
//!
//! It starts the `sendpromptly` that lies beside it, of the same build profile, in a folder of its
//! own and on free ports, plays the app against it, and prints one table: each figure with its
//! target. A missed target is no failure unless `--strict` asks for it: a machine that is busy with
//! something else misses targets too. What is started is ended, whatever happened; a run that fails
//! half-way says so and prints no table.
//!
//! `loadtest seed` fills a database instead, so that lists can be viewed as they are after months.

mod app;
mod deadlines;
mod dev;
mod floor;
mod idle;
mod pages;
mod percentiles;
mod rate;
mod receipts;
mod recovery;
mod report;
mod seed;
mod watches;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use engine::{Engine, TemporalSettings};
use store::PgPool;
use tokio::signal::unix::{SignalKind, signal};
use workflows::names::TASK_QUEUE;

use crate::app::App;
use crate::dev::Dev;
use crate::report::{BenchReport, Figure};

/// Measures how fast sendpromptly is on this machine.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print one line of JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Exit with 1 if a target is missed.
    #[arg(long)]
    strict: bool,
    /// Measure only this; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill a database with ninety days of three shops.
    Seed(seed::Args),
}

/// What is measured, in this order: what needs a quiet system comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From a recorded success to the end of its watch.
    Watches,
    /// From a deadline to its incident.
    Deadlines,
    /// Receipts over HTTP, beside the same statements without HTTP.
    Receipts,
    /// Memory and CPU of a system that has nothing to do.
    Idle,
    /// From the return of a Postgres that was killed to the first receipt.
    Recovery,
    /// The console's lists after months. Fills the database, so it comes last.
    Pages,
}

/// What every part works with.
struct BenchContext {
    app: App,
    url: String,
    database_url: String,
    pool: PgPool,
    engine: Engine,
    pid: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // An earlier choice of the same provider is as good.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let done = match &args.command {
        Some(Command::Seed(seed)) => seed::run(seed).map(|()| true),
        None => run(&args).map(|report| show(&args, &report)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints what was measured and says whether that is good enough.
fn show(args: &Args, report: &BenchReport) -> bool {
    let text = if args.json { report.json() } else { report.table() };
    let printed = writeln!(stdout(), "{text}").is_ok();
    printed && (report.all_passed() || !args.strict)
}

fn run(args: &Args) -> anyhow::Result<BenchReport> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        say("starting sendpromptly dev");
        let dev = Dev::start().await?;
        let measured = tokio::select! {
            figures = measure(&dev, &args.only) => figures,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
            _ = terminated.recv() => Err(anyhow::anyhow!("asked to end")),
        };
        let measured =
            measured.with_context(|| format!("the last output of dev:\n{}", dev.log_tail()));
        dev.stop().await?;
        measured.map(BenchReport::new)
    })
}

async fn measure(dev: &Dev, only: &[Part]) -> anyhow::Result<Vec<Figure>> {
    let address = dev.ready.temporal_address.clone();
    let namespace = dev.ready.temporal_namespace.clone();
    let context = BenchContext {
        app: App::new(dev.ready.url.clone(), dev.make_keys().await?)?,
        url: dev.ready.url.clone(),
        database_url: dev.ready.database_url.clone(),
        pool: store::pool::connect_lazily(&dev.ready.database_url, 4)?,
        engine: Engine::new(TemporalSettings::Plain { address, namespace }, TASK_QUEUE),
        pid: dev.pid()?,
    };
    let mut figures = Vec::new();
    for part in Part::value_variants() {
        if !only.is_empty() && !only.contains(part) {
            continue;
        }
        figures.extend(match part {
            Part::Watches => watches::measure(&context).await?,
            Part::Deadlines => deadlines::measure(&context).await?,
            Part::Receipts => receipts::measure(&context).await?,
            Part::Idle => idle::measure(&context).await?,
            Part::Recovery => recovery::measure(&context).await?,
            Part::Pages => pages::measure(&context).await?,
        });
    }
    context.pool.close().await;
    Ok(figures)
}

/// Reports progress at the terminal.
fn say(line: &str) {
    // There may be no reader; there is nothing to be done about that.
    let _said = writeln!(stderr(), "{line}");
}

/// Asks again and again until there is a result.
async fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        anyhow::ensure!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until everything that was committed is dispatched to Temporal.
async fn until_relayed(context: &BenchContext) -> anyhow::Result<()> {
    eventually("an empty outbox", Duration::from_mins(10), async || {
        let (waiting, parked) = store::outbox::count_waiting(&context.pool).await?;
        anyhow::ensure!(parked == 0, "Temporal rejected {parked} messages");
        Ok((waiting == 0).then_some(()))
    })
    .await
}
