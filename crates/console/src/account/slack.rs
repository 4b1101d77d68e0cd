//! Who the operator is in Slack: by that id the buttons of messages there act as them, with their role.
//!
//! Who enters another's id lets that person act in their own name, and with their own role alone; the audit has
//! it. An id is one operator's at most.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::destination::SlackUserId;
use serde::Deserialize;
use store::administration::operator::{SlackUserChange, change_slack_user};
use store::operators;
use store::pool::transaction;
use web::error::ApiError;

use super::Forms;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// The field, as it was typed or as it is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackUser {
    pub(super) slack_user: String,
    #[serde(skip)]
    pub(super) problem: Option<String>,
}

pub(super) async fn load(
    state: &ConsoleState,
    signed_in: &SignedIn,
) -> Result<SlackUser, ApiError> {
    let you = operators::find_operator(&state.pool, signed_in.session.operator_id).await?;
    let kept = you.and_then(|you| you.slack_user_id);
    Ok(SlackUser { slack_user: kept.unwrap_or_default(), problem: None })
}

/// `POST /account/slack`. A blank field is no one in Slack.
pub(super) async fn change(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(typed): Form<SlackUser>,
) -> Result<Response, ApiError> {
    let text = Some(typed.slack_user.trim()).filter(|text| !text.is_empty());
    let user = match text.map(SlackUserId::parse).transpose() {
        Ok(user) => user,
        Err(why) => {
            let problem = format!("Your member ID {why}.");
            return reject(&state, &signed_in, typed, problem).await;
        }
    };
    let (actor, id) = (signed_in.actor(), signed_in.session.operator_id);
    let changed =
        transaction(&state.pool, async |tx| change_slack_user(tx, &actor, id, user.as_ref()).await);
    let done = match (changed.await?, &user) {
        (SlackUserChange::Done, Some(user)) => {
            format!("You are {} in Slack: its buttons act as you.", user.as_str())
        }
        (SlackUserChange::Done, None) => "You are nobody in Slack any more.".to_owned(),
        (SlackUserChange::Taken, _) => {
            let problem = "This member ID is another operator's.".to_owned();
            return reject(&state, &signed_in, typed, problem).await;
        }
        (SlackUserChange::Unknown, _) => {
            return Err(ApiError::not_found("you were removed in the meantime"));
        }
    };
    signed_in.lead_to(&state, "/account", &Message::done(done)).await
}

/// The page again, with what was typed and what is wrong with it.
async fn reject(
    state: &ConsoleState,
    signed_in: &SignedIn,
    typed: SlackUser,
    problem: String,
) -> Result<Response, ApiError> {
    let slack = Some(SlackUser { problem: Some(problem), ..typed });
    let forms = Forms { slack, ..Forms::default() };
    super::show(state, signed_in, StatusCode::UNPROCESSABLE_ENTITY, forms).await
}
