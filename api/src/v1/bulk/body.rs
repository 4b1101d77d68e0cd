//! What the bodies of bulk reprocesses say: what to do to which incidents, and how.

use domain::bulk::{BulkAction, BulkSettings, MAX_CANARY, MAX_ITEMS, MAX_PER_MINUTE};
use domain::field::Fields;
use domain::ids::{CauseId, IncidentId, ProjectId};
use domain::incident::check_note;
use serde_json::{Map, Value};
use store::bulk::Selection;
use store::search::incidents::{IncidentSearch, StateFilter, list_matching};
use web::error::ApiError;
use web::state::AppState;

use crate::v1::caller;
use crate::v1::paging::{self, choice};

/// The fields that name incidents, of which one may be sent.
const NAMES: [&str; 4] = ["cause_id", "incident_ids", "failures_of", "filter"];
/// How many a filter finds at most: one more than fit, to know whether there are more.
pub(in crate::v1) const MOST: usize = 10_001;

/// What is to be frozen.
pub(super) struct Asked {
    pub(super) action: BulkAction,
    pub(super) selection: Selection,
    pub(super) include_taking: bool,
}

pub(super) async fn read_asked(
    state: &AppState,
    project_id: ProjectId,
    body: &Map<String, Value>,
) -> Result<Asked, ApiError> {
    let known = ["action", "cause_id", "incident_ids", "failures_of", "filter", "include_taking"];
    let mut fields = caller::fields(body, &known);
    let action = fields.choice("action").unwrap_or(BulkAction::Reprocess);
    let include_taking = fields.truth("include_taking").unwrap_or_default();
    let filter = read_object(&mut fields, "filter");
    let mut selection = read_named(&mut fields);
    if NAMES.iter().filter(|name| fields.value(name).is_some()).count() > 1 {
        let others =
            "and incident_ids, failures_of and filter exclude each other: send one of them";
        fields.reject("cause_id", others);
    }
    caller::checked(fields, ())?;
    if let Some(filter) = filter {
        selection = Selection::Incidents(find_filtered(state, project_id, filter).await?);
    }
    Ok(Asked { action, selection, include_taking })
}

/// The incidents that a field names itself; all, where none does.
fn read_named(fields: &mut Fields<'_>) -> Selection {
    let cause = read_id(fields, "cause_id", "must be the id of a cause, such as cau_…");
    let incidents = read_incidents(fields);
    let cure = "must be the id of a bulk reprocess, such as blk_…";
    let other = read_id(fields, "failures_of", cure).map(Selection::FailuresOf);
    let named = cause.map(Selection::Cause).or(incidents.map(Selection::Incidents));
    named.or(other).unwrap_or(Selection::All)
}

pub(in crate::v1) fn read_object<'a>(
    fields: &mut Fields<'a>,
    name: &str,
) -> Option<&'a Map<String, Value>> {
    let value = fields.value(name)?;
    if value.as_object().is_none() {
        fields.reject(name, "must be an object, such as {\"state\":\"open\"}");
    }
    value.as_object()
}

/// The incidents of a project that a filter finds, as their list would.
async fn find_filtered(
    state: &AppState,
    project_id: ProjectId,
    filter: &Map<String, Value>,
) -> Result<Vec<IncidentId>, ApiError> {
    let known = ["state", "reason", "cause_id", "event_type", "effect_type", "q"];
    let mut fields = caller::fields(filter, &known);
    let cause_id: Option<CauseId> =
        read_id(&mut fields, "cause_id", "must be the id of a cause, such as cau_…");
    let text = read_search(&mut fields);
    let [wanted, reason, event_type, effect_type] =
        ["state", "reason", "event_type", "effect_type"].map(|name| fields.text(name));
    caller::checked(fields, ())?;
    let (event_type, effect_type) =
        paging::types(state, project_id, event_type, effect_type).await?;
    let search = IncidentSearch {
        project_id: Some(project_id),
        state: choice("state", wanted)?.map_or(StateFilter::NeedsYou, StateFilter::One),
        cause_id,
        reason: choice("reason", reason)?,
        event_type,
        effect_type,
        text,
        ..IncidentSearch::default()
    };
    let found = list_matching(&state.pool, &search, MOST).await?;
    Ok(found.into_values().flatten().collect())
}

/// What is searched for. A blank text, as of a script's variable that is not set, would find everything.
pub(in crate::v1) fn read_search(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("q")?;
    if text.trim().is_empty() {
        fields.reject("q", "must say what to look for: leave it out to narrow nothing");
    }
    Some(text.to_owned())
}

pub(in crate::v1) fn read_id<T: std::str::FromStr>(
    fields: &mut Fields<'_>,
    name: &str,
    cure: &str,
) -> Option<T> {
    let text = fields.text(name)?;
    let id = text.parse().ok();
    if id.is_none() {
        fields.reject(name, cure);
    }
    id
}

pub(in crate::v1) fn read_incidents(fields: &mut Fields<'_>) -> Option<Vec<IncidentId>> {
    let value = fields.value("incident_ids")?;
    let ids = value.as_array().map(|all| {
        all.iter()
            .map(|one| one.as_str().and_then(|text| text.parse().ok()))
            .collect::<Option<Vec<_>>>()
    });
    let most = usize::try_from(MAX_ITEMS).unwrap_or(usize::MAX);
    match ids.flatten() {
        Some(ids) if (1..=most).contains(&ids.len()) => Some(ids),
        Some(_) | None => {
            let cure =
                format!("must be a list of 1 to {MAX_ITEMS} ids of incidents, such as inc_…");
            fields.reject("incident_ids", cure);
            None
        }
    }
}

/// The note, and the settings, which only a reprocess has.
pub(in crate::v1) fn read_start(
    action: BulkAction,
    body: &Map<String, Value>,
) -> Result<(BulkSettings, String), ApiError> {
    let pace = ["canary", "per_minute", "stop_percent"];
    let mut fields = caller::fields(body, &["note", "canary", "per_minute", "stop_percent"]);
    let note = fields.text("note").map(str::to_owned);
    if let Some(Err(why)) = note.as_deref().map(check_note) {
        fields.reject("note", why.to_string());
    }
    let note = fields.require("note", note).unwrap_or_default();
    let default = BulkSettings::default();
    let mut number = |name: &str, least: i32, most: i32, default: i32| {
        let read = fields.whole_number(name, least.into(), most.into());
        read.and_then(|read| i32::try_from(read).ok()).unwrap_or(default)
    };
    let settings = BulkSettings {
        canary: number("canary", 0, MAX_CANARY, default.canary),
        per_minute: number("per_minute", 1, MAX_PER_MINUTE, default.per_minute),
        stop_percent: number("stop_percent", 1, 100, default.stop_percent),
    };
    for name in pace.iter().filter(|name| !action.is_paced() && body.contains_key(**name)) {
        fields.reject(name, format!("is for a reprocess: leave it out to {action}"));
    }
    caller::checked(fields, (settings, note))
}
