//! `POST /slack/actions`: what Slack sends when somebody presses a button of a message.
//!
//! The address is public and has no session. What the body says is only asked which destination it is about; it counts
//! once Slack's signature over its bytes verifies with that destination's secret, and then for incidents and causes of that
//! destination's project alone. It acts as the operator whom the person in Slack is known as, with the role that they
//! have at that moment, and is noted as theirs, *through Slack*.
//!
//! Whoever sends what is not signed so is turned away for a while, by address, before a secret is looked for
//! ([`web::foreign_requests`]); and few are read at the same time, so that bodies that nobody has signed do not fill the memory.
//!
//! Slack waits three seconds for the status, which comes when all is committed; what came of it is told the person
//! afterwards, by the `response_url`, and whoever hears nothing sees the incident's message edited. A process that dies
//! before its commit has changed nothing, and one that dies after it did what the same press does not do again
//! ([`store::slack_presses`]).

mod press;
mod words;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode};
use domain::audit::Actor;
use domain::destination::ForeignRequest;
use domain::ids::{CauseId, IncidentId};
use domain::slack_action::{SlackCauseOrder, SlackOrder};
use serde_json::json;
use store::destinations::{self, SavedTarget, Target};
use store::slack_presses::{self, CauseOfProject, PressOutcome, SlackPress};
use store::{StoreError, incidents, operators};
use web::client;
use web::error::ApiError;
use web::extract::{BodyLimits, read_body};
use web::state::AppState;

use self::press::{Asks, Press};

/// Does what a button asks for.
pub async fn act(
    State(state): State<AppState>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let from = client::noted_address(&extensions);
    state.foreign.check(from)?;
    let place = state.foreign.place().await?;
    let body = read_body(body, BodyLimits::default()).await?;
    let foreign = |why: ForeignRequest| {
        state.foreign.count(from);
        ApiError::ForeignRequest { message: why.to_string() }
    };
    let press = Press::read(&body).ok_or(ForeignRequest::Signature).map_err(foreign)?;
    let destination = verify(&state, &headers, &body, &press).await?.map_err(foreign)?;
    drop((place, body));
    let answer = perform(&state, &destination, &press).await?;
    if let (Some(text), Some(url)) = (answer, press.response_url) {
        let message =
            json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
        state.detached.spawn((state.answer_slack)(url, message));
    }
    Ok(StatusCode::OK)
}

/// The destination that a press is about, if it was Slack that sent it. What is unknown or removed is answered as a wrong
/// signature is.
async fn verify(
    state: &AppState,
    headers: &HeaderMap,
    body: &[u8],
    press: &Press,
) -> Result<Result<SavedTarget, ForeignRequest>, StoreError> {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut db = state.pool.acquire().await?;
    let saved = destinations::find_target(&mut db, &state.master_key, press.destination_id).await?;
    let Some(saved) = saved else { return Ok(Err(ForeignRequest::Signature)) };
    let Target::SlackApp { app, .. } = &saved.target else {
        return Ok(Err(ForeignRequest::Signature));
    };
    let (timestamp, signature) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
    let verified = app.secret.verify(timestamp, signature, body, saved.at);
    Ok(verified.map(|()| saved))
}

/// Does it, and gives what the person is told; nothing where Slack only says that a button was pressed which opens a page,
/// or is none of ours.
async fn perform(
    state: &AppState,
    destination: &SavedTarget,
    press: &Press,
) -> Result<Option<String>, StoreError> {
    if press.asks == Asks::Nothing {
        return Ok(None);
    }
    let operator = operators::find_slack_user(&state.pool, &press.user).await?;
    let Some(operator) = operator else {
        return Ok(Some(words::unknown(&state.public_url, &press.user)));
    };
    if !operator.role.may_act() {
        return Ok(Some(words::viewer(&state.public_url, &operator.email)));
    }
    let said = match press.asks {
        Asks::Incident(order, Some(id)) => {
            act_on_incident(state, destination, press, order, id, &operator.email).await?
        }
        Asks::Cause(order, Some(id)) => {
            act_on_cause(state, destination, press, order, id, &operator.email).await?
        }
        Asks::Incident(_, None) | Asks::Cause(_, None) | Asks::Nothing => words::gone(),
    };
    Ok(Some(said))
}

async fn act_on_incident(
    state: &AppState,
    destination: &SavedTarget,
    press: &Press,
    order: SlackOrder,
    id: IncidentId,
    email: &str,
) -> Result<String, StoreError> {
    let incident = incidents::find_incident(&state.pool, id).await?;
    let incident = incident.filter(|incident| incident.project_id == destination.project_id);
    let Some(incident) = incident else { return Ok(words::gone()) };
    let (actor, once) = (Actor::Operator(email.to_owned()), once(destination, press));
    Ok(match slack_presses::act(&state.pool, once, order, &incident, &actor).await? {
        PressOutcome::Done(_) | PressOutcome::Repeated => {
            state.relay.wake();
            words::done(order, email)
        }
        PressOutcome::Rejected(why) => words::rejected(&why),
    })
}

async fn act_on_cause(
    state: &AppState,
    destination: &SavedTarget,
    press: &Press,
    order: SlackCauseOrder,
    cause_id: CauseId,
    email: &str,
) -> Result<String, StoreError> {
    let of = CauseOfProject { project_id: destination.project_id, cause_id };
    let (actor, once) = (Actor::Operator(email.to_owned()), once(destination, press));
    let changed = match slack_presses::act_on_cause(&state.pool, once, order, of, &actor).await? {
        PressOutcome::Done(changed) => Some(changed),
        PressOutcome::Repeated => None,
        PressOutcome::Rejected(why) => return Ok(words::rejected(&why)),
    };
    state.relay.wake();
    Ok(words::done_for_cause(&state.public_url, order, changed, email))
}

fn once<'a>(destination: &SavedTarget, press: &'a Press) -> SlackPress<'a> {
    SlackPress { destination_id: destination.id, user: &press.user, pressed_at: &press.pressed_at }
}
