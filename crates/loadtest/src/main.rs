//! `make bench`: how fast the product is, measured against a real `sendpromptly dev`.
//!
//! Each part, round and build starts a `dev` of its own, in a folder of its own and on free ports,
//! plays the app against it over HTTP, and reads its database. Beside the program that lies beside
//! this one it measures another build, if there is one, in turns. It prints one table: each figure
//! with its median, spread and target, and writes the same as text, JSON and a page with plots.
//!
//! A missed target is no failure unless `--strict` asks for it: a machine that is busy with
//! something else misses targets too. A ledger that does not agree with the database is one always.
//! What is started is ended, whatever happened; a run that fails half-way says so and prints no
//! table.
//!
//! `loadtest seed` fills a database instead, so that lists can be viewed as they are after months.

mod app;
mod bare;
mod builds;
mod computing;
mod dev;
mod http;
mod latencies;
mod ledger;
mod load;
mod options;
mod outbox;
mod parts;
mod postgres;
mod process;
mod report;
mod sampler;
mod scraper;
mod seed;
mod session;
mod sink;
mod spread;
mod statements;
mod temporal;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::builds::Build;
use crate::options::Options;
use crate::parts::Part;
use crate::report::{Recorder, Report};
use crate::session::Turn;

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
    /// What the build beside this program is called in the reports.
    #[arg(long, default_value = "this build")]
    name: String,
    /// Another build to measure in turns with it, such as 7cdce11=target/bench/7cdce11.
    #[arg(long, value_name = "NAME=PATH")]
    base: Option<Build>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill a database with ninety days of three shops.
    Seed(seed::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.command {
        Some(Command::Seed(seed)) => seed::run(seed).map(|()| true),
        None => run(&args).and_then(|report| show(&args, &report)),
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

/// Prints and writes what was measured, and says whether that is good enough.
fn show(args: &Args, report: &Report) -> anyhow::Result<bool> {
    report.write_to(&args.options.out)?;
    let text = if args.json { report.json()? } else { report.text() };
    writeln!(stdout(), "{text}")?;
    say(&format!("plots are in {}", args.options.out.join("report.html").display()));
    Ok(report.ledgers_are_clean() && (report.all_passed() || !args.strict))
}

fn run(args: &Args) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let interrupted = CancellationToken::new();
        let mut terminated = signal(SignalKind::terminate())?;
        let asked = interrupted.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
                _ = terminated.recv() => (),
            }
            asked.cancel();
        });
        Box::pin(measure(args, &interrupted)).await
    })
}

/// Measures each part, round after round, the builds in turns: what slows the machine down for a
/// while slows both.
async fn measure(args: &Args, interrupted: &CancellationToken) -> anyhow::Result<Report> {
    let mut builds = vec![Build::beside_us(args.name.clone())?];
    builds.extend(args.base.clone());
    let mut recorder = Recorder::new(builds.iter().map(|build| build.name.clone()).collect());
    let options = &args.options;
    let wanted = |part: &&Part| args.only.is_empty() || args.only.contains(part);
    for part in Part::value_variants().iter().filter(wanted) {
        let rounds = if part.is_measured_once() { 1 } else { options.rounds };
        for round in 0..rounds {
            for (place, build) in in_turns(&builds, round) {
                if place > 0 && !part.suits_any_build() {
                    continue;
                }
                say(&format!("{}, round {} of {rounds}, {}", part.name(), round + 1, build.name));
                let turn = Turn { build, options, interrupted };
                let measured = part.measure(turn).await.with_context(|| part.name())?;
                recorder.record(part.name(), place, measured.0);
                recorder.record_ledger(place, &measured.1);
            }
        }
    }
    Ok(recorder.finish())
}

/// The builds with their places, every second time in reverse order.
fn in_turns(builds: &[Build], round: u32) -> Vec<(usize, &Build)> {
    let mut turns: Vec<_> = builds.iter().enumerate().collect();
    if round % 2 == 1 {
        turns.reverse();
    }
    turns
}

/// Reports progress at the terminal.
fn say(line: &str) {
    // There may be no reader; there is nothing to be done about that.
    let _said = writeln!(stderr(), "{line}");
}
