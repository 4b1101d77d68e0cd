//! One round: a stage, load, a fault at a random moment, recovery, rest, and the judgement.
//!
//! Everything that is random comes from the round's seed, but for secrets and what the processes themselves draw: the
//! same seed has the same events at the same moments, and the fault in the same one of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::checker::{self, Violation};
use crate::dice::Dice;
use crate::facts::{Facts, read_database, watches_running};
use crate::faults::{Fault, Programs, Scene};
use crate::journal::{Journal, Mark};
use crate::shop::http::Caller;
use crate::shop::ledger::{Entries, Ledger, Outcome};
use crate::shop::{self, App};
use crate::sight::{Seen, Sign, Watcher};
use crate::stage::{Stage, is_ready};

/// The load goes on so long after the product has recovered.
const AFTERWARDS: Duration = Duration::from_secs(5);
/// What was sent last may be in its deadline, a minute's pause of a callback, and the grace of an outage.
const REST: Duration = Duration::from_mins(8);
/// Within this a fault must show.
const SHOWS_WITHIN: f64 = 60.0;

/// How a round is run.
#[derive(Debug, Clone)]
pub struct Settings {
    pub programs: Programs,
    /// Receipts a second.
    pub rate: f64,
    /// The load before the fault lasts up to this long.
    pub before: Duration,
    /// Where the logs of a round go that failed.
    pub keep: PathBuf,
}

/// What a round came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    pub fault: String,
    pub family: String,
    pub round: u32,
    pub seed: u64,
    /// Why it was not run.
    pub skipped: Option<String>,
    /// Why it could not be run to its end.
    pub error: Option<String>,
    pub violations: Vec<Violation>,
    pub counts: Counts,
    pub marks: Vec<Mark>,
    pub signs: Vec<Shown>,
    /// Seconds from the fault to the first of its signs; `None` where none came.
    pub shown_after: Option<f64>,
    /// Whether one had to come.
    pub must_show: bool,
    /// Seconds from recovery to rest.
    pub rested_after: Option<f64>,
    /// Latency of each second, the highest, in milliseconds.
    pub latency: Vec<(f64, f64)>,
    /// Receipts of each second that were not acked immediately.
    pub unacked: Vec<(f64, f64)>,
    pub seconds: f64,
}

/// A sign of the fault, in seconds after it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
    pub name: String,
    pub after: f64,
    /// `None` while it lasts.
    pub cleared_after: Option<f64>,
}

/// How much there was of everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Counts {
    pub acked: usize,
    pub refused: usize,
    pub ambiguous: usize,
    pub results: usize,
    pub incidents: usize,
    pub callbacks: usize,
    pub messages: usize,
    pub crashes: usize,
}

impl Verdict {
    /// A round that has not been run yet.
    pub fn new(fault: &Fault, round: u32, seed: u64) -> Self {
        Self {
            fault: fault.name.to_owned(),
            family: fault.family.to_owned(),
            round,
            seed,
            skipped: None,
            error: None,
            violations: Vec::new(),
            counts: Counts::default(),
            marks: Vec::new(),
            signs: Vec::new(),
            shown_after: None,
            must_show: !fault.shows.signs().is_empty(),
            rested_after: None,
            latency: Vec::new(),
            unacked: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Signs of its own that did not clear.
    pub fn lasting_signs(&self) -> impl Iterator<Item = &Shown> {
        self.signs.iter().filter(|sign| sign.cleared_after.is_none())
    }

    pub fn was_seen_in_time(&self) -> bool {
        !self.must_show || self.shown_after.is_some_and(|after| after <= SHOWS_WITHIN)
    }

    /// Whether the product held what it promises. What was skipped says nothing.
    pub fn passed(&self) -> bool {
        self.error.is_none()
            && self.violations.is_empty()
            && (self.skipped.is_some()
                || (self.was_seen_in_time() && self.lasting_signs().next().is_none()))
    }
}

/// Runs one.
pub async fn run(fault: &Fault, round: u32, seed: u64, settings: &Settings) -> Verdict {
    let began = Instant::now();
    let mut verdict = Verdict::new(fault, round, seed);
    match fault.stage(&settings.programs) {
        Err(why) => verdict.skipped = Some(why),
        Ok(options) => {
            let played = async {
                let mut stage = Stage::start(options).await.context("set the stage")?;
                let played = Box::pin(play(fault, &mut stage, settings, &mut verdict)).await;
                if played.is_err() || !verdict.passed() {
                    keep_logs(&stage, settings, fault.name, round)?;
                }
                stage.owner.close().await;
                let closed = stage.close().await;
                played.and(closed.map(|_| ()))
            };
            if let Err(error) = Box::pin(played).await {
                verdict.error = Some(format!("{error:#}"));
            }
        }
    }
    verdict.seconds = began.elapsed().as_secs_f64();
    verdict
}

/// The people of a round, at work.
struct Company {
    apps: [App; 2],
    stop: CancellationToken,
    over: CancellationToken,
    load: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
}

impl Company {
    fn start(stage: &mut Stage, journal: &Journal, dice: &Dice, rate: f64) -> anyhow::Result<Self> {
        let (stop, over) = (CancellationToken::new(), CancellationToken::new());
        let ledger = Ledger::new(journal.began());
        let caller = Caller::new(&stage.addresses.api)?;
        let apps = stage.shops.clone().map(|shop| App {
            shop: Arc::new(shop),
            caller: caller.clone(),
            ledger: ledger.clone(),
            over: over.clone(),
        });
        let asked = stage.neighbours.asked.take().context("a repair endpoint that nobody reads")?;
        let load = tokio::spawn(shop::load(apps.clone(), rate, dice.clone(), stop.clone()));
        let others = vec![
            tokio::spawn(shop::repair(apps.clone(), asked)),
            tokio::spawn(shop::operate(stage.owner.clone(), over.clone())),
        ];
        Ok(Self { apps, stop, over, load, others })
    }

    async fn end(self) -> anyhow::Result<[App; 2]> {
        self.over.cancel();
        for other in self.others {
            other.await?;
        }
        Ok(self.apps)
    }
}

async fn play(
    fault: &Fault,
    stage: &mut Stage,
    settings: &Settings,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let mut journal = Journal::begin();
    let (mut dice, load_dice) = (Dice::new(verdict.seed), Dice::new(!verdict.seed));
    let watcher = Watcher::start(stage.addresses.clone(), journal.began())?;
    let mut company = Company::start(stage, &journal, &load_dice, settings.rate)?;
    let ledger = company.apps[0].ledger.clone();
    let judging = async {
        sleep(dice.between(settings.before / 2, settings.before)).await;
        let struck_at = journal.now();
        let scene = Scene { stage, dice: &mut dice, journal: &mut journal };
        fault.strike(scene).await.context("the fault itself")?;
        until_ready(stage).await?;
        let recovered = (journal.now(), OffsetDateTime::now_utc());
        sleep(AFTERWARDS).await;
        company.stop.cancel();
        let unrest = rest(stage, &mut company.load).await?;
        verdict.rested_after = Some(journal.now() - recovered.0);
        let seen = look_until_clear(watcher, struck_at, fault, &journal).await?;
        let apps = company.end().await?;
        let mut facts = Facts::gather(stage, &apps).await.context("gather the facts")?;
        facts.crashes = journal.crashes();
        facts.recovered_at = Some(recovered.1);
        facts.unrest = unrest;
        verdict.violations = checker::check(&facts);
        verdict.counts = count(&facts);
        (verdict.signs, verdict.shown_after) = shown(&seen, struck_at, fault);
        anyhow::Ok(())
    };
    let judged = Box::pin(judging).await;
    // A round that could not be run to its end has its plot, too.
    verdict.marks = journal.marks().to_vec();
    (verdict.latency, verdict.unacked) = plot_points(&ledger.entries());
    judged
}

/// The fault is over: what ended by itself is started again, and takes requests.
async fn until_ready(stage: &mut Stage) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        stage.revive()?;
        let addresses = stage.addresses.clone();
        if is_ready(&addresses.api).await && is_ready(&addresses.worker_metrics).await {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "API and worker are not ready two minutes after the fault:\n{}\n{}",
            stage.api.log_tail(),
            stage.worker.log_tail()
        );
        sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until nothing is left to be done, and says what is if that takes too long.
async fn rest(stage: &mut Stage, load: &mut JoinHandle<()>) -> anyhow::Result<Option<String>> {
    let deadline = Instant::now() + REST;
    let Ok(ended) = timeout(REST, load).await else {
        return Ok(Some(format!("the load did not end within {REST:?}")));
    };
    ended?;
    loop {
        stage.revive()?;
        let left = left_to_do(stage).await.unwrap_or_else(|error| format!("{error:#}"));
        if left.is_empty() {
            return Ok(None);
        }
        if Instant::now() > deadline {
            return Ok(Some(format!("no rest within {REST:?}: {left}")));
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn left_to_do(stage: &Stage) -> anyhow::Result<String> {
    let rows = read_database(&stage.owner).await?;
    let running = Box::pin(watches_running(stage)).await?;
    let pending = rows.events.iter().filter(|event| event.effect != "succeeded").count();
    let open = rows.incidents.iter().filter(|incident| incident.state != "resolved").count();
    let untold = rows
        .alerts
        .iter()
        .filter(|alert| ["pending", "folded"].contains(&alert.state.as_str()))
        .count();
    let counts = [
        (pending, "events are not applied"),
        (open, "incidents are not resolved"),
        (untold, "alerts wait"),
        (usize::try_from(rows.outbox.0).unwrap_or(usize::MAX), "messages wait in the outbox"),
        (running, "watches run"),
    ];
    let left = counts.iter().filter(|(count, _)| *count > 0);
    Ok(left.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", "))
}

/// Looks on until every sign of the fault is gone, for two minutes at most.
async fn look_until_clear(
    watcher: Watcher,
    struck_at: f64,
    fault: &Fault,
    journal: &Journal,
) -> anyhow::Result<Seen> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let seen = watcher.so_far();
        let lasts = seen.since(struck_at).iter().any(|sign| seen.lasts(sign));
        let may_still_come = !fault.shows.signs().is_empty()
            && shown(&seen, struck_at, fault).1.is_none()
            && journal.now() - struck_at < SHOWS_WITHIN;
        if (!lasts && !may_still_come) || Instant::now() > deadline {
            return watcher.finish().await;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn shown(seen: &Seen, struck_at: f64, fault: &Fault) -> (Vec<Shown>, Option<f64>) {
    let signs = seen.since(struck_at);
    let first = seen.first_of(fault.shows.signs(), struck_at).map(|at| at - struck_at);
    let shown = |sign: &Sign| Shown {
        name: sign.name.clone(),
        after: sign.from - struck_at,
        cleared_after: (!seen.lasts(sign)).then_some(sign.until - struck_at),
    };
    (signs.iter().map(shown).collect(), first)
}

fn count(facts: &Facts) -> Counts {
    let receipts = |is: fn(&Outcome) -> bool| {
        facts.entries.receipts.iter().filter(|receipt| is(&receipt.outcome)).count()
    };
    Counts {
        acked: receipts(Outcome::is_acked),
        refused: receipts(|outcome| matches!(outcome, Outcome::Refused(_))),
        ambiguous: receipts(|outcome| *outcome == Outcome::Ambiguous),
        results: facts.entries.results.len(),
        incidents: facts.rows.incidents.len(),
        callbacks: facts.callbacks.len(),
        messages: facts.messages.len(),
        crashes: facts.crashes,
    }
}

type Points = Vec<(f64, f64)>;

/// By the second in which each receipt was due: the longest wait for its first response, and how many were not acked
/// by it.
fn plot_points(entries: &Entries) -> (Points, Points) {
    let mut by_second = std::collections::BTreeMap::<u32, (f64, f64)>::new();
    for sample in &entries.samples {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a round lasts minutes"
        )]
        let second = sample.due as u32;
        let point = by_second.entry(second).or_default();
        point.0 = point.0.max(sample.took * 1_000.0);
        point.1 += f64::from(u8::from(!sample.acked));
    }
    let points = |value: fn(&(f64, f64)) -> f64| {
        by_second.iter().map(|(second, point)| (f64::from(*second), value(point))).collect()
    };
    (points(|point| point.0), points(|point| point.1))
}

/// What the processes said in a round that failed is kept: the seed repeats the fault, not the bad luck.
fn keep_logs(stage: &Stage, settings: &Settings, fault: &str, round: u32) -> anyhow::Result<()> {
    let folder = settings.keep.join(format!("{fault}-{round}"));
    std::fs::create_dir_all(&folder)?;
    for name in ["api.log", "worker.log", "postgres.log", "temporal.log"] {
        // One that never started has none.
        let _copied = std::fs::copy(stage.folder.path().join(name), folder.join(name));
    }
    Ok(())
}
