//! What a query of a list says.

use std::str::FromStr;

use domain::catalogue::{Catalogue, EffectType, UnknownName};
use domain::ids::ProjectId;
use serde::Deserialize;
use store::declared_names;
use store::search::Cursor;
use utoipa::IntoParams;
use web::error::ApiError;
use web::state::AppState;

use super::caller::field_error;

/// How much of a list is wanted, and from where.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The `next_cursor` of the page before; without it, the first page.
    cursor: Option<String>,
    /// Things per page, 1 to 200. Default: 50.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200)]
    limit: Option<String>,
}

impl Paging {
    /// Where the page begins.
    pub(super) fn cursor<Id: FromStr>(&self) -> Result<Option<Cursor<Id>>, ApiError> {
        cursor(self.cursor.as_deref())
    }

    /// How many things the page has.
    pub(super) fn limit(&self) -> Result<i64, ApiError> {
        limit(self.limit.as_deref(), store::search::PAGE)
    }
}

/// Where a page begins.
pub(super) fn cursor<Id: FromStr>(text: Option<&str>) -> Result<Option<Cursor<Id>>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let id = text.parse().map_err(|_| field_error("cursor", &"must be a next_cursor of this list"));
    Ok(Some(Cursor::After(id?)))
}

/// How many things a page has.
pub(super) fn limit(text: Option<&str>, usual: i64) -> Result<i64, ApiError> {
    let Some(text) = text else { return Ok(usual) };
    let limit = text.parse().ok().filter(|limit| (1..=200).contains(limit));
    limit.ok_or_else(|| field_error("limit", &"must be a whole number from 1 to 200"))
}

/// A choice in a query, with the allowed values named in the rejection.
pub(super) fn choice<T>(name: &str, text: Option<&str>) -> Result<Option<T>, ApiError>
where
    T: FromStr<Err = domain::text_enum::UnknownText>,
{
    text.map(str::parse)
        .transpose()
        .map_err(|error: domain::text_enum::UnknownText| field_error(name, &error))
}

/// The event type and the effect type of a query, by what the project knows.
pub(super) async fn types(
    state: &AppState,
    project_id: ProjectId,
    event_type: Option<&str>,
    effect_type: Option<&str>,
) -> Result<(Option<String>, Option<EffectType>), ApiError> {
    let catalogue = declared_names::load_catalogue(&state.pool, project_id).await?;
    types_in(&catalogue, event_type, effect_type)
}

/// The same, by what any project knows.
pub(super) async fn types_of_all(
    state: &AppState,
    event_type: Option<&str>,
    effect_type: Option<&str>,
) -> Result<(Option<String>, Option<EffectType>), ApiError> {
    let catalogue = Catalogue::from_all(declared_names::list_all(&state.pool).await?);
    types_in(&catalogue, event_type, effect_type)
}

fn types_in(
    catalogue: &Catalogue,
    event_type: Option<&str>,
    effect_type: Option<&str>,
) -> Result<(Option<String>, Option<EffectType>), ApiError> {
    let event_type = named("event_type", event_type, |text| catalogue.event_type(None, text))?;
    let effect_type = named("effect_type", effect_type, |text| catalogue.effect_type(text))?;
    Ok((event_type, effect_type))
}

/// A name in a query, with those of the catalogue that it resembles named in the rejection.
fn named<T>(
    name: &str,
    text: Option<&str>,
    find: impl FnOnce(&str) -> Result<T, UnknownName>,
) -> Result<Option<T>, ApiError> {
    text.map(find).transpose().map_err(|error| field_error(name, &error))
}
