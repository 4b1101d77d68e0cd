//! A run: which rounds, in which order, and those that an earlier run has finished.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::faults::Fault;
use crate::report::Report;
use crate::round::{self, Settings, Verdict};

/// The finished rounds of a folder, one per line.
const ROUNDS: &str = "rounds.jsonl";

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub rounds: u32,
    pub seed: u64,
    pub name: String,
    /// Whether finished rounds of the same seed are kept.
    pub resume: bool,
    pub out: PathBuf,
    pub settings: Settings,
}

/// Runs every fault once, then every fault again, and so on: a run that is cut off has seen all of them.
pub async fn run(
    plan: &Plan,
    faults: &[Fault],
    interrupted: &CancellationToken,
    say: impl Fn(&str),
) -> anyhow::Result<Report> {
    fs::create_dir_all(&plan.out).with_context(|| format!("make {}", plan.out.display()))?;
    let path = plan.out.join(ROUNDS);
    let finished = if plan.resume { read(&path) } else { Vec::new() };
    let mut file = File::create(&path).with_context(|| format!("write {}", path.display()))?;
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        for fault in faults {
            let seed = Dice::seed_of_round(plan.seed, fault.name, round);
            let known = finished
                .iter()
                .find(|it| it.fault == fault.name && (it.round, it.seed) == (round, seed));
            let verdict = if let Some(known) = known {
                known.clone()
            } else {
                say(&format!("{}, round {round}, seed {seed}: {}", fault.name, fault.what));
                let running = Box::pin(round::run(fault, round, seed, &plan.settings));
                let Some(verdict) = interrupted.run_until_cancelled(running).await else {
                    anyhow::bail!("interrupted; `--resume --seed {}` goes on from here", plan.seed);
                };
                say(&format!("{}, round {round}: {}", fault.name, words(&verdict)));
                verdict
            };
            writeln!(file, "{}", serde_json::to_string(&verdict)?)?;
            rounds.push(verdict);
        }
    }
    Ok(Report { seed: plan.seed, name: plan.name.clone(), rounds })
}

fn read(path: &Path) -> Vec<Verdict> {
    let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
    // The last line of a run that was cut off may be half a line.
    let rounds = text.lines().filter_map(|line| serde_json::from_str::<Verdict>(line).ok());
    rounds.filter(|round| round.passed() && round.skipped.is_none()).collect()
}

fn words(verdict: &Verdict) -> String {
    let what = if verdict.skipped.is_some() {
        "skipped"
    } else if verdict.passed() {
        "pass"
    } else {
        "FAIL"
    };
    format!("{what} in {:.0} s", verdict.seconds)
}
