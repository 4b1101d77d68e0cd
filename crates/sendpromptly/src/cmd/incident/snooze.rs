//! `incident snooze` and `incident unsnooze`.

use api::v1::snoozes::response;
use domain::alert_rules::{InvalidTime, RuleTime};
use domain::moment;
use serde_json::json;
use store::incidents::Incident;
use store::snoozes::{self, SnoozeRejection, SnoozeUntil};

use super::check_note;
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::text::format_timestamp;

pub const HELP: &str = "\
Examples:
  sendpromptly incident snooze inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --for 4h
  sendpromptly incident snooze inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --until 2026-12-01T08:00:00Z --note 'the bank opens at eight'
  sendpromptly incident snooze inc_01K9QF3Z7M8V2T4B6N0C1D5E9G --until-next

Until then no reminder and no escalation is about it. If it is not resolved when the snooze is over, the project's \
destinations are told that it is back. What is done to it, such as a reprocess, is told as ever.";

pub const END_HELP: &str = "\
Example:
  sendpromptly incident unsnooze inc_01K9QF3Z7M8V2T4B6N0C1D5E9G";

/// Which incident, and until when.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The incident's id.
    #[arg(value_name = "INCIDENT")]
    id: String,
    #[command(flatten)]
    until: End,
    /// Why, for the timeline.
    #[arg(long)]
    note: Option<String>,
}

/// Until when.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct End {
    /// Until a time with its zone, at most 30 days from now.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For so long: 5m to 7d, such as 4h.
    #[arg(long = "for", value_name = "TIME")]
    length: Option<String>,
    /// Until the next incident of its cause opens.
    #[arg(long)]
    until_next: bool,
}

impl End {
    fn read(&self) -> Result<SnoozeUntil, Failure> {
        if let Some(text) = &self.until {
            let at = moment::read(&json!(text)).map_err(|why| Failure::option("until", why))?;
            return Ok(SnoozeUntil::At(at));
        }
        match &self.length {
            Some(text) => {
                let wrong = |why: InvalidTime| Failure::option("for", why);
                let time: RuleTime = text.parse().map_err(wrong)?;
                Ok(SnoozeUntil::After(time.duration()))
            }
            None => Ok(SnoozeUntil::NextOfCause),
        }
    }
}

pub(super) async fn run(args: &Args, context: &Context) -> anyhow::Result<CommandOutput> {
    let until = args.until.read()?;
    let note = args.note.as_deref();
    if let Some(note) = note {
        check_note(note)?;
    }
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(&args.id).await?;
    let snoozed = admin
        .transaction(async |tx| snoozes::snooze(tx, &incident, &admin.actor, until, note).await);
    if let Err(error) = snoozed.await {
        return Err(match error.rejection()? {
            wrong @ SnoozeRejection::Resolved => Failure::IncidentConflict(wrong.to_string()),
            wrong @ SnoozeRejection::NoCause => Failure::Validation(wrong.to_string()),
            wrong @ SnoozeRejection::Time => Failure::option("until", wrong),
        }
        .into());
    }
    output(&admin, &incident).await
}

pub(super) async fn end(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let incident = admin.incident(id).await?;
    admin.transaction(async |tx| snoozes::unsnooze(tx, &incident, &admin.actor).await).await?;
    output(&admin, &incident).await
}

async fn output(admin: &AdminContext, incident: &Incident) -> anyhow::Result<CommandOutput> {
    let snooze = snoozes::find_open(&admin.pool, incident.id).await?;
    let human = match snooze.as_ref().map(|snooze| snooze.until) {
        None => format!("Incident {} is not snoozed.", incident.id),
        Some(None) => {
            format!("Incident {} is snoozed until the next one of its cause.", incident.id)
        }
        Some(Some(until)) => {
            format!("Incident {} is snoozed until {}.", incident.id, format_timestamp(until))
        }
    };
    CommandOutput::new(&response(snooze), human)
}
