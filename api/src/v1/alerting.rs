//! `/api/v1/projects/{project_id}/alert-rules` and `…/maintenance`: how a project's people are told, and when telling waits.

use api_types::alerting::{
    AlertRulesRequest, AlertRulesResponse, MaintenanceEndRequest, MaintenanceRequest,
    MaintenanceResponse,
};
use api_types::list::Listed;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::alert_rules::AlertRules;
use domain::field::Fields;
use domain::ids::{DestinationId, MaintenanceId, ProjectId};
use domain::incident::check_note;
use domain::maintenance::{Hold, WindowLength};
use serde_json::{Map, Value};
use store::administration::alert_rules::{end_maintenance, set_rules, start_maintenance};
use store::maintenance::{self, MaintenanceWindow};
use store::pool::transaction;
use store::{PgPool, StoreError, alert_rules};
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};

/// Everything that may be said of the rules.
const RULES: [&str; 5] =
    ["quiet_hours", "remind_every", "escalate_after", "escalate_to", "come_back_after"];

/// How many windows are listed at most.
pub const MOST: i64 = 100;

/// A project's rules for alerts, and whether telling waits now.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/alert-rules", operation_id = "get_alert_rules", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The rules.", body = AlertRulesResponse)))]
pub async fn show_rules(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<AlertRulesResponse>, ApiError> {
    let project = caller::project(&state, &id).await?;
    Ok(Json(load_rules(&state.pool, project.id).await?))
}

/// Sets a project's rules for alerts, over those that there were. Needs the role admin.
#[utoipa::path(put, path = "/api/v1/projects/{project_id}/alert-rules", operation_id = "set_alert_rules", tag = "projects",
    request_body = AlertRulesRequest, params(("project_id" = String, Path)),
    responses((status = 200, description = "The rules as they are now.", body = AlertRulesResponse)))]
pub async fn change_rules(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<AlertRulesResponse>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let rules = read_rules(&body.read().await?)?;
    let actor = caller.actor();
    let set = transaction(&state.pool, async |tx| set_rules(tx, &actor, project.id, &rules).await);
    match set.await {
        Ok(set) => set.ok_or_else(caller::no_project)?,
        Err(error) => {
            let wrong = error.rejection()?;
            return Err(caller::field_error(wrong.field(), &wrong));
        }
    };
    Ok(Json(load_rules(&state.pool, project.id).await?))
}

/// The newest maintenance windows of a project, at most 100, those that last among them.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/maintenance", operation_id = "list_maintenance", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The windows, newest first.", body = Listed<MaintenanceResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<MaintenanceResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    let newest = maintenance::list_newest(&state.pool, project.id, MOST).await?;
    Ok(Json(Listed::whole(newest.into_iter().map(window_response))))
}

/// Begins a maintenance: incidents open as ever, and people are told of them in one digest when it ends. Needs the role
/// operator or admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/maintenance", operation_id = "start_maintenance", tag = "projects",
    request_body = MaintenanceRequest, params(("project_id" = String, Path)),
    responses((status = 201, description = "The window.", body = MaintenanceResponse)))]
pub async fn start(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<MaintenanceResponse>), ApiError> {
    caller.must_act()?;
    let project = caller::project(&state, &id).await?;
    let (length, reason) = read_start(&body.read().await?)?;
    let actor = caller.actor();
    let window = transaction(&state.pool, async |tx| {
        start_maintenance(tx, &actor, project.id, length, reason.as_deref()).await
    });
    Ok((StatusCode::CREATED, Json(window_response(window.await?))))
}

/// Ends the maintenance windows of a project that last, or one of them. Of none nothing changes. Needs the role operator
/// or admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/maintenance/end", operation_id = "end_maintenance", tag = "projects",
    request_body = MaintenanceEndRequest, params(("project_id" = String, Path)),
    responses((status = 200, description = "The windows that were ended.", body = Listed<MaintenanceResponse>)))]
pub async fn end(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<Listed<MaintenanceResponse>>, ApiError> {
    caller.must_act()?;
    let project = caller::project(&state, &id).await?;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &["maintenance_id"]);
    let window = fields.named("maintenance_id", str::parse::<MaintenanceId>);
    let window = caller::checked(fields, window)?;
    let actor = caller.actor();
    let ended =
        transaction(&state.pool, async |tx| end_maintenance(tx, &actor, project.id, window).await);
    Ok(Json(Listed::whole(ended.await?.into_iter().map(window_response))))
}

fn read_start(body: &Map<String, Value>) -> Result<(WindowLength, Option<String>), ApiError> {
    let mut fields = caller::fields(body, &["for", "reason"]);
    let length = fields.named("for", str::parse::<WindowLength>);
    let length = fields.require("for", length);
    let reason = fields.text("reason").map(str::to_owned);
    if let Some(Err(why)) = reason.as_deref().map(check_note) {
        fields.reject("reason", why.to_string());
    }
    let (length, reason) = caller::checked(fields, (length, reason))?;
    let length = length.ok_or_else(|| caller::field_error("for", &"is required"))?;
    Ok((length, reason))
}

fn read_rules(body: &Map<String, Value>) -> Result<AlertRules, ApiError> {
    let mut fields = caller::fields(body, &RULES);
    let rules = AlertRules {
        quiet_hours: unless_off(&mut fields, "quiet_hours"),
        remind_every: unless_off(&mut fields, "remind_every"),
        escalate_after: unless_off(&mut fields, "escalate_after"),
        escalate_to: read_steps(&mut fields),
        come_back_after: unless_off(&mut fields, "come_back_after"),
    };
    caller::checked(fields, rules)
}

fn read_steps(fields: &mut Fields<'_>) -> Vec<DestinationId> {
    let Some(value) = fields.value("escalate_to") else { return Vec::new() };
    let ids: Option<Vec<DestinationId>> = value
        .as_array()
        .and_then(|ids| ids.iter().map(|id| id.as_str().and_then(|id| id.parse().ok())).collect());
    ids.unwrap_or_else(|| {
        fields.reject("escalate_to", "must be a list of ids of destinations, such as dst_…");
        Vec::new()
    })
}

/// What a text sets; none where it says `off`.
fn unless_off<T>(fields: &mut Fields<'_>, field: &str) -> Option<T>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    fields.named(field, |text| match text.trim() {
        "off" | "" => Ok(None),
        text => text.parse().map(Some),
    })?
}

async fn load_rules(pool: &PgPool, id: ProjectId) -> Result<AlertRulesResponse, StoreError> {
    let rules = alert_rules::find_rules(pool, id).await?;
    let hold = alert_rules::find_hold(pool, id).await?;
    Ok(rules_response(rules, hold))
}

/// What the API says of a project's rules.
#[must_use]
pub fn rules_response(rules: AlertRules, hold: Option<Hold>) -> AlertRulesResponse {
    AlertRulesResponse {
        quiet_hours: rules.quiet_hours,
        remind_every: rules.remind_every,
        escalate_after: rules.escalate_after,
        escalate_to: rules.escalate_to,
        come_back_after: rules.come_back_after,
        held_by: hold.map(|hold| hold.reason),
        held_until: hold.map(|hold| hold.until),
    }
}

/// What the API says of a maintenance window.
#[must_use]
pub fn window_response(window: MaintenanceWindow) -> MaintenanceResponse {
    MaintenanceResponse {
        maintenance_id: window.id,
        reason: window.reason,
        started_by: window.started_by,
        started_at: window.started_at,
        ends_at: window.ends_at,
        ended_at: window.ended_at,
        ended_by: window.ended_by,
    }
}
