//! How a project's people are told. Everything is told at once until a rule is set here, in the console or by the API.

mod set;
mod show;

use clap::Subcommand;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done with the rules for alerts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Change the rules of a project.
    #[command(after_help = set::HELP)]
    Set(set::Args),
    /// Show the rules of a project, and whether telling waits now.
    #[command(after_help = show::HELP)]
    Show {
        /// The project's id.
        #[arg(long)]
        project: String,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Set(args) => set::run(&args, context).await,
            Self::Show { project } => show::run(&project, context).await,
        }
    }
}
