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
use store::operators::Login;
use store::pool::transaction;
use time::OffsetDateTime;
use web::error::ApiError;
use web::random;

use super::Forms;
use crate::login::{self, SignInError, SignInRejection};
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;
use crate::when::When;

/// A token as its owner sees it.
#[derive(Debug)]
pub struct TokenItem {
    pub id: TokenId,
    pub label: String,
    pub last_four: String,
    pub created: When,
    pub used: Option<When>,
    pub revoked: Option<When>,
}

impl TokenItem {
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
#[derive(Default, Deserialize)]
pub struct NewToken {
    #[serde(default)]
    pub label: String,
    /// Asked for again, because a token outlives the session; never shown.
    #[serde(default)]
    password: String,
    #[serde(skip)]
    pub problem: Option<String>,
    #[serde(skip)]
    pub password_problem: Option<String>,
}

impl NewToken {
    /// Notes why the password was not accepted; gives the response's status.
    fn reject(&mut self, rejection: SignInRejection) -> StatusCode {
        let (status, why) = super::password::describe(rejection);
        self.password_problem = Some(why);
        status
    }
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewToken({:?})", self.label)
    }
}

/// The viewer's tokens: those that open, and those that do not any more.
pub(super) async fn list(
    state: &ConsoleState,
    signed_in: &SignedIn,
    now: OffsetDateTime,
) -> Result<(Vec<TokenItem>, Vec<TokenItem>), ApiError> {
    let tokens = list_tokens(&state.pool, signed_in.session.operator_id).await?;
    let rows = tokens.into_iter().map(|token| TokenItem::new(token, now));
    Ok(rows.partition(|token| token.revoked.is_none()))
}

/// `POST /account/tokens`.
pub(super) async fn create(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(mut values): Form<NewToken>,
) -> Result<Response, ApiError> {
    let token = random::operator_token().map_err(ApiError::internal)?;
    let rejected = match check(&state, &signed_in, &mut values).await? {
        Ok(login) => {
            let (actor, label) = (signed_in.actor(), values.label.trim());
            let made = transaction(&state.pool, async |tx| {
                create_token(tx, &actor, &login, label, &token).await
            });
            // Of a password that was changed since it was checked.
            made.await?.is_none().then(|| values.reject(SignInRejection::Wrong))
        }
        Err(status) => Some(status),
    };
    values.password.clear();
    if let Some(status) = rejected {
        let forms = Forms { new_token: values, ..Forms::default() };
        return super::show(&state, &signed_in, status, forms).await;
    }
    let label = values.label.trim();
    let made = Message::done(format!("Token “{label}” opens the API in your name."));
    signed_in.lead_to(&state, "/account", &made.with_secret("the token", token.reveal())).await
}

/// Whose password it is. What is wrong is noted; what needs no password is judged first, and costs no attempt.
async fn check(
    state: &ConsoleState,
    signed_in: &SignedIn,
    values: &mut NewToken,
) -> Result<Result<Login, StatusCode>, ApiError> {
    values.problem = check_label(&values.label).err().map(|why| format!("A label {why}."));
    if values.password.is_empty() {
        values.password_problem = Some("Your password is needed.".to_owned());
    }
    if values.problem.is_some() || values.password_problem.is_some() {
        return Ok(Err(StatusCode::UNPROCESSABLE_ENTITY));
    }
    match login::confirm(state, signed_in, &values.password).await {
        Ok(login) => Ok(Ok(login)),
        Err(SignInError::Failed(error)) => Err(error),
        Err(SignInError::Rejected(rejection)) => Ok(Err(values.reject(rejection))),
    }
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
    let text = if revoked.await? {
        "The token is revoked. Requests with it are now rejected."
    } else {
        // Of a second press, or a page that stood open.
        let tokens = list_tokens(&state.pool, owner).await?;
        tokens.iter().find(|token| token.id == id).ok_or_else(unknown)?;
        "Nothing was changed: this token was revoked already."
    };
    signed_in.lead_to(&state, "/account", &Message::done(text)).await
}
