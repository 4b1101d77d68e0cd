//! The subcommands, one file or folder each.
//!
//! Those that run the product log as services do; those that administer it stay quiet unless
//! something is wrong.

pub mod alerting;
pub mod api;
pub mod audit;
pub mod bulk;
pub mod cause;
mod comment;
pub mod completions;
pub mod demo;
pub mod destination;
pub mod doctor;
pub mod erase;
pub mod event;
pub mod extension;
pub mod incident;
mod input;
pub mod key;
mod list;
pub mod maintenance;
pub mod master_key;
pub mod migrate;
pub mod operator;
pub mod policy;
pub mod project;
pub mod reconcile;
pub mod replay;
pub mod retention;
pub mod setup;
pub mod worker;

use clap::Subcommand;

use crate::Context;
use crate::dev;
use crate::output::CommandOutput;

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine: Postgres, Temporal, API and worker.
    Dev(dev::DevArgs),
    /// Run a sample shop through every case, in a running `dev`.
    #[command(after_help = demo::EXAMPLE)]
    Demo,
    /// Run the API: accepts receipts and results, serves the console.
    #[command(after_help = api::EXAMPLE)]
    Api,
    /// Run a worker: watches deadlines, sends callbacks and alerts.
    Worker(worker::WorkerArgs),
    /// Migrate the database to this version.
    #[command(after_help = migrate::EXAMPLE)]
    Migrate(migrate::MigrateArgs),
    /// Projects: the payment flows that are watched.
    #[command(subcommand)]
    Project(project::Verb),
    /// API keys: what an app sends with receipts and results.
    #[command(subcommand)]
    Key(key::Verb),
    /// Destinations: where alerts of a project go, by e-mail, to a chat, a phone, PagerDuty or a webhook.
    #[command(subcommand)]
    Destination(destination::Verb),
    /// Alerting: when and how a project's people are told.
    #[command(subcommand)]
    Alerting(alerting::Verb),
    /// Maintenance: incidents open, and people are told when it is over.
    #[command(subcommand)]
    Maintenance(maintenance::Verb),
    /// Policies: what is reprocessed without a person, and when that stops.
    #[command(subcommand)]
    Policy(policy::Verb),
    /// Extensions: your own activities and endpoints in the flow of a project.
    #[command(subcommand)]
    Extension(extension::Verb),
    /// The master key: a new one, sealing everything with it, and which one can go.
    #[command(subcommand)]
    MasterKey(master_key::Verb),
    /// Operators: people who may sign in to the console.
    #[command(subcommand)]
    Operator(operator::Verb),
    /// Incidents: customers who paid and did not get what they paid for.
    #[command(subcommand)]
    Incident(incident::Verb),
    /// Causes: what incidents have in common.
    #[command(subcommand)]
    Cause(cause::Verb),
    /// Bulk actions: many incidents that are reprocessed at a pace, acknowledged or resolved.
    #[command(subcommand)]
    Bulk(bulk::Verb),
    /// Payment events and their timelines.
    #[command(subcommand)]
    Event(event::Verb),
    /// Set up Temporal.
    #[command(subcommand)]
    Setup(setup::Verb),
    /// Replay histories of watches with this program, before it is deployed.
    Replay(replay::ReplayArgs),
    /// After a backup was restored, bring the older database and newer watches together.
    Reconcile(reconcile::ReconcileArgs),
    /// Retention: what is kept for how long, and deleting what is not kept any more.
    #[command(subcommand)]
    Retention(retention::Verb),
    /// The audit: whether it is as it was written.
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Erase a customer: whom events are about, everywhere, for good.
    Erase(erase::EraseArgs),
    /// Check the database, Temporal, mail and repair endpoints.
    Doctor(doctor::Args),
    /// Print what lets a shell complete commands and options.
    #[command(after_help = completions::EXAMPLE)]
    Completions(completions::CompletionsArgs),
}

impl Command {
    /// What is logged unless the environment says otherwise.
    #[must_use]
    pub const fn default_log(&self) -> &'static str {
        match self {
            Self::Project(_)
            | Self::Key(_)
            | Self::Destination(_)
            | Self::Extension(_)
            | Self::MasterKey(_)
            | Self::Operator(_)
            | Self::Policy(_)
            | Self::Alerting(_)
            | Self::Maintenance(_)
            | Self::Incident(_)
            | Self::Bulk(_)
            | Self::Cause(_)
            | Self::Event(_)
            | Self::Doctor(_)
            | Self::Completions(_)
            | Self::Reconcile(_)
            | Self::Retention(_)
            | Self::Audit(_)
            | Self::Erase(_)
            | Self::Setup(_)
            | Self::Demo
            | Self::Migrate(_)
            | Self::Dev(_) => "warn",
            // A history that drifts is reported by the command; the SDK says so at length as well.
            Self::Replay(_) => "warn,temporalio_sdk=off,temporalio_sdk_core=off",
            Self::Api | Self::Worker(_) => "info",
        }
    }

    /// Whether it works on the `dev` of the data folder unless the environment says otherwise.
    #[must_use]
    pub const fn works_beside_dev(&self) -> bool {
        !matches!(self, Self::Dev(_) | Self::Api | Self::Worker(_) | Self::Migrate(_))
    }

    /// Whether it goes on until it is ended, with the settings that it began with.
    #[must_use]
    pub const fn is_service(&self) -> bool {
        matches!(self, Self::Dev(_) | Self::Api | Self::Worker(_))
    }

    /// Whether it goes on with settings that others do not start with, because it is there to name
    /// them.
    #[must_use]
    pub const fn names_mistakes(&self) -> bool {
        matches!(self, Self::Doctor(_))
    }

    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Dev(args) => Box::pin(dev::run(args, context)).await,
            Self::Demo => Box::pin(demo::run(context)).await,
            Self::Api => api::run(context).await,
            Self::Worker(args) => worker::run(args, context).await,
            Self::Migrate(args) => migrate::run(context, &args).await,
            Self::Project(verb) => verb.run(context).await,
            Self::Key(verb) => verb.run(context).await,
            Self::Destination(verb) => verb.run(context).await,
            Self::Extension(verb) => Box::pin(verb.run(context)).await,
            Self::MasterKey(verb) => verb.run(context).await,
            Self::Operator(verb) => verb.run(context).await,
            Self::Policy(verb) => verb.run(context).await,
            Self::Alerting(verb) => verb.run(context).await,
            Self::Maintenance(verb) => verb.run(context).await,
            Self::Incident(verb) => verb.run(context).await,
            Self::Bulk(verb) => verb.run(context).await,
            Self::Cause(verb) => verb.run(context).await,
            Self::Event(verb) => verb.run(context).await,
            Self::Setup(verb) => verb.run(context).await,
            Self::Replay(args) => Box::pin(replay::run(args, context)).await,
            Self::Reconcile(args) => Box::pin(reconcile::run(args, context)).await,
            Self::Retention(verb) => verb.run(context).await,
            Self::Audit(verb) => verb.run(context).await,
            Self::Erase(args) => Box::pin(erase::run(args, context)).await,
            Self::Doctor(args) => doctor::run(args, context).await,
            Self::Completions(args) => completions::run(&args),
        }
    }
}
