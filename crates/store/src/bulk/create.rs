//! The preview: to which incidents something would be done, frozen, and to which not and why.

use domain::audit::Actor;
use domain::bulk::{BulkAction, MAX_ITEMS};
use domain::catalogue::EffectType;
use domain::extension::Point;
use domain::ids::{BulkId, BulkSetId, CauseId, IncidentId, ProjectId};
use domain::incident::IncidentState;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Excluded;
use super::summary::summarize_items;
use crate::{ChangeError, PgConnection, StoreError, extensions, projects};

/// Which incidents of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All that are not resolved.
    All,
    /// Those of one cause.
    Cause(CauseId),
    /// These; those of other projects are not among them.
    Incidents(Vec<IncidentId>),
    /// Those that failed in another bulk reprocess of the project.
    FailuresOf(BulkId),
}

/// What a bulk reprocess shall consist of.
#[derive(Debug, Clone)]
pub struct NewBulk<'a> {
    pub project_id: ProjectId,
    pub action: BulkAction,
    pub selection: Selection,
    /// Of a reprocess, whether incidents count whose reprocess takes something from the customer. What failed in another
    /// one was taken in there, so it counts in any case.
    pub include_taking: bool,
    pub actor: &'a Actor,
}

/// What was frozen.
#[derive(Debug, Clone)]
pub struct Preview {
    pub id: BulkId,
    pub action: BulkAction,
    /// How many incidents.
    pub items: i64,
    pub oldest_opened_at: Option<OffsetDateTime>,
    pub newest_opened_at: Option<OffsetDateTime>,
    /// How many for each effect that is due.
    pub by_effect: Vec<(EffectType, i64)>,
    pub excluded: Excluded,
    /// How many more there are than one bulk reprocess takes.
    pub left_over: i64,
}

/// Where a preview stands: alone, or in a set whose incidents share the room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) set_id: Option<BulkSetId>,
    /// How many incidents it takes at most.
    pub(super) room: i64,
    /// Whether the project can do it at all. Otherwise nothing is frozen.
    pub(super) is_able: bool,
}

/// Why there is no preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreviewRejection {
    #[error("the project has no repair URL, and no extension that reprocesses")]
    NoRepairUrl,
    #[error("there is no such bulk reprocess in the project")]
    NoBulk,
}

/// Freezes to what something would be done, the oldest first. Nothing starts.
///
/// # Errors
/// When the project cannot reprocess, or the database fails.
pub async fn create_preview(
    tx: &mut PgConnection,
    new: &NewBulk<'_>,
) -> Result<Preview, ChangeError<PreviewRejection>> {
    if !can_do(tx, new).await? {
        return Err(ChangeError::Rejected(PreviewRejection::NoRepairUrl));
    }
    freeze_in(tx, new, Slot { set_id: None, room: MAX_ITEMS, is_able: true }).await
}

/// The same in its place.
pub(super) async fn freeze_in(
    tx: &mut PgConnection,
    new: &NewBulk<'_>,
    slot: Slot,
) -> Result<Preview, ChangeError<PreviewRejection>> {
    let origin = match new.selection {
        Selection::All | Selection::Incidents(_) => (None, None),
        Selection::Cause(id) => (Some(id), None),
        Selection::FailuresOf(id) => {
            let other = super::find_bulk(&mut *tx, id).await?;
            let other = other.filter(|other| other.project_id == new.project_id);
            let other = other.ok_or(ChangeError::Rejected(PreviewRejection::NoBulk))?;
            (other.cause_id, Some(id))
        }
    };
    // Which index serves a selection depends on what it says.
    sqlx::raw_sql("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *tx).await?;
    let (mut eligible, mut excluded) = count(tx, new).await?;
    if !slot.is_able {
        excluded.no_repair_url = std::mem::take(&mut eligible);
    }
    let id = insert(tx, new, slot.set_id, origin, excluded).await?;
    if slot.is_able {
        freeze(tx, id, new, slot.room).await?;
    }
    Ok(summarize(tx, id, new.action, eligible, excluded).await?)
}

async fn insert(
    tx: &mut PgConnection,
    new: &NewBulk<'_>,
    set_id: Option<BulkSetId>,
    (cause, retry_of): (Option<CauseId>, Option<BulkId>),
    excluded: Excluded,
) -> Result<BulkId, StoreError> {
    let id = BulkId::from_uuid(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO bulk_reprocesses (id, project_id, cause, retry_of, requested_by, items, excluded_running,
             excluded_taking, action, excluded_resolved, excluded_acknowledged, set_id, excluded_no_repair_url)
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12)",
        id.as_uuid(),
        new.project_id.as_uuid(),
        cause.map(CauseId::as_uuid),
        retry_of.map(BulkId::as_uuid),
        new.actor.to_string(),
        excluded.running,
        excluded.taking,
        new.action.as_str(),
        excluded.resolved,
        excluded.acknowledged,
        set_id.map(BulkSetId::as_uuid),
        excluded.no_repair_url,
    )
    .execute(tx)
    .await?;
    Ok(id)
}

/// Whether the project can do it: only a reprocess needs something of it.
pub(super) async fn can_do(tx: &mut PgConnection, new: &NewBulk<'_>) -> Result<bool, StoreError> {
    Ok(new.action != BulkAction::Reprocess || can_reprocess(tx, new.project_id).await?)
}

/// Whether a project can reprocess at all. One without a repair URL cannot where an event came before its extensions
/// were registered.
pub(super) async fn can_reprocess(
    tx: &mut PgConnection,
    project_id: ProjectId,
) -> Result<bool, StoreError> {
    let project = projects::find_project(&mut *tx, project_id).await?;
    let project = project.ok_or(StoreError::Missing("projects"))?;
    Ok(project.repair_url.is_some() || reprocesses_by_extension(tx, project_id).await?)
}

async fn reprocesses_by_extension(
    tx: &mut PgConnection,
    project_id: ProjectId,
) -> Result<bool, StoreError> {
    let all = extensions::list_extensions(tx, Some(project_id)).await?;
    Ok(all.iter().any(|it| it.point == Point::Reprocess && it.paused_at.is_none()))
}

/// The conditions of a selection, in this order: cause, incidents, failures of another one.
fn conditions(selection: &Selection) -> (Option<CauseId>, Option<Vec<IncidentId>>, Option<BulkId>) {
    match selection {
        Selection::All => (None, None, None),
        Selection::Cause(id) => (Some(*id), None, None),
        Selection::Incidents(ids) => (None, Some(ids.clone()), None),
        Selection::FailuresOf(id) => (None, None, Some(*id)),
    }
}

/// The effects that are left out.
fn left_out(new: &NewBulk<'_>) -> Vec<String> {
    let were_taken_in = matches!(new.selection, Selection::FailuresOf(_));
    if new.action != BulkAction::Reprocess || new.include_taking || were_taken_in {
        return Vec::new();
    }
    EffectType::TAKING.iter().map(ToString::to_string).collect()
}

fn as_texts(states: &[IncidentState]) -> Vec<String> {
    states.iter().map(ToString::to_string).collect()
}

/// The states that are looked at. Only of incidents that an operator named it says something that they are resolved.
fn looked_at(selection: &Selection) -> Vec<String> {
    let all = match selection {
        Selection::Incidents(_) | Selection::FailuresOf(_) => IncidentState::ALL,
        Selection::All | Selection::Cause(_) => {
            &[IncidentState::Open, IncidentState::Acknowledged, IncidentState::Reprocessing]
        }
    };
    as_texts(all)
}

/// How many it would take, and how many are left out.
async fn count(tx: &mut PgConnection, new: &NewBulk<'_>) -> Result<(i64, Excluded), StoreError> {
    let (cause, incidents, failures_of) = conditions(&new.selection);
    let counted = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE i.state = ANY($6) AND NOT i.effect_type = ANY($5)) AS "eligible!",
               count(*) FILTER (WHERE i.state = 'reprocessing') AS "running!",
               count(*) FILTER (WHERE i.state = ANY($6) AND i.effect_type = ANY($5)) AS "taking!",
               count(*) FILTER (WHERE i.state = 'resolved') AS "resolved!",
               count(*) FILTER (WHERE i.state = 'acknowledged' AND NOT i.state = ANY($6)) AS "acknowledged!"
           FROM incidents i
           WHERE i.project_id = $1 AND i.state = ANY($7) AND ($2::uuid IS NULL OR i.cause = $2)
             AND ($3::uuid[] IS NULL OR i.id = ANY($3))
             AND ($4::uuid IS NULL OR i.id IN (
                 SELECT incident_id FROM bulk_reprocess_items WHERE bulk_id = $4 AND state = 'failed'))"#,
        new.project_id.as_uuid(),
        cause.map(CauseId::as_uuid),
        incidents.as_deref() as Option<&[IncidentId]>,
        failures_of.map(BulkId::as_uuid),
        &left_out(new),
        &as_texts(new.action.allowed_in()),
        &looked_at(&new.selection),
    );
    let counted = counted.fetch_one(tx).await?;
    let excluded = Excluded {
        running: counted.running,
        taking: counted.taking,
        resolved: counted.resolved,
        acknowledged: counted.acknowledged,
        no_repair_url: 0,
    };
    Ok((counted.eligible, excluded))
}

async fn freeze(
    tx: &mut PgConnection,
    id: BulkId,
    new: &NewBulk<'_>,
    room: i64,
) -> Result<(), StoreError> {
    let (cause, incidents, failures_of) = conditions(&new.selection);
    sqlx::query!(
        "INSERT INTO bulk_reprocess_items (bulk_id, place, incident_id, event_id)
         SELECT $7, row_number() OVER (ORDER BY i.id), i.id, i.event_id FROM incidents i
         WHERE i.project_id = $1 AND i.state = ANY($6) AND ($2::uuid IS NULL OR i.cause = $2)
           AND ($3::uuid[] IS NULL OR i.id = ANY($3))
           AND ($4::uuid IS NULL OR i.id IN (
               SELECT incident_id FROM bulk_reprocess_items WHERE bulk_id = $4 AND state = 'failed'))
           AND NOT i.effect_type = ANY($5)
         ORDER BY i.id LIMIT $8",
        new.project_id.as_uuid(),
        cause.map(CauseId::as_uuid),
        incidents.as_deref() as Option<&[IncidentId]>,
        failures_of.map(BulkId::as_uuid),
        &left_out(new),
        &as_texts(new.action.allowed_in()),
        id.as_uuid(),
        room,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What is frozen is what counts: an incident that changed between the two statements is in neither
/// number or in both.
async fn summarize(
    tx: &mut PgConnection,
    id: BulkId,
    action: BulkAction,
    eligible: i64,
    excluded: Excluded,
) -> Result<Preview, StoreError> {
    let summary = summarize_items(&mut *tx, &[id]).await?.remove(&id).unwrap_or_default();
    let items = summary.items();
    let left_over = (eligible - items).max(0);
    sqlx::query!(
        "UPDATE bulk_reprocesses SET items = $2, left_over = $3 WHERE id = $1",
        id.as_uuid(),
        i32::try_from(items).unwrap_or(i32::MAX),
        left_over,
    )
    .execute(tx)
    .await?;
    Ok(Preview {
        id,
        action,
        items,
        oldest_opened_at: summary.oldest_opened_at,
        newest_opened_at: summary.newest_opened_at,
        by_effect: summary.by_effect,
        excluded,
        left_over,
    })
}
