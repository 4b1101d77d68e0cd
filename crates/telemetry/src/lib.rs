//! What others see of a process: every metric of the product by its name, and how it is told, and
//! [`trace`], what becomes of an event.
//!
//! [`catalogue`] lists them; `docs/metrics.md` is held to that list, and so is what a running process
//! exposes. Labels are routes, states, names of ours and ids of projects, of which [`MOST_PROJECTS`]
//! are told apart: never an error code of an app, a reference or the id of an event, so that what
//! Prometheus keeps does not grow with the business.
//!
//! Where no [`Exposition`] was installed, as in tests and commands, telling costs next to nothing
//! and goes nowhere. Nothing here waits, and nothing fails.

pub mod catalogue;
mod exposition;
mod projects;
mod requests;
pub mod sdk;
pub mod trace;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge, histogram};

use catalogue::name;
pub use exposition::Exposition;
use projects::ByProject;
pub use projects::MOST_PROJECTS;
pub use requests::request;

/// What became of a receipt or a result that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in the database for the first time.
    First,
    /// It was there before; nothing changed.
    Again,
}

/// A receipt or a result was taken.
pub fn call_taken(call: &'static str, taken: Taken) {
    let outcome = match taken {
        Taken::First => "accepted",
        Taken::Again => "duplicate",
    };
    counter!(name::CALLS, "call" => call, "outcome" => outcome).increment(1);
}

/// A receipt or a result was rejected with a code of the contract.
pub fn call_rejected(call: &'static str, code: &'static str) {
    counter!(name::CALLS, "call" => call, "outcome" => "rejected").increment(1);
    counter!(name::REJECTIONS, "call" => call, "code" => code).increment(1);
}

/// The messages of one event were sent to Temporal, or one of them was not.
pub fn dispatched(took: Duration) {
    histogram!(name::DISPATCH_SECONDS).record(took.as_secs_f64());
}

/// A message could not be sent to Temporal now.
pub fn dispatch_failed(cause: &'static str) {
    counter!(name::DISPATCH_FAILURES, "cause" => cause).increment(1);
}

/// A message was set aside.
pub fn parked() {
    counter!(name::PARKED).increment(1);
}

/// One attempt at an alert, or at another message to a destination.
pub fn alert_attempt(kind: &'static str, project: &str, delivered: bool, took: Duration) {
    let outcome = if delivered { "delivered" } else { "failed" };
    let project = projects::label(project);
    histogram!(name::ALERT_SECONDS, "kind" => kind, "project" => project.clone())
        .record(took.as_secs_f64());
    counter!(name::ALERT_ATTEMPTS, "kind" => kind, "project" => project, "outcome" => outcome)
        .increment(1);
}

/// A message about its cause stands for an alert.
pub fn alert_folded(project: &str) {
    counter!(name::ALERTS_FOLDED, "project" => projects::label(project)).increment(1);
}

/// One attempt at a callback.
pub fn callback_attempt(project: &str, outcome: &'static str, took: Duration) {
    let project = projects::label(project);
    counter!(name::CALLBACK_ATTEMPTS, "project" => project.clone(), "outcome" => outcome)
        .increment(1);
    histogram!(name::CALLBACK_SECONDS, "project" => project).record(took.as_secs_f64());
}

/// A probe for the dead-man URL ended.
pub fn probe_ended(outcome: &'static str) {
    counter!(name::PROBES, "outcome" => outcome).increment(1);
}

/// A rule of retention has deleted so many rows.
pub fn retention_deleted(rule: &'static str, rows: i64) {
    counter!(name::RETENTION_ROWS, "rule" => rule).increment(rows.unsigned_abs());
}

/// Whether a check of `/readyz` is well; unknown is not.
pub fn check(check: &'static str, is_well: bool) {
    gauge!(name::CHECK, "check" => check).set(if is_well { 1.0 } else { 0.0 });
}

/// Whether this is how a check of `/readyz` ended.
pub fn check_status(check: &'static str, status: &'static str, is_its: bool) {
    let value = if is_its { 1.0 } else { 0.0 };
    gauge!(name::CHECK_STATUS, "check" => check, "status" => status).set(value);
}

/// A gauge of the catalogue that has no label; `None` where it is not known now.
pub fn set(name: &'static str, value: Option<i64>) {
    gauge!(name).set(value.map_or(f64::NAN, to_f64));
}

/// The incidents that are not resolved, by project and reason: a state of ours, never what an app
/// says. Where there were some and are none any more, none are said to be there. `None` where they are not known now.
pub fn open_incidents(counts: Option<impl IntoIterator<Item = (String, &'static str, i64)>>) {
    static KNOWN: ByProject = ByProject::new(|one, other| one + other);
    for ((project, reason), count) in KNOWN.update(counts) {
        gauge!(name::OPEN_INCIDENTS, "project" => project, "reason" => reason).set(count);
    }
}

/// So many pairs of a master key and a table are told apart: a dozen keys.
const MOST_SEALED: usize = 100;

/// How many values each master key sealed, by its id and their table; `None` where it is not known now.
pub fn sealed_values(counts: Option<impl IntoIterator<Item = (String, &'static str, i64)>>) {
    static KNOWN: Mutex<BTreeMap<(String, &'static str), i64>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.values_mut().for_each(|count| *count = 0);
    let is_known = counts.is_some();
    for (key, table, count) in counts.into_iter().flatten() {
        let is_told = known.len() < MOST_SEALED || known.contains_key(&(key.clone(), table));
        let key = if is_told { key } else { "other".to_owned() };
        *known.entry((key, table)).or_default() += count;
    }
    for ((key, table), count) in &*known {
        let count = if is_known { to_f64(*count) } else { f64::NAN };
        gauge!(name::SEALED, "key" => key.clone(), "table" => *table).set(count);
    }
}

/// For how many seconds destinations fail, by project and kind of destination; `None` where it is not known now.
pub fn failing_destinations(
    seconds: Option<impl IntoIterator<Item = (String, &'static str, i64)>>,
) {
    static KNOWN: ByProject = ByProject::new(i64::max);
    for ((project, kind), seconds) in KNOWN.update(seconds) {
        gauge!(name::FAILING_FOR, "kind" => kind, "project" => project).set(seconds);
    }
}

/// How many flows of receipts are silent, by project and whether it is all of the project's; `None` where it is not known now.
pub fn silent_receipts(silences: Option<impl IntoIterator<Item = (String, &'static str, i64)>>) {
    static KNOWN: ByProject = ByProject::new(|one, other| one + other);
    for ((project, flow), count) in KNOWN.update(silences) {
        gauge!(name::RECEIPTS_SILENT, "flow" => flow, "project" => project).set(count);
    }
}

/// Where the chains beside the audit end, by project; `None` where it is not known now. What shares a label is added up, so that
/// the sum stays the number of links.
pub fn audit_heads(heads: Option<impl IntoIterator<Item = (String, i64)>>) {
    static KNOWN: ByProject = ByProject::of_all(|one, other| one + other);
    let heads = heads.map(|heads| heads.into_iter().map(|(project, end)| (project, "", end)));
    for ((project, _), sequence) in KNOWN.update(heads) {
        gauge!(name::AUDIT_HEAD, "project" => project).set(sequence);
    }
}

/// A gauge of the catalogue that has one label, whose values are names of ours; `None` where it is
/// not known now.
pub fn set_of(name: &'static str, label: &'static str, of: &'static str, value: Option<i64>) {
    gauge!(name, label => of).set(value.map_or(f64::NAN, to_f64));
}

/// The tasks of one kind that wait for a worker, and the age of the oldest; `None` where Temporal
/// has not said so lately.
pub fn backlog(task: &'static str, waiting: Option<(i64, Duration)>) {
    let (tasks, age) =
        waiting.map_or((f64::NAN, f64::NAN), |(tasks, age)| (to_f64(tasks), age.as_secs_f64()));
    gauge!(name::BACKLOG, "task" => task).set(tasks);
    gauge!(name::BACKLOG_AGE, "task" => task).set(age);
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    pub idle: u32,
    pub open: u32,
    pub most: u32,
    /// Callers that wait for one now.
    pub waiting: u32,
    /// Those that have waited since the pool was made.
    pub waits: u64,
    /// Connections that were found broken since then.
    pub lost: u64,
}

/// How a pool is used.
pub fn connections(pool: &'static str, usage: Connections) {
    let count = |state, count: u32| {
        gauge!(name::CONNECTIONS, "pool" => pool, "state" => state).set(f64::from(count));
    };
    count("idle", usage.idle.min(usage.open));
    count("used", usage.open.saturating_sub(usage.idle));
    gauge!(name::MOST_CONNECTIONS, "pool" => pool).set(f64::from(usage.most));
    gauge!(name::CONNECTION_WAITERS, "pool" => pool).set(f64::from(usage.waiting));
    counter!(name::CONNECTION_WAITS, "pool" => pool).absolute(usage.waits);
    counter!(name::CONNECTIONS_LOST, "pool" => pool).absolute(usage.lost);
}

/// Prometheus knows no integers; counts of ours are far below where that matters.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn to_f64(count: i64) -> f64 {
    count as f64
}
