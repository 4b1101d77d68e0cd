//! Who sees to an incident: taking it, taking it over, giving it to a colleague, giving it back.
//!
//! What is pressed is judged under the incident's lock, so that of two people who press concurrently the second learns who
//! was faster. The forms say who owned it when the page was opened: it is taken over from no one else.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::ids::OperatorId;
use serde::Deserialize;
use store::owners::{self, Assignment, TakeOver};
use store::pool::transaction;
use store::{PgPool, StoreError, operators};
use web::error::ApiError;

use super::actions::back;
use super::details::find;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// Who owns an incident, and to whom it can be given.
#[derive(Debug)]
pub(super) struct Ownership {
    pub(super) owner: Option<String>,
    pub(super) is_mine: bool,
    /// Ids and addresses of those who may act.
    pub(super) colleagues: Vec<(String, String)>,
}

impl Ownership {
    pub(super) async fn load(
        pool: &PgPool,
        owner: Option<&str>,
        signed_in: &SignedIn,
    ) -> Result<Self, StoreError> {
        let all = operators::list_operators(pool).await?.into_iter();
        let others = all.filter(|one| one.role.may_act() && Some(one.email.as_str()) != owner);
        let others = others.filter(|one| one.id != signed_in.session.operator_id);
        Ok(Self {
            owner: owner.map(one_line),
            is_mine: owner == Some(signed_in.session.email.as_str()),
            colleagues: others.map(|one| (one.id.to_string(), one_line(&one.email))).collect(),
        })
    }
}

/// Who owned it on the page, where somebody did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TakeForm {
    from: String,
}

/// `POST /incidents/{incident_id}/take`.
pub(super) async fn take(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<TakeForm>,
) -> Result<Response, ApiError> {
    let me = signed_in.session.operator_id;
    give(&state, &signed_in, &id, me, &form.from, "It is yours now.").await
}

/// Who shall own it, and who did on the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AssignForm {
    to: String,
    from: String,
}

/// `POST /incidents/{incident_id}/assign`.
pub(super) async fn assign(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<AssignForm>,
) -> Result<Response, ApiError> {
    let to: OperatorId =
        form.to.parse().map_err(|_| ApiError::not_found("There is no such operator."))?;
    give(&state, &signed_in, &id, to, &form.from, "It is assigned.").await
}

/// `POST /incidents/{incident_id}/release`.
pub(super) async fn release(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let incident = find(&state, &id).await?;
    let (me, actor) = (signed_in.session.operator_id, signed_in.actor());
    let released =
        transaction(&state.pool, async |tx| owners::release_own(tx, incident.id, me, &actor).await);
    let message = Message::from_change(released.await, "Given back. Nobody owns it now.")?;
    back(&state, &signed_in, &incident, &message).await
}

async fn give(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
    to: OperatorId,
    from: &str,
    said: &str,
) -> Result<Response, ApiError> {
    let incident = find(state, id).await?;
    let take_over = if from.is_empty() { TakeOver::Never } else { TakeOver::From(from) };
    let actor = signed_in.actor();
    let assignment = Assignment { incident_id: incident.id, to, take_over, actor: &actor };
    let assigned = transaction(&state.pool, async |tx| owners::assign(tx, assignment).await).await;
    let message = Message::from_change(assigned, said)?;
    back(state, signed_in, &incident, &message).await
}
