//! `worker`: runs watches, sends callbacks and alerts. While Temporal is away it waits and retries;
//! killed, it loses nothing. Where the namespace belongs to another database it ends with an error,
//! and has done nothing.

use clap::Args;
use sendpromptly::Part;
use sendpromptly::service::{Connections, asked_to_end};
use worker::WorkerSettings;

use crate::Context;
use crate::audit_heads;
use crate::cmd::api;
use crate::output::CommandOutput;
use crate::senders;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… SENDPROMPTLY_MASTER_KEY=… TEMPORAL_ADDRESS=… SMTP_URL=… sendpromptly worker

Run as many as you like; each takes what it can.";

/// How many connections a worker holds at most. It takes no requests, so that pool stays empty.
const CONNECTIONS: Connections = Connections { requests: 1, background: 20 };

/// Where its metrics and health are read: beside those of an api on the same machine.
const METRICS_PORT: u16 = 9465;

/// How much a worker takes on.
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = EXAMPLE)]
pub struct WorkerArgs {
    /// Long polls for workflow tasks; a fifth of them takes new watches.
    #[arg(long, env = "SENDPROMPTLY_WORKFLOW_POLLERS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..))]
    workflow_pollers: u16,
    /// Long polls for activities: callbacks, alerts and records.
    #[arg(long, env = "SENDPROMPTLY_ACTIVITY_POLLERS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    activity_pollers: u16,
    /// Watches kept in memory; the others are replayed when something happens to them.
    #[arg(long, env = "SENDPROMPTLY_CACHED_WORKFLOWS", default_value_t = 1_000)]
    cached_workflows: u32,
}

impl WorkerArgs {
    fn settings(self) -> WorkerSettings {
        WorkerSettings {
            workflow_pollers: usize::from(self.workflow_pollers),
            activity_pollers: usize::from(self.activity_pollers),
            cached_workflows: usize::try_from(self.cached_workflows).unwrap_or(usize::MAX),
        }
    }
}

/// What is wrong with a variable that a worker alone reads.
#[must_use]
pub fn find_mistake() -> Option<String> {
    let command = WorkerArgs::augment_args(clap::Command::new("worker").no_binary_name(true));
    let error = command.try_get_matches_from([""; 0]).err()?;
    let said = error.render().to_string();
    let first = said.lines().next().unwrap_or_default();
    Some(first.trim_start_matches("error: ").to_owned())
}

/// Works until asked to end.
///
/// # Errors
/// When the environment makes no sense, or the namespace belongs to another database.
pub async fn run(args: WorkerArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let environment = &context.environment;
    let allow = environment.callback_allow()?;
    let metrics = environment.metrics_listen(METRICS_PORT)?;
    let heads = audit_heads::open(environment)?;
    let service = api::start(context, CONNECTIONS, "sendpromptly-worker")?;
    if environment.smtp_url()?.is_none() {
        tracing::warn!("SMTP_URL is not set: alerts by e-mail wait until it is");
    }
    let outbound = api::outbound(context, senders::for_worker(environment, allow.clone())?, allow)?;
    let asked = asked_to_end()?;
    let worker = service.work(outbound, args.settings());
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
