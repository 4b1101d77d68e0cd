//! Destinations: where alerts go. URLs and keys are secrets and only their host or end is ever shown.

mod add;
mod list;
mod remove;
mod rotate_secret;
mod test;
mod update;

use clap::Subcommand;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done with destinations.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Send a project's alerts to an e-mail address, a chat, a phone, a PagerDuty service or a webhook.
    #[command(after_help = add::HELP)]
    Add(Box<add::Args>),
    /// List destinations, and which of them are broken.
    #[command(after_help = list::HELP)]
    List {
        /// Only this project's destinations.
        #[arg(long)]
        project: Option<String>,
    },
    /// Remove a destination: it receives no more alerts.
    #[command(after_help = remove::HELP)]
    Remove {
        /// The destination's id, as `destination list` shows it.
        #[arg(value_name = "DESTINATION")]
        id: String,
    },
    /// Change what people call a destination.
    #[command(after_help = update::HELP)]
    Update(update::Args),
    /// Give a webhook a new signing secret; the older ones sign beside it for 24 hours.
    #[command(after_help = rotate_secret::HELP)]
    RotateSecret {
        /// The destination's id, as `destination list` shows it.
        #[arg(value_name = "DESTINATION")]
        id: String,
    },
    /// Send a test message and show the response.
    #[command(after_help = test::HELP)]
    Test {
        /// The destination's id, as `destination list` shows it.
        #[arg(value_name = "DESTINATION")]
        id: String,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Add(args) => add::run(*args, context).await,
            Self::List { project } => list::run(project.as_deref(), context).await,
            Self::Remove { id } => remove::run(&id, context).await,
            Self::Update(args) => update::run(args, context).await,
            Self::RotateSecret { id } => rotate_secret::run(&id, context).await,
            Self::Test { id } => test::run(&id, context).await,
        }
    }
}
