//! The built-in test shop's page: a test payment, and what becomes of it, step by step.
//!
//! A payment is a name in the URL and nothing of it is stored here: what is shown is read from the event that carries its
//! id, so a reload shows what holds, whichever process made the payment and whether it still lives. The page is there for
//! test projects, where the shop is on; everything else is not found.

mod connect;
mod mail;
mod payment;
mod steps;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::project::Mode;
use domain::test_shop::PaymentKind;
use serde::Deserialize;
use store::StoreError;
use store::administration::test_shop::{TestShopRejection, find_test_shop_key};
use store::destinations::list_destinations;
use store::progress::event_progress;
use store::projects::Project;
use time::OffsetDateTime;
use web::error::ApiError;

use self::steps::{StepContext, steps};
use super::run::Run;
use super::steps::TestStep;
use crate::access::{Access, Pages};
use crate::layout::{Layout, Section};
use crate::page::page;
use crate::projects::{Head, PathProject, Tab};
use crate::session::SignedIn;
use crate::state::ConsoleState;
use crate::test_shop::TestShop;
use crate::when::When;

const PATH: &str = "/projects/{project_id}/test-shop";
const CONNECT: &str = "/projects/{project_id}/test-shop/connect";
const MAIL: &str = "/projects/{project_id}/test-shop/mail/{incident_id}";

pub(super) fn add(pages: Pages) -> Pages {
    pages
        .get(PATH, Access::Viewer, show)
        .post(PATH, Access::Operator, payment::submit)
        .post(CONNECT, Access::Admin, connect::submit)
        .get(MAIL, Access::Viewer, mail::download)
}

#[derive(Template)]
#[template(path = "pages/test_shop.html")]
struct TestShopPage {
    layout: Layout,
    head: Head,
    connection: Connection,
    repair_url: Option<String>,
    /// Whom a connection would send alerts to, if the project has no destination.
    people: Option<String>,
    mail_dir: Option<String>,
    paid: Option<Paid>,
}

/// Whether the shop can do its part in a project.
enum Connection {
    Connected,
    /// It can be connected.
    Open,
    /// Callbacks lead to another app.
    OwnApp,
    /// They may not lead to the shop: why, as a sentence.
    Forbidden(String),
}

/// A payment that was asked for, and how far it is.
struct Paid {
    provider_event_id: String,
    began: When,
    /// Where its event is, once it is there.
    event: Option<String>,
    steps: Vec<TestStep>,
}

/// Which payment.
#[derive(Debug, Deserialize)]
struct PaymentQuery {
    run: Option<String>,
    payment: Option<String>,
}

/// The shop, in a project that it may serve.
///
/// # Errors
/// `not_found` where it is off, and of live projects.
pub(super) fn find<'a>(
    state: &'a ConsoleState,
    project: &Project,
) -> Result<&'a TestShop, ApiError> {
    if project.mode == Mode::Live {
        return Err(ApiError::not_found(TestShopRejection::Live.to_string()));
    }
    let off = "the built-in test shop is off: SENDPROMPTLY_TEST_SHOP=on switches it on";
    state.console.test_shop.as_ref().ok_or_else(|| ApiError::not_found(off))
}

/// Where the shop's page of a project is.
fn path(project: &Project) -> String {
    format!("/projects/{}/test-shop", project.id)
}

/// The provider's id of a payment's event.
fn event_of(run: &Run, kind: PaymentKind) -> String {
    format!("evt_{}_{kind}", run.name())
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Query(query): Query<PaymentQuery>,
) -> Result<Response, ApiError> {
    let shop = find(&state, &project)?;
    let connection = connection(&state, shop, &project).await?;
    let destinations = list_destinations(&state.pool, Some(project.id)).await?.len();
    let run = query.run.as_deref().and_then(Run::parse);
    let paid = match run.zip(query.payment.and_then(|kind| kind.parse().ok())) {
        Some((run, kind)) => Some(load(&state, shop, &project, &run, kind).await?),
        None => None,
    };
    let head = Head::new(&project, Tab::IntegrationTest, "The whole way, without an app of yours");
    page(&TestShopPage {
        layout: Layout::load(&state, &signed_in, Section::Projects, head.title()).await?,
        head,
        connection,
        repair_url: project.repair_url.clone(),
        people: (destinations == 0).then(|| one_line(&signed_in.session.email)),
        mail_dir: shop.mail_dir.as_ref().map(|folder| folder.display().to_string()),
        paid,
    })
}

async fn connection(
    state: &ConsoleState,
    shop: &TestShop,
    project: &Project,
) -> Result<Connection, ApiError> {
    let url = match shop.repair_url(project.id, &state.allow) {
        Ok(url) => url,
        Err(why) => return Ok(Connection::Forbidden(why)),
    };
    let leads_here = match project.repair_url.as_deref() {
        Some(known) if known != url.as_str() => return Ok(Connection::OwnApp),
        known => known.is_some(),
    };
    let mut db = state.pool.acquire().await.map_err(StoreError::from)?;
    let key = find_test_shop_key(&mut db, &state.master_key, project.id).await?;
    Ok(if leads_here && key.is_some() { Connection::Connected } else { Connection::Open })
}

async fn load(
    state: &ConsoleState,
    shop: &TestShop,
    project: &Project,
    run: &Run,
    kind: PaymentKind,
) -> Result<Paid, ApiError> {
    let now = OffsetDateTime::now_utc();
    let provider_event_id = event_of(run, kind);
    let progress = event_progress(&state.pool, project.id, &provider_event_id).await?;
    let hold = store::alert_rules::find_hold(&state.pool, project.id).await?;
    let mails = shop.mail_dir.is_some().then(|| format!("{}/mail", path(project)));
    let context = StepContext { now, mails, is_held: hold.is_some() };
    Ok(Paid {
        provider_event_id,
        began: When::ago(run.began(), now),
        event: progress.event_id.map(|id| format!("/events/{id}")),
        steps: steps(kind, &progress, &context),
    })
}
