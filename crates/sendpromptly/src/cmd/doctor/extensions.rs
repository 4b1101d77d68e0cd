//! The checks of a project's extensions: of each, whether a worker polls its task queue, whether it
//! answers events, and one trial with an example, which changes nothing.

use std::sync::Arc;

use activities::Deps;
use domain::audit::Actor;
use domain::extension::SILENT_AFTER;
use domain::ids::ProjectId;
use engine::Engine;
use engine::extension::Polling;
use sendpromptly::trial::try_extension;
use store::extensions::{self, Extension};

use super::Check;
use super::parts::Database;
use crate::failure::parse_id;
use crate::progress::while_waiting;
use crate::{Context, admin_context, senders};

const WORKER: &str = "extension_worker";
const CALLS: &str = "extension_calls";
const TRIAL: &str = "extension_trial";

/// Tries every extension of a project; nothing for one that has none.
pub(super) async fn check(
    database: &Database,
    project: &str,
    engine: &Arc<Engine>,
    context: &Context,
) -> anyhow::Result<Vec<Check>> {
    let id: ProjectId = parse_id("project", project)?;
    let (Some(pool), Some(key), Some(target)) = (&database.pool, &database.key, &database.target)
    else {
        return Ok(vec![Check::skip(TRIAL, "needs the database and the master key")]);
    };
    let all = extensions::list_extensions(pool, Some(id)).await?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let allow = target.callback_allow(context)?;
    let deps = senders::for_trial(&context.environment, allow, pool.clone(), key.clone())?;
    let actor = admin_context::actor();
    let mut checks = Vec::new();
    for extension in &all {
        checks.extend(worker(engine, extension).await);
        checks.extend(silence(extension));
        checks.push(trial(&deps, engine, extension, &actor).await);
    }
    Ok(checks)
}

async fn worker(engine: &Engine, extension: &Extension) -> Option<Check> {
    let queue = extension.target.queue()?;
    Some(match engine.find_polling(queue).await {
        Ok(Polling::Now) => Check::pass(WORKER, format!("a worker polls {queue}")),
        Ok(Polling::Ended(_) | Polling::Never) => Check::fail(
            WORKER,
            format!(
                "no worker polls {queue}, so {} is never asked: start it with the TEMPORAL_ADDRESS \
                 and TEMPORAL_NAMESPACE of sendpromptly's own workers",
                extension.name()
            ),
        ),
        Err(error) => Check::skip(WORKER, format!("Temporal does not say who polls: {error}")),
    })
}

/// What events have found out, which one trial now may not.
fn silence(extension: &Extension) -> Option<Check> {
    let unanswered = extension.unanswered_in_a_row;
    let said = || format!("{} has not answered {unanswered} calls in a row", extension.name());
    (unanswered >= SILENT_AFTER)
        .then(|| Check::warn(CALLS, format!("{}: its page in the console says why", said())))
}

async fn trial(deps: &Deps, engine: &Engine, extension: &Extension, actor: &Actor) -> Check {
    let name = extension.name();
    if extension.paused_at.is_some() {
        return Check::warn(TRIAL, format!("{name} is paused and not asked"));
    }
    let trying = try_extension(deps, engine, extension.id, None, actor);
    match while_waiting(format!("waiting for {name}"), trying).await {
        Ok(Some(trial)) => match trial.problem {
            None => Check::pass(
                TRIAL,
                format!("{name} answered in {} ms: {}", trial.latency_ms, trial.would_count_as),
            ),
            Some(problem) => Check::fail(TRIAL, format!("{name} gave no valid answer: {problem}")),
        },
        Ok(None) => Check::skip(TRIAL, format!("{name} was removed in the meantime")),
        Err(error) => Check::skip(TRIAL, format!("{name} could not be asked: {error}")),
    }
}
