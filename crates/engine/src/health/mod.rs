//! Whether the product does its work: the checks that `/readyz`, `doctor` and the console's head
//! share.
//!
//! Only `database` and `schema` decide whether receipts can be accepted. A check never waits longer
//! than two seconds, all run concurrently, and what they find holds for five seconds, so that
//! probes every second cost little; `database` alone is asked again each time. For a Temporal that is
//! silent nobody waits who can be told what was found before: a probe that gives up after a second
//! would take out an API that takes receipts. Whatever fails here fails as a check, never as an error.
//! Texts are for everyone: they hold counts, ages and names of settings, no address and no secret. The
//! other side's verbatim text is in [`Check::cause`], which only `doctor` shows.

mod audit;
mod backlog;
mod banner;
mod bulks;
mod clock;
mod database;
mod dead_man;
mod memory;
mod partitions;
mod retention;
mod secrets;
mod temporal;
mod versions;
mod work;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use store::{MasterKey, PgPool};

use crate::backlog::BacklogSeen;
use crate::connect::Engine;
use crate::setup::AttributeGaps;

pub use banner::Banner;
use memory::Memory;

const TIMEOUT: Duration = Duration::from_secs(2);

/// The names of the checks that another process passes with other settings.
pub const OF_SETTINGS: [&str; 7] = [
    database::DATABASE,
    database::SCHEMA,
    database::PRIVILEGES,
    temporal::TEMPORAL,
    temporal::ATTRIBUTES,
    temporal::ENVIRONMENT,
    secrets::MASTER_KEY,
];

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, and needs attention.
    Degraded,
    /// It does not work.
    Failed,
    /// It could not be checked, because what it depends on does not respond.
    Unknown,
}

impl Status {
    /// Every way in which a check may end.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Degraded, Self::Failed, Self::Unknown];

    /// As `/readyz` and the metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, for good.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do about it; never there when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// What the other side said, for the operator alone.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), cure: None, cause: None }
    }

    fn degraded(name: &'static str, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        let cure = Some(cure.into());
        Self { name, status: Status::Degraded, detail: detail.into(), cure, cause: None }
    }

    fn failed(name: &'static str, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { status: Status::Failed, ..Self::degraded(name, detail, cure) }
    }

    /// `of` is the check whose failure keeps this one from being made.
    fn unknown(name: &'static str, of: &str) -> Self {
        let detail = format!("not known, because the check {of} has failed");
        Self { status: Status::Unknown, ..Self::degraded(name, detail, format!("see {of}")) }
    }

    fn because(self, cause: &impl ToString) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    /// The same where the cure needs the cause, which only `doctor` shows.
    fn because_for_doctor(self, cause: &impl ToString) -> Self {
        let cure = self.cure.as_deref().map(|cure| format!("{cure}{ASK_DOCTOR}"));
        Self { cure, ..self.because(cause) }
    }

    /// What to do about it, for one who sees the cause beside it.
    #[must_use]
    pub fn cure_beside_cause(&self) -> Option<&str> {
        self.cure.as_deref().map(|cure| cure.strip_suffix(ASK_DOCTOR).unwrap_or(cure))
    }
}

const ASK_DOCTOR: &str = "; `sendpromptly doctor` shows the cause";

/// What all checks found.
#[derive(Debug, Clone)]
pub struct HealthReport {
    /// The checks, always all of them and in the same order.
    pub checks: Vec<Check>,
}

impl HealthReport {
    /// Whether receipts can be accepted.
    #[must_use]
    pub fn accepts_receipts(&self) -> bool {
        self.is_ok(database::DATABASE)
            && !self.has_failed(database::SCHEMA)
            && !self.has_failed(database::PRIVILEGES)
    }

    /// Whether watches run: a worker polls, and reaches what it needs.
    #[must_use]
    pub fn runs_watches(&self) -> bool {
        let reached = [database::DATABASE, temporal::TEMPORAL, work::WORKERS];
        let needed = [
            database::SCHEMA,
            temporal::ATTRIBUTES,
            temporal::ENVIRONMENT,
            versions::WORKER_VERSION,
        ];
        reached.iter().all(|name| self.is_ok(name))
            && needed.iter().all(|name| !self.has_failed(name))
            && !self.has_failed(secrets::MASTER_KEY)
    }

    /// Whether nothing needs attention.
    #[must_use]
    pub fn all_is_well(&self) -> bool {
        self.checks.iter().all(|check| check.status == Status::Ok)
    }

    /// Whether the database takes writes.
    #[must_use]
    pub fn database(&self) -> bool {
        self.is_ok(database::DATABASE)
    }

    /// Whether Temporal responds and knows the namespace.
    #[must_use]
    pub fn temporal(&self) -> bool {
        self.is_ok(temporal::TEMPORAL)
    }

    fn is_ok(&self, name: &str) -> bool {
        self.status(name) == Some(Status::Ok)
    }

    fn has_failed(&self, name: &str) -> bool {
        self.status(name) == Some(Status::Failed)
    }

    fn status(&self, name: &str) -> Option<Status> {
        self.checks.iter().find(|check| check.name == name).map(|check| check.status)
    }
}

/// Makes the checks, and remembers what they found.
pub struct Monitor {
    pool: PgPool,
    engine: Arc<Engine>,
    /// Without it there is no check of it.
    master_key: Option<MasterKey>,
    /// Whether a worker is to poll in this process.
    has_worker: bool,
    schema: Memory,
    work: Memory,
    temporal: Arc<Memory>,
    secrets: Memory,
    clock: Memory,
    bulks: Memory,
}

impl Monitor {
    /// Checks this database and this Temporal.
    #[must_use]
    pub fn new(pool: PgPool, engine: Arc<Engine>) -> Self {
        let (schema, work) = (Memory::default(), Memory::default());
        let (temporal, secrets) = (Arc::default(), Memory::default());
        let (clock, bulks) = (Memory::default(), Memory::default());
        let (master_key, has_worker) = (None, false);
        Self { pool, engine, master_key, has_worker, schema, work, temporal, secrets, clock, bulks }
    }

    /// The same of a worker: others that poll do not speak for it.
    #[must_use]
    pub fn for_worker(self) -> Self {
        Self { has_worker: true, ..self }
    }

    /// The same, with the key that opens the database's secrets.
    #[must_use]
    pub fn with_master_key(self, key: MasterKey) -> Self {
        Self { master_key: Some(key), ..self }
    }

    /// Makes every check.
    pub async fn report(&self) -> HealthReport {
        let (database, schema, temporal, work, secrets, clock, bulks) = tokio::join!(
            database::writable(&self.pool),
            self.schema.get(database::schema(&self.pool)),
            self.temporal(),
            self.work.get(Box::pin(work::checks(&self.pool, &self.engine))),
            self.secrets(),
            self.clock(),
            self.bulks(),
        );
        let work = work.into_iter().map(|check| self.judge_own_worker(check)).collect::<Vec<_>>();
        let mut checks = [vec![database], schema, temporal, work, secrets, clock, bulks].concat();
        say_one_cause(&mut checks);
        HealthReport { checks }
    }

    fn judge_own_worker(&self, check: Check) -> Check {
        let polls = !self.has_worker || self.engine.polls();
        if polls || check.name != work::WORKERS || check.status != Status::Ok {
            return check;
        }
        work::own_worker_is_missing(&check)
    }

    /// Whether a dead-man URL is set.
    #[must_use]
    pub fn has_dead_man(&self) -> bool {
        self.engine.probes()
    }

    /// What waits in Temporal for a worker, as it was seen last.
    #[must_use]
    pub fn backlog(&self) -> Option<BacklogSeen> {
        self.engine.backlog()
    }

    async fn temporal(&self) -> Vec<Check> {
        let (engine, pool) = (Arc::clone(&self.engine), self.pool.clone());
        let checks = async move { Box::pin(temporal::checks(&engine, Some(&pool))).await };
        memory::get_soon(&self.temporal, checks).await
    }

    async fn secrets(&self) -> Vec<Check> {
        let Some(key) = &self.master_key else { return Vec::new() };
        let check = async { vec![secrets::check(&self.pool, key).await] };
        self.secrets.get(check).await
    }

    async fn clock(&self) -> Vec<Check> {
        self.clock.get(async { vec![clock::check(&self.pool).await] }).await
    }

    async fn bulks(&self) -> Vec<Check> {
        self.bulks.get(async { vec![Box::pin(bulks::check(&self.pool)).await] }).await
    }

    /// What an operator must know on every page. Asks the database only, and mostly not even that; of
    /// Temporal, what was seen last.
    pub async fn banner(&self) -> Banner {
        let work = self.work.get(Box::pin(work::checks(&self.pool, &self.engine)));
        let schema = self.schema.get(Box::pin(database::schema(&self.pool)));
        let (schema, work, secrets, clock, bulks) =
            tokio::join!(schema, work, self.secrets(), self.clock(), self.bulks());
        let queue = self.engine.seen().map_or_else(Vec::new, |seen| {
            let version = versions::judge_routing(self.engine.version(), &seen.routing);
            vec![backlog::judge(seen.backlog), version]
        });
        let disk = database::full_disk(&self.pool).into_iter().collect();
        Banner::new([schema, work, queue, secrets, clock, disk, bulks].concat())
    }
}

/// Why the database failed is said beside its own check, and not again by all that ask it.
fn say_one_cause(checks: &mut [Check]) {
    let failed = |check: &Check| check.name == database::DATABASE && check.status == Status::Failed;
    if checks.iter().any(failed) {
        let unknown = checks.iter_mut().filter(|check| check.status == Status::Unknown);
        unknown.for_each(|check| check.cause = None);
    }
}

/// The checks of Temporal alone, for one who knows no database.
pub async fn check_temporal(engine: &Engine) -> Vec<Check> {
    temporal::checks(engine, None).await
}

/// The check of the master key alone, for one whose key may be missing.
pub async fn check_master_key(pool: &PgPool, key: &MasterKey) -> Check {
    secrets::check(pool, key).await
}

/// What a namespace lacks of the search attributes, and what to do about it.
#[must_use]
pub fn describe_gaps(gaps: &AttributeGaps, cloud: bool) -> (String, String) {
    (temporal::describe_gaps(gaps), temporal::cure_gaps(gaps, cloud))
}

/// Waits for a response, but not for long.
async fn in_time<T, E: ToString>(asking: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, asking).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer within 2 s".to_owned()),
    }
}

/// A number with its noun.
fn count(number: i64, one: &str, many: &str) -> String {
    let shown = match number {
        store::health::COUNT_LIMIT.. => format!("{} or more", store::health::COUNT_LIMIT),
        few => few.to_string(),
    };
    format!("{shown} {}", if number == 1 { one } else { many })
}

/// An age that people can read.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s", seconds.max(0)),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_is_well_has_no_cure_and_no_check_shows_its_cause() {
        let failed = Check::failed("outbox", "3 messages wait", "look").because(&"secret");
        let checks = [Check::ok("database", "takes writes"), failed];
        assert_eq!(
            serde_json::to_string(&checks).expect("JSON"),
            r#"[{"name":"database","status":"ok","detail":"takes writes"},{"name":"outbox","status":"failed","detail":"3 messages wait","cure":"look"}]"#
        );
    }

    #[test]
    fn the_cause_of_a_failed_database_is_said_once() {
        let because = |check: Check| check.because(&"refused");
        let work = || because(Check::unknown("workers", "database"));
        let mut checks = [because(Check::failed("database", "is away", "start it")), work()];
        say_one_cause(&mut checks);
        assert_eq!(checks.map(|check| check.cause), [Some("refused".to_owned()), None]);
        let mut checks = [Check::ok("database", "takes writes"), work()];
        say_one_cause(&mut checks);
        assert_eq!(checks[1].cause.as_deref(), Some("refused"));
    }

    #[test]
    fn doctor_is_named_where_the_cause_is_hidden_and_not_beside_it() {
        let check =
            Check::failed("database", "does not answer", "start it").because_for_doctor(&"refused");
        assert_eq!(check.cure.as_deref(), Some("start it; `sendpromptly doctor` shows the cause"));
        assert_eq!(
            (check.cure_beside_cause(), check.cause.as_deref()),
            (Some("start it"), Some("refused"))
        );
        let plain = Check::failed("workers", "none polls", "start one");
        assert_eq!(plain.cure_beside_cause(), Some("start one"));
    }

    #[test]
    fn ages_and_counts_are_for_people() {
        assert_eq!(
            [0, 119, 300, 7_200, 200_000].map(age),
            ["0 s", "119 s", "5 minutes", "2 hours", "2 days"]
        );
        assert_eq!(count(1, "event", "events"), "1 event");
        assert_eq!(count(1_000, "event", "events"), "1000 or more events");
    }

    #[test]
    fn a_status_is_named_alike_in_json_and_in_metrics() {
        for status in Status::ALL {
            let json = serde_json::to_value(status).expect("JSON");
            assert_eq!(json, status.as_str());
        }
    }
}
