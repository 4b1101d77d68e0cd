//! `replay`: replays a sample of production's histories with this binary, before it is deployed.
//!
//! A history that does not replay belongs to a watch, or a bulk reprocess, that would stand still under this binary's worker.
//! Temporal is only read. The exit code is 1 where a history drifts and 2 where nothing could be said.

use clap::Args;
use engine::{Engine, WatchRun, is_server_named};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use worker::replay::{Replay, Replayer};

use crate::Context;
use crate::admin_context::{self, DatabaseTarget};
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{Tone, plain, table};

const HELP: &str = "\
Examples:
  sendpromptly replay
  sendpromptly replay --query \"SpState='reprocessing' AND ExecutionStatus='Running'\" --limit 500

Run the new binary's replay against production before its workers are deployed. Without a query, bulk reprocesses \
that are open are replayed, and watches that are open or were closed lately, in equal parts. Nothing is changed in \
Temporal. The exit code is 0 when every history replays, 1 when one does not, and 2 when Temporal could not \
be asked. It works on the Temporal of TEMPORAL_ADDRESS, and without that, and without DATABASE_URL, on that of the \
`dev` that runs in the data folder.";

/// How much of why a history drifts is shown, in characters.
const MAX_WHY: usize = 300;

/// Which histories are replayed.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ReplayArgs {
    /// Only watches and bulk reprocesses that this visibility query matches, as `temporal workflow list` takes it.
    #[arg(long)]
    query: Option<String>,
    /// At most so many, the latest first.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

#[derive(Serialize)]
struct ReplayReport {
    replayed: usize,
    fit: usize,
    /// Closed ones are not among these.
    open: usize,
    drifted: Vec<Drift>,
    unreadable: Vec<Drift>,
}

#[derive(Serialize)]
struct Drift {
    workflow_id: String,
    run_id: String,
    open: bool,
    why: String,
}

impl Drift {
    fn new(run: &WatchRun, why: &str) -> Self {
        let why = domain::alert::one_line(why).chars().take(MAX_WHY).collect();
        let (workflow_id, run_id) = (run.workflow_id.clone(), run.run_id.clone());
        Self { workflow_id, run_id, open: run.is_open(), why }
    }
}

/// Replays.
///
/// # Errors
/// When Temporal cannot be asked, or not a single history could be read.
pub async fn run(args: ReplayArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let replayed = replay(&args, context).await;
    let report = replayed.map_err(|error| Failure::NotReplayed(format!("{error:#}")))?;
    if report.replayed == 0 && !report.unreadable.is_empty() {
        let why = &report.unreadable[0].why;
        return Err(Failure::NotReplayed(format!("no history could be replayed: {why}")).into());
    }
    let is_well = report.drifted.is_empty();
    Ok(CommandOutput::new(&report, describe(&report))?.with_verdict(is_well))
}

async fn replay(args: &ReplayArgs, context: &Context) -> anyhow::Result<ReplayReport> {
    let engine = engine(context);
    let limit = usize::try_from(args.limit)?;
    let listing = engine.sample_runs(args.query.as_deref(), limit);
    let runs = while_waiting("listing watches", listing).await?;
    let replayer = Replayer::new()?;
    let mut report = ReplayReport {
        replayed: 0,
        fit: 0,
        open: runs.iter().filter(|run| run.is_open()).count(),
        drifted: Vec::new(),
        unreadable: Vec::new(),
    };
    // Drawn on standard error, and not at all where that is no terminal.
    let progress = ProgressBar::new(u64::try_from(runs.len())?)
        .with_style(ProgressStyle::with_template("replaying {pos} of {len} histories {bar:30}")?);
    for run in &runs {
        let found = match engine.read_history(run).await? {
            Some(history) => replayer.replay(history).await?,
            None => Replay::Unreadable("its history is gone".to_owned()),
        };
        match found {
            Replay::Fits => report.fit += 1,
            Replay::Drifts(why) => report.drifted.push(Drift::new(run, &why)),
            Replay::Unreadable(why) => report.unreadable.push(Drift::new(run, &why)),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    report.replayed = report.fit + report.drifted.len();
    Ok(report)
}

/// It needs no database, so that only of Temporal may be said where it is: `dev`, which may run in this folder, is not
/// what was asked for then.
fn engine(context: &Context) -> Engine {
    let target = if is_server_named() { None } else { DatabaseTarget::find(context).ok() };
    let dev = target.and_then(|target| target.dev);
    admin_context::engine(dev.as_ref(), context)
}

fn describe(report: &ReplayReport) -> String {
    let ReplayReport { replayed, fit, open, drifted, unreadable } = report;
    if *replayed == 0 {
        return "No workflow matches: nothing was replayed.".to_owned();
    }
    let mut parts = Vec::new();
    if drifted.is_empty() {
        let of = if *fit == 1 { "history replays" } else { "histories replay" };
        parts.push(format!("{fit} {of} with this binary; {open} of the workflows are open."));
    } else {
        let rows = drifted.iter().map(|drift| {
            let open = if drift.open { ("open".to_owned(), Tone::Bad) } else { plain(&"closed") };
            vec![plain(&drift.workflow_id), plain(&drift.run_id), open, plain(&drift.why)]
        });
        parts.push(table(&["WORKFLOW", "RUN", "", "WHAT DOES NOT FIT"], rows.collect()));
        parts.push(format!(
            "{} of {replayed} histories do not replay with this binary: their workflows would stand still. Do not deploy \
             it; docs/temporal.md, \"Deploying a changed workflow\", says what to do.",
            drifted.len()
        ));
    }
    if !unreadable.is_empty() {
        parts.push(format!("{} could not be read: {}.", unreadable.len(), unreadable[0].why));
    }
    parts.join("\n\n")
}
