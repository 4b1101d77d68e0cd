//! Trying an extension: it is called once as an event would have it called, its answer is read as
//! an event's would be, and nothing is changed but the audit.
//!
//! An activity runs without a workflow, and an endpoint gets the signed request. Either has one
//! attempt, which may take as long as one about an event. A trial that this process does not outlive
//! leaves no trace in the audit, and the extension may have been called all the same: it keys its
//! work on `call_id`, which no other call has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use activities::Deps;
use activities::endpoints::request_budget;
use activities::extension_request::{self, ExtensionRequest};
use domain::audit::Actor;
use domain::extension::{
    CallOutcome, ExtensionAnswer, ExtensionInput, ExtensionTarget, Silence, example_input,
};
use domain::ids::{EventId, ExtensionId};
use domain::project::Mode;
use engine::extension::{ActivityEnd, ActivityRun, Polling};
use engine::{Engine, EngineError};
use serde_json::Value;
use store::administration::extension::note_trial;
use store::extension_calls::{self, ExtensionCall};
use store::extensions::{self, Extension};
use store::pool::transaction;
use store::{StoreError, events, incidents, projects};
use time::OffsetDateTime;
use web::trial::Trial;

/// A trial takes no longer, whatever the extension's budget.
const LONGEST: Duration = Duration::from_mins(1);
/// How long to wait for a worker to take the task where none is known to poll.
const UNPOLLED: Duration = Duration::from_secs(10);
/// Whom an example is about: no customer.
const REFERENCE: &str = "sendpromptly-trial";
/// How much is shown of an answer that is no JSON, in characters.
const SHOWN: usize = 500;

/// Why an extension could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Temporal(#[from] EngineError),
}

/// Tries an extension with an event of its project, or with an example; `None` if there is no such
/// extension or event.
///
/// # Errors
/// When the database or Temporal cannot be used. An extension that does not answer is no error.
pub async fn try_extension(
    deps: &Deps,
    engine: &Engine,
    id: ExtensionId,
    event: Option<EventId>,
    actor: &Actor,
) -> Result<Option<Trial>, TrialError> {
    let Some(extension) = extensions::find_extension(&deps.pool, id).await? else {
        return Ok(None);
    };
    let project = projects::find_project(&deps.pool, extension.project_id).await?;
    let mode = project.ok_or(StoreError::Missing("projects"))?.mode;
    let input = match event {
        Some(event) => input_about(deps, &extension, mode, event).await?,
        None => Some(example(&extension, mode)),
    };
    let Some(input) = input else { return Ok(None) };
    let begun = Instant::now();
    let end = call(deps, engine, &extension, mode, &input).await?;
    let latency_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (trial, outcome) = judge(&extension, end, latency_ms);
    transaction(&deps.pool, async |tx| {
        note_trial(tx, actor, &extension, trial.valid, &outcome).await
    })
    .await?;
    Ok(Some(trial))
}

fn budget(extension: &Extension) -> Duration {
    let seconds = u64::try_from(extension.budget_seconds).unwrap_or_default();
    Duration::from_secs(seconds).min(LONGEST)
}

/// An event that does not exist, of a customer that does not.
fn example(extension: &Extension, mode: Mode) -> ExtensionInput {
    let now = OffsetDateTime::now_utc();
    ExtensionInput {
        provider_event_id: REFERENCE.to_owned(),
        internal_reference: REFERENCE.to_owned(),
        answer_by: now + budget(extension),
        ..example_input(extension.point, extension_calls::new_id(), extension.project_id, mode)
    }
}

/// The input of a call about this event, if it is of the extension's project.
async fn input_about(
    deps: &Deps,
    extension: &Extension,
    mode: Mode,
    event: EventId,
) -> Result<Option<ExtensionInput>, StoreError> {
    let found = events::find_event(&deps.pool, event).await?;
    let Some(event) = found.filter(|event| event.project_id == extension.project_id) else {
        return Ok(None);
    };
    let incident = incidents::find_for_event(&deps.pool, event.id).await?;
    let now = OffsetDateTime::now_utc();
    let call = ExtensionCall {
        id: extension_calls::new_id(),
        event_id: event.id,
        extension_id: extension.id,
        point: extension.point,
        replay_id: None,
        asked_at: now,
        answer_by: now + budget(extension),
        answered_at: None,
        answer: None,
        silence: None,
        outcome: None,
    };
    Ok(Some(extension_calls::input(&call, mode, &event, incident.as_ref())))
}

async fn call(
    deps: &Deps,
    engine: &Engine,
    extension: &Extension,
    mode: Mode,
    input: &ExtensionInput,
) -> Result<ActivityEnd, TrialError> {
    match &extension.target {
        ExtensionTarget::Activity { activity, queue } => {
            let budget = match engine.find_polling(queue.as_str()).await? {
                Polling::Now => budget(extension),
                Polling::Ended(_) | Polling::Never => budget(extension).min(UNPOLLED),
            };
            let run = ActivityRun {
                id: format!("extension-trial/{}", input.call_id),
                activity: activity.to_string(),
                task_queue: queue.to_string(),
                summary: format!("Trial of extension {}", extension.id),
                input: serde_json::to_vec(input).unwrap_or_default(),
                budget,
                heartbeat: extension.heartbeat(),
            };
            Ok(engine.run_activity(run).await?)
        }
        ExtensionTarget::Https { url } => {
            let secret =
                extensions::find_secret(&deps.pool, &deps.master_key, extension.id).await?;
            let secret = secret.ok_or(StoreError::Missing("extensions"))?;
            let budget = request_budget(budget(extension));
            let request =
                ExtensionRequest { url, mode, secret: &secret, input, budget, attempt: 1 };
            let asked = extension_request::ask(&deps.http, &deps.allow, &request).await;
            Ok(asked.map_or_else(ActivityEnd::Unanswered, ActivityEnd::Answered))
        }
    }
}

/// The trial, and what the audit says of it.
fn judge(extension: &Extension, end: ActivityEnd, latency_ms: i64) -> (Trial, String) {
    let bytes = match end {
        ActivityEnd::Answered(bytes) => bytes,
        ActivityEnd::Unanswered(silence) => {
            let problem = silence.sentence(extension.target.kind());
            return (invalid(Value::Null, problem, latency_ms), silence.to_string());
        }
    };
    match ExtensionAnswer::read(extension.point, &bytes) {
        Ok(read) => {
            let would_count_as = read.answer.counts_as(extension.trust);
            let trial = Trial {
                answer: shown(&bytes),
                valid: true,
                would_count_as,
                latency_ms,
                problem: None,
                adjusted: read.adjusted,
            };
            (trial, would_count_as.to_string())
        }
        Err(error) => {
            let outcome = Silence::new(error.why()).to_string();
            (invalid(shown(&bytes), error.to_string(), latency_ms), outcome)
        }
    }
}

fn invalid(answer: Value, problem: String, latency_ms: i64) -> Trial {
    Trial {
        answer,
        valid: false,
        would_count_as: CallOutcome::Unanswered,
        latency_ms,
        problem: Some(problem),
        adjusted: Vec::new(),
    }
}

fn shown(bytes: &[u8]) -> Value {
    if bytes.len() <= domain::extension::MAX_ANSWER_BYTES
        && let Ok(answer) = serde_json::from_slice(bytes)
    {
        return answer;
    }
    let text = domain::alert::sanitize(&String::from_utf8_lossy(bytes));
    Value::String(text.chars().take(SHOWN).collect())
}

/// What the console's Test button and the API do. Who asks there does not run the installation, so
/// what is wrong with Temporal is logged, and they read that it could not be used.
pub(crate) fn provide(deps: Arc<Deps>, engine: Arc<Engine>) -> web::trial::TryExtension {
    Arc::new(move |id, event, actor| {
        let (deps, engine) = (Arc::clone(&deps), Arc::clone(&engine));
        Box::pin(async move {
            match try_extension(&deps, &engine, id, event, &actor).await {
                Ok(trial) => Ok(trial),
                Err(TrialError::Temporal(error)) => {
                    tracing::warn!(%error, extension = %id, "an extension could not be tried");
                    Ok(Some(invalid(Value::Null, without_temporal(&error), 0)))
                }
                Err(error @ TrialError::Store(_)) => Err(error.into()),
            }
        })
    })
}

fn without_temporal(error: &EngineError) -> String {
    match error {
        EngineError::Rejected(why) => format!("Temporal refused the trial: {why}."),
        EngineError::Settings(_)
        | EngineError::Unreachable(_)
        | EngineError::Busy(_)
        | EngineError::NoNamespace(_)
        | EngineError::Foreign(_) => {
            "Temporal could not be used, so the extension was not asked. See /readyz.".to_owned()
        }
    }
}
