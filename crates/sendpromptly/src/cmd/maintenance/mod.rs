//! Maintenance windows: for a deploy script, incidents open as ever, and people are told of them in one digest.

mod end;
mod list;
mod start;

use clap::Subcommand;
use domain::alert::one_line;
use domain::timeline::actor_name;
use store::maintenance::MaintenanceWindow;
use time::OffsetDateTime;

use crate::Context;
use crate::output::CommandOutput;
use crate::text::{Tone, format_timestamp, plain, table_or};

/// What can be done with maintenance windows.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Let telling wait from now on.
    #[command(after_help = start::HELP)]
    Start(start::Args),
    /// End the maintenance: people are told in one digest.
    #[command(after_help = end::HELP)]
    End(end::Args),
    /// List the newest maintenance windows of a project.
    #[command(after_help = list::HELP)]
    List {
        /// The project's id.
        #[arg(long)]
        project: String,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Start(args) => start::run(&args, context).await,
            Self::End(args) => end::run(&args, context).await,
            Self::List { project } => list::run(&project, context).await,
        }
    }
}

fn describe(windows: &[MaintenanceWindow], nothing: &str) -> String {
    let now = OffsetDateTime::now_utc();
    let rows = windows.iter().map(|window| {
        let state = if window.is_running(now) {
            ("lasts".to_owned(), Tone::Careful)
        } else {
            ("over".to_owned(), Tone::Plain)
        };
        vec![
            plain(&window.id),
            state,
            plain(&format_timestamp(window.started_at)),
            plain(&format_timestamp(window.ended_at.unwrap_or(window.ends_at))),
            plain(&actor_name(&window.started_by)),
            plain(&window.reason.as_deref().map(one_line).unwrap_or_default()),
        ]
    });
    table_or(nothing, &["MAINTENANCE", "STATE", "FROM", "TO", "BY", "REASON"], rows.collect())
}
