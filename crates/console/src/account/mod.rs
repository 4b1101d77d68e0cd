//! The operator's own matters: who they are, their password, their browsers and their tokens.
//!
//! Every role has this page, and no operator sees another's. What could keep another person signed
//! in ends immediately and in one transaction: a new password ends every other session, signing out
//! everywhere ends them all, and a revoked token is rejected from the next request on.

mod browser;
mod password;
mod sessions;
mod slack;
mod tokens;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::operator::Role;
use time::OffsetDateTime;
use web::error::ApiError;

use self::password::PasswordErrors;
use self::sessions::SessionItem;
use self::slack::SlackUser;
use self::tokens::{NewToken, TokenItem};
use super::access::{Access, Pages};
use super::layout::{Layout, Section};
use super::page::page_with;
use super::session::SignedIn;
use crate::password::MIN_CHARACTERS;
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages
        .get("/account", Access::Viewer, get)
        .post("/account/password", Access::Viewer, password::change)
        .post("/account/slack", Access::Viewer, slack::change)
        .post("/account/sessions/end", Access::Viewer, sessions::end)
        .post("/account/tokens", Access::Viewer, tokens::create)
        .post("/account/tokens/{token_id}/revoke", Access::Viewer, tokens::revoke)
}

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage {
    layout: Layout,
    email: String,
    role: Role,
    may: &'static str,
    min_characters: usize,
    password_hint: String,
    sessions: Vec<SessionItem>,
    tokens: Vec<TokenItem>,
    revoked: Vec<TokenItem>,
    errors: PasswordErrors,
    new_token: NewToken,
    slack: SlackUser,
}

async fn get(State(state): State<ConsoleState>, signed_in: SignedIn) -> Result<Response, ApiError> {
    show(&state, &signed_in, StatusCode::OK, Forms::default()).await
}

/// The content of the forms of the page, and what was wrong about it.
#[derive(Default)]
struct Forms {
    errors: PasswordErrors,
    new_token: NewToken,
    /// None for what is kept.
    slack: Option<SlackUser>,
}

/// The page, with its forms.
async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    status: StatusCode,
    Forms { errors, new_token, slack }: Forms,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let (tokens, revoked) = tokens::list(state, signed_in, now).await?;
    let sessions = sessions::list(state, signed_in, now).await?;
    let slack = match slack {
        Some(typed) => typed,
        None => slack::load(state, signed_in).await?,
    };
    let page = AccountPage {
        layout: Layout::load(state, signed_in, Section::Account, "Account").await?,
        email: signed_in.session.email.clone(),
        role: signed_in.session.role,
        may: may(signed_in.session.role),
        min_characters: MIN_CHARACTERS,
        password_hint: format!(
            "At least {MIN_CHARACTERS} characters. A few words in a row are easy to remember and hard to guess."
        ),
        sessions,
        tokens,
        revoked,
        errors,
        new_token,
        slack,
    };
    page_with(status, &page)
}

/// What a role may do.
pub(super) const fn may(role: Role) -> &'static str {
    match role {
        Role::Admin => {
            "An admin changes projects, keys and who may sign in, and works on incidents."
        }
        Role::Operator => {
            "An operator works on incidents; projects and keys are changed by an admin."
        }
        Role::Viewer => "A viewer looks at everything and changes nothing.",
    }
}
