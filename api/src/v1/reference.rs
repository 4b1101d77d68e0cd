//! The description of the automation API: for programs at `/api/openapi.json`, for people at
//! `/api/reference`.
//!
//! Both are made of the same document, which is made of the routes and types that answer.

use std::sync::LazyLock;

use axum::Json;
use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, ToSchema};

use super::refusals;

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
    let mut document = super::automation().into_openapi();
    speak_of_http(&mut document);
    refusals::declare(&mut document);
    document
});

/// Takes out what the handlers' comments say to readers of the code.
fn speak_of_http(document: &mut OpenApi) {
    for path in document.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.post, &mut path.patch, &mut path.delete];
        for operation in methods.into_iter().flatten() {
            let said = operation.description.take().unwrap_or_default();
            let said = said.split("# Errors").next().unwrap_or_default().trim();
            operation.description = (!said.is_empty()).then(|| said.to_owned());
        }
    }
}

/// The document.
#[must_use]
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

/// `GET /api/openapi.json`. Needs no token: it says what anybody can read in the source.
pub async fn openapi() -> Json<&'static OpenApi> {
    Json(document())
}

/// Every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// One of the codes of docs/api.md.
    #[schema(example = "validation_error")]
    code: String,
    message: String,
    /// Each bad field, for `validation_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<BadField>>,
    request_id: String,
}

/// A field and what is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
struct BadField {
    field: String,
    message: String,
}

/// Adds the token to the document.
pub(super) struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An operator token, op_…, made in the console under your account."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("operator_token", SecurityScheme::Http(scheme));
    }
}
