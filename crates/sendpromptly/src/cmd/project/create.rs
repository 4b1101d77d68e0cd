//! `project create`: a project and its first signing secret, in one transaction.

use domain::ids::ProjectId;
use domain::project::{DEFAULT_TIMEOUT_MINUTES, Mode};
use domain::repair_url::RepairUrl;
use domain::retention::DEFAULT_MONTHS;
use domain::snapshot::{self, SnapshotSettings};
use serde::Serialize;
use store::administration::project::create_project;
use store::projects::ProjectSettings;

use super::{check_months, check_name, check_snapshot_days, check_timeout, mode_parser};
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::{block, minutes, or_nothing};
use crate::{Context, random};

pub const HELP: &str = "\
Example:
  sendpromptly project create --name CometCart --repair-url https://shop.example.com/repair

Reprocess calls the repair URL. A live project needs https. Your app verifies those calls with the signing \
secret, which is shown once.";

/// What a new project is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's name, as alerts show it.
    #[arg(long)]
    name: String,
    /// Whether it watches real money. It cannot change later.
    #[arg(long, value_parser = mode_parser(), default_value = "test")]
    mode: Mode,
    /// Where Reprocess asks your app to do the work again.
    #[arg(long, value_name = "URL")]
    repair_url: Option<String>,
    /// Minutes until silence is an incident, up to a week (10080).
    #[arg(long, value_name = "MINUTES", default_value_t = DEFAULT_TIMEOUT_MINUTES)]
    timeout_minutes: i32,
    /// Months that events are kept after they ended, up to seven years (84).
    #[arg(long, value_name = "MONTHS", default_value_t = DEFAULT_MONTHS)]
    retention_months: i32,
    /// Keep the payloads of receipts, encrypted.
    #[arg(long)]
    snapshots: bool,
    /// For how many days they are kept, up to 90.
    #[arg(long, value_name = "DAYS", default_value_t = snapshot::DEFAULT_DAYS)]
    snapshot_days: i32,
    /// Send them with callbacks.
    #[arg(long)]
    snapshot_in_callback: bool,
}

#[derive(Serialize)]
struct Created<'a> {
    project_id: ProjectId,
    name: &'a str,
    mode: Mode,
    timeout_minutes: i32,
    repair_url: Option<&'a str>,
    signing_secret: &'a str,
}

pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<CommandOutput> {
    check_name(&args.name)?;
    check_timeout(args.timeout_minutes)?;
    check_snapshot_days(args.snapshot_days)?;
    check_months(args.retention_months)?;
    let admin = AdminContext::open(context).await?;
    let settings = settings(args, &admin)?;
    let key = admin.master_key().await?;
    let secret = random::signing_secret()?;
    let created = admin
        .transaction(async |tx| create_project(tx, &admin.actor, &settings, &secret, &key).await);
    output(created.await?, &settings, &secret.reveal())
}

fn settings(args: Args, admin: &AdminContext) -> anyhow::Result<ProjectSettings> {
    let allow = admin.callback_allow()?;
    let parse = |text: &str| {
        RepairUrl::parse(text, args.mode, &allow)
            .map(|url| url.to_string())
            .map_err(|error| Failure::Validation(error.to_string()))
    };
    Ok(ProjectSettings {
        repair_url: args.repair_url.as_deref().map(parse).transpose()?,
        timeout_minutes: args.timeout_minutes,
        retention_months: args.retention_months,
        snapshots: SnapshotSettings {
            kept: args.snapshots,
            days: args.snapshot_days,
            in_callback: args.snapshot_in_callback,
        },
        ..ProjectSettings::new(args.name, args.mode)
    })
}

fn output(
    id: ProjectId,
    settings: &ProjectSettings,
    secret: &str,
) -> anyhow::Result<CommandOutput> {
    let created = Created {
        project_id: id,
        name: &settings.name,
        mode: settings.mode,
        timeout_minutes: settings.timeout_minutes,
        repair_url: settings.repair_url.as_deref(),
        signing_secret: secret,
    };
    let facts = block(&[
        ("project", id.to_string()),
        ("name", settings.name.clone()),
        ("mode", settings.mode.to_string()),
        ("time-out", minutes(settings.timeout_minutes)),
        ("repair URL", or_nothing(settings.repair_url.as_deref())),
        ("signing secret", secret.to_owned()),
    ]);
    let next = format!(
        "Keep the signing secret now: it is not shown again.\n\
         Next: sendpromptly key create --project {id} --label production"
    );
    CommandOutput::new(&created, format!("{facts}\n\n{next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_exactly_the_fields_of_the_contract() {
        let settings = ProjectSettings {
            snapshots: SnapshotSettings { kept: true, ..Default::default() },
            ..ProjectSettings::new("CometCart".into(), Mode::Test)
        };
        let id = "prj_00000000000000000000000001".parse().expect("an id");
        let output = output(id, &settings, "whsec_x").expect("JSON");
        assert_eq!(
            output.json(),
            r#"{"project_id":"prj_00000000000000000000000001","name":"CometCart","mode":"test","timeout_minutes":30,"repair_url":null,"signing_secret":"whsec_x"}"#
        );
        assert!(output.human().contains("signing secret: whsec_x"));
    }
}
