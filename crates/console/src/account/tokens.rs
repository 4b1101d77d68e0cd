//! An operator's own tokens, for scripts: they may what their owner may, and end with them.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::identifier::check_label;
use domain::ids::TokenId;
use serde::Deserialize;
use store::administration::token::{create_token, revoke_token};
use store::operator_tokens;
use store::operator_tokens::list_tokens;
use store::pool::transaction;
use time::OffsetDateTime;
use web::error::ApiError;
use web::random;

use super::Forms;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

/// A token as its owner sees it.
#[derive(Debug)]
pub struct TokenRow {
    pub id: TokenId,
    pub label: String,
    pub last_four: String,
    pub created: When,
    pub used: Option<When>,
    pub revoked: Option<When>,
}

impl TokenRow {
    fn new(token: operator_tokens::TokenRow, now: OffsetDateTime) -> Self {
        Self {
            id: token.id,
            label: token.label,
            last_four: token.last_four,
            created: When::ago(token.created_at, now),
            used: token.last_used_at.map(|at| When::ago(at, now)),
            revoked: token.revoked_at.map(|at| When::ago(at, now)),
        }
    }
}

/// The form, with what was wrong about it.
#[derive(Debug, Default, Deserialize)]
pub struct NewToken {
    #[serde(default)]
    pub label: String,
    #[serde(skip)]
    pub problem: Option<String>,
}

/// The viewer's tokens: those that open, and those that do not any more.
pub(super) async fn list(
    state: &ConsoleState,
    signed_in: &SignedIn,
    now: OffsetDateTime,
) -> Result<(Vec<TokenRow>, Vec<TokenRow>), ApiError> {
    let tokens = list_tokens(&state.pool, signed_in.session.operator_id).await?;
    let rows = tokens.into_iter().map(|token| TokenRow::new(token, now));
    Ok(rows.partition(|token| token.revoked.is_none()))
}

/// `POST /account/tokens`.
pub(super) async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(mut values): Form<NewToken>,
) -> Result<Response, ApiError> {
    values.problem = check_label(&values.label).err().map(|why| format!("A label {why}."));
    if values.problem.is_some() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let forms = Forms { new_token: values, ..Forms::default() };
        return super::show(&state, &signed_in, status, forms).await;
    }
    let (token, label) =
        (random::operator_token().map_err(ApiError::internal)?, values.label.trim());
    let (actor, owner) = (signed_in.actor(), signed_in.session.operator_id);
    transaction(&state.pool, async |tx| create_token(tx, &actor, owner, label, &token).await)
        .await?;
    let made = Message::done(format!("Token “{label}” opens the API in your name."));
    signed_in.lead_to(&state, "/account", &made.with_secret("the token", token.reveal())).await
}

/// `POST /account/tokens/{token_id}/revoke`.
pub(super) async fn revoke(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(token_id): Path<String>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("you have no such token");
    let id: TokenId = token_id.parse().map_err(|_| unknown())?;
    let owner = signed_in.session.operator_id;
    let revoked =
        transaction(&state.pool, async |tx| revoke_token(tx, &signed_in.actor(), owner, id).await);
    if !revoked.await? {
        return Err(unknown());
    }
    signed_in
        .lead_to(
            &state,
            "/account",
            &Message::done("The token is revoked. Requests with it are now rejected."),
        )
        .await
}
