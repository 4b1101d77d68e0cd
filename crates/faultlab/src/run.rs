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

/// Runs every fault once, then every fault again, and so on: a run that is cut off has seen all of them. One that is
/// interrupted leaves a report of what it has finished.
pub async fn run(
    plan: &Plan,
    faults: &[Fault],
    interrupted: &CancellationToken,
    say: impl Fn(&str),
) -> anyhow::Result<Report> {
    fs::create_dir_all(&plan.out).with_context(|| format!("make {}", plan.out.display()))?;
    let path = plan.out.join(ROUNDS);
    let finished = if plan.resume { read(&path) } else { Vec::new() };
    let mut file = begin(&path, &finished)?;
    let mut report = Report { seed: plan.seed, name: plan.name.clone(), rounds: Vec::new() };
    for round in 1..=plan.rounds {
        for fault in faults {
            let seed = Dice::seed_of_round(plan.seed, fault.name, round);
            let known = finished
                .iter()
                .find(|it| it.fault == fault.name && (it.round, it.seed) == (round, seed));
            if let Some(known) = known {
                report.rounds.push(known.clone());
                continue;
            }
            say(&format!("{}, round {round}, seed {seed}: {}", fault.name, fault.what));
            let running = Box::pin(round::run(fault, round, seed, &plan.settings));
            // A round that is skipped ends before it could be interrupted.
            let verdict = if interrupted.is_cancelled() {
                None
            } else {
                interrupted.run_until_cancelled(running).await
            };
            let Some(verdict) = verdict else {
                report.write_to(&plan.out)?;
                anyhow::bail!("interrupted; `--resume --seed {}` goes on from here", plan.seed);
            };
            say(&format!("{}, round {round}: {}", fault.name, words(&verdict)));
            writeln!(file, "{}", serde_json::to_string(&verdict)?)?;
            report.rounds.push(verdict);
        }
    }
    Ok(report)
}

/// The file of finished rounds, with those that are kept: whatever is run again first, they are there from the start.
fn begin(path: &Path, finished: &[Verdict]) -> anyhow::Result<File> {
    let lines = finished.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    let next = path.with_extension("next");
    // Whenever it is cut off, one of both files is whole.
    fs::write(&next, text).with_context(|| format!("write {}", next.display()))?;
    fs::rename(&next, path).with_context(|| format!("write {}", path.display()))?;
    let file = File::options().append(true).open(path);
    file.with_context(|| format!("write {}", path.display()))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::faults::{self, Programs};

    fn plan(out: &Path) -> Plan {
        let programs =
            Programs { binary: "sendpromptly".into(), from: None, with_crash_points: None };
        let settings = Settings {
            programs,
            rate: 1.0,
            before: Duration::from_secs(1),
            keep: out.join("logs"),
        };
        let name = "this build".to_owned();
        Plan { rounds: 1, seed: 7, name, resume: true, out: out.to_owned(), settings }
    }

    /// One that is skipped without a build with crash points, and one that has passed.
    fn skipped_and_passed() -> [Fault; 2] {
        let all = faults::all();
        let find = |is: fn(&Fault) -> bool| *all.iter().find(|fault| is(fault)).expect("a fault");
        [find(|fault| fault.family == "crash points"), find(|fault| fault.name == "kill-api")]
    }

    fn passed(plan: &Plan, fault: &Fault) -> Verdict {
        let seed = Dice::seed_of_round(plan.seed, fault.name, 1);
        let shown_after = Some(1.0);
        Verdict { shown_after, ..Verdict::new(fault, 1, seed) }
    }

    #[tokio::test]
    async fn what_had_passed_is_kept_however_often_a_run_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let (plan, faults) = (plan(folder.path()), skipped_and_passed());
        let line = serde_json::to_string(&passed(&plan, &faults[1])).expect("JSON");
        let path = folder.path().join(ROUNDS);
        fs::write(&path, format!("{line}\n{}", &line[..line.len() / 2])).expect("a file");

        let interrupted = CancellationToken::new();
        interrupted.cancel();
        let cut_off = run(&plan, &faults, &interrupted, |_| ()).await.expect_err("cut off");
        assert!(cut_off.to_string().contains("--resume --seed 7"), "{cut_off}");
        assert!(folder.path().join("report.html").exists(), "of what there is");
        assert_eq!(read(&path).len(), 1);

        let report = run(&plan, &faults, &CancellationToken::new(), |_| ()).await.expect("a run");
        let came_to: Vec<_> = report.rounds.iter().map(words).collect();
        assert!(came_to[0].starts_with("skipped") && came_to[1].starts_with("pass"), "{came_to:?}");
        assert_eq!(read(&path).len(), 1, "what was skipped is looked at again");
    }
}
