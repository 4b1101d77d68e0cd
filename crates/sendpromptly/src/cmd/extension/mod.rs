//! Extensions: a team's own activity, or HTTPS endpoint, in the flow of a project's events.

mod add;
mod change;
mod list;
mod trial;

use clap::Subcommand;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done with extensions.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Register an activity of your own worker, or an endpoint, at a point of the flow.
    #[command(after_help = add::HELP)]
    Add(add::Args),
    /// List extensions, and which of them are paused or do not answer.
    #[command(after_help = list::HELP)]
    List {
        /// Only this project's extensions.
        #[arg(long)]
        project: Option<String>,
    },
    /// Pause an extension: it is not asked until it is resumed.
    #[command(
        after_help = "Example:\n  sendpromptly extension pause ext_01K9QE0A1B2C3D4E5F6G7H8J9K"
    )]
    Pause {
        /// The extension's id, as `extension list` shows it.
        #[arg(value_name = "EXTENSION")]
        id: String,
    },
    /// Resume an extension that was paused.
    #[command(
        after_help = "Example:\n  sendpromptly extension resume ext_01K9QE0A1B2C3D4E5F6G7H8J9K"
    )]
    Resume {
        /// The extension's id, as `extension list` shows it.
        #[arg(value_name = "EXTENSION")]
        id: String,
    },
    /// Remove an extension: it is asked no more. Its calls stay on the timelines.
    #[command(
        after_help = "Example:\n  sendpromptly extension remove ext_01K9QE0A1B2C3D4E5F6G7H8J9K"
    )]
    Remove {
        /// The extension's id, as `extension list` shows it.
        #[arg(value_name = "EXTENSION")]
        id: String,
    },
    /// Call an extension once and show what its answer would count as. Nothing is changed.
    #[command(after_help = trial::HELP)]
    Trial(trial::Args),
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Add(args) => add::run(args, context).await,
            Self::List { project } => list::run(project.as_deref(), context).await,
            Self::Pause { id } => change::set_paused(&id, true, context).await,
            Self::Resume { id } => change::set_paused(&id, false, context).await,
            Self::Remove { id } => change::remove(&id, context).await,
            Self::Trial(args) => trial::run(args, context).await,
        }
    }
}
