//! A team's own worker: it takes the calls of an extension and does with them what a test says.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::extension::{NewExtension, Point, Silence, Unanswered};
use domain::ids::{CallId, EventId, ExtensionId};
use domain::project::Mode;
use domain::signature::SigningSecret;
use serde_json::{Value, json};
use store::extension_calls::{self, NewCall};
use store::pool::transaction;
use store::transitions::extension::record_answer;
use store::{MasterKey, StoreError, extensions};
use temporalio_common::ActivityError;
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::ApplicationFailure;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_macros::activities;
use temporalio_sdk::WorkerOptions;
use temporalio_sdk::activities::ActivityContext;
use time::OffsetDateTime;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::World;
use crate::scripted::activities::run_worker;

/// The activity that the worker offers.
pub const ACTIVITY: &str = "credits.verify";

/// Registers an extension; the task queue on which its worker is to run.
pub async fn register(world: &World, point: &str, trust: &str) -> String {
    register_with(world, json!({ "point": point, "trust": trust })).await
}

/// The same with these fields; with a `url` among them it is one over HTTPS.
pub async fn register_with(world: &World, mut said: Value) -> String {
    let queue = format!("sendpromptly-ext.{}", Uuid::now_v7().simple());
    let secret = said.get("url").map(|_| SigningSecret::from_bytes([7; 32]));
    if secret.is_none() {
        said["activity"] = json!(ACTIVITY);
        said["queue"] = json!(queue);
    }
    let said = said.as_object().expect("an object");
    let new = NewExtension::read(said, Mode::Test, &world.deps().allow).expect("one");
    let key = MasterKey::parse(&world.master_key).expect("a master key");
    let mut db = world.pool.acquire().await.expect("a connection");
    let (project_id, secret) = (world.project.id, secret.as_ref());
    extensions::insert_extension(&mut db, &key, project_id, "cli:bob", &new, secret)
        .await
        .expect("an extension");
    queue
}

/// Records what an extension found about an event, as if it had been asked; the call.
pub async fn find_out(
    world: &World,
    extension_id: ExtensionId,
    event_id: EventId,
    found: &Value,
) -> CallId {
    record(world, extension_id, event_id, Ok(found)).await
}

/// Records that an extension did not answer.
pub async fn stay_silent(world: &World, extension_id: ExtensionId, event_id: EventId) -> CallId {
    record(world, extension_id, event_id, Err(Silence::new(Unanswered::NobodyTookIt))).await
}

async fn record(
    world: &World,
    extension_id: ExtensionId,
    event_id: EventId,
    end: Result<&Value, Silence>,
) -> CallId {
    let (point, answer_by) = (Point::BeforeIncident, OffsetDateTime::now_utc() + TIME);
    let new = NewCall { event_id, extension_id, point, replay_id: None, answer_by };
    let answer = end.map(Value::to_string);
    let answer = answer.as_deref().map_err(Clone::clone);
    transaction::<_, StoreError>(&world.pool, async |tx| {
        let call = extension_calls::insert_call(&mut *tx, new).await?;
        record_answer(tx, event_id, call.id, answer).await?;
        Ok(call.id)
    })
    .await
    .expect("a database")
}

/// How long the extension would have had.
const TIME: Duration = Duration::from_mins(1);

/// What the worker does with each call.
#[derive(Debug, Clone)]
pub enum Manner {
    Json(Value),
    /// Bytes that are no JSON.
    Bytes(Vec<u8>),
    /// An answer without anything in it.
    Nothing,
    /// It fails with an error of this type, for good.
    Raise(&'static str),
    /// It never answers.
    Hang,
    /// What this says of the input.
    Each(fn(&Value) -> Self),
}

/// A worker on a task queue of its own. It ends with this value.
pub struct ExtensionWorker {
    calls: Arc<Mutex<Vec<Value>>>,
    running: DropGuard,
    thread: JoinHandle<()>,
}

impl ExtensionWorker {
    /// Starts to take calls from a task queue.
    pub async fn start(world: &World, queue: String, manner: Manner) -> Self {
        let client = world.temporal().await;
        let calls = Arc::default();
        let activities = Credits { manner, calls: Arc::clone(&calls) };
        let stopped = CancellationToken::new();
        let shutdown = stopped.clone();
        let options = WorkerOptions::new(queue)
            .register_activities(activities)
            .graceful_shutdown_period(Duration::from_millis(100))
            .build();
        let thread = run_worker(client, options, shutdown);
        Self { calls, running: stopped.drop_guard(), thread }
    }

    /// Waits until it has ended: the next one of this process may have the same task queue only then.
    pub async fn stop(self) {
        let Self { running, thread, .. } = self;
        drop(running);
        let ended = tokio::task::spawn_blocking(move || thread.join());
        ended.await.expect("a thread").expect("a worker that ends");
    }

    /// What it was given so far, attempt by attempt.
    #[must_use]
    pub fn calls(&self) -> Vec<Value> {
        self.calls.lock().expect("no panic while locked").clone()
    }
}

/// The activities of the worker.
pub struct Credits {
    manner: Manner,
    calls: Arc<Mutex<Vec<Value>>>,
}

#[activities]
impl Credits {
    #[activity(name = "credits.verify")]
    pub async fn verify(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: Value,
    ) -> Result<RawValue, ActivityError> {
        let manner = match &self.manner {
            Manner::Each(manner) => manner(&input),
            manner => manner.clone(),
        };
        self.calls.lock().expect("no panic while locked").push(input);
        match manner {
            Manner::Json(answer) => Ok(payload("json/plain", answer.to_string().into_bytes())),
            Manner::Bytes(bytes) => Ok(payload("binary/plain", bytes)),
            Manner::Nothing => Ok(payload("binary/null", Vec::new())),
            Manner::Raise(name) => {
                let failure = ApplicationFailure::builder("words that stay here".to_owned())
                    .type_name(name.to_owned())
                    .non_retryable(true);
                Err(ActivityError::application(failure.build()))
            }
            Manner::Hang | Manner::Each(_) => std::future::pending().await,
        }
    }
}

fn payload(encoding: &str, data: Vec<u8>) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), encoding.as_bytes().to_vec())].into(),
        data,
        ..Payload::default()
    }])
}
