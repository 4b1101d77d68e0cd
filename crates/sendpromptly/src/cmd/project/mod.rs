//! Projects: made once with a signing secret that is shown once, and changed by the administrator
//! of the installation. The mode never changes, because the keys say it.

mod archive;
mod create;
mod declare;
mod expect;
mod headers;
mod show;
mod undeclare;
mod update;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::project::{self, Mode};
use domain::retention;
use domain::snapshot::{self, SnapshotSettings};
use store::projects::Project;

use crate::Context;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::{block, counted, format_timestamp, minutes, or_nothing};

/// What can be done with projects.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a project and show its signing secret once.
    #[command(after_help = create::HELP)]
    Create(create::Args),
    /// List projects.
    #[command(after_help = "Example:\n  sendpromptly project list")]
    List {
        /// Archived ones alone.
        #[arg(long)]
        archived: bool,
    },
    /// Show one project.
    #[command(after_help = "Example:\n  sendpromptly project show prj_01K9QE0A1B2C3D4E5F6G7H8J9K")]
    Show {
        /// The project's id.
        #[arg(value_name = "PROJECT")]
        id: String,
    },
    /// Declare event types and effects that are not built in.
    #[command(after_help = declare::HELP)]
    Declare(declare::Args),
    /// Remove declared event types and effects that nothing uses.
    #[command(after_help = undeclare::HELP)]
    Undeclare(declare::Args),
    /// Say when it is a silence that no receipt comes.
    #[command(after_help = expect::HELP)]
    Expect(expect::Args),
    /// Change a project's name, repair URL, callback headers, time-out, retention or snapshots.
    #[command(after_help = update::HELP)]
    Update(update::Args),
    /// Archive a project: its keys are rejected, and it leaves all lists.
    #[command(after_help = archive::ARCHIVE_HELP)]
    Archive(archive::ArchiveArgs),
    /// Take an archived project back into use.
    #[command(after_help = archive::RESTORE_HELP)]
    Restore(archive::RestoreArgs),
}

impl Verb {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<CommandOutput> {
        match self {
            Self::Create(args) => create::run(args, context).await,
            Self::List { archived } => show::list(archived, context).await,
            Self::Show { id } => show::one(&id, context).await,
            Self::Declare(args) => declare::run(args, context).await,
            Self::Undeclare(args) => undeclare::run(args, context).await,
            Self::Expect(args) => expect::run(&args, context).await,
            Self::Update(args) => update::run(args, context).await,
            Self::Archive(args) => archive::archive(&args, context).await,
            Self::Restore(args) => archive::restore(&args, context).await,
        }
    }
}

fn describe(project: &Project) -> String {
    let headers = match &project.callback_header_names[..] {
        [] => None,
        names => Some(format!("{} (values are never shown)", names.join(", "))),
    };
    let facts = block(&[
        ("project", project.id.to_string()),
        ("name", project.name.clone()),
        ("mode", project.mode.to_string()),
        ("repair URL", or_nothing(project.repair_url.as_deref())),
        ("callback headers", or_nothing(headers.as_deref())),
        ("time-out", minutes(project.timeout_minutes)),
        ("retention", counted(project.retention_months, "month", "months")),
        ("snapshots", describe_snapshots(project.snapshot_settings())),
        ("expected receipts", project.expected_receipts.sentence()),
        ("created", format_timestamp(project.created_at)),
    ]);
    match project.archived_at {
        None => facts,
        Some(at) => format!("{facts}\n\nArchived since {}.", format_timestamp(at)),
    }
}

fn describe_snapshots(SnapshotSettings { kept, days, in_callback }: SnapshotSettings) -> String {
    let kept = if kept { "kept, sealed" } else { "not kept; earlier ones" };
    let days = if days == 1 { "for 1 day".to_owned() } else { format!("for {days} days") };
    let sent = if in_callback { ", and sent with callbacks" } else { "" };
    format!("{kept} {days}{sent}")
}

fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.iter().map(|mode| mode.as_str()))
        .try_map(|text| text.parse::<Mode>())
}

fn check_name(name: &str) -> Result<(), Failure> {
    project::check_name(name).map_err(|why| Failure::option("name", why))
}

fn check_timeout(minutes: i32) -> Result<(), Failure> {
    project::check_timeout(minutes).map_err(|why| Failure::option("timeout_minutes", why))
}

fn check_snapshot_days(days: i32) -> Result<(), Failure> {
    snapshot::check_days(days).map_err(|why| Failure::option("snapshot_days", why))
}

fn check_months(months: i32) -> Result<(), Failure> {
    retention::check_months(months).map_err(|why| Failure::option("retention_months", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_setting_is_named() {
        let rejected = [
            check_name("").err(),
            check_timeout(0).err(),
            check_months(85).err(),
            check_snapshot_days(91).err(),
        ];
        let rejected = rejected.map(|why| why.expect("a no"));
        let messages = rejected.map(|why| why.to_string());
        assert_eq!(messages[0], "name must have 1 to 255 characters");
        assert_eq!(messages[1], "timeout_minutes must be a whole number from 1 to 10080");
        assert_eq!(messages[2], "retention_months must be a whole number from 1 to 84");
        assert_eq!(messages[3], "snapshot_days must be a whole number from 1 to 90");
    }

    #[test]
    fn what_becomes_of_snapshots_is_one_line() {
        let all = SnapshotSettings { kept: true, days: 1, in_callback: true };
        assert_eq!(describe_snapshots(all), "kept, sealed for 1 day, and sent with callbacks");
        let none = describe_snapshots(SnapshotSettings::default());
        assert_eq!(none, "not kept; earlier ones for 30 days");
    }
}
