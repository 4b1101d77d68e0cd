//! The audit: whether it is as it was written, and all of it in a file.

mod export;
mod verify;

use clap::Subcommand;

use crate::Context;
use crate::output::CommandOutput;

/// What can be done about the audit.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check that no entry was changed, removed, added behind or moved.
    #[command(after_help = verify::HELP)]
    Verify(verify::VerifyArgs),
    /// Write entries, and where the chains end, as CSV or JSON Lines.
    #[command(after_help = export::HELP)]
    Export(export::ExportArgs),
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Verify(args) => verify::run(args, context).await,
            Self::Export(args) => export::run(args, context).await,
        }
    }
}
