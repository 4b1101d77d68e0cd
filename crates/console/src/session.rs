//! The session: which operator a browser belongs to.
//!
//! The browser holds 256 random bits in a `__Host-` cookie, which only this host over TLS (or on
//! the machine itself) can set and read; the database holds their SHA-256. Ending the row ends the
//! session immediately, wherever the cookie still is.

use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use cookie::{Cookie, SameSite};
use domain::audit::Actor;
use domain::secret_token::SessionToken;
use serde::{Deserialize, Serialize};
use store::sessions::{self, Session};
use store::{ChangeError, StoreError};
use web::error::ApiError;

use super::page::go_to;
use crate::password_queue::Comer;
use crate::state::ConsoleState;

/// The cookie's name. The prefix makes browsers reject it without `Secure` and `Path=/`
/// (<https://www.rfc-editor.org/rfc/rfc6265bis>, section 4.1.3).
pub const COOKIE_NAME: &str = "__Host-sendpromptly";

/// The operator who sent a request, behind the guard of [`super::access`].
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session, with who it belongs to.
    pub session: Session,
    /// Proves that a form comes from this session.
    pub token: SessionToken,
    /// Whether the response is not shown as a page: a script refreshes one that is open, or asks
    /// for its headers only. Flash messages are set for pages that people open.
    pub unseen: bool,
}

impl SignedIn {
    /// Who did it, for the audit.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Operator(self.session.email.clone())
    }

    /// Who they are among those who come with a password.
    #[must_use]
    pub fn comer(&self) -> Comer {
        Comer::Known(self.session.id.as_uuid())
    }

    /// Leaves a message, and leads to the page that shows it.
    pub async fn lead_to(
        &self,
        state: &ConsoleState,
        path: &str,
        message: &Message,
    ) -> Result<Response, ApiError> {
        let text = serde_json::to_string(message).map_err(ApiError::internal)?;
        sessions::put_flash(&state.pool, &state.master_key, self.session.id, &text).await?;
        Ok(go_to(path))
    }

    /// The message that the last change left, once.
    pub async fn take_flash(&self, state: &ConsoleState) -> Result<Option<Message>, ApiError> {
        if self.unseen {
            return Ok(None);
        }
        let taken = sessions::take_flash(&state.pool, &state.master_key, self.session.id).await;
        // One that an older version left in another form is not worth an error page.
        Ok(taken?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| ApiError::internal("a page for operators stands before no guard"))
    }
}

/// The flash message to the person who made a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// Whether it succeeded.
    pub good: bool,
    /// One sentence.
    pub text: String,
    /// A secret that is shown this once, with what it is.
    pub secret: Option<(String, String)>,
    /// What to do with it.
    #[serde(default)]
    pub hint: String,
}

impl Message {
    /// It succeeded.
    pub fn done(text: impl Into<String>) -> Self {
        Self { good: true, text: text.into(), secret: None, hint: String::new() }
    }

    /// It did not.
    pub fn rejected(text: impl Into<String>) -> Self {
        Self { good: false, text: text.into(), secret: None, hint: String::new() }
    }

    /// What became of a change: that it is done, or why nothing was changed.
    ///
    /// # Errors
    /// The failure of the store, if it was one.
    pub fn from_change(
        changed: Result<(), ChangeError<impl Display>>,
        done: &str,
    ) -> Result<Self, StoreError> {
        Ok(match changed {
            Ok(()) => Self::done(done),
            Err(error) => Self::rejected(format!("Nothing was changed: {}.", error.rejection()?)),
        })
    }

    /// It succeeded, and this secret is never shown again.
    #[must_use]
    pub fn with_secret(self, what: impl Into<String>, secret: impl Into<String>) -> Self {
        let hint = "This is shown once. Keep it where your other secrets are.".to_owned();
        Self { secret: Some((what.into(), secret.into())), hint, ..self }
    }

    /// It succeeded, and this link is to be sent to the recipient.
    #[must_use]
    pub fn with_link(self, what: impl Into<String>, link: impl Into<String>) -> Self {
        let hint = "This is shown once. Copy it into your answer to the customer.".to_owned();
        Self { hint, ..self.with_secret(what, link) }
    }
}

/// Whether a script refreshes a page that is open.
pub(crate) fn is_refresh(headers: &HeaderMap) -> bool {
    headers.contains_key("x-refresh")
}

/// The session of a request, if it has one that is valid.
pub async fn find(state: &ConsoleState, headers: &HeaderMap) -> Result<Option<SignedIn>, ApiError> {
    let Some(token) = token_in(headers) else {
        return Ok(None);
    };
    let unseen = is_refresh(headers);
    let session = sessions::find_session(&state.pool, &token.hash(), !unseen).await?;
    Ok(session.map(|session| SignedIn { session, token, unseen }))
}

/// The token that a browser sends, whether it opens anything or not.
pub(super) fn token_in(headers: &HeaderMap) -> Option<SessionToken> {
    SessionToken::parse(&cookie_in(headers, COOKIE_NAME)?)
}

/// A cookie of ours that a browser sends. Those that others set for the domain come with it in one header, and may
/// hold any bytes.
pub(super) fn cookie_in(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(COOKIE).iter();
    let pairs = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut cookies = pairs.filter_map(|pair| Cookie::parse(str::from_utf8(pair).ok()?).ok());
    Some(cookies.find(|cookie| cookie.name() == name)?.value().to_owned())
}

/// The header that hands a browser its session.
#[must_use]
pub fn cookie(token: &SessionToken) -> Option<HeaderValue> {
    write(COOKIE_NAME, token.reveal(), CookieAge::OfTheBrowser)
}

/// The header that takes it away.
#[must_use]
pub fn no_cookie() -> Option<HeaderValue> {
    write(COOKIE_NAME, String::new(), CookieAge::Lasts(time::Duration::ZERO))
}

/// How long a browser keeps a cookie.
#[derive(Debug, Clone, Copy)]
pub(super) enum CookieAge {
    /// Until it is closed.
    OfTheBrowser,
    Lasts(time::Duration),
}

/// A header that sets a cookie which only this host gets, and no script.
pub(super) fn write(name: &str, value: String, age: CookieAge) -> Option<HeaderValue> {
    let mut cookie = Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .build();
    cookie.set_max_age(match age {
        CookieAge::OfTheBrowser => None,
        CookieAge::Lasts(age) => Some(age),
    });
    HeaderValue::from_str(&cookie.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_found_beside_whatever_cookies_of_others_hold() {
        for others in [
            &b"a=b; __Host-sendpromptly=ours; __Host-sendpromptly-known=other"[..],
            "name=Zo\u{eb}; __Host-sendpromptly=ours".as_bytes(),
            b"__Host-sendpromptly=ours;name=Zo\xeb",
            b"\xff; =; ;; __Host-sendpromptly=ours",
        ] {
            let value = HeaderValue::from_bytes(others).expect("a value");
            let headers = HeaderMap::from_iter([(COOKIE, value)]);
            assert_eq!(cookie_in(&headers, COOKIE_NAME).as_deref(), Some("ours"), "{others:?}");
        }
        assert_eq!(cookie_in(&HeaderMap::new(), COOKIE_NAME), None);
    }
}
