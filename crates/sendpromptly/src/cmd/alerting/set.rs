//! `alerting set`.

use std::fmt::Display;
use std::str::FromStr;

use domain::alert_rules::AlertRules;
use domain::ids::DestinationId;
use store::administration::alert_rules::set_rules;
use store::{alert_rules, projects};

use super::show;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::{Failure, no_such};
use crate::output::CommandOutput;

pub const HELP: &str = "\
Examples:
  sendpromptly alerting set --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --quiet-hours '22:00-07:00 Europe/Berlin'
  sendpromptly alerting set --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --remind-every 30m --come-back-after 1d
  sendpromptly alerting set --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --escalate-after 1h \\
      --escalate-to dst_01K9QE0A1B2C3D4E5F6G7H8J9K
  sendpromptly alerting set --project prj_01K9QE0A1B2C3D4E5F6G7H8J9K --quiet-hours off --escalate-after off

What is not given stays as it is. In quiet hours deadlines are judged and incidents open as ever; messages wait, and each \
destination gets one digest when they end. They go by the clock of the time zone, also when that is changed.

People are told again by one message for all incidents of a cause: every so often until somebody acknowledges them, and of what \
was acknowledged and still stands. Destinations that are named for an escalation are told only when the others did not \
acknowledge in time, one after the other.";

/// Which project, and how it is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The project's id.
    #[arg(long)]
    project: String,
    /// When telling waits each day: two times of the day and a time zone, or `off`.
    #[arg(long, value_name = "HOURS|off")]
    quiet_hours: Option<String>,
    /// How often people are told again until somebody acknowledges: 5m to 7d, or `off`.
    #[arg(long, value_name = "TIME|off")]
    remind_every: Option<String>,
    /// After how long without that the next destination is told: 5m to 7d, or `off`.
    #[arg(long, value_name = "TIME|off")]
    escalate_after: Option<String>,
    /// The destinations that are told only then, in order, with commas between; 3 at most.
    #[arg(long, value_name = "DESTINATIONS", value_delimiter = ',')]
    escalate_to: Option<Vec<String>>,
    /// After how long people are told again of what was acknowledged and still stands: 5m to 7d, or `off`.
    #[arg(long, value_name = "TIME|off")]
    come_back_after: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let project_id = admin.project(&args.project).await?.id;
    let changed = admin.transaction(async |tx| {
        // What is not given stays as whoever sets rules at the same moment leaves it.
        let locked = projects::lock_project(&mut *tx, project_id).await?;
        locked.ok_or_else(|| no_such("project", project_id))?;
        let before = alert_rules::find_rules(&mut *tx, project_id).await?;
        let rules = args.change(before)?;
        match set_rules(tx, &admin.actor, project_id, &rules).await {
            Ok(set) => set.ok_or_else(|| no_such("project", project_id))?,
            Err(error) => {
                let wrong = error.rejection()?;
                return Err(anyhow::Error::from(Failure::option(wrong.field(), wrong)));
            }
        };
        anyhow::Ok(())
    });
    changed.await?;
    show::output(&admin, project_id).await
}

impl Args {
    fn change(&self, before: AlertRules) -> Result<AlertRules, Failure> {
        let escalate_after =
            change("escalate_after", self.escalate_after.as_deref(), before.escalate_after)?;
        Ok(AlertRules {
            quiet_hours: change("quiet_hours", self.quiet_hours.as_deref(), before.quiet_hours)?,
            remind_every: change(
                "remind_every",
                self.remind_every.as_deref(),
                before.remind_every,
            )?,
            escalate_to: match &self.escalate_to {
                None if escalate_after.is_none() => Vec::new(),
                None => before.escalate_to,
                Some(ids) => read_steps(ids)?,
            },
            escalate_after,
            come_back_after: change(
                "come_back_after",
                self.come_back_after.as_deref(),
                before.come_back_after,
            )?,
        })
    }
}

/// What an option says; what it does not stays.
fn change<T>(name: &str, said: Option<&str>, before: Option<T>) -> Result<Option<T>, Failure>
where
    T: FromStr<Err: Display>,
{
    match said.map(str::trim) {
        None => Ok(before),
        Some("off") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|why| Failure::option(name, why)),
    }
}

fn read_steps(ids: &[String]) -> Result<Vec<DestinationId>, Failure> {
    let ids = ids.iter().map(|id| id.trim().parse());
    ids.collect::<Result<_, _>>().map_err(|why| Failure::option("escalate_to", why))
}
