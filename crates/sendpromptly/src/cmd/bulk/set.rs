//! Incidents of several projects at once: one preview, one start, one progress bar, and how far each project is.

use std::collections::BTreeMap;

use api::v1::bulk_sets::responses;
use api_types::bulk_sets::{BulkSetItem, BulkSetPreviewItem, BulkSetPreviewResponse};
use domain::alert::{format_duration, one_line};
use domain::bulk::{BulkSettings, ItemState};
use domain::ids::{BulkSetId, ProjectId};
use store::bulk::{self, NewSet, Selection, count_items_of, create_set, list_set, list_set_items};
use store::pool::transaction;
use store::{PgPool, StoreError, projects};
use time::OffsetDateTime;

use super::run::{Many, follow, hint, went_well};
use super::{no_set, not_frozen, rejected, show, tone};
use crate::admin_context::AdminContext;
use crate::output::CommandOutput;
use crate::progress::say_started;
use crate::text::{Tone, block, or_nothing, plain, table};

/// What a project is called.
type Names = BTreeMap<ProjectId, String>;

/// Freezes it, and starts and follows it if asked to.
pub(super) async fn run_set(
    admin: &AdminContext,
    many: Many<'_>,
    settings: BulkSettings,
    selections: BTreeMap<ProjectId, Selection>,
) -> anyhow::Result<CommandOutput> {
    let preview = preview(admin, many, selections).await?;
    if !many.selection.yes || preview.incidents == 0 {
        let shown = describe_preview(&preview, &names(&admin.pool).await?);
        let human = format!("{shown}\n\n{}", hint(preview.incidents));
        return CommandOutput::new(&preview, human);
    }
    let (id, note) = (preview.set_id, many.note.unwrap_or_default());
    let started = transaction(&admin.pool, async |tx| {
        bulk::start_set(tx, id, &admin.actor, settings, note).await
    });
    started.await.map_err(rejected)?;
    if !many.selection.no_wait {
        say_started("set", &id);
        let ids: Vec<_> = preview.projects.iter().map(|project| project.bulk.bulk_id).collect();
        follow(&admin.pool, &ids, preview.incidents).await?;
    }
    let bulks = list_set(&admin.pool, id).await?;
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let counts = count_items_of(&admin.pool, &ids).await?;
    let is_well = bulks
        .iter()
        .all(|bulk| went_well(bulk.state, counts.get(&bulk.id).copied().unwrap_or_default()));
    Ok(describe(&admin.pool, id).await?.with_verdict(is_well))
}

async fn preview(
    admin: &AdminContext,
    many: Many<'_>,
    selections: BTreeMap<ProjectId, Selection>,
) -> anyhow::Result<BulkSetPreviewResponse> {
    let include_taking = many.pace.is_some_and(|pace| pace.include_taking);
    let new = NewSet { action: many.action, selections, include_taking, actor: &admin.actor };
    let created = transaction(&admin.pool, async |tx| create_set(tx, &new).await).await;
    let (id, previews) = created.map_err(|error| not_frozen(error, &"PROJECT"))?;
    Ok(responses::preview(id, many.action, previews))
}

fn describe_preview(preview: &BulkSetPreviewResponse, names: &Names) -> String {
    let facts = block(&[
        ("set", preview.set_id.to_string()),
        ("to be done", preview.action.to_string()),
        ("incidents", preview.incidents.to_string()),
    ]);
    let headers = ["PROJECT", "NAME", "INCIDENTS", "OLDEST", "NEWEST", "EFFECTS", "LEFT OUT"];
    let now = OffsetDateTime::now_utc();
    let rows = preview.projects.iter().map(|project| preview_row(project, names, now)).collect();
    format!("{facts}\n\n{}", table(&headers, rows))
}

fn preview_row(
    project: &BulkSetPreviewItem,
    names: &Names,
    now: OffsetDateTime,
) -> Vec<(String, Tone)> {
    let bulk = &project.bulk;
    let ago = |at: Option<OffsetDateTime>| {
        or_nothing(at.map(|at| format!("{} ago", format_duration(now - at))).as_deref())
    };
    let effects = bulk.by_effect.iter();
    let effects = effects.map(|it| format!("{} {}", it.incidents, it.effect_type));
    vec![
        plain(&project.project_id),
        plain(&names.get(&project.project_id).cloned().unwrap_or_default()),
        plain(&bulk.incidents),
        plain(&ago(bulk.oldest_opened_at)),
        plain(&ago(bulk.newest_opened_at)),
        plain(&effects.collect::<Vec<_>>().join(", ")),
        plain(&left_out(project)),
    ]
}

/// How many are not done, and why.
fn left_out(project: &BulkSetPreviewItem) -> String {
    let bulk = &project.bulk;
    let all = [
        (bulk.excluded_running, "run"),
        (bulk.excluded_taking, "take something"),
        (bulk.excluded_resolved, "resolved"),
        (bulk.excluded_acknowledged, "acknowledged"),
        (project.excluded_no_repair_url, "without a repair URL"),
        (bulk.left_over, "too many for one set"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, why)| format!("{count} {why}")).collect::<Vec<_>>().join(", ")
}

/// How far a set is, with what failed in it.
pub(super) async fn describe(pool: &PgPool, id: BulkSetId) -> anyhow::Result<CommandOutput> {
    let bulks = list_set(pool, id).await?;
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let counts = count_items_of(pool, &ids).await?;
    let shown = responses::set(id, bulks, &counts).ok_or_else(|| no_set(id))?;
    let facts = block(&[
        ("set", shown.set_id.to_string()),
        ("action", shown.action.to_string()),
        ("state", shown.state.to_string()),
        ("incidents", shown.incidents.to_string()),
        ("succeeded", shown.succeeded.to_string()),
        ("failed", shown.failed.to_string()),
        ("skipped", shown.skipped.to_string()),
        ("run now", shown.started.to_string()),
        ("not started", shown.waiting.to_string()),
        ("note", or_nothing(shown.note.as_deref())),
    ]);
    let names = names(pool).await?;
    let headers =
        ["BULK", "PROJECT", "STATE", "INCIDENTS", "SUCCEEDED", "FAILED", "SKIPPED", "NOT STARTED"];
    let rows = table(&headers, shown.projects.iter().map(|it| bulk_row(it, &names)).collect());
    let failed = list_set_items(pool, id, ItemState::Failed, show::MAX_FAILED).await?;
    let human = show::with_failures(format!("{facts}\n\n{rows}"), &failed, shown.failed, &id);
    CommandOutput::new(&shown, human)
}

fn bulk_row(project: &BulkSetItem, names: &Names) -> Vec<(String, Tone)> {
    let bulk = &project.bulk;
    let state = match &bulk.why {
        Some(why) => format!("{}: {}", bulk.state, one_line(why)),
        None => bulk.state.to_string(),
    };
    vec![
        plain(&bulk.bulk_id),
        plain(&names.get(&project.project_id).cloned().unwrap_or_default()),
        (state, tone(bulk.state, bulk.failed)),
        plain(&bulk.incidents),
        plain(&bulk.succeeded),
        plain(&bulk.failed),
        plain(&bulk.skipped),
        plain(&bulk.waiting),
    ]
}

/// A search may find incidents of both modes, so the mode is named.
async fn names(pool: &PgPool) -> Result<Names, StoreError> {
    let all = projects::list_projects(pool).await?;
    Ok(all.iter().map(|it| (it.id, format!("{} ({})", one_line(&it.name), it.mode))).collect())
}
