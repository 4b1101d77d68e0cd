//! What is done to incidents of several projects: a set of bulks, one for each project, whose repair URL, people and
//! audit it concerns.
//!
//! All of them are frozen in one transaction and started in one: a process that dies in between has made, and
//! started, all of them or none. Whoever changes a set first locks its bulks in the order of their ids and writes only then,
//! so that two who do so wait for each other, and for the steps that are under way. Together they have no more
//! incidents than one bulk may have.

use std::collections::BTreeMap;

use domain::audit::Actor;
use domain::bulk::{BulkAction, BulkSettings, BulkState, MAX_ITEMS, Steering};
use domain::ids::{BulkSetId, ProjectId};
use uuid::Uuid;

use super::create::{Slot, can_do, freeze_in};
use super::steer::{begin, steer_locked};
use super::{
    Bulk, NewBulk, Preview, PreviewRejection, Selection, SteerRejection, count_items_of, list_set,
    lock_set,
};
use crate::{ChangeError, PgConnection, PgPool, StoreError};

/// What a set shall consist of.
#[derive(Debug, Clone)]
pub struct NewSet<'a> {
    pub action: BulkAction,
    /// Which incidents of each project.
    pub selections: BTreeMap<ProjectId, Selection>,
    /// Of a reprocess, whether incidents count whose reprocess takes something from the customer.
    pub include_taking: bool,
    pub actor: &'a Actor,
}

/// Freezes to what something would be done in each project. Nothing starts. Of a project that cannot reprocess
/// it is counted how many are left out.
///
/// # Errors
/// When none of the projects can reprocess, or the database fails.
pub async fn create_set(
    tx: &mut PgConnection,
    new: &NewSet<'_>,
) -> Result<(BulkSetId, Vec<(ProjectId, Preview)>), ChangeError<PreviewRejection>> {
    let id = BulkSetId::from_uuid(Uuid::now_v7());
    let (mut room, mut is_any_able) = (MAX_ITEMS, false);
    let mut previews = Vec::new();
    for (project_id, selection) in &new.selections {
        let (project_id, selection) = (*project_id, selection.clone());
        let NewSet { action, include_taking, actor, .. } = *new;
        let of_project = NewBulk { project_id, action, selection, include_taking, actor };
        let is_able = can_do(tx, &of_project).await?;
        let slot = Slot { set_id: Some(id), room, is_able };
        let preview = freeze_in(tx, &of_project, slot).await?;
        room -= preview.items;
        is_any_able |= is_able;
        previews.push((project_id, preview));
    }
    if is_any_able {
        Ok((id, previews))
    } else {
        Err(ChangeError::Rejected(PreviewRejection::NoRepairUrl))
    }
}

/// Starts all that was frozen and is not empty.
pub async fn start_set(
    tx: &mut PgConnection,
    id: BulkSetId,
    actor: &Actor,
    settings: BulkSettings,
    note: &str,
) -> Result<(), ChangeError<SteerRejection>> {
    let bulks = lock(tx, id).await?;
    if let Some(begun) = bulks.iter().find(|bulk| bulk.state != BulkState::Preview) {
        return Err(ChangeError::Rejected(SteerRejection::State(begun.state)));
    }
    if bulks.iter().all(|bulk| bulk.items == 0) {
        return Err(ChangeError::Rejected(SteerRejection::Empty));
    }
    for bulk in bulks.iter().filter(|bulk| bulk.items > 0) {
        begin(tx, bulk, actor, settings, note).await?;
    }
    Ok(())
}

/// Pauses, resumes or cancels those that can be. It is rejected only where none can.
pub async fn steer_set(
    tx: &mut PgConnection,
    id: BulkSetId,
    actor: &Actor,
    steering: Steering,
) -> Result<(), ChangeError<SteerRejection>> {
    let bulks = lock(tx, id).await?;
    let mut is_any = false;
    for bulk in &bulks {
        match steer_locked(tx, bulk, actor, steering).await {
            Ok(()) => is_any = true,
            Err(ChangeError::Rejected(SteerRejection::State(_))) => {}
            Err(error) => return Err(error),
        }
    }
    let states: Vec<_> = bulks.iter().map(|bulk| bulk.state).collect();
    let rejected = SteerRejection::State(BulkState::of_set(&states));
    if is_any { Ok(()) } else { Err(ChangeError::Rejected(rejected)) }
}

/// What failed in a set, by its projects; of one without failures nothing.
pub async fn list_failures_of(
    pool: &PgPool,
    id: BulkSetId,
) -> Result<BTreeMap<ProjectId, Selection>, StoreError> {
    let bulks = list_set(pool, id).await?;
    let ids: Vec<_> = bulks.iter().map(|bulk| bulk.id).collect();
    let counts = count_items_of(pool, &ids).await?;
    let failed = bulks.iter().filter(|bulk| counts.get(&bulk.id).is_some_and(|it| it.failed > 0));
    Ok(failed.map(|bulk| (bulk.project_id, Selection::FailuresOf(bulk.id))).collect())
}

async fn lock(
    tx: &mut PgConnection,
    id: BulkSetId,
) -> Result<Vec<Bulk>, ChangeError<SteerRejection>> {
    let bulks = lock_set(tx, id).await?;
    if bulks.is_empty() { Err(ChangeError::Rejected(SteerRejection::NoBulk)) } else { Ok(bulks) }
}
