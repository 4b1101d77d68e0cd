//! `worker`: runs watches, sends callbacks and alerts. While Temporal is away it waits and retries;
//! killed, it loses nothing. Where the namespace belongs to another database it ends with an error,
//! and has done nothing.

use std::ops::RangeInclusive;

use clap::Args;
use sendpromptly::Part;
use sendpromptly::service::{Connections, asked_to_end};
use worker::WorkerSettings;

use crate::Context;
use crate::audit_heads;
use crate::cmd::api;
use crate::config::{ConfigError, Environment};
use crate::output::CommandOutput;
use crate::senders;
use crate::settings::{ACTIVITY_POLLERS, CACHED_WORKFLOWS, WORKFLOW_POLLERS};

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… SENDPROMPTLY_MASTER_KEY=… TEMPORAL_ADDRESS=… SMTP_URL=… sendpromptly worker

Run as many as you like; each takes what it can.";

/// How many connections a worker holds at most. It takes no requests, so that pool stays empty.
const CONNECTIONS: Connections = Connections { requests: 1, background: 20 };

/// Where its metrics and health are read: beside those of an api on the same machine.
const METRICS_PORT: u16 = 9465;

/// How much a worker takes on; the options win over the environment.
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = EXAMPLE)]
pub struct WorkerArgs {
    /// Long polls for workflow tasks; a fifth of them takes new watches. Without it SENDPROMPTLY_WORKFLOW_POLLERS says
    /// how many, else it is 20.
    #[arg(long, value_parser = clap::value_parser!(u32).range(WORKFLOWS.range()))]
    workflow_pollers: Option<u32>,
    /// Long polls for activities: callbacks, alerts and records. Without it SENDPROMPTLY_ACTIVITY_POLLERS says how many,
    /// else it is 20.
    #[arg(long, value_parser = clap::value_parser!(u32).range(ACTIVITIES.range()))]
    activity_pollers: Option<u32>,
    /// Watches kept in memory; the others are replayed when something happens to them. Without it
    /// SENDPROMPTLY_CACHED_WORKFLOWS says how many, else it is 1000.
    #[arg(long)]
    cached_workflows: Option<u32>,
}

/// A number of the environment, and what it may be.
struct Count {
    name: &'static str,
    least: u32,
    most: u32,
    default: u32,
}

const MOST_POLLERS: u32 = 65_535;
const WORKFLOWS: Count =
    Count { name: WORKFLOW_POLLERS, least: 2, most: MOST_POLLERS, default: 20 };
const ACTIVITIES: Count =
    Count { name: ACTIVITY_POLLERS, least: 1, most: MOST_POLLERS, default: 20 };
const CACHED: Count = Count { name: CACHED_WORKFLOWS, least: 0, most: u32::MAX, default: 1_000 };

impl Count {
    fn range(&self) -> RangeInclusive<i64> {
        i64::from(self.least)..=i64::from(self.most)
    }

    fn read(&self, environment: &Environment) -> Result<u32, ConfigError> {
        let Some(text) = environment.plain(self.name)? else { return Ok(self.default) };
        let count =
            text.parse().ok().filter(|count: &u32| (self.least..=self.most).contains(count));
        count.ok_or_else(|| ConfigError::Malformed {
            name: self.name,
            problem: format!(
                "must be a whole number from {} to {}, such as {}",
                self.least, self.most, self.default
            ),
        })
    }

    /// The option's, else the environment's.
    fn choose(&self, option: Option<u32>, environment: &Environment) -> Result<usize, ConfigError> {
        let count = option.map_or_else(|| self.read(environment), Ok)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}

impl WorkerArgs {
    fn settings(self, environment: &Environment) -> Result<WorkerSettings, ConfigError> {
        Ok(WorkerSettings {
            workflow_pollers: WORKFLOWS.choose(self.workflow_pollers, environment)?,
            activity_pollers: ACTIVITIES.choose(self.activity_pollers, environment)?,
            cached_workflows: CACHED.choose(self.cached_workflows, environment)?,
        })
    }
}

/// What is wrong with variables that a worker alone reads.
#[must_use]
pub fn find_mistakes(environment: &Environment) -> Vec<ConfigError> {
    let counts = [WORKFLOWS, ACTIVITIES, CACHED];
    counts.iter().filter_map(|count| count.read(environment).err()).collect()
}

/// Works until asked to end.
///
/// # Errors
/// When the environment makes no sense, or the namespace belongs to another database.
pub async fn run(args: WorkerArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let environment = &context.environment;
    let settings = args.settings(environment)?;
    let allow = environment.callback_allow()?;
    let metrics = environment.metrics_listen(METRICS_PORT)?;
    let heads = audit_heads::open(environment)?;
    let service = api::start(context, CONNECTIONS, "sendpromptly-worker")?;
    if environment.smtp_url()?.is_none() {
        tracing::warn!("SMTP_URL is not set: alerts by e-mail wait until it is");
    }
    let outbound = api::outbound(context, senders::for_worker(environment, allow.clone())?, allow)?;
    let asked = asked_to_end()?;
    let worker = service.work(outbound, settings);
    service.link_audit(heads);
    service.make_partitions();
    if let Some(listen) = metrics {
        service.observe(Part::Worker, listen);
    }
    tracing::info!("working");
    // The worker ends by itself only when there is nothing for it to do here, which is an error.
    let outcome = tokio::select! {
        () = asked => Ok(()),
        ended = worker => ended?,
    };
    tracing::info!("letting activities end");
    service.stop().await;
    outcome?;
    Ok(CommandOutput::silent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_absent_and_a_wrong_one_is_named() {
        let none =
            WorkerArgs { workflow_pollers: None, activity_pollers: None, cached_workflows: None };
        let read = |args: WorkerArgs, value: &str| {
            let environment = Environment::from_pairs(&[(WORKFLOW_POLLERS, value)]);
            let settings = args.settings(&environment).map(|settings| settings.workflow_pollers);
            settings.map_err(|error| error.to_string())
        };
        assert_eq!((read(none, ""), read(none, "7")), (Ok(20), Ok(7)));
        assert_eq!(read(WorkerArgs { workflow_pollers: Some(9), ..none }, "7"), Ok(9));
        for wrong in ["1", "many", "-3", "65536"] {
            let said =
                "SENDPROMPTLY_WORKFLOW_POLLERS must be a whole number from 2 to 65535, such as 20";
            assert_eq!(read(none, wrong), Err(said.to_owned()));
        }
    }
}
