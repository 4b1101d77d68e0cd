//! Where an operator is signed in, and signing out there.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use store::administration::session::sign_out_everywhere;
use store::pool::transaction;
use store::sessions::list_sessions;
use time::OffsetDateTime;
use web::error::ApiError;

use super::browser::browser_name;
use crate::session::{Message, SignedIn};
use crate::sign_in::farewell;
use crate::state::ConsoleState;
use crate::when::When;

#[derive(Debug)]
pub struct SessionItem {
    pub browser: String,
    /// What it called itself, in full.
    pub user_agent: Option<String>,
    pub created: When,
    pub used: When,
    /// Whether it is the viewer's.
    pub here: bool,
}

/// Which sessions are ended.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Which {
    Others,
    All,
}

/// What was pressed.
#[derive(Debug, Deserialize)]
pub struct EndSessionsForm {
    which: Which,
}

/// The viewer's sessions, last used first.
pub(super) async fn list(
    state: &ConsoleState,
    signed_in: &SignedIn,
    now: OffsetDateTime,
) -> Result<Vec<SessionItem>, ApiError> {
    let sessions = list_sessions(&state.pool, signed_in.session.operator_id).await?;
    let rows = sessions.into_iter().map(|session| SessionItem {
        browser: browser_name(session.user_agent.as_deref()),
        created: When::ago(session.created_at, now),
        used: When::ago(session.last_seen_at, now),
        here: session.id == signed_in.session.id,
        user_agent: session.user_agent,
    });
    Ok(rows.collect())
}

/// `POST /account/sessions/end`.
pub(super) async fn end(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(pressed): Form<EndSessionsForm>,
) -> Result<Response, ApiError> {
    let session = &signed_in.session;
    let keep = (pressed.which == Which::Others).then_some(session.id);
    let ended = transaction(&state.pool, async |tx| {
        sign_out_everywhere(tx, &signed_in.actor(), session.operator_id, keep).await
    });
    let ended = ended.await?;
    if pressed.which == Which::All {
        return Ok(farewell());
    }
    signed_in.lead_to(&state, "/account", &Message::done(describe_ended(ended))).await
}

/// What became of the other browsers.
pub(super) fn describe_ended(ended: u64) -> String {
    match ended {
        0 => "You were signed in nowhere else.".to_owned(),
        1 => "The other browser was signed out.".to_owned(),
        more => format!("{more} other browsers were signed out."),
    }
}
