//! `setup temporal`: makes what the product needs of Temporal, and says what it did.
//!
//! The namespace, the search attributes and the workflow that ties the namespace to the database,
//! in this order. Each step checks before it makes anything, so the command may be run again, also
//! after a run that was cut off. What was made stays, whatever fails: a step that fails says what
//! of it was made, and those that depend on it are listed as not done.

use clap::{Args, Subcommand};
use engine::environment::{EnvironmentClaim, Foreign};
use engine::setup::{AttributeSetup, Made};
use engine::{Engine, EngineError, health};
use serde::Serialize;
use store::{environments, pool};

use crate::admin_context::{self, DatabaseTarget};
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{Tone, plain, table};
use crate::{Context, failure};

const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… TEMPORAL_ADDRESS=… TEMPORAL_NAMESPACE=… sendpromptly setup temporal

Run it after `sendpromptly migrate`, as often as you like. On Temporal Cloud, namespaces and search \
attributes are made with tcld or the web console: there it says which are missing.";

const NAMESPACE: &str = "namespace";
const ATTRIBUTES: &str = "search_attributes";
const ENVIRONMENT: &str = "environment";

/// What can be set up.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create the namespace and its search attributes, and tie it to this database.
    #[command(after_help = EXAMPLE)]
    Temporal(TemporalArgs),
}

/// How to treat what is there.
#[derive(Debug, Args)]
pub struct TemporalArgs {
    /// Take the namespace over from another database, whose workers then end.
    #[arg(long)]
    adopt: bool,
}

/// What one step did.
#[derive(Debug, Serialize)]
struct SetupStep {
    name: &'static str,
    outcome: StepOutcome,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StepOutcome {
    Made,
    WasThere,
    Failed,
    NotDone,
}

#[derive(Serialize)]
struct SetupReport<'a> {
    steps: &'a [SetupStep],
}

impl SetupStep {
    fn new(name: &'static str, outcome: StepOutcome, detail: impl Into<String>) -> Self {
        Self { name, outcome, detail: detail.into(), cure: None }
    }

    fn failed(name: &'static str, detail: impl Into<String>, cure: Option<String>) -> Self {
        Self { cure, ..Self::new(name, StepOutcome::Failed, detail) }
    }

    /// A step that depends on one that failed.
    fn not_done(name: &'static str, failed: &Self) -> Self {
        Self::new(
            name,
            StepOutcome::NotDone,
            format!("because the step {} has failed", failed.name),
        )
    }

    /// An error that Temporal gave; some say what to do by themselves.
    fn rejected(name: &'static str, error: EngineError) -> Self {
        match error {
            EngineError::Foreign(foreign) => {
                Self::failed(name, foreign.to_string(), Some(Foreign::CURE.to_owned()))
            }
            error => Self::failed(name, error.to_string(), None),
        }
    }
}

impl From<Made> for StepOutcome {
    fn from(made: Made) -> Self {
        match made {
            Made::Made => Self::Made,
            Made::WasThere => Self::WasThere,
        }
    }
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When no database is named; a step that fails is no error.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        let Self::Temporal(args) = self;
        let target = DatabaseTarget::find(context)?;
        let engine = admin_context::engine(target.dev.as_ref(), context);
        let namespace = while_waiting("setting the namespace up", namespace(&engine)).await;
        let attributes = match namespace.outcome {
            StepOutcome::Failed => SetupStep::not_done(ATTRIBUTES, &namespace),
            _ => while_waiting("setting search attributes up", attributes(&engine)).await,
        };
        let failed =
            [&namespace, &attributes].into_iter().find(|it| it.outcome == StepOutcome::Failed);
        let environment = match failed {
            Some(failed) => SetupStep::not_done(ENVIRONMENT, failed),
            None => environment(&engine, &target, args.adopt).await,
        };
        report(&[namespace, attributes, environment])
    }
}

fn is_well(steps: &[SetupStep]) -> bool {
    steps.iter().all(|step| matches!(step.outcome, StepOutcome::Made | StepOutcome::WasThere))
}

async fn namespace(engine: &Engine) -> SetupStep {
    match engine.setup_namespace().await {
        Ok(made) => SetupStep::new(NAMESPACE, made.into(), engine.namespace().unwrap_or_default()),
        Err(error @ EngineError::NoNamespace(_)) if engine.is_cloud() => {
            let cure = "make it with `tcld namespace create` or in Temporal Cloud's web console";
            SetupStep::failed(NAMESPACE, error.to_string(), Some(cure.to_owned()))
        }
        Err(error) => SetupStep::rejected(NAMESPACE, error),
    }
}

async fn attributes(engine: &Engine) -> SetupStep {
    match engine.setup_attributes().await {
        Ok(setup) => judge_attributes(&setup, engine.is_cloud()),
        Err(error) => SetupStep::rejected(ATTRIBUTES, error),
    }
}

/// Says what was made, what was not, and why.
fn judge_attributes(setup: &AttributeSetup, cloud: bool) -> SetupStep {
    let AttributeSetup { made, rejected, gaps } = setup;
    let mut parts = Vec::new();
    if !made.is_empty() {
        parts.push(format!("made {}", made.join(", ")));
    }
    if gaps.is_empty() && rejected.is_empty() {
        parts.push("all five are there".to_owned());
        let outcome = if made.is_empty() { StepOutcome::WasThere } else { StepOutcome::Made };
        return SetupStep::new(ATTRIBUTES, outcome, parts.join("; "));
    }
    parts.extend(rejected.iter().map(|(name, error)| format!("did not make {name}: {error}")));
    let (detail, cure) = health::describe_gaps(gaps, cloud);
    parts.extend((!detail.is_empty()).then_some(detail));
    let cure = if rejected.is_empty() {
        cure
    } else {
        "see what Temporal said, then run `sendpromptly setup temporal` again".to_owned()
    };
    SetupStep::failed(ATTRIBUTES, parts.join("; "), Some(cure))
}

async fn environment(engine: &Engine, target: &DatabaseTarget, adopt: bool) -> SetupStep {
    let asking =
        async { environments::find_id(&pool::connect_lazily(&target.database_url, 1)?).await };
    let ours = match while_waiting("waiting for the database", asking).await {
        Ok(ours) => ours,
        Err(error) => {
            let cure = "check that the database at DATABASE_URL responds, and run `sendpromptly migrate` first";
            let detail = failure::message(&error.into());
            return SetupStep::failed(ENVIRONMENT, detail, Some(cure.to_owned()));
        }
    };
    let claimed = if adopt {
        engine.adopt_environment(&ours).await
    } else {
        engine.claim_environment(&ours).await
    };
    let belongs = format!("the namespace works for the database {ours}");
    match claimed {
        Ok(EnvironmentClaim::WasThere) => {
            SetupStep::new(ENVIRONMENT, StepOutcome::WasThere, belongs)
        }
        Ok(EnvironmentClaim::Made) => SetupStep::new(ENVIRONMENT, StepOutcome::Made, belongs),
        Ok(EnvironmentClaim::Adopted { theirs }) => SetupStep::new(
            ENVIRONMENT,
            StepOutcome::Made,
            format!("{belongs}, and no longer for {theirs}"),
        ),
        Err(error) => SetupStep::rejected(ENVIRONMENT, error),
    }
}

fn report(steps: &[SetupStep]) -> anyhow::Result<CommandOutput> {
    let rows = steps.iter().map(|step| {
        let (word, tone) = match step.outcome {
            StepOutcome::Made => ("made", Tone::Good),
            StepOutcome::WasThere => ("was there", Tone::Plain),
            StepOutcome::Failed => ("FAILED", Tone::Bad),
            StepOutcome::NotDone => ("not done", Tone::Careful),
        };
        let text = match &step.cure {
            Some(cure) => format!("{}; to do: {cure}", step.detail),
            None => step.detail.clone(),
        };
        vec![(word.to_owned(), tone), plain(&step.name), plain(&text)]
    });
    let list = table(&["", "STEP", "WHAT IS THERE NOW"], rows.collect());
    Ok(CommandOutput::new(&SetupReport { steps }, list)?.with_verdict(is_well(steps)))
}

#[cfg(test)]
mod tests {
    use engine::setup::AttributeGaps;

    use super::*;

    #[test]
    fn the_report_has_the_promised_shape_and_fails_with_its_steps() {
        let mut steps = vec![SetupStep::new("namespace", StepOutcome::WasThere, "default")];
        assert!(report(&steps).expect("a report").passed());
        steps.push(SetupStep::failed("environment", "of another", Some("adopt".to_owned())));
        let output = report(&steps).expect("a report");
        assert_eq!(
            output.json(),
            r#"{"steps":[{"name":"namespace","outcome":"was_there","detail":"default"},{"name":"environment","outcome":"failed","detail":"of another","cure":"adopt"}]}"#
        );
        assert!(!output.passed());
        let not_done =
            SetupStep::not_done("environment", &SetupStep::failed("namespace", "away", None));
        assert_eq!(not_done.detail, "because the step namespace has failed");
        assert!(!report(&[not_done]).expect("a report").passed());
    }

    #[test]
    fn a_set_up_that_fails_half_way_says_what_was_made_and_what_was_not() {
        let full = || EngineError::Rejected("too many of type Keyword".to_owned());
        let gaps = AttributeGaps { missing: vec!["SpState"], mistyped: Vec::new() };
        let setup = AttributeSetup {
            made: vec!["SpProjectId", "SpEffectType"],
            rejected: vec![("SpState", full())],
            gaps,
        };
        let step = judge_attributes(&setup, false);
        assert_eq!(step.outcome, StepOutcome::Failed);
        assert_eq!(
            step.detail,
            "made SpProjectId, SpEffectType; did not make SpState: Temporal refused the request: too \
             many of type Keyword; 1 of 5 are missing, so Temporal refuses watches: SpState"
        );
        let mistyped = vec![("SpState", "Int".to_owned())];
        let gaps = AttributeGaps { missing: Vec::new(), mistyped };
        let setup = AttributeSetup { made: vec!["SpEffectType"], rejected: Vec::new(), gaps };
        let step = judge_attributes(&setup, false);
        assert_eq!(step.detail, "made SpEffectType; SpState is Int, and must be Keyword");
        assert!(step.cure.expect("a cure").contains("remove SpState"));
    }
}
