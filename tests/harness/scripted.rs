//! A worker whose activities return from a script, so that a watch can be led anywhere.
//!
//! The watch is the real one; its activities are not. Each activity takes the next [`Reply`] that
//! the script holds under its name, and keeps what it was called with. A call that the script does
//! not foresee fails its watch, which a story notices because the watch does not end well.

pub mod activities;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use domain::ids::EventId;
use domain::watch::WatchState;
use engine::{Engine, TemporalSettings};
use serde_json::Value;
use temporalio_client::{Client, WorkflowStartOptions};
use temporalio_common::search_attributes::SearchAttributes;
use time::OffsetDateTime;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;
use workflows::EffectWatch;
use workflows::effect_watch::WatchInput;
use workflows::names::{search_attribute, workflow_id};

use self::activities::{ScriptedActivities, spawn_worker};
use crate::engines::{self, Engines};
use crate::eventually;

/// What an activity returns.
#[derive(Debug, Clone)]
pub struct Reply {
    outcome: Outcome,
    held_by: Option<CancellationToken>,
}

#[derive(Debug, Clone)]
enum Outcome {
    Stands(Box<WatchState>),
    Done,
    Retry(Option<Duration>),
}

impl Reply {
    /// The event has this state.
    #[must_use]
    pub fn stands(watch_state: WatchState) -> Self {
        Self { outcome: Outcome::Stands(Box::new(watch_state)), held_by: None }
    }

    /// Done; for activities that return nothing.
    #[must_use]
    pub const fn done() -> Self {
        Self { outcome: Outcome::Done, held_by: None }
    }

    /// A failure that is retried as the activity's options say.
    #[must_use]
    pub const fn retry() -> Self {
        Self { outcome: Outcome::Retry(None), held_by: None }
    }

    /// A failure that is retried after exactly this long.
    #[must_use]
    pub const fn retry_after(delay: Duration) -> Self {
        Self { outcome: Outcome::Retry(Some(delay)), held_by: None }
    }

    /// The same, but not before the test lets it.
    #[must_use]
    pub fn held_by(self, gate: &CancellationToken) -> Self {
        Self { held_by: Some(gate.clone()), ..self }
    }
}

/// What each activity returns, in order.
#[derive(Debug, Default)]
pub struct Script(BTreeMap<&'static str, VecDeque<Reply>>);

impl Script {
    /// Nothing is foreseen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Foresees one more call of an activity.
    #[must_use]
    pub fn on(mut self, activity: &'static str, reply: Reply) -> Self {
        self.0.entry(activity).or_default().push_back(reply);
        self
    }
}

/// One run of an activity.
#[derive(Debug, Clone)]
pub struct Call {
    pub activity: &'static str,
    /// What it was given.
    pub input: Value,
    /// Which attempt this was; the first is 1.
    pub attempt: u32,
    /// When this attempt was due, by the watch's clock.
    pub due_at: SystemTime,
}

#[derive(Default)]
struct Memory {
    script: Script,
    calls: Vec<Call>,
}

/// A task queue on which watches run with scripted activities. It ends with this value.
pub struct ScriptedWorker {
    /// The engines of the run.
    pub engines: Arc<Engines>,
    /// A client of their Temporal.
    pub client: Client,
    task_queue: String,
    memory: Arc<Mutex<Memory>>,
    _worker: DropGuard,
}

impl ScriptedWorker {
    /// A scripted worker on a task queue of its own.
    pub async fn start(script: Script) -> Self {
        let engines = engines::shared().await.expect("engines");
        let settings = TemporalSettings::Plain {
            address: engines.temporal.address(),
            namespace: embedded::NAMESPACE.to_owned(),
        };
        let queue = format!("stage-{}", Uuid::now_v7().simple());
        Self::on_queue_of(&Engine::new(settings, queue), engines, script).await
    }

    /// A scripted worker for watches that others start.
    pub async fn on_queue_of(engine: &Engine, engines: Arc<Engines>, script: Script) -> Self {
        let client = engine.client().await.expect("a Temporal client");
        let memory = Arc::new(Mutex::new(Memory { script, calls: Vec::new() }));
        let shutdown = CancellationToken::new();
        let task_queue = engine.task_queue().to_owned();
        let activities = ScriptedActivities(Arc::clone(&memory));
        spawn_worker(client.clone(), task_queue.clone(), activities, shutdown.clone());
        Self { engines, client, task_queue, memory, _worker: shutdown.drop_guard() }
    }

    /// Starts a watch whose deadline is this far away.
    pub async fn watch(&self, timeout: Duration) -> EventId {
        let timeout_at = OffsetDateTime::now_utc() + timeout;
        let event_id = EventId::from_uuid(Uuid::now_v7());
        self.watch_over(WatchInput::new(event_id, timeout_at, false, &[])).await;
        event_id
    }

    /// Starts a watch with this input.
    pub async fn watch_over(&self, input: WatchInput) {
        let state = search_attribute::STATE.value_set("pending".to_owned());
        let options = WorkflowStartOptions::new(&self.task_queue, workflow_id(input.event_id))
            .search_attributes(SearchAttributes::new([state]))
            .build();
        self.client.start_workflow(EffectWatch::run, input, options).await.expect("a watch");
    }

    /// Every run of an activity so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.memory.lock().expect("no panic while locked").calls.clone()
    }

    /// The runs of one activity so far, in order.
    #[must_use]
    pub fn calls_of(&self, activity: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.activity == activity).collect()
    }

    /// Waits until an activity ran so often, and gives its runs.
    pub async fn wait_for(&self, activity: &str, count: usize) -> Vec<Call> {
        eventually(&format!("{count} calls of {activity}"), async || {
            Some(self.calls_of(activity)).filter(|calls| calls.len() >= count)
        })
        .await
    }

    /// What the script still foresees.
    #[must_use]
    pub fn unplayed(&self) -> Vec<&'static str> {
        let memory = self.memory.lock().expect("no panic while locked");
        let left = memory.script.0.iter().filter(|(_, replies)| !replies.is_empty());
        left.map(|(activity, _)| *activity).collect()
    }
}
