//! What is said of a set, by the API and by the command line.

use std::collections::BTreeMap;

use api_types::bulk_sets::{
    BulkSetItem, BulkSetPreviewItem, BulkSetPreviewResponse, BulkSetResponse,
};
use domain::bulk::{BulkAction, BulkCounts, BulkState};
use domain::ids::{BulkId, BulkSetId, ProjectId};
use store::bulk::{Bulk, Preview};

use crate::v1::responses;

pub fn preview(
    set_id: BulkSetId,
    action: BulkAction,
    previews: Vec<(ProjectId, Preview)>,
) -> BulkSetPreviewResponse {
    let projects = previews.into_iter().map(|(project_id, preview)| BulkSetPreviewItem {
        project_id,
        excluded_no_repair_url: preview.excluded.no_repair_url,
        bulk: responses::bulk_preview(preview),
    });
    let projects: Vec<_> = projects.collect();
    let incidents = projects.iter().map(|project| project.bulk.incidents).sum();
    BulkSetPreviewResponse { set_id, action, incidents, projects }
}

/// A set with how far it is. `None` of one without bulks.
pub fn set(
    set_id: BulkSetId,
    bulks: Vec<Bulk>,
    counts: &BTreeMap<BulkId, BulkCounts>,
) -> Option<BulkSetResponse> {
    let states: Vec<_> = bulks.iter().map(|bulk| bulk.state).collect();
    let sum: BulkCounts = counts.values().copied().sum();
    let action = bulks.first()?.action;
    let note = bulks.iter().find_map(|bulk| bulk.note.clone());
    let projects = bulks.into_iter().map(|bulk| {
        let counts = counts.get(&bulk.id).copied().unwrap_or_default();
        BulkSetItem { project_id: bulk.project_id, bulk: responses::bulk(bulk, counts) }
    });
    Some(BulkSetResponse {
        set_id,
        action,
        state: BulkState::of_set(&states),
        note,
        incidents: sum.total(),
        waiting: sum.waiting,
        started: sum.started,
        succeeded: sum.succeeded,
        failed: sum.failed,
        skipped: sum.skipped,
        projects: projects.collect(),
    })
}
