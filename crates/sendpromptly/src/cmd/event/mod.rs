//! Payment events: find them, and read what became of one.

mod list;
mod show;

use clap::Subcommand;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List payment events, newest first.
    #[command(after_help = list::HELP)]
    List(list::Args),
    /// Show a payment event: what is due, what became of it, and every step.
    #[command(after_help = show::HELP)]
    Show {
        /// The event's id, as the response to a receipt shows it, or the provider's.
        #[arg(value_name = "EVENT")]
        id: String,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::List(args) => list::run(args, context).await,
            Self::Show { id } => show::run(&id, context).await,
        }
    }
}
