//! `make faults`: the command line of the fault lab.

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use faultlab::faults::{self, Fault, Programs, Shows};
use faultlab::report::Report;
use faultlab::round::Settings;
use faultlab::run::{self, Plan};
use faultlab::stage::cast::random;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Breaks sendpromptly's surroundings, and says whether it held what it promises.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    choice: Choice,
    /// How often each is run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Repeat the run that printed this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep what an earlier run of the same seed has finished and passed.
    #[arg(long, requires = "seed")]
    resume: bool,
    /// Receipts a second.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// How long the load lasts before the fault, in seconds; the moment is drawn from the second half.
    #[arg(long, default_value_t = 10)]
    before: u64,
    /// The program to run, if not the one beside this.
    #[arg(long, value_name = "PROGRAM")]
    binary: Option<PathBuf>,
    /// The release before, for what upgrades from it.
    #[arg(long, value_name = "PROGRAM")]
    from: Option<PathBuf>,
    /// The same program as it is built with crash points.
    #[arg(long, value_name = "PROGRAM")]
    crash_points: Option<PathBuf>,
    /// What the program is called in the report.
    #[arg(long, default_value = "this build")]
    name: String,
    /// Print one line of JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Where reports, finished rounds and the logs of failed ones are written.
    #[arg(long, value_name = "DIR", default_value = "target/faults")]
    out: PathBuf,
}

/// Which faults.
#[derive(Debug, clap::Args)]
struct Choice {
    /// Run only these, with commas between them.
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    only: Vec<String>,
    /// Run the selection of `make test`.
    #[arg(long)]
    short: bool,
    /// Name all faults and what each does.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<bool> {
    let chosen = choose(&args.choice)?;
    if args.choice.list {
        for fault in chosen {
            write!(stdout(), "{:20} {}: {}", fault.name, fault.family, fault.what)?;
            match fault.shows {
                Shows::OneOf(_) => writeln!(stdout())?,
                Shows::Nothing(why) => writeln!(stdout(), " (it need not show: {why})")?,
            }
        }
        return Ok(true);
    }
    // An earlier choice of the same provider is as good.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(measure(args, &chosen))?;
    report.write_to(&args.out)?;
    let text = if args.json { report.json()? } else { report.text() };
    writeln!(stdout(), "{text}")?;
    say(&format!("plots are in {}", args.out.join("report.html").display()));
    Ok(report.passed())
}

fn choose(args: &Choice) -> anyhow::Result<Vec<Fault>> {
    let mut all = faults::all();
    for name in &args.only {
        let known = all.iter().any(|fault| fault.name == name);
        anyhow::ensure!(known, "there is no fault {name}; --list names all");
    }
    all.retain(|fault| {
        (args.only.is_empty() || args.only.iter().any(|name| name == fault.name))
            && (!args.short || fault.short)
    });
    Ok(all)
}

async fn measure(args: &Args, chosen: &[Fault]) -> anyhow::Result<Report> {
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
    let binary = match &args.binary {
        Some(binary) => found(binary)?,
        None => beside_us()?,
    };
    let from = args.from.as_deref().map(found).transpose()?;
    let with_crash_points = args.crash_points.as_deref().map(found).transpose()?;
    let seed = match args.seed {
        Some(seed) => seed,
        // Short enough to be copied by hand.
        None => u64::from(u32::from_le_bytes(random()?)),
    };
    say(&format!("seed {seed}"));
    let settings = Settings {
        programs: Programs { binary, from, with_crash_points },
        rate: args.rate,
        before: Duration::from_secs(args.before),
        keep: args.out.join("logs"),
    };
    let plan = Plan {
        rounds: args.rounds,
        seed,
        name: args.name.clone(),
        resume: args.resume,
        out: args.out.clone(),
        settings,
    };
    run::run(&plan, chosen, &interrupted, say).await
}

fn found(program: &Path) -> anyhow::Result<PathBuf> {
    program.canonicalize().with_context(|| format!("find {}", program.display()))
}

fn beside_us() -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("sendpromptly");
    let shown = binary.display();
    anyhow::ensure!(binary.exists(), "{shown} is missing: `make faults` builds it first");
    Ok(binary)
}

/// Reports progress at the terminal.
fn say(line: &str) {
    // There may be no reader; there is nothing to be done about that.
    let _said = writeln!(stderr(), "{line}");
}
