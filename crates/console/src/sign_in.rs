//! Signing in and out.
//!
//! A wrong address and a wrong password get the same response after the same work. Five failures
//! within a quarter of an hour lock the address for a quarter of an hour; while it is locked no
//! password is even checked. Passwords are checked a few at a time, so that guessing cannot keep
//! every core from taking receipts, and those of browsers that are known before those of strangers. What
//! waiting helps against says for how long, in `Retry-After`.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use domain::operator::typed_email;
use domain::web_origin::WebOrigin;
use serde::Deserialize;
use web::client;
use web::error::ApiError;

use super::layout::Layout;
use super::page::{go_to, page_with};
use super::session::{self, SignedIn};
use crate::known_browser::KnownBrowser;
use crate::login::{self, Browser, SignInError, SignInRejection};
use crate::state::ConsoleState;

/// The sign-in page.
#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage {
    layout: Layout,
    email: String,
    next: String,
    problem: Option<String>,
    /// A form was sent after the session had ended.
    is_unsent: bool,
    /// Over plain HTTP browsers would drop the session's cookie silently.
    insecure: bool,
}

/// Where to go afterwards, and what led here.
#[derive(Debug, Deserialize)]
pub struct ReturnTo {
    #[serde(default)]
    next: String,
    /// Filled where a form was sent that did nothing.
    #[serde(default)]
    unsent: String,
}

/// `GET /sign-in`.
///
/// # Errors
/// When the page cannot be rendered.
pub async fn form(
    State(state): State<ConsoleState>,
    Query(wanted): Query<ReturnTo>,
) -> Result<Response, ApiError> {
    let is_unsent = !wanted.unsent.is_empty();
    let page = sign_in_page(&state, String::new(), wanted.next);
    page_with(StatusCode::OK, &SignInPage { is_unsent, ..page })
}

/// What was typed.
#[derive(Deserialize)]
pub struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /sign-in`.
pub async fn submit(
    State(state): State<ConsoleState>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(values): Form<Credentials>,
) -> Result<Response, ApiError> {
    let entered = match typed_email(&values.email) {
        Some(email) => enter(&state, &email, &values.password, &extensions, &headers).await,
        None => Err(SignInRejection::Wrong.into()),
    };
    match entered {
        Ok(cookies) => {
            let mut response = go_to(own_path(&values.next));
            for cookie in cookies.into_iter().flatten() {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(SignInError::Failed(error)) => Err(error),
        Err(SignInError::Rejected(rejection)) => reject(&state, rejection, values),
    }
}

/// Begins a session; gives the browser's cookies.
async fn enter(
    state: &ConsoleState,
    email: &str,
    password: &str,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<[Option<HeaderValue>; 2], SignInError> {
    let key = &state.master_key;
    let before = session::token_in(headers);
    let known = KnownBrowser::find(headers, key, email);
    let browser = Browser {
        name: headers.get(USER_AGENT).and_then(|value| value.to_str().ok()),
        session: before.as_ref(),
        address: client::noted_address(extensions).group(),
        known,
    };
    let token = login::sign_in(state, email, password, browser).await?;
    let known = known.unwrap_or_else(KnownBrowser::fresh);
    Ok([session::cookie(&token), known.cookie(key, email)])
}

fn reject(
    state: &ConsoleState,
    rejection: SignInRejection,
    values: Credentials,
) -> Result<Response, ApiError> {
    let problem = match rejection {
        SignInRejection::Wrong => "This address and password do not go together.".to_owned(),
        SignInRejection::Locked { retry_after } => {
            let left = login::in_minutes(retry_after);
            format!("Too many tries with this address. It is locked for {left}.")
        }
        SignInRejection::Busy => {
            "Too many people are signing in at this moment. Try again in a few seconds.".to_owned()
        }
    };
    let page = sign_in_page(state, values.email, values.next);
    let page = SignInPage { problem: Some(problem), ..page };
    let mut response = page_with(rejection.status(), &page)?;
    if let Some(seconds) = rejection.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// `POST /sign-out`.
pub async fn leave(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
) -> Result<Response, ApiError> {
    login::sign_out(&state, &signed_in).await?;
    Ok(farewell())
}

/// Leads to the sign-in page, with nothing left of the session in the browser.
pub(super) fn farewell() -> Response {
    let mut response = go_to("/sign-in");
    if let Some(cookie) = session::no_cookie() {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn sign_in_page(state: &ConsoleState, email: String, next: String) -> SignInPage {
    let origin = WebOrigin::from_url(&state.public_url);
    let insecure = origin.is_some_and(|origin| !origin.keeps_sessions());
    let layout = Layout::standalone("Sign in");
    SignInPage { layout, email, next, problem: None, is_unsent: false, insecure }
}

/// A path of this host; whatever could lead elsewhere leads home.
fn own_path(next: &str) -> &str {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|c: char| c == '\\' || c.is_control());
    if own { next } else { "/incidents" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_host_after_signing_in() {
        assert_eq!(own_path("/incidents/inc_1?x=1"), "/incidents/inc_1?x=1");
        for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "", "/\n/x"]
        {
            assert_eq!(own_path(elsewhere), "/incidents", "{elsewhere:?}");
        }
    }
}
