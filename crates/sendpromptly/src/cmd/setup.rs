//! `setup temporal`: makes what the product needs of Temporal, and says what it did.
//!
//! The namespace, the search attributes and the workflow that ties the namespace to the database, in this
//! order. Each step looks before it makes anything, so the command may be run again, also after a run that
//! was cut off. A step that fails ends it; what was made before stays.

use clap::{Args, Subcommand};
use engine::environment::{Claim, Foreign};
use engine::setup::Made;
use engine::{Engine, EngineError, health};
use serde::Serialize;
use store::{environments, pool};

use crate::answer::Answer;
use crate::desk::{self, Site};
use crate::progress::while_waiting;
use crate::text::{Tone, plain, table};
use crate::{Context, failure};

const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… TEMPORAL_ADDRESS=… TEMPORAL_NAMESPACE=… sendpromptly setup temporal

Run it after `sendpromptly migrate`, as often as you like. On Temporal Cloud, namespaces and search \
attributes are made with tcld or the web console: there it says which are missing.";

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
struct Step {
    name: &'static str,
    outcome: Outcome,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Made,
    WasThere,
    Failed,
}

#[derive(Serialize)]
struct Report<'a> {
    steps: &'a [Step],
}

impl Step {
    fn new(name: &'static str, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { name, outcome, detail: detail.into(), cure: None }
    }

    fn failed(name: &'static str, detail: impl Into<String>, cure: Option<String>) -> Self {
        Self { cure, ..Self::new(name, Outcome::Failed, detail) }
    }

    /// An error that Temporal gave; some say what to do by themselves.
    fn refused(name: &'static str, error: EngineError) -> Self {
        match error {
            EngineError::Foreign(foreign) => {
                Self::failed(name, foreign.to_string(), Some(Foreign::CURE.to_owned()))
            }
            error => Self::failed(name, error.to_string(), None),
        }
    }
}

impl From<Made> for Outcome {
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
    pub async fn run(self, context: &Context) -> anyhow::Result<Answer> {
        let Self::Temporal(args) = self;
        let site = Site::find(context)?;
        let engine = desk::engine(site.dev.as_ref(), context);
        let mut steps = Vec::new();
        steps.push(while_waiting("setting the namespace up", namespace(&engine)).await);
        if is_well(&steps) {
            steps.push(while_waiting("setting search attributes up", attributes(&engine)).await);
        }
        if is_well(&steps) {
            steps.push(environment(&engine, &site, args.adopt).await);
        }
        report(&steps)
    }
}

fn is_well(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

async fn namespace(engine: &Engine) -> Step {
    const NAME: &str = "namespace";
    match engine.setup_namespace().await {
        Ok(made) => Step::new(NAME, made.into(), engine.namespace().unwrap_or_default()),
        Err(error @ EngineError::NoNamespace(_)) if engine.is_cloud() => {
            let cure = "make it with `tcld namespace create` or in Temporal Cloud's web console";
            Step::failed(NAME, error.to_string(), Some(cure.to_owned()))
        }
        Err(error) => Step::refused(NAME, error),
    }
}

async fn attributes(engine: &Engine) -> Step {
    const NAME: &str = "search_attributes";
    match engine.setup_attributes().await {
        Ok((made, gaps)) if gaps.is_empty() => Step::new(NAME, made.into(), "all five are there"),
        Ok((_, gaps)) => {
            let (detail, cure) = health::describe_gaps(&gaps, engine.is_cloud());
            Step::failed(NAME, detail, Some(cure))
        }
        Err(error) => Step::refused(NAME, error),
    }
}

async fn environment(engine: &Engine, site: &Site, adopt: bool) -> Step {
    const NAME: &str = "environment";
    let asking =
        async { environments::find_id(&pool::connect_lazily(&site.database_url, 1)?).await };
    let ours = match while_waiting("waiting for the database", asking).await {
        Ok(ours) => ours,
        Err(error) => {
            let cure = "see that DATABASE_URL answers, and run `sendpromptly migrate` first";
            let detail = failure::message(&error.into());
            return Step::failed(NAME, detail, Some(cure.to_owned()));
        }
    };
    let claimed = if adopt {
        engine.adopt_environment(&ours).await
    } else {
        engine.claim_environment(&ours).await
    };
    let belongs = format!("the namespace works for the database {ours}");
    match claimed {
        Ok(Claim::WasThere) => Step::new(NAME, Outcome::WasThere, belongs),
        Ok(Claim::Made) => Step::new(NAME, Outcome::Made, belongs),
        Ok(Claim::Adopted { theirs }) => {
            Step::new(NAME, Outcome::Made, format!("{belongs}, and no longer for {theirs}"))
        }
        Err(error) => Step::refused(NAME, error),
    }
}

fn report(steps: &[Step]) -> anyhow::Result<Answer> {
    let rows = steps.iter().map(|step| {
        let (word, tone) = match step.outcome {
            Outcome::Made => ("made", Tone::Good),
            Outcome::WasThere => ("was there", Tone::Plain),
            Outcome::Failed => ("FAILED", Tone::Bad),
        };
        let text = match &step.cure {
            Some(cure) => format!("{}; to do: {cure}", step.detail),
            None => step.detail.clone(),
        };
        vec![(word.to_owned(), tone), plain(&step.name), plain(&text)]
    });
    let list = table(&["", "STEP", "WHAT IS THERE NOW"], rows.collect());
    Ok(Answer::new(&Report { steps }, list)?.with_verdict(is_well(steps)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_the_promised_shape_and_fails_with_its_steps() {
        let mut steps = vec![Step::new("namespace", Outcome::WasThere, "default")];
        assert!(report(&steps).expect("a report").passed());
        steps.push(Step::failed("environment", "of another", Some("adopt".to_owned())));
        let answer = report(&steps).expect("a report");
        assert_eq!(
            answer.json(),
            r#"{"steps":[{"name":"namespace","outcome":"was_there","detail":"default"},{"name":"environment","outcome":"failed","detail":"of another","cure":"adopt"}]}"#
        );
        assert!(!answer.passed());
    }
}
