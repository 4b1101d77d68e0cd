//! The client files that an app takes along, with the address of this installation.

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use web::error::ApiError;

use crate::state::ConsoleState;

/// What the files say where an installation's address belongs.
pub(super) const SOMEWHERE: &str = "https://sendpromptly.example.com";

const FILES: [(&str, &str); 4] = [
    ("sendpromptly.mjs", include_str!("../../../clients/node/sendpromptly.mjs")),
    ("SendPromptly.php", include_str!("../../../clients/php/SendPromptly.php")),
    ("sendpromptly.py", include_str!("../../../clients/python/sendpromptly.py")),
    ("sendpromptly.rb", include_str!("../../../clients/ruby/sendpromptly.rb")),
];

/// `GET /clients/{file}`.
///
/// # Errors
/// `not_found` for every other name.
pub(super) async fn get(
    State(state): State<ConsoleState>,
    Path(file): Path<String>,
) -> Result<Response, ApiError> {
    let found = FILES.iter().find(|(name, _)| *name == file);
    let (name, text) = found.ok_or_else(|| ApiError::not_found("there is no such client file"))?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, text.replace(SOMEWHERE, &state.public_url)).into_response())
}
