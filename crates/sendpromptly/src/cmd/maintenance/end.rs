//! `maintenance end`.

use api::v1::alerting::window_response;
use api_types::list::Listed;
use domain::ids::MaintenanceId;
use domain::maintenance::Hold;
use store::administration::alert_rules::end_maintenance;
use store::alert_rules;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::parse_id;
use crate::output::CommandOutput;
use crate::text::format_timestamp;

pub const HELP: &str = "\
Examples:
  sendpromptly maintenance end --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K
  sendpromptly maintenance end --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --maintenance mnt_01K9QE0A1B2C3D4E5F6G7H8J9K

Where several last, as those of two deploys, name the one that is over: people are told after the last one.";

/// Whose maintenance is over.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    /// Only this one; otherwise all that last.
    #[arg(long)]
    maintenance: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let id = match &args.maintenance {
        Some(text) => Some(parse_id::<MaintenanceId>("maintenance", text)?),
        None => None,
    };
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(&args.project).await?.id;
    let ended = admin
        .transaction(async |tx| end_maintenance(tx, &admin.actor, project_id, id).await)
        .await?;
    let hold = alert_rules::find_hold(&admin.pool, project_id).await?;
    let human = describe(ended.len(), hold.as_ref());
    CommandOutput::new(&Listed::whole(ended.into_iter().map(window_response)), human)
}

/// What came of it; another maintenance, or quiet hours, may still keep people from being told.
fn describe(ended: usize, hold: Option<&Hold>) -> String {
    let over = match ended {
        0 => return "No maintenance lasted; nothing changed.".to_owned(),
        1 => "The maintenance is over".to_owned(),
        count => format!("{count} maintenance windows are over"),
    };
    match hold {
        None => format!("{over}; people are told what happened."),
        Some(hold) => {
            let (until, why) = (format_timestamp(hold.until), hold.reason.words());
            format!("{over}; telling still waits until {until}: {why}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::maintenance::HoldReason;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_is_said_what_still_keeps_people_from_being_told() {
        assert_eq!(describe(1, None), "The maintenance is over; people are told what happened.");
        let hold = Hold {
            reason: HoldReason::QuietHours,
            maintenance_id: None,
            until: datetime!(2026-11-22 07:00 UTC),
        };
        let still = "telling still waits until 2026-11-22 07:00:00Z: quiet hours.";
        assert_eq!(describe(1, Some(&hold)), format!("The maintenance is over; {still}"));
        assert_eq!(describe(2, Some(&hold)), format!("2 maintenance windows are over; {still}"));
        assert_eq!(describe(0, Some(&hold)), "No maintenance lasted; nothing changed.");
    }
}
