//! `/api/v1/projects/{project_id}/policies`.

use api_types::list::Listed;
use api_types::policies::{PolicyRequest, PolicyResetRequest, PolicyResetResponse, PolicyResponse};
use axum::Json;
use axum::extract::{Path, State};
use domain::catalogue::EffectType;
use domain::field::{FieldError, Fields};
use domain::ids::{CauseId, ProjectId};
use domain::reprocess_policy::PolicySettings;
use serde_json::{Map, Value};
use store::administration::policy::{PolicyRejection, reset_policy, set_policy};
use store::policies;
use store::pool::transaction;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};
use super::responses;

/// Everything that may be said of a policy.
const FIELDS: [&str; 8] = [
    "auto_reprocess",
    "attempts",
    "delay_seconds",
    "stop_failed",
    "stop_of",
    "stop_customers",
    "wait_alerts",
    "allow",
];

/// The policies of a project that were ever set. Of every other effect nothing is reprocessed
/// automatically.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/policies", operation_id = "list_policies", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The policies.", body = Listed<PolicyResponse>)))]
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<Listed<PolicyResponse>>, ApiError> {
    let project = caller::project(&state, &id).await?;
    Ok(Json(Listed::whole(load(&state, project.id).await?)))
}

/// Sets the policy of an effect, over the one that there was. Needs the role admin.
#[utoipa::path(put, path = "/api/v1/projects/{project_id}/policies/{effect_type}", operation_id = "set_policy", tag = "projects",
    request_body = PolicyRequest, params(("project_id" = String, Path), ("effect_type" = String, Path)),
    responses((status = 200, description = "The policy as it is now.", body = PolicyResponse)))]
pub async fn set(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, effect_type)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<PolicyResponse>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let effect_type = read_effect(&effect_type)?;
    let body = body.read().await?;
    let settings = read(&body, &effect_type)?;
    let (actor, project_id) = (caller.actor(), project.id);
    let set = transaction(&state.pool, async |tx| {
        set_policy(tx, &actor, project_id, &effect_type, &settings).await
    });
    if let Err(error) = set.await {
        return Err(match error.rejection()? {
            PolicyRejection::NoProject => caller::no_project(),
            PolicyRejection::UnknownEffect(why) => caller::field_error("effect_type", &why),
            PolicyRejection::Invalid(broken) => ApiError::ValidationError(
                broken.iter().map(|why| FieldError::new(why.field(), why.to_string())).collect(),
            ),
        });
    }
    find(&state, project_id, &effect_type).await
}

/// Lets a policy go on that stopped for a cause; counting begins anew. Of none that is stopped
/// nothing changes. Needs the role operator or admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/policies/{effect_type}/reset", operation_id = "reset_policy", tag = "projects",
    request_body = PolicyResetRequest, params(("project_id" = String, Path), ("effect_type" = String, Path)),
    responses((status = 200, description = "The causes for which it goes on.", body = PolicyResetResponse)))]
pub async fn reset(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, effect_type)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<PolicyResetResponse>, ApiError> {
    caller.must_act()?;
    let project = caller::project(&state, &id).await?;
    let effect_type = read_effect(&effect_type)?;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &["cause_id"]);
    let cause_id = fields.text("cause_id").and_then(|text| {
        let read = text.parse::<CauseId>();
        read.map_err(|why| fields.reject("cause_id", why.to_string())).ok()
    });
    let cause_id = caller::checked(fields, cause_id)?;
    let actor = caller.actor();
    let causes = transaction(&state.pool, async |tx| {
        reset_policy(tx, &actor, project.id, &effect_type, cause_id).await
    });
    Ok(Json(PolicyResetResponse { causes: causes.await? }))
}

fn read_effect(text: &str) -> Result<EffectType, ApiError> {
    text.parse().map_err(|why| caller::field_error("effect_type", &why))
}

/// Reads the settings; the rules between them are the store's to check.
fn read(body: &Map<String, Value>, effect_type: &EffectType) -> Result<PolicySettings, ApiError> {
    let mut fields = caller::fields(body, &FIELDS);
    let mut settings = PolicySettings::default();
    settings.enabled = fields.truth("auto_reprocess").unwrap_or(settings.enabled);
    settings.wait_alerts = fields.truth("wait_alerts").unwrap_or(settings.wait_alerts);
    for (name, setting) in [
        ("attempts", &mut settings.attempts),
        ("delay_seconds", &mut settings.delay_seconds),
        ("stop_failed", &mut settings.stop_failed),
        ("stop_of", &mut settings.stop_of),
        ("stop_customers", &mut settings.stop_customers),
    ] {
        *setting = whole_number(&mut fields, name).unwrap_or(*setting);
    }
    if let Some(text) = fields.text("allow") {
        match PolicySettings::read_allow(effect_type, text) {
            Ok(may_take) => settings.may_take = may_take,
            Err(why) => fields.reject("allow", why.to_string()),
        }
    }
    caller::checked(fields, settings)
}

fn whole_number(fields: &mut Fields<'_>, name: &str) -> Option<i32> {
    let number = fields.whole_number(name, i64::from(i32::MIN), i64::from(i32::MAX))?;
    i32::try_from(number).ok()
}

async fn load(state: &AppState, project_id: ProjectId) -> Result<Vec<PolicyResponse>, ApiError> {
    let stops = policies::list_stops(&state.pool, project_id, responses::MAX_STOPS).await?;
    let all = policies::list_policies(&state.pool, project_id).await?;
    Ok(all.into_iter().map(|policy| responses::policy(policy, &stops)).collect())
}

async fn find(
    state: &AppState,
    project_id: ProjectId,
    effect_type: &EffectType,
) -> Result<Json<PolicyResponse>, ApiError> {
    let found =
        load(state, project_id).await?.into_iter().find(|it| it.effect_type == *effect_type);
    found.map(Json).ok_or_else(|| ApiError::not_found("there is no such policy"))
}
