//! Policies: per project and effect, what is reprocessed without a person. Off until it is set here,
//! in the console or by the API.

mod list;
mod off;
mod reset;
mod set;

use clap::Subcommand;
use domain::catalogue::EffectType;
use domain::ids::ProjectId;

use crate::Context;
use crate::failure::Failure;
use crate::output::CommandOutput;

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Let incidents of an effect be reprocessed automatically.
    #[command(after_help = set::HELP)]
    Set(set::Args),
    /// List the policies of a project, and the causes for which they are stopped.
    #[command(after_help = list::HELP)]
    List {
        /// The project's id.
        #[arg(long)]
        project: String,
    },
    /// Turn a policy off: every reprocess waits for an operator again.
    #[command(after_help = off::HELP)]
    Off(PolicyArgs),
    /// Let a policy go on that stopped for a cause.
    #[command(after_help = reset::HELP)]
    Reset(reset::Args),
}

/// Which policy.
#[derive(Debug, clap::Args)]
pub struct PolicyArgs {
    /// The project's id.
    #[arg(long)]
    project: String,
    /// The effect, such as credit_grant.
    #[arg(long, value_name = "EFFECT")]
    effect_type: String,
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Set(args) => set::run(args, context).await,
            Self::List { project } => list::run(&project, context).await,
            Self::Off(args) => off::run(&args, context).await,
            Self::Reset(args) => reset::run(&args, context).await,
        }
    }
}

impl PolicyArgs {
    fn effect_type(&self) -> Result<EffectType, Failure> {
        let text = self.effect_type.trim().to_ascii_lowercase();
        text.parse().map_err(|why| Failure::option("effect_type", why))
    }
}

fn none_set(project_id: ProjectId, effect_type: &EffectType) -> Failure {
    Failure::NotFound(format!("project {project_id} has no policy for {effect_type}"))
}
