//! A new password. The current one is asked for again, because a browser that was left open knows
//! everything else; what was typed into a password field is never shown again, right or wrong.

use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use store::StoreError;
use store::administration::operator::change_password;
use store::administration::token::revoke_tokens;
use store::operators::Login;
use store::pool::transaction;
use web::error::ApiError;

use super::{Forms, sessions};
use crate::error_page::sentence;
use crate::login::{self, SignInError, SignInRejection};
use crate::password;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

/// What is wrong with each field.
#[derive(Debug, Default)]
pub struct PasswordErrors {
    pub current: Option<String>,
    pub new: Option<String>,
    pub again: Option<&'static str>,
}

impl PasswordErrors {
    fn any(&self) -> bool {
        self.current.is_some() || self.new.is_some() || self.again.is_some()
    }

    /// Notes why the current password was not accepted; gives the response's status.
    fn reject(&mut self, rejection: SignInRejection) -> StatusCode {
        let (status, why) = describe(rejection);
        self.current = Some(why);
        status
    }
}

/// Why a password of an operator who is signed in was not accepted.
pub(super) fn describe(rejection: SignInRejection) -> (StatusCode, String) {
    let why = match rejection {
        SignInRejection::Wrong => "This is not your current password.".to_owned(),
        SignInRejection::Locked { retry_after } => {
            format!("Too many wrong tries. Try again in {}.", login::in_minutes(retry_after))
        }
        SignInRejection::Busy => {
            "Too many passwords are looked at at this moment. Try again.".to_owned()
        }
    };
    (rejection.status(), why)
}

/// Why the password stays as it is.
enum PasswordChangeError {
    Rejected(StatusCode, PasswordErrors),
    Failed(ApiError),
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
    /// A checkbox: there if it is ticked.
    revoke_tokens: Option<String>,
}

/// `POST /account/password`.
pub(super) async fn change(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(values): Form<Passwords>,
) -> Result<Response, ApiError> {
    let changed = match check(&state, &signed_in, &values).await {
        Ok((known, hash)) => replace(&state, &signed_in, &values, &known, &hash).await,
        Err(why) => Err(why),
    };
    let (ended, revoked) = match changed {
        Ok(done) => done,
        Err(PasswordChangeError::Failed(error)) => return Err(error),
        Err(PasswordChangeError::Rejected(status, errors)) => {
            let forms = Forms { errors, ..Forms::default() };
            return super::show(&state, &signed_in, status, forms).await;
        }
    };
    let others = match revoked {
        0 => sessions::describe_ended(ended),
        1 => format!("{} One token was revoked.", sessions::describe_ended(ended)),
        many => format!("{} {many} tokens were revoked.", sessions::describe_ended(ended)),
    };
    signed_in
        .lead_to(&state, "/account", &Message::done(format!("The new password holds. {others}")))
        .await
}

/// Changes it; gives how many other sessions ended and how many tokens were revoked. A password that was replaced
/// while this one was hashed is no longer the current one.
async fn replace(
    state: &ConsoleState,
    signed_in: &SignedIn,
    values: &Passwords,
    known: &Login,
    hash: &str,
) -> Result<(u64, u64), PasswordChangeError> {
    let (actor, keep) = (signed_in.actor(), Some(signed_in.session.id));
    let changed = transaction(&state.pool, async |tx| {
        let Some(ended) = change_password(tx, &actor, known, hash, keep).await? else {
            return Ok(None);
        };
        let all_tokens = values.revoke_tokens.is_some();
        let revoked = if all_tokens { revoke_tokens(tx, &actor, known.id).await? } else { 0 };
        Ok::<_, StoreError>(Some((ended, revoked)))
    });
    let changed = changed.await.map_err(|error| PasswordChangeError::Failed(error.into()))?;
    changed.ok_or_else(|| {
        let mut errors = PasswordErrors::default();
        let status = errors.reject(SignInRejection::Wrong);
        PasswordChangeError::Rejected(status, errors)
    })
}

/// Who it is, and what is stored of the new password; or what is wrong. What needs no hashing is judged first:
/// that costs neither an attempt at the current one nor anyone else's place in the queue.
async fn check(
    state: &ConsoleState,
    signed_in: &SignedIn,
    values: &Passwords,
) -> Result<(Login, String), PasswordChangeError> {
    let mut errors = PasswordErrors {
        current: values.current.is_empty().then(|| "Your current password is needed.".to_owned()),
        new: password::check(&values.new).err().map(|why| sentence(&why.to_string())),
        again: (values.new != values.again).then_some("This is not the same as the one above."),
    };
    if errors.any() {
        return Err(PasswordChangeError::Rejected(StatusCode::UNPROCESSABLE_ENTITY, errors));
    }
    let status = match login::confirm(state, signed_in, &values.current).await {
        Ok(_) if values.new == values.current => {
            errors.new = Some("This is the password that you have.".to_owned());
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Ok(known) => {
            let hashed = state.console.passwords.hash(signed_in.comer(), values.new.clone()).await;
            let hashed = hashed.map(|hash| (known, hash));
            return hashed.map_err(|error| PasswordChangeError::Failed(login::unread(error)));
        }
        Err(SignInError::Failed(error)) => return Err(PasswordChangeError::Failed(error)),
        Err(SignInError::Rejected(rejection)) => errors.reject(rejection),
    };
    Err(PasswordChangeError::Rejected(status, errors))
}
