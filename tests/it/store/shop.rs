//! Alice's shop without an API around it: a database, a project, and the transitions by their
//! names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::app_error::AppError;
use domain::audit::Actor;
use domain::callback::AnswerVerdict;
use domain::catalogue::Catalogue;
use domain::effect_result::{EffectResult, EventSelector, Outcome, ResultReport};
use domain::event::Effect;
use domain::ids::{EventId, KeyId, ProjectId, ReplayId};
use domain::incident::IncidentState;
use domain::project::Mode;
use domain::receipt::{Receipt, ReceiptContext};
use domain::rejection::Rejection;
use domain::retention::Rule;
use domain::signature::SigningSecret;
use e2e::engines::{self, Database};
use e2e::world::{BOB, new_key};
use serde_json::{Value, json};
use store::api_keys::{self, KeyOwner};
use store::attempts::AttemptEnd;
use store::destinations::{self, NewDestination};
use store::erasure::ErasedCustomers;
use store::idempotency::KeyUse;
use store::incidents::Incident;
use store::pool::{self, Limits, PoolOptions, Transaction};
use store::projects::{self, ProjectSettings};
use store::transitions::callback::{AttemptOutcome, CallbackWork, begin_attempt, end_attempt};
use store::transitions::receipt::{AcceptedReceipt, Delivery, accept_receipt};
use store::transitions::reprocess::{ReprocessRequest, request_reprocess};
use store::transitions::resolve::{ResolveRequest, resolve_incident};
use store::transitions::result::{ReportedResult, ResultOutcome, accept_result};
use store::transitions::silence;
use store::{MasterKey, PgPool, incidents, reprocesses, results, retention, signing_secrets};

/// What the shop's callbacks are signed with.
pub const SECRET: [u8; 32] = *b"the shop signs with these bytes!";

pub struct Shop {
    pub pool: PgPool,
    pub master_key: MasterKey,
    pub owner: KeyOwner,
    database: Arc<Database>,
}

/// A reprocess that runs.
#[derive(Debug, Clone, Copy)]
pub struct RunningReprocess {
    pub event_id: EventId,
    pub replay_id: ReplayId,
}

/// What an accepted result says of its event.
pub struct AcceptedResult {
    pub effect: Effect,
    pub incident: Option<IncidentState>,
}

/// Who asks in these tests.
pub fn bob() -> Actor {
    Actor::Cli("bob".to_owned())
}

/// A receipt as the API reads it, with a few fields changed.
pub fn receipt_with(provider_event_id: &str, change: &Value) -> Receipt {
    let mut body = e2e::world::receipt(provider_event_id);
    for (field, value) in change.as_object().into_iter().flatten() {
        body[field] = value.clone();
    }
    let context = ReceiptContext { catalogue: &Catalogue::default(), mode: Mode::Test };
    Receipt::parse(body.as_object().expect("an object"), context).expect("a receipt")
}

/// The effect was applied.
pub fn success() -> EffectResult {
    let outcome = Outcome::Succeeded;
    EffectResult { outcome, error: AppError::default(), replay_id: None }
}

/// The effect was not applied.
pub fn failure() -> EffectResult {
    EffectResult {
        outcome: Outcome::Failed,
        error: AppError {
            code: Some("locked".to_owned()),
            message: Some("the account is locked".to_owned()),
        },
        replay_id: None,
    }
}

/// A result that names its event as the provider does.
pub fn early(event: &str, result: EffectResult) -> ResultReport {
    let event =
        EventSelector { provider_event_id: Some(event.to_owned()), ..EventSelector::default() };
    ResultReport { event, result, adjusted: Vec::new() }
}

impl Shop {
    /// Opens a shop whose bob gets mail.
    pub async fn open() -> Self {
        let engines = engines::shared().await.expect("engines");
        let database = engines.create_database().await.expect("a database");
        let pool = pool::connect_lazily(&database.url, 10).expect("a pool");
        let master_key = MasterKey::parse(&MasterKey::generate()).expect("a key");
        let owner = seed(&pool, &master_key).await;
        let bob = NewDestination::email(BOB).expect("an address");
        let mut db = pool.acquire().await.expect("a connection");
        destinations::insert_destination(&mut db, &master_key, owner.project_id, &bob)
            .await
            .expect("a destination");
        Self { pool, master_key, owner, database: Arc::new(database) }
    }

    /// The same database, seen from another project.
    pub fn working_for(&self, owner: KeyOwner) -> Self {
        let (pool, master_key) = (self.pool.clone(), self.master_key.clone());
        Self { pool, master_key, owner, database: Arc::clone(&self.database) }
    }

    /// The same database for who waits no longer for a statement.
    pub fn pool_for(&self, statement: Duration) -> PgPool {
        let usual = Limits::default();
        let limits = Limits { statement, answer: usual.answer + statement, ..usual };
        let options = PoolOptions { limits, ..PoolOptions::new(4) };
        pool::open(&self.database.url, options).expect("a pool")
    }

    pub async fn begin(&self) -> Transaction {
        pool::begin(&self.pool).await.expect("a transaction")
    }

    pub async fn execute(&self, sql: &'static str, event_id: EventId) {
        let done = sqlx::query(sql).bind(event_id.as_uuid()).execute(&self.pool).await;
        done.expect("a statement");
    }

    pub async fn accept(&self, receipt: &Receipt) -> AcceptedReceipt {
        let mut tx = self.begin().await;
        let taken = self.accept_in(&mut tx, receipt).await;
        pool::commit(tx).await.expect("a commit");
        taken
    }

    /// The same in a transaction of the caller.
    pub async fn accept_in(&self, tx: &mut Transaction, receipt: &Receipt) -> AcceptedReceipt {
        let event_key = receipt.identity("").key();
        let delivery = Delivery::new(receipt, &event_key);
        let taken = accept_receipt(tx, &self.master_key, &self.owner, delivery).await;
        taken.expect("a receipt")
    }

    pub async fn take(&self, provider_event_id: &str) -> EventId {
        self.accept(&receipt_with(provider_event_id, &json!({}))).await.event_id
    }

    /// Keeps an early result; `false` if its key was used for another one.
    pub async fn keep_early(&self, key: &str, report: &ResultReport) -> bool {
        let mut tx = self.begin().await;
        let kept = self.keep_early_in(&mut tx, key, report).await;
        pool::commit(tx).await.expect("a commit");
        kept
    }

    /// The same in a transaction of the caller.
    pub async fn keep_early_in(
        &self,
        tx: &mut Transaction,
        key: &str,
        report: &ResultReport,
    ) -> bool {
        let used = KeyUse {
            project_id: self.owner.project_id,
            route: "result",
            scope: report.result.outcome.as_str(),
            key,
            fingerprint: &report.event.fingerprint(),
            request_hash: &[0; 32],
        };
        let kept = results::insert_early(&mut **tx, self.owner.key_id, used, report).await;
        kept.expect("a database") != results::EarlyKept::Conflict
    }

    /// A result in a transaction of the caller.
    pub async fn report_in(
        &self,
        tx: &mut Transaction,
        event_id: EventId,
        body: &Value,
    ) -> ResultOutcome {
        let result = EffectResult::parse(body.as_object().expect("an object")).expect("a result");
        let report = ReportedResult { result_id: results::new_id(), result: &result, signal: true };
        let actor = Actor::Key(self.owner.key_id);
        accept_result(tx, &actor, event_id, report).await.expect("a database")
    }

    pub async fn report(&self, event_id: EventId, body: Value) -> ResultOutcome {
        let mut tx = self.begin().await;
        let outcome = self.report_in(&mut tx, event_id, &body).await;
        pool::commit(tx).await.expect("a commit");
        outcome
    }

    pub async fn succeed(&self, event_id: EventId) -> ResultOutcome {
        self.report(event_id, json!({"status": "success"})).await
    }

    pub async fn fail(&self, event_id: EventId) -> ResultOutcome {
        let words = json!({"status": "failed", "error_code": "db_write_failed"});
        self.report(event_id, words).await
    }

    /// Lets the deadline of an event lie in the past.
    pub async fn let_time_pass(&self, event_id: EventId) {
        self.execute(
            "UPDATE payment_events SET timeout_at = now() - interval '1 second' WHERE id = $1",
            event_id,
        )
        .await;
    }

    pub async fn silence(&self, event_id: EventId) {
        let mut tx = self.begin().await;
        silence::open_incident_if_due(&mut tx, event_id).await.expect("a database");
        pool::commit(tx).await.expect("a commit");
    }

    /// An event whose deadline passed in silence.
    pub async fn missed(&self, provider_event_id: &str) -> EventId {
        let event_id = self.take(provider_event_id).await;
        self.let_time_pass(event_id).await;
        self.silence(event_id).await;
        event_id
    }

    pub async fn try_reprocess(
        &self,
        event_id: EventId,
        replay_id: ReplayId,
    ) -> Result<(), Rejection> {
        let actor = bob();
        let request = ReprocessRequest {
            replay_id,
            actor: &actor,
            note: Some("try again"),
            bulk_id: None,
            signal: true,
        };
        let mut tx = self.begin().await;
        let outcome = request_reprocess(&mut tx, event_id, request).await;
        pool::commit(tx).await.expect("a commit");
        outcome.map_err(|error| error.rejection().expect("a database"))
    }

    pub async fn reprocess(&self, event_id: EventId) -> ReplayId {
        let replay_id = reprocesses::new_id();
        self.try_reprocess(event_id, replay_id).await.expect("a reprocess");
        replay_id
    }

    /// A missed event whose work the app was asked to do again.
    pub async fn reprocessing(&self, provider_event_id: &str) -> RunningReprocess {
        let event_id = self.missed(provider_event_id).await;
        RunningReprocess { event_id, replay_id: self.reprocess(event_id).await }
    }

    pub async fn begin_attempt(
        &self,
        running: RunningReprocess,
        nonce: &str,
    ) -> Option<CallbackWork> {
        let RunningReprocess { event_id, replay_id } = running;
        let mut tx = self.begin().await;
        let work = begin_attempt(&mut tx, &self.master_key, event_id, replay_id, nonce)
            .await
            .expect("a database");
        pool::commit(tx).await.expect("a commit");
        work
    }

    pub async fn end_attempt(
        &self,
        running: RunningReprocess,
        attempt: i32,
        verdict: AnswerVerdict,
    ) -> AttemptOutcome {
        let RunningReprocess { event_id, replay_id } = running;
        let (status, answer) = match verdict {
            AnswerVerdict::Delivered => (200, "ok"),
            AnswerVerdict::Retry => (503, "later"),
            AnswerVerdict::RetryOnce => (404, "nothing here"),
            AnswerVerdict::Stop => (422, "no such account"),
        };
        let end = AttemptEnd {
            retry_after: None,
            jitter: 0.5,
            status: Some(status),
            error: None,
            latency_ms: 12,
            answer: Some(answer),
            redirect_to: None,
        };
        let mut tx = self.begin().await;
        let outcome = end_attempt(&mut tx, event_id, replay_id, attempt, end, verdict)
            .await
            .expect("a database");
        pool::commit(tx).await.expect("a commit");
        outcome
    }

    /// One whole attempt with this ending.
    pub async fn attempt(
        &self,
        running: RunningReprocess,
        verdict: AnswerVerdict,
    ) -> AttemptOutcome {
        let nonce = format!("nonce-{}", reprocesses::new_id());
        let work = self.begin_attempt(running, &nonce).await.expect("an attempt is due");
        self.end_attempt(running, work.attempt, verdict).await
    }

    pub async fn try_resolve(&self, event_id: EventId) -> Result<(), Rejection> {
        let actor = bob();
        let resolving = ResolveRequest {
            actor: &actor,
            note: Some("by hand"),
            evidence: None,
            bulk_id: None,
            signal: true,
        };
        let mut tx = self.begin().await;
        let outcome = resolve_incident(&mut tx, event_id, resolving).await;
        pool::commit(tx).await.expect("a commit");
        outcome.map_err(|error| error.rejection().expect("a database"))
    }

    pub async fn resolve(&self, event_id: EventId) {
        self.try_resolve(event_id).await.expect("a resolution");
    }

    /// Applies a rule of retention; how many rows left.
    pub async fn delete_due(&self, rule: Rule) -> i64 {
        retention::delete_due(&self.pool, rule).await.expect("a database").total()
    }

    pub async fn incident(&self, event_id: EventId) -> Incident {
        let found = incidents::find_for_event(&self.pool, event_id).await.expect("a database");
        found.expect("an incident")
    }

    /// Every text that a query gives, one after the other.
    async fn texts(&self, sql: &'static str, event_id: EventId) -> String {
        let texts: Vec<String> = sqlx::query_scalar(sql)
            .bind(event_id.as_uuid())
            .fetch_all(&self.pool)
            .await
            .expect("a query");
        texts.join(" ")
    }

    /// All that is known of an event, one line per table.
    pub async fn story(&self, event_id: EventId) -> String {
        const LINES: [(&str, &str); 6] = [
            ("effect", "SELECT effect FROM payment_events WHERE id = $1"),
            (
                "incident",
                "SELECT concat_ws('/', state, reason, error_code, resolution) FROM incidents WHERE event_id = $1",
            ),
            ("reprocess", "SELECT state FROM reprocesses WHERE event_id = $1 ORDER BY id"),
            ("alerts", "SELECT kind FROM alerts WHERE event_id = $1 ORDER BY id"),
            ("outbox", "SELECT wish FROM outbox WHERE event_id = $1 ORDER BY id"),
            ("timeline", "SELECT action FROM audit_entries WHERE event_id = $1 ORDER BY at, id"),
        ];
        let mut lines = Vec::new();
        for (name, sql) in LINES {
            let texts = self.texts(sql, event_id).await;
            if !texts.is_empty() {
                lines.push(format!("{name}: {texts}"));
            }
        }
        lines.join("\n")
    }
}

pub fn accepted(outcome: &ResultOutcome) -> AcceptedResult {
    match outcome {
        ResultOutcome::Accepted { effect, incident, .. } => {
            AcceptedResult { effect: *effect, incident: incident.map(|it| it.state) }
        }
        other => panic!("not accepted: {other:?}"),
    }
}

/// The project of a key of a fresh project.
pub fn owner(key_id: KeyId, project_id: ProjectId, mode: Mode) -> KeyOwner {
    let catalogue = Catalogue::default();
    let erased = ErasedCustomers::default();
    KeyOwner { key_id, project_id, timeout_minutes: 30, snapshots: false, mode, catalogue, erased }
}

async fn seed(pool: &PgPool, master_key: &MasterKey) -> KeyOwner {
    let settings = ProjectSettings {
        repair_url: Some("http://127.0.0.1:9/repair".to_owned()),
        ..ProjectSettings::new("CometCart".to_owned(), Mode::Test)
    };
    let project_id: ProjectId = projects::insert_project(pool, &settings).await.expect("a project");
    let secret = SigningSecret::from_bytes(SECRET);
    signing_secrets::insert_secret(pool, master_key, project_id, &secret).await.expect("a secret");
    let key = new_key().expect("a key");
    let key_id: KeyId = api_keys::insert_key(pool, project_id, "shop", &key).await.expect("a key");
    owner(key_id, project_id, Mode::Test)
}

/// Puts calls together as the API does: no two of a batch share a name, which is a key or an event.
pub fn batches<T>(named: impl IntoIterator<Item = ([String; 2], T)>) -> Vec<Vec<T>> {
    let (mut batches, mut taken) = (vec![Vec::new()], BTreeSet::new());
    for (names, call) in named {
        if names.iter().any(|name| taken.contains(name)) {
            batches.push(Vec::new());
            taken.clear();
        }
        taken.extend(names);
        batches.last_mut().expect("a batch").push(call);
    }
    batches
}
