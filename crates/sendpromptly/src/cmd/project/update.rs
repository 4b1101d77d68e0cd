//! `project update`: changes what is named and leaves the rest, under the project's lock.

use api::v1::responses;
use domain::callback_header::HeaderError;
use domain::ids::ProjectId;
use domain::repair_url::{AllowedNetworks, RepairUrl};
use domain::snapshot::SnapshotSettings;
use store::administration::callback_header::{HeaderRejection, change_headers};
use store::administration::project::update_project;
use store::projects::{self, Project, ProjectSettings};

use super::{check_months, check_name, check_snapshot_days, check_timeout, describe, headers};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such, parse_id};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly project update prj_01K9QE0A1B2C3D4E5F6G7H8J9K --timeout-minutes 10
  sendpromptly project update prj_01K9QE0A1B2C3D4E5F6G7H8J9K --callback-header @gateway-headers.txt

Options that you leave out change nothing. A new time-out applies to later receipts. Callback headers let \
callbacks pass a gateway. Their values are encrypted and never shown again. Other accounts of this machine \
can read a command line: pass values from a file or from standard input (@-).";

/// Which project, and what changes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(value_name = "PROJECT")]
    id: String,
    #[command(flatten)]
    changes: Changes,
}

#[derive(Default, clap::Args)]
#[group(required = true, multiple = true)]
#[expect(clippy::struct_excessive_bools, reason = "a flag of the command line each")]
struct Changes {
    /// The project's name, as alerts show it.
    #[arg(long)]
    name: Option<String>,
    /// Where Reprocess asks your app to do the work again.
    #[arg(long, value_name = "URL")]
    repair_url: Option<String>,
    /// Remove the repair URL.
    #[arg(long, conflicts_with = "repair_url")]
    no_repair_url: bool,
    /// Minutes until silence is an incident, up to a week (10080).
    #[arg(long, value_name = "MINUTES")]
    timeout_minutes: Option<i32>,
    /// Months that events are kept after they ended, up to seven years (84).
    #[arg(long, value_name = "MONTHS")]
    retention_months: Option<i32>,
    /// Keep the payloads of receipts, encrypted.
    #[arg(long, conflicts_with = "no_snapshots")]
    snapshots: bool,
    /// Keep no payloads of later receipts.
    #[arg(long)]
    no_snapshots: bool,
    /// For how many days they are kept, up to 90. It holds for what is kept already, too.
    #[arg(long, value_name = "DAYS")]
    snapshot_days: Option<i32>,
    /// Send them with callbacks.
    #[arg(long, conflicts_with = "no_snapshot_in_callback")]
    snapshot_in_callback: bool,
    /// Send callbacks without them.
    #[arg(long)]
    no_snapshot_in_callback: bool,
    /// Send this header with every callback, to pass a gateway; `@file` or `@-` reads such lines
    /// from a file or from standard input, where no other account sees them. May be given more than
    /// once.
    #[arg(long, value_name = "NAME: VALUE")]
    callback_header: Vec<String>,
    /// Stop sending this header. May be given more than once.
    #[arg(long, value_name = "NAME")]
    remove_callback_header: Vec<String>,
}

domain::debug_without!(Changes {
    shown: [
        name,
        repair_url,
        no_repair_url,
        timeout_minutes,
        retention_months,
        snapshots,
        no_snapshots,
        snapshot_days,
        snapshot_in_callback,
        no_snapshot_in_callback,
        remove_callback_header
    ],
    hidden: [callback_header],
});

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    args.changes.name.as_deref().map_or(Ok(()), check_name)?;
    args.changes.timeout_minutes.map_or(Ok(()), check_timeout)?;
    args.changes.snapshot_days.map_or(Ok(()), check_snapshot_days)?;
    args.changes.retention_months.map_or(Ok(()), check_months)?;
    let id: ProjectId = parse_id("project", &args.id)?;
    let (lines, removed) = (&args.changes.callback_header, &args.changes.remove_callback_header);
    let headers = headers::read(lines, removed, std::io::stdin())?;
    let admin = AdminContext::open(context).await?;
    let changed = admin.transaction(async |tx| {
        let found = projects::lock_project(tx, id).await?;
        let before = found.ok_or_else(|| no_such("project", id))?;
        let after = args.changes.applied_to(&before, &admin.callback_allow()?)?;
        update_project(tx, &admin.actor, id, &after).await?;
        if headers.is_empty() {
            return anyhow::Ok(());
        }
        headers::check_removed(&headers, &before)?;
        let key = admin.master_key().await?;
        match change_headers(tx, &admin.actor, &key, id, &headers).await {
            Ok(_) => Ok(()),
            Err(error) => Err(reject(error.rejection()?, id).into()),
        }
    });
    changed.await?;
    let project = admin.project(&args.id).await?;
    let human = describe(&project);
    CommandOutput::new(&responses::project(project), human)
}

fn reject(rejection: HeaderRejection, id: ProjectId) -> Failure {
    match rejection {
        HeaderRejection::TooMany => Failure::option("callback_header", HeaderError::TooMany),
        HeaderRejection::NoProject => no_such("project", id),
    }
}

impl Changes {
    fn applied_to(
        self,
        project: &Project,
        allow: &AllowedNetworks,
    ) -> Result<ProjectSettings, Failure> {
        let repair_url = match (self.no_repair_url, self.repair_url) {
            (true, _) => None,
            (false, None) => project.repair_url.clone(),
            (false, Some(text)) => {
                let url = RepairUrl::parse(&text, project.mode, allow);
                Some(url.map_err(|error| Failure::Validation(error.to_string()))?.to_string())
            }
        };
        let now = project.snapshot_settings();
        let snapshots = SnapshotSettings {
            kept: (now.kept || self.snapshots) && !self.no_snapshots,
            days: self.snapshot_days.unwrap_or(now.days),
            in_callback: (now.in_callback || self.snapshot_in_callback)
                && !self.no_snapshot_in_callback,
        };
        Ok(ProjectSettings {
            name: self.name.unwrap_or_else(|| project.name.clone()),
            timeout_minutes: self.timeout_minutes.unwrap_or(project.timeout_minutes),
            retention_months: self.retention_months.unwrap_or(project.retention_months),
            repair_url,
            snapshots,
            ..ProjectSettings::from_project(project)
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::project::Mode;

    use super::*;

    fn project() -> Project {
        Project {
            mode: Mode::Live,
            repair_url: Some("https://shop.example.com/repair".into()),
            snapshots: true,
            snapshot_days: 7,
            snapshot_in_callback: true,
            ..samples::project()
        }
    }

    fn apply(changes: Changes) -> Result<ProjectSettings, Failure> {
        changes.applied_to(&project(), &AllowedNetworks::none())
    }

    #[test]
    fn what_is_not_named_stays() {
        let after = apply(Changes { timeout_minutes: Some(10), ..Changes::default() });
        let (before, after) = (project(), after.expect("allowed"));
        assert_eq!((after.timeout_minutes, after.retention_months), (10, before.retention_months));
        assert_eq!(after.snapshots, before.snapshot_settings());
        assert_eq!((after.name, after.mode), (before.name, before.mode));
        assert_eq!(after.repair_url, before.repair_url);
    }

    #[test]
    fn snapshots_and_the_repair_url_can_be_taken_away() {
        let changes = Changes {
            no_snapshots: true,
            snapshot_days: Some(1),
            no_snapshot_in_callback: true,
            no_repair_url: true,
            ..Changes::default()
        };
        let after = apply(changes).expect("allowed");
        let none = SnapshotSettings { kept: false, days: 1, in_callback: false };
        assert_eq!(after.snapshots, none);
        assert_eq!(after.repair_url, None);
    }

    #[test]
    fn a_live_project_keeps_to_https() {
        let url = Some("http://shop.example.com/repair".to_owned());
        let rejected = apply(Changes { repair_url: url, ..Changes::default() });
        let message = rejected.expect_err("rejected").to_string();
        assert!(
            message.starts_with("repair_url must begin with https:// in a live project"),
            "{message}"
        );
    }
}
