//! A new password. The current one is asked for again, because a browser that was left open knows
//! everything else; what was typed into a password field is never shown again, right or wrong.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use store::StoreError;
use store::administration::operator::change_password;

use super::tokens::NewToken;
use crate::auth::login::{self, Refused};
use crate::auth::password::PasswordError;
use crate::console::page::go_to;
use crate::console::session::{Message, SignedIn};
use crate::error::ApiError;
use crate::state::AppState;

/// What is wrong with each field.
#[derive(Debug, Default)]
pub struct Mistakes {
    pub current: Option<&'static str>,
    pub new: Option<String>,
    pub again: Option<&'static str>,
}

impl Mistakes {
    fn any(&self) -> bool {
        self.current.is_some() || self.new.is_some() || self.again.is_some()
    }
}

/// What was typed.
#[derive(Deserialize)]
pub struct Passwords {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

/// `POST /account/password`.
pub(super) async fn change(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Form(typed): Form<Passwords>,
) -> Result<Response, ApiError> {
    let hash = match check(&state, &signed_in, &typed).await? {
        Ok(hash) => hash,
        Err((status, mistakes)) => {
            return super::show(&state, &signed_in, status, mistakes, NewToken::default()).await;
        }
    };
    let session = &signed_in.session;
    let mut tx = state.pool.begin().await.map_err(StoreError::from)?;
    let (actor, keep) = (signed_in.actor(), Some(session.id));
    let changed = change_password(&mut tx, &actor, session.operator_id, &hash, keep).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let ended = changed.ok_or_else(|| ApiError::not_found("you were removed meanwhile"))?;
    let others = match ended {
        0 => "You were signed in nowhere else.".to_owned(),
        1 => "The other browser was signed out.".to_owned(),
        more => format!("{more} other browsers were signed out."),
    };
    signed_in.leave(&state, &Message::done(format!("The new password holds. {others}"))).await?;
    Ok(go_to("/account"))
}

/// What is stored of the new password, or what is wrong. The new one is judged first: that costs no
/// try at the current one.
async fn check(
    state: &AppState,
    signed_in: &SignedIn,
    typed: &Passwords,
) -> Result<Result<String, (StatusCode, Mistakes)>, ApiError> {
    let hashed = state.console.passwords.hash(typed.new.clone()).await;
    if matches!(hashed, Err(PasswordError::Busy)) {
        return Err(login::unread(PasswordError::Busy));
    }
    let mut mistakes = Mistakes {
        current: typed.current.is_empty().then_some("Your current password is needed."),
        new: hashed.as_ref().err().map(explain),
        again: (typed.new != typed.again).then_some("This is not the same as the one above."),
    };
    if mistakes.any() {
        return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, mistakes)));
    }
    let confirmed = login::confirm(state, &signed_in.session.email, &typed.current).await?;
    let status = match confirmed {
        Ok(()) if typed.new == typed.current => {
            mistakes.new = Some("This is the password that you have.".to_owned());
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Ok(()) => return Ok(hashed.map_err(|_| (StatusCode::UNPROCESSABLE_ENTITY, mistakes))),
        Err(Refused::Wrong) => {
            mistakes.current = Some("This is not your current password.");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Refused::Locked) => {
            mistakes.current = Some("Too many wrong tries. Try again in 15 minutes.");
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    Ok(Err((status, mistakes)))
}

fn explain(why: &PasswordError) -> String {
    let text = why.to_string();
    format!("{}{}.", text[..1].to_uppercase(), &text[1..])
}
