//! `extension trial`: one call over the real path, and what its answer would count as.
//!
//! What is called is [`sendpromptly::trial`]'s; here it is printed. The exit code is 1 where there
//! is no valid answer.

use api::v1::responses;
use domain::ids::EventId;
use sendpromptly::trial::{TrialError, try_extension};
use store::extensions::Extension;
use web::trial::Trial;

use super::change::find;
use crate::admin_context::{self, AdminContext};
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::block;
use crate::{Context, senders};

pub const HELP: &str = "\
Examples:
  sendpromptly extension trial ext_01K9QE0A1B2C3D4E5F6G7H8J9K --example
  sendpromptly extension trial ext_01K9QE0A1B2C3D4E5F6G7H8J9K --event ev_01K9QF3Z7M8V2T4B6N0C1D5E9G

It waits a minute at most. The exit code is 1 when there is no valid answer. The example is about the reference \
sendpromptly-trial, which is no customer's.";

/// What is tried with what.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The extension's id, as `extension list` shows it.
    #[arg(value_name = "EXTENSION")]
    id: String,
    /// An event of its project. Not at the point reprocess, where the extension would do its work.
    #[arg(long, value_name = "EVENT", conflicts_with = "example")]
    event: Option<String>,
    /// An event that does not exist; the default.
    #[arg(long)]
    example: bool,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let extension = find(&admin, &args.id).await?;
    let event = args.event.as_deref().map(|id| parse_id::<EventId>("event", id)).transpose()?;
    if event.is_some() && extension.point.does_work() {
        let why = "does not go with the point reprocess, where the extension would do its work for \
                   this event: try it with --example, or reprocess the incident";
        return Err(Failure::option("event", why).into());
    }
    let trial = try_it(&admin, &extension, event, context).await?;
    let trial = trial.ok_or_else(|| match event {
        Some(event) => no_such("event of its project", event),
        None => no_such("extension", extension.id),
    })?;
    let (human, valid) = (describe(&trial), trial.valid);
    Ok(CommandOutput::new(&responses::trial(trial), human)?.with_verdict(valid))
}

async fn try_it(
    admin: &AdminContext,
    extension: &Extension,
    event: Option<EventId>,
    context: &Context,
) -> anyhow::Result<Option<Trial>> {
    let (allow, key) = (admin.callback_allow()?, admin.master_key().await?);
    let deps = senders::for_trial(&context.environment, allow, admin.pool.clone(), key)?;
    let engine = admin_context::engine(admin.dev(), context);
    let trying = try_extension(&deps, &engine, extension.id, event, &admin.actor);
    match while_waiting("waiting for the answer", trying).await {
        Ok(trial) => Ok(trial),
        Err(TrialError::Temporal(error)) => Err(Failure::Unavailable(error.to_string()).into()),
        Err(error @ TrialError::Store(_)) => Err(error.into()),
    }
}

fn describe(trial: &Trial) -> String {
    let mut facts = vec![
        ("answer", trial.answer.to_string()),
        ("valid", if trial.valid { "yes" } else { "no" }.to_owned()),
        ("would count as", trial.would_count_as.to_string()),
        ("took", format!("{} ms", trial.latency_ms)),
    ];
    facts.extend(trial.problem.iter().map(|problem| ("problem", problem.clone())));
    facts.extend(trial.adjusted.iter().map(|adjusted| ("adjusted", adjusted.clone())));
    block(&facts)
}

#[cfg(test)]
mod tests {
    use domain::extension::CallOutcome;

    use super::*;

    #[test]
    fn a_trial_without_a_valid_answer_says_what_is_wrong() {
        let trial = Trial {
            answer: serde_json::json!({}),
            valid: false,
            would_count_as: CallOutcome::Unanswered,
            latency_ms: 12,
            problem: Some("settled is required".to_owned()),
            adjusted: Vec::new(),
        };
        let text = describe(&trial);
        assert!(text.contains("settled is required") && text.contains("12 ms"), "{text}");
    }
}
