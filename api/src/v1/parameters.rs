//! Which parameters a query may have: those that the document names of the operation.
//!
//! A mistyped one would narrow nothing, and the response would look as if it had. It is rejected as an unknown field of a
//! body is, for whoever has a token.

use std::collections::BTreeSet;

use axum::extract::{MatchedPath, Query};
use axum::http::Method;
use axum::http::request::Parts;
use domain::alert::one_line;
use domain::field::FieldError;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::ParameterIn;
use web::error::ApiError;

use super::caller::MAX_NAME;
use super::reference::document;

/// How many unknown names are named.
const MAX_NAMED: usize = 20;

/// Lets those queries through whose every name is known. One that cannot be read is left to the handler.
///
/// # Errors
/// `validation_error` with every name that is not, and those that are.
pub(super) fn reject_unknown(parts: &Parts) -> Result<(), ApiError> {
    if parts.uri.query().is_none_or(str::is_empty) {
        return Ok(());
    }
    let Some(known) = find_known(parts) else { return Ok(()) };
    let Ok(Query(said)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) else {
        return Ok(());
    };
    let names: BTreeSet<String> = said.into_iter().map(|(name, _)| name).collect();
    let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
    let unknown: Vec<_> = unknown.take(MAX_NAMED).map(|name| error(name, &known)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(ApiError::ValidationError(unknown)) }
}

/// The names of the operation that the request is of; `None` if the document has no such operation.
fn find_known(parts: &Parts) -> Option<Vec<&'static str>> {
    let path = parts.extensions.get::<MatchedPath>()?;
    let item = document().paths.paths.get(path.as_str())?;
    let operation = match parts.method {
        Method::GET | Method::HEAD => item.get.as_ref(),
        Method::POST => item.post.as_ref(),
        Method::PUT => item.put.as_ref(),
        Method::PATCH => item.patch.as_ref(),
        Method::DELETE => item.delete.as_ref(),
        _ => None,
    }?;
    let parameters = operation.parameters.iter().flatten();
    let names = parameters.filter_map(|one| match one {
        RefOr::T(one) if one.parameter_in == ParameterIn::Query => Some(one.name.as_str()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    Some(names.collect())
}

fn error(name: &str, known: &[&str]) -> FieldError {
    let name: String = one_line(name).chars().take(MAX_NAME).collect();
    let cure = match known {
        [] => "this takes no parameters".to_owned(),
        known => format!("use {}", known.join(", ")),
    };
    FieldError::new(name, format!("is not known here: {cure}"))
}
