//! Who may open which page.
//!
//! A page is added with the [`Access`] that it needs, and the guard in front of it runs before its
//! handler: without a session the browser is sent to sign in; with too small a role the response is
//! 403; and a POST must come from a page of ours ([`super::same_origin`]) and carry the session's
//! CSRF token, which another site cannot read. A handler behind the guard finds the operator as
//! [`SignedIn`] and the form as it was sent.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::header::REFERER;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use domain::operator::Role;
use web::error::ApiError;
use web::extract::{BodyLimits, read_body};

use super::listing::address;
use super::session::{self, SignedIn};
use crate::state::ConsoleState;

/// Whoever signs out when nobody is signed in any more has what they want.
const SIGN_OUT: &str = "/sign-out";

/// The largest form: a note or an error message fits many times.
const FORM: BodyLimits = BodyLimits {
    bytes: 64 * 1024,
    shown: "65536 bytes (64 KiB)",
    deadline: Duration::from_secs(10),
};

/// Who may open a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Everyone, signed in or not.
    Anyone,
    /// Every operator.
    Viewer,
    /// Those who act on incidents: role operator or admin.
    Operator,
    /// Those who change the installation: role admin.
    Admin,
}

impl Access {
    fn admits(self, role: Role) -> bool {
        match self {
            Self::Anyone | Self::Viewer => true,
            Self::Operator => role.may_act(),
            Self::Admin => role.may_administer(),
        }
    }

    fn rejection(self) -> ApiError {
        ApiError::forbidden(match self {
            Self::Admin => "this needs the role admin",
            Self::Anyone | Self::Viewer | Self::Operator => "this needs the role operator or admin",
        })
    }
}

/// Pages under construction, and the list of them that tests hold to account.
pub struct Pages {
    state: ConsoleState,
    router: Router<ConsoleState>,
    list: Vec<(Method, &'static str, Access)>,
}

impl Pages {
    /// No pages yet.
    #[must_use]
    pub fn new(state: ConsoleState) -> Self {
        Self { state, router: Router::new(), list: Vec::new() }
    }

    /// Adds a page that is read.
    #[must_use]
    pub fn get<T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ConsoleState>,
    ) -> Self {
        self.add(Method::GET, path, access, get(handler))
    }

    /// Adds a form that is sent.
    #[must_use]
    pub fn post<T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ConsoleState>,
    ) -> Self {
        self.add(Method::POST, path, access, post(handler))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<ConsoleState>,
    ) -> Self {
        let guarded = handler.route_layer(from_fn_with_state((self.state.clone(), access), guard));
        self.router = self.router.route(path, guarded);
        self.list.push((method, path, access));
        self
    }

    /// Every page with who may open it.
    #[must_use]
    pub fn list(&self) -> &[(Method, &'static str, Access)] {
        &self.list
    }

    pub fn into_router(self) -> Router<ConsoleState> {
        self.router
    }
}

async fn guard(
    State((state, access)): State<(ConsoleState, Access)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let changes = request.method() == Method::POST;
    if changes {
        state.console.origins.check(request.headers()).map_err(ApiError::forbidden)?;
    }
    // What everyone may open asks for no session, so that it is there while the database is away.
    if access == Access::Anyone {
        let request = if changes { check_form(request, None).await? } else { request };
        return Ok(next.run(request).await);
    }
    let Some(mut signed_in) = session::find(&state, request.headers()).await? else {
        return Ok(sign_in_first(&request));
    };
    if !access.admits(signed_in.session.role) {
        return Err(access.rejection());
    }
    if changes {
        request = check_form(request, Some(&signed_in)).await?;
    }
    signed_in.unseen |= request.method() == Method::HEAD;
    request.extensions_mut().insert(signed_in);
    Ok(next.run(request).await)
}

/// Reads the form, holds its token against the session's where there is one, and gives the request
/// back as it was.
async fn check_form(request: Request, signed_in: Option<&SignedIn>) -> Result<Request, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = read_body(body, FORM).await?;
    if let Some(signed_in) = signed_in {
        let sent = form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf");
        if !sent.is_some_and(|(_, token)| signed_in.token.accepts_csrf(&token)) {
            return Err(ApiError::forbidden(
                "the form had expired; go back, reload the page and send it again",
            ));
        }
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// After signing in the browser comes back to the page that it asked for, or from which it sent a form. That the form did
/// nothing is said.
fn sign_in_first(request: &Request) -> Response {
    let is_form = request.method() == Method::POST && request.uri().path() != SIGN_OUT;
    let wanted = match *request.method() {
        Method::GET => request.uri().path_and_query().map(ToString::to_string),
        Method::POST if is_form => page_of_form(request.headers()),
        _ => None,
    };
    let wanted = wanted.filter(|wanted| wanted != "/");
    let unsent = is_form.then_some(("unsent", "yes"));
    let next = wanted.as_deref().map(|wanted| ("next", wanted));
    Redirect::to(&address("/sign-in", unsent.into_iter().chain(next))).into_response()
}

/// Where the form was, which the browser says of a page of ours.
fn page_of_form(headers: &HeaderMap) -> Option<String> {
    let page: Uri = headers.get(REFERER)?.to_str().ok()?.parse().ok()?;
    page.path_and_query().map(ToString::to_string)
}
