//! Retention: what is kept for how long, what would leave now, and the last runs.

mod pause;
mod run;
mod status;

use clap::Subcommand;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done about retention.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Delete what is kept no longer, or say what that would be.
    #[command(after_help = run::HELP)]
    Run(run::RunArgs),
    /// Show each rule, and when it last ran.
    #[command(after_help = status::HELP)]
    Status,
    /// Let nothing be deleted by itself until it is resumed.
    #[command(after_help = pause::HELP)]
    Pause,
    /// Let retention run by itself again.
    #[command(after_help = "Example:\n  sendpromptly retention resume")]
    Resume,
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Run(args) => run::run(args, context).await,
            Self::Status => status::run(context).await,
            Self::Pause => pause::run(true, context).await,
            Self::Resume => pause::run(false, context).await,
        }
    }
}
