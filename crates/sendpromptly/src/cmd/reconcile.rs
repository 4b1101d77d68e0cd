//! `reconcile`: after a backup was restored, brings the older database and Temporal's newer watches
//! together.
//!
//! What each difference means and what becomes of it is [`engine::reconcile`]'s to say. The command may be
//! cut off and run again.

use clap::Args;
use domain::ids::EventId;
use engine::reconcile::{self, Difference, DifferenceKind};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Context;
use crate::admin_context::{self, AdminContext, DatabaseTarget};
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::text::{Tone, plain, table};

const HELP: &str = "\
Examples:
  sendpromptly reconcile --dry-run
  sendpromptly reconcile --since 2026-11-29T08:00:00Z

Run it once after a backup was restored, when api and worker run again. An event that is not in the \
database is listed, so that its app sends the receipt again, and its watch is terminated. A success that only \
Temporal knows of is recorded, so that no incident is opened for it, and so is that no effect is due any more. A \
watch in another state than the database asks it again. With --dry-run nothing is changed, and the exit code is 1 \
when something differs.";

/// So many are shown to people.
const SHOWN: usize = 50;

/// What is compared.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct ReconcileArgs {
    /// Only say what differs.
    #[arg(long)]
    dry_run: bool,
    /// The moment of the backup: watches that were closed before it are left out, such as
    /// 2026-11-29T08:00:00Z. Without it every watch is compared that Temporal still has.
    #[arg(long)]
    since: Option<String>,
}

#[derive(Serialize)]
struct ReconcileReport {
    dry_run: bool,
    lost: Vec<Item>,
    applied: Vec<Item>,
    superseded: Vec<Item>,
    asked_again: Vec<Item>,
    started_again: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    event_id: EventId,
    project_id: Option<String>,
    provider_event_id: Option<String>,
    internal_reference: Option<String>,
    effect_type: Option<String>,
}

impl From<&Difference> for Item {
    fn from(difference: &Difference) -> Self {
        let attribute = |name| difference.attribute(name).map(str::to_owned);
        Self {
            event_id: difference.event_id,
            project_id: attribute("SpProjectId"),
            provider_event_id: attribute("SpProviderEventId"),
            internal_reference: attribute("SpInternalReference"),
            effect_type: attribute("SpEffectType"),
        }
    }
}

/// Compares, and puts right what differs.
///
/// # Errors
/// When database or Temporal cannot be asked, or the namespace belongs to another database.
pub async fn run(args: ReconcileArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let condition = condition(args.since.as_deref())?;
    let admin = AdminContext::open(context).await?;
    let engine = admin_context::engine(DatabaseTarget::find(context)?.dev.as_ref(), context);
    let finding = reconcile::find(&engine, &admin.pool, &condition);
    let found = while_waiting("comparing watches with the database", finding).await?;
    if !args.dry_run {
        for difference in &found {
            reconcile::put_right(&engine, &admin.pool, &admin.actor, difference).await?;
        }
    }
    let of = |wanted: fn(DifferenceKind) -> bool| {
        found.iter().filter(|one| wanted(one.kind)).map(Item::from).collect()
    };
    let report = ReconcileReport {
        dry_run: args.dry_run,
        lost: of(|kind| kind == DifferenceKind::Lost),
        applied: of(|kind| matches!(kind, DifferenceKind::Applied(_))),
        superseded: of(|kind| matches!(kind, DifferenceKind::Superseded(_))),
        asked_again: of(|kind| kind == DifferenceKind::Asks),
        started_again: of(|kind| kind == DifferenceKind::Ended),
    };
    let is_well = !args.dry_run || found.iter().all(Difference::is_settled);
    Ok(CommandOutput::new(&report, describe(&report))?.with_verdict(is_well))
}

fn condition(since: Option<&str>) -> Result<String, Failure> {
    let Some(since) = since else { return Ok("StartTime > '1970-01-01T00:00:00Z'".to_owned()) };
    let moment = OffsetDateTime::parse(since, &Rfc3339).ok();
    let moment = moment.and_then(|moment| moment.format(&Rfc3339).ok());
    let moment = moment.ok_or_else(|| {
        Failure::option("--since", "must be a moment such as 2026-11-29T08:00:00Z")
    })?;
    Ok(format!("(ExecutionStatus='Running' OR CloseTime >= '{moment}')"))
}

fn describe(report: &ReconcileReport) -> String {
    let groups = [
        (&report.lost, "not in the database", "its receipt is to be sent again by the app"),
        (&report.applied, "applied, which the database does not know", "the success is recorded"),
        (
            &report.superseded,
            "not due any more, which the database does not know",
            "that is recorded",
        ),
        (&report.asked_again, "watched in another state", "its watch asks the database again"),
        (&report.started_again, "no longer watched", "its watch is started again"),
    ];
    let rows: Vec<_> = groups
        .iter()
        .flat_map(|(items, what, so)| items.iter().map(move |item| row(item, what, so)))
        .collect();
    if rows.is_empty() {
        return "Nothing differs: every watch fits the database.".to_owned();
    }
    let all = rows.len();
    let headers = ["EVENT", "PROVIDER'S EVENT", "REFERENCE", "WHAT IT IS", "WHAT IS DONE"];
    let shown = table(&headers, rows.into_iter().take(SHOWN).collect());
    let more = match all.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n… and {more} more; --json lists all."),
    };
    let lost = report.lost.len();
    let send = match lost {
        0 => String::new(),
        1 => "\n1 receipt is lost: let its app send it again.".to_owned(),
        _ => format!("\n{lost} receipts are lost: let their apps send them again."),
    };
    let done =
        if report.dry_run { "Nothing was changed." } else { "Everything else is put right." };
    format!("{shown}{more}\n{send}\n{done}")
}

fn row(item: &Item, what: &str, so: &str) -> Vec<(String, Tone)> {
    let text = |text: &Option<String>| domain::alert::one_line(text.as_deref().unwrap_or("-"));
    vec![
        plain(&item.event_id),
        plain(&text(&item.provider_event_id)),
        plain(&text(&item.internal_reference)),
        plain(&what),
        plain(&so),
    ]
}
