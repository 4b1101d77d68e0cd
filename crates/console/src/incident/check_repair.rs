//! The button that checks the repair endpoint: probes as `doctor` sends them, of which none asks for any work.
//!
//! Nothing is changed. A browser that leaves in the meantime misses what was found, and the endpoint has got its probes.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use web::error::ApiError;
use web::repair_check::EndpointCheck;

use super::actions::back;
use super::details::find;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// How long a page waits for an endpoint that does not answer.
const TIMEOUT: Duration = Duration::from_secs(50);

/// `POST /incidents/{incident_id}/check-repair`.
///
/// # Errors
/// `not_found`. An endpoint that fails is no error here.
pub(super) async fn submit(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    let checking = (state.console.check_repair)(incident.project_id);
    let message = if let Ok(checks) = tokio::time::timeout(TIMEOUT, checking).await {
        describe(&checks.map_err(ApiError::internal)?)
    } else {
        let seconds = TIMEOUT.as_secs();
        Message::rejected(format!("The repair endpoint gave no answer within {seconds} s."))
    };
    back(&state, &signed_in, &incident, &message).await
}

/// What failed, or else all that was found.
fn describe(checks: &[EndpointCheck]) -> Message {
    let texts = |failed: bool| {
        let found = checks.iter().filter(|check| check.failed == failed);
        found.map(|check| one_line(&check.text)).collect::<Vec<_>>().join("; ")
    };
    if checks.iter().any(|check| check.failed) {
        return Message::rejected(format!(
            "The repair endpoint does not work yet: {}.",
            texts(true)
        ));
    }
    Message::done(format!("The repair endpoint was checked: {}.", texts(false)))
}
