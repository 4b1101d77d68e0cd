//! `/api/v1/projects/{project_id}/declared-names`.

use api_types::declared_names::{DeclareRequest, DeclaredNames};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::catalogue::{Declaration, InvalidDeclaration};
use domain::field::Fields;
use domain::ids::ProjectId;
use serde::Deserialize;
use serde_json::Value;
use store::administration::declared_name::{
    DeclareRejection, MAX_NAMES, RemoveRejection, declare_names, remove_names,
};
use store::declared_names;
use store::pool::transaction;
use utoipa::IntoParams;
use web::error::ApiError;
use web::extract::JsonBody;
use web::state::AppState;

use super::caller::{self, Caller};

/// Which name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NameQuery {
    /// An event type with its provider: `acme:license.sold`.
    event_type: Option<String>,
    /// Or an effect.
    effect_type: Option<String>,
}

/// The names that a project declares.
#[utoipa::path(get, path = "/api/v1/projects/{project_id}/declared-names", operation_id = "list_declared_names", tag = "projects",
    params(("project_id" = String, Path)),
    responses((status = 200, description = "The declared names.", body = DeclaredNames)))]
pub async fn list_declared(
    State(state): State<AppState>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Json<DeclaredNames>, ApiError> {
    let project = caller::project(&state, &id).await?;
    load(&state, project.id).await
}

/// Declares names. What is known already stays as it is. Needs the role admin.
#[utoipa::path(post, path = "/api/v1/projects/{project_id}/declared-names", operation_id = "declare_names", tag = "projects",
    request_body = DeclareRequest, params(("project_id" = String, Path)),
    responses((status = 200, description = "The declared names as they are now.", body = DeclaredNames)))]
pub async fn declare(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<DeclaredNames>, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let body = body.read().await?;
    let mut fields = caller::fields(&body, &["event_types", "effect_types"]);
    let mut names = read(&mut fields, "event_types", Declaration::event_type);
    names.extend(read(&mut fields, "effect_types", Declaration::effect_type));
    if names.len() > MAX_NAMES {
        fields.reject("event_types", too_many());
    }
    let names = caller::checked(fields, Some(names))?.unwrap_or_default();
    let declared = transaction(&state.pool, async |tx| {
        declare_names(tx, &caller.actor(), project.id, &names).await
    });
    if let Err(error) = declared.await {
        return Err(match error.rejection()? {
            DeclareRejection::TooMany => caller::field_error("event_types", &too_many()),
            DeclareRejection::NoProject => caller::no_project(),
        });
    }
    load(&state, project.id).await
}

/// Removes a declared name that nothing uses. One that an event has is 422 and stays. Needs the
/// role admin.
#[utoipa::path(delete, path = "/api/v1/projects/{project_id}/declared-names", operation_id = "remove_declared_name", tag = "projects",
    params(("project_id" = String, Path), NameQuery),
    responses((status = 204, description = "The name is removed.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(wanted): Query<NameQuery>,
) -> Result<StatusCode, ApiError> {
    caller.must_administer()?;
    let project = caller::project(&state, &id).await?;
    let (field, name) = wanted.read()?;
    let removed = transaction(&state.pool, async |tx| {
        remove_names(tx, &caller.actor(), project.id, &[name]).await
    });
    if let Err(error) = removed.await {
        return Err(match error.rejection()? {
            rejection @ RemoveRejection::InUse(_) => caller::field_error(field, &rejection),
            rejection @ RemoveRejection::NotDeclared(_) => {
                ApiError::not_found(rejection.to_string())
            }
        });
    }
    Ok(StatusCode::NO_CONTENT)
}

impl NameQuery {
    /// The name, and the parameter that names it.
    fn read(self) -> Result<(&'static str, Declaration), ApiError> {
        let (field, read) = match (self.event_type, self.effect_type) {
            (Some(text), None) => ("event_type", Declaration::event_type(&text)),
            (None, Some(text)) => ("effect_type", Declaration::effect_type(&text)),
            _ => {
                return Err(caller::field_error(
                    "event_type",
                    &"give either event_type or effect_type",
                ));
            }
        };
        Ok((field, read.map_err(|why| caller::field_error(field, &why))?))
    }
}

fn too_many() -> String {
    format!("would be too many: a project may declare {MAX_NAMES} names")
}

async fn load(state: &AppState, project_id: ProjectId) -> Result<Json<DeclaredNames>, ApiError> {
    let catalogue = declared_names::load_catalogue(&state.pool, project_id).await?;
    let (event_types, effect_types) = catalogue.declared_texts();
    Ok(Json(DeclaredNames { event_types, effect_types }))
}

/// A list of names; each that is none is named.
fn read(
    fields: &mut Fields<'_>,
    field: &str,
    parse: fn(&str) -> Result<Declaration, InvalidDeclaration>,
) -> Vec<Declaration> {
    let Some(value) = fields.value(field) else { return Vec::new() };
    let texts = value.as_array().and_then(|list| {
        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
        texts
    });
    let Some(texts) = texts else {
        fields.reject(field, "must be a list of strings");
        return Vec::new();
    };
    let mut names = Vec::new();
    for (number, text) in texts.into_iter().enumerate() {
        match parse(text) {
            Ok(name) => names.push(name),
            Err(why) => fields.reject(&format!("{field}[{number}]"), why.to_string()),
        }
    }
    names
}
