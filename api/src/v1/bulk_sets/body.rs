//! What the body of a new set says: what to do to which incidents, of whichever projects they are.

use std::collections::BTreeMap;

use domain::bulk::BulkAction;
use domain::field::Fields;
use domain::ids::{BulkSetId, IncidentId, ProjectId};
use domain::project::Mode;
use serde_json::{Map, Value};
use store::bulk::{Selection, list_failures_of, list_set};
use store::search::incidents::{IncidentSearch, StateFilter, group_by_project, list_matching};
use web::error::ApiError;
use web::state::AppState;

use crate::v1::bulk::body::{MOST, read_id, read_incidents, read_object, read_search};
use crate::v1::caller::{self, field_error};
use crate::v1::paging::{choice, types_of_all};

/// The fields that name incidents, of which one must be sent.
const NAMES: [&str; 3] = ["incident_ids", "failures_of", "filter"];

/// What is to be frozen.
pub(super) struct Asked {
    pub(super) action: BulkAction,
    pub(super) selections: BTreeMap<ProjectId, Selection>,
    pub(super) include_taking: bool,
}

/// What of it names incidents.
enum Named<'a> {
    Incidents(Vec<IncidentId>),
    FailuresOf(BulkSetId),
    Filter(&'a Map<String, Value>),
}

pub(super) async fn read_asked(
    state: &AppState,
    body: &Map<String, Value>,
) -> Result<Asked, ApiError> {
    let known = ["action", "incident_ids", "failures_of", "filter", "include_taking"];
    let mut fields = caller::fields(body, &known);
    let action = fields.choice("action").unwrap_or(BulkAction::Reprocess);
    let include_taking = fields.truth("include_taking").unwrap_or_default();
    let named = read_named(&mut fields);
    caller::checked(fields, ())?;
    let (field, selections) = match named {
        Some(Named::Incidents(ids)) => {
            ("incident_ids", by_project(group_by_project(&state.pool, &ids).await?))
        }
        Some(Named::FailuresOf(id)) => ("failures_of", find_failures(state, id).await?),
        Some(Named::Filter(filter)) => ("filter", find_filtered(state, filter).await?),
        None => return Err(field_error("incident_ids", &"or failures_of or filter is required")),
    };
    if selections.is_empty() {
        return Err(field_error(field, &"names no incident of any project"));
    }
    Ok(Asked { action, selections, include_taking })
}

fn read_named<'a>(fields: &mut Fields<'a>) -> Option<Named<'a>> {
    let incidents = read_incidents(fields).map(Named::Incidents);
    let cure = "must be the id of a set of bulk reprocesses, such as bls_…";
    let failures = read_id(fields, "failures_of", cure).map(Named::FailuresOf);
    let filter = read_object(fields, "filter").map(Named::Filter);
    if NAMES.iter().filter(|name| fields.value(name).is_some()).count() > 1 {
        fields.reject(
            "incident_ids",
            "and failures_of and filter exclude each other: send one of them",
        );
    }
    incidents.or(failures).or(filter)
}

async fn find_failures(
    state: &AppState,
    id: BulkSetId,
) -> Result<BTreeMap<ProjectId, Selection>, ApiError> {
    if list_set(&state.pool, id).await?.is_empty() {
        return Err(field_error("failures_of", &"names no set of bulk reprocesses"));
    }
    Ok(list_failures_of(&state.pool, id).await?)
}

/// The incidents that a filter finds, as their list would.
async fn find_filtered(
    state: &AppState,
    filter: &Map<String, Value>,
) -> Result<BTreeMap<ProjectId, Selection>, ApiError> {
    let known = ["mode", "state", "reason", "event_type", "effect_type", "q"];
    let mut fields = caller::fields(filter, &known);
    let text = read_search(&mut fields);
    let [mode, wanted, reason, event_type, effect_type] =
        ["mode", "state", "reason", "event_type", "effect_type"].map(|name| fields.text(name));
    caller::checked(fields, ())?;
    let (event_type, effect_type) = types_of_all(state, event_type, effect_type).await?;
    let search = IncidentSearch {
        mode: Some(choice("mode", mode)?.unwrap_or(Mode::Live)),
        state: choice("state", wanted)?.map_or(StateFilter::NeedsYou, StateFilter::One),
        reason: choice("reason", reason)?,
        event_type,
        effect_type,
        text,
        ..IncidentSearch::default()
    };
    Ok(by_project(list_matching(&state.pool, &search, MOST).await?))
}

fn by_project(grouped: BTreeMap<ProjectId, Vec<IncidentId>>) -> BTreeMap<ProjectId, Selection> {
    grouped.into_iter().map(|(id, incidents)| (id, Selection::Incidents(incidents))).collect()
}
