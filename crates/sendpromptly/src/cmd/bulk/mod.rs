//! Many incidents at once: see how far it is, pause it, let it go on, cancel it. It is made by
//! `incident reprocess`, `incident acknowledge` and `incident resolve`. What is of several projects is a set.

mod list;
pub mod run;
pub mod selection;
mod set;
mod show;
mod steer;

use std::fmt::Display;

use clap::Subcommand;
use domain::bulk::{BulkState, Steering};
use domain::ids::{BulkId, BulkSetId};
use store::bulk::{Bulk, PreviewRejection, SteerRejection, find_bulk, list_set};
use store::{ChangeError, PgPool};

use crate::Context;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;
use crate::text::Tone;

/// What can be done with bulk reprocesses.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the bulk reprocesses of a project, newest first.
    #[command(
        after_help = "Example:\n  sendpromptly bulk list --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K"
    )]
    List {
        /// The project's id.
        #[arg(long)]
        project: String,
    },
    /// Show how far one is, and what failed in it.
    #[command(after_help = "Example:\n  sendpromptly bulk show blk_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Show {
        /// The id of the bulk reprocess, or of a set of them.
        #[arg(value_name = "BULK")]
        id: String,
    },
    /// Start nothing more for now.
    #[command(after_help = "Example:\n  sendpromptly bulk pause blk_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Pause {
        /// The id of the bulk reprocess, or of a set of them.
        #[arg(value_name = "BULK")]
        id: String,
    },
    /// Let one go on that is paused; what failed so far is not counted against it any more.
    #[command(after_help = "Example:\n  sendpromptly bulk resume blk_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Resume {
        /// The id of the bulk reprocess, or of a set of them.
        #[arg(value_name = "BULK")]
        id: String,
    },
    /// Start nothing more; what had started goes on.
    #[command(after_help = "Example:\n  sendpromptly bulk cancel blk_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Cancel {
        /// The id of the bulk reprocess, or of a set of them.
        #[arg(value_name = "BULK")]
        id: String,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::List { project } => list::run(&project, context).await,
            Self::Show { id } => show::run(&id, context).await,
            Self::Pause { id } => steer::run(&id, Steering::Pause, context).await,
            Self::Resume { id } => steer::run(&id, Steering::Resume, context).await,
            Self::Cancel { id } => steer::run(&id, Steering::Cancel, context).await,
        }
    }
}

/// What an id names.
enum Target {
    One(Box<Bulk>),
    Set(BulkSetId),
}

impl Target {
    async fn find(pool: &PgPool, id: &str) -> anyhow::Result<Self> {
        if !id.trim().starts_with(BulkSetId::PREFIX) {
            return Ok(Self::One(Box::new(find(pool, id).await?)));
        }
        let id: BulkSetId = parse_id("set of bulk reprocesses", id)?;
        let bulks = list_set(pool, id).await?;
        if bulks.is_empty() { Err(no_set(id).into()) } else { Ok(Self::Set(id)) }
    }
}

fn no_set(id: BulkSetId) -> Failure {
    no_such("set of bulk reprocesses", id)
}

/// A bulk reprocess by the id that the user entered.
async fn find(pool: &PgPool, id: &str) -> anyhow::Result<Bulk> {
    let id: BulkId = parse_id("bulk reprocess", id)?;
    Ok(find_bulk(pool, id).await?.ok_or_else(|| no_such("bulk reprocess", id))?)
}

fn not_frozen(error: ChangeError<PreviewRejection>, project: &dyn Display) -> anyhow::Error {
    let failure = |why| match why {
        PreviewRejection::NoRepairUrl => Failure::IncidentConflict(format!(
            "{why}; set one first: sendpromptly project update {project} --repair-url URL"
        )),
        PreviewRejection::NoBulk => Failure::NotFound(why.to_string()),
    };
    error.into_error(|why| failure(why).into())
}

fn rejected(error: ChangeError<SteerRejection>) -> anyhow::Error {
    error.into_error(|why| {
        Failure::IncidentConflict(format!("the bulk reprocess cannot do that: {why}")).into()
    })
}

const fn tone(state: BulkState, failed: i64) -> Tone {
    match state {
        BulkState::Preview => Tone::Plain,
        BulkState::Running => Tone::Careful,
        BulkState::Paused | BulkState::Canceled => Tone::Bad,
        BulkState::Done if failed > 0 => Tone::Bad,
        BulkState::Done => Tone::Good,
    }
}
