//! Many incidents at once: `incident reprocess`, `acknowledge` and `resolve` of a cause, of a project, of what a search
//! finds or of several ids. It shows to what it would be done, starts that with `--yes`, and follows it. Ended half-way,
//! it goes on without the command. What is of several projects is shown, started and followed as one.

use std::collections::BTreeMap;
use std::time::Duration;

use api::v1::responses;
use domain::alert::format_duration;
use domain::bulk::{BulkAction, BulkCounts, BulkSettings, BulkState};
use domain::ids::{BulkId, ProjectId};
use domain::incident::check_note;
use indicatif::{ProgressBar, ProgressStyle};
use store::bulk::{self, NewBulk, Preview, Selection, create_preview};
use store::pool::transaction;
use store::{PgPool, StoreError};
use time::OffsetDateTime;

use super::selection::SelectionArgs;
use super::set::run_set;
use super::{Target, find, not_frozen, rejected, show};
use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::Failure;
use crate::output::CommandOutput;
use crate::progress::say_started;
use crate::text::block;

/// How often it looks how far it is.
const LOOK: Duration = Duration::from_secs(1);

/// How a reprocess of many goes.
#[derive(Debug, clap::Args)]
pub struct PaceArgs {
    /// The incidents that failed in another bulk reprocess, or in a set of them.
    #[arg(long, value_name = "BULK", conflicts_with_all = ["id", "cause", "project", "search"])]
    failures_of: Option<String>,
    /// How many of many must succeed before the rest begins.
    #[arg(long, value_name = "N", default_value_t = BulkSettings::default().canary)]
    canary: i32,
    /// How many a minute then: 30/m.
    #[arg(long, default_value = "30/m", value_parser = parse_rate)]
    rate: i32,
    /// Pause when so many of a hundred failed.
    #[arg(long, value_name = "PERCENT", default_value_t = BulkSettings::default().stop_percent)]
    stop_at: i32,
    /// Of many also those whose reprocess takes something from the customer.
    #[arg(long)]
    pub(super) include_taking: bool,
}

/// What shall be done to which incidents.
#[derive(Debug, Clone, Copy)]
pub struct Many<'a> {
    pub action: BulkAction,
    pub ids: &'a [String],
    pub selection: &'a SelectionArgs,
    /// Only of a reprocess.
    pub pace: Option<&'a PaceArgs>,
    pub note: Option<&'a str>,
}

fn parse_rate(text: &str) -> Result<i32, String> {
    let number = text.strip_suffix("/m").unwrap_or(text);
    number.parse().map_err(|_| "must be a number a minute, such as 30/m".to_owned())
}

/// Below a preview that is only shown: because that was asked for, or because there is nothing to do.
pub(super) const fn hint(incidents: i64) -> &'static str {
    match incidents {
        0 => "Nothing was done: there is no incident to do it to. What is left out is named above.",
        _ => "Nothing was done. The same command with --yes does it.",
    }
}

/// Freezes it, and starts and follows it if asked to.
pub async fn run(many: Many<'_>, context: &Context) -> anyhow::Result<CommandOutput> {
    let settings = many.pace.map_or(Ok(BulkSettings::default()), settings)?;
    if let Some(note) = many.note {
        check_note(note).map_err(|why| Failure::option("note", why))?;
    } else if many.selection.yes {
        return Err(Failure::option("note", "is required: say why").into());
    }
    let admin = AdminContext::open(context).await?;
    let mut selections = select(&admin, many).await?;
    match selections.pop_first() {
        None => Err(Failure::NotFound("no incident matches".to_owned()).into()),
        Some(one) if selections.is_empty() => run_one(&admin, many, settings, one).await,
        Some(one) => {
            selections.extend([one]);
            run_set(&admin, many, settings, selections).await
        }
    }
}

/// Of one project.
async fn run_one(
    admin: &AdminContext,
    many: Many<'_>,
    settings: BulkSettings,
    (project_id, selection): (ProjectId, Selection),
) -> anyhow::Result<CommandOutput> {
    let preview = preview(admin, many, project_id, selection).await?;
    if !many.selection.yes || preview.items == 0 {
        let human = format!("{}\n\n{}", describe(&preview), hint(preview.items));
        return CommandOutput::new(&responses::bulk_preview(preview), human);
    }
    let note = many.note.unwrap_or_default();
    let started = transaction(&admin.pool, async |tx| {
        bulk::start(tx, preview.id, &admin.actor, settings, note).await
    });
    started.await.map_err(rejected)?;
    if !many.selection.no_wait {
        say_started("bulk", &preview.id);
        follow(&admin.pool, &[preview.id], preview.items).await?;
    }
    let bulk = find(&admin.pool, &preview.id.to_string()).await?;
    let is_well = went_well(bulk.state, bulk::count_items(&admin.pool, bulk.id).await?);
    Ok(show::describe(&admin.pool, bulk).await?.with_verdict(is_well))
}

/// Whether a script may go on as if it was done, or will be: nothing failed, and no person stopped it.
pub(super) const fn went_well(state: BulkState, counts: BulkCounts) -> bool {
    match state {
        BulkState::Preview | BulkState::Running | BulkState::Done => counts.failed == 0,
        BulkState::Paused | BulkState::Canceled => false,
    }
}

fn settings(args: &PaceArgs) -> Result<BulkSettings, Failure> {
    let settings =
        BulkSettings { canary: args.canary, per_minute: args.rate, stop_percent: args.stop_at };
    settings.check().map_err(|wrong| {
        let first =
            wrong.first().map_or(("canary", String::new()), |it| (it.field, it.to_string()));
        let option = match first.0 {
            "per_minute" => "rate",
            "stop_percent" => "stop-at",
            other => other,
        };
        Failure::option(option, first.1)
    })?;
    Ok(settings)
}

/// What is meant, by its projects.
async fn select(
    admin: &AdminContext,
    many: Many<'_>,
) -> anyhow::Result<BTreeMap<ProjectId, Selection>> {
    let Some(id) = many.pace.and_then(|pace| pace.failures_of.as_deref()) else {
        return many.selection.select(admin, many.ids).await;
    };
    match Target::find(&admin.pool, id).await? {
        Target::One(other) => {
            Ok(BTreeMap::from([(other.project_id, Selection::FailuresOf(other.id))]))
        }
        Target::Set(id) => Ok(bulk::list_failures_of(&admin.pool, id).await?),
    }
}

async fn preview(
    admin: &AdminContext,
    many: Many<'_>,
    project_id: ProjectId,
    selection: Selection,
) -> anyhow::Result<Preview> {
    let new = NewBulk {
        project_id,
        action: many.action,
        selection,
        include_taking: many.pace.is_some_and(|pace| pace.include_taking),
        actor: &admin.actor,
    };
    let created = transaction(&admin.pool, async |tx| create_preview(tx, &new).await).await;
    created.map_err(|error| not_frozen(error, &project_id))
}

fn describe(preview: &Preview) -> String {
    let now = OffsetDateTime::now_utc();
    let ago = |at: Option<OffsetDateTime>| {
        at.map_or_else(|| "–".to_owned(), |at| format!("{} ago", format_duration(now - at)))
    };
    let effects: Vec<_> =
        preview.by_effect.iter().map(|(effect, count)| format!("{count} {effect}")).collect();
    block(&[
        ("incidents", preview.items.to_string()),
        ("to be done", preview.action.to_string()),
        ("oldest", ago(preview.oldest_opened_at)),
        ("newest", ago(preview.newest_opened_at)),
        ("effects", effects.join(", ")),
        ("left out, their reprocess runs", preview.excluded.running.to_string()),
        ("left out, they take something", preview.excluded.taking.to_string()),
        ("left out, resolved", preview.excluded.resolved.to_string()),
        ("left out, acknowledged", preview.excluded.acknowledged.to_string()),
        ("left over, too many for one", preview.left_over.to_string()),
    ])
}

/// Shows how far they are until each is over or paused.
pub(super) async fn follow(pool: &PgPool, ids: &[BulkId], items: i64) -> anyhow::Result<()> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(u64::try_from(items).unwrap_or_default()).with_style(style);
    loop {
        let counts = bulk::count_items_of(pool, ids).await?;
        show_progress(&bar, counts.into_values().sum());
        if is_any_running(pool, ids).await? {
            tokio::time::sleep(LOOK).await;
        } else {
            bar.finish_and_clear();
            return Ok(());
        }
    }
}

async fn is_any_running(pool: &PgPool, ids: &[BulkId]) -> Result<bool, StoreError> {
    for id in ids {
        let found = bulk::find_bulk(pool, *id).await?;
        let state = found.ok_or(StoreError::Missing("bulk_reprocesses"))?.state;
        if state == BulkState::Running {
            return Ok(true);
        }
    }
    Ok(false)
}

fn show_progress(bar: &ProgressBar, counts: BulkCounts) {
    bar.set_position(u64::try_from(counts.ended() + counts.skipped).unwrap_or_default());
    bar.set_message(format!(
        "{} succeeded, {} failed, {} skipped, {} run",
        counts.succeeded, counts.failed, counts.skipped, counts.started
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_a_minute() {
        assert_eq!((parse_rate("30/m"), parse_rate("5")), (Ok(30), Ok(5)));
        assert!(parse_rate("fast").is_err() && parse_rate("1/s").is_err());
    }

    #[test]
    fn what_failed_paused_or_was_canceled_is_not_well() {
        let failed = BulkCounts { succeeded: 296, failed: 4, ..BulkCounts::default() };
        let none = BulkCounts { succeeded: 297, skipped: 3, ..BulkCounts::default() };
        for state in [BulkState::Running, BulkState::Done] {
            assert!(went_well(state, none) && !went_well(state, failed), "{state}");
        }
        for state in [BulkState::Paused, BulkState::Canceled] {
            assert!(!went_well(state, none), "{state}");
        }
    }

    #[test]
    fn where_there_is_nothing_to_do_it_is_not_said_that_yes_does_it() {
        assert!(hint(2).contains("--yes does it"));
        assert!(!hint(0).contains("--yes"));
    }
}
