//! Erasing a customer, for admins: what there is of them is counted first, and the reference is typed once more before it
//! is erased. Nothing that is typed stands in an address, which browsers and proxies keep.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::Response;
use domain::alert::one_line;
use domain::erasure::ErasureState;
use domain::timeline::actor_name;
use serde::Deserialize;
use store::erasure::{self, Erasure, Preview, SentMessage};
use store::projects::Project;
use time::OffsetDateTime;
use web::error::ApiError;

use super::access::{Access, Pages};
use super::badge::Badge;
use super::form::FormErrors;
use super::layout::{Layout, Section};
use super::page::page_with;
use super::projects::{Head, PathProject, Tab};
use super::session::{Message, SignedIn};
use super::when::When;
use crate::state::ConsoleState;

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages
        .get("/projects/{project_id}/erasures", Access::Admin, show)
        .post("/projects/{project_id}/erasures/preview", Access::Admin, preview)
        .post("/projects/{project_id}/erasures", Access::Admin, erase)
}

#[derive(Template)]
#[template(path = "pages/erasures.html")]
struct ErasuresPage {
    layout: Layout,
    head: Head,
    values: ErasureValues,
    errors: FormErrors,
    found: Option<Found>,
    erasures: Vec<ErasureItem>,
}

/// What there is of the customer.
struct Found {
    rows: Vec<(String, i64)>,
    sent: Vec<SentItem>,
    before: Option<When>,
}

struct SentItem {
    kind: String,
    destination: String,
    at: When,
}

struct ErasureItem {
    tombstone: String,
    state: Badge,
    by: String,
    requested: When,
    rows: String,
    watches_left: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct ErasureValues {
    reference: String,
    /// The same once more.
    confirmed: String,
}

async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
) -> Result<Response, ApiError> {
    let (values, errors) = (ErasureValues::default(), FormErrors::default());
    render(&state, &signed_in, &project, values, errors, None).await
}

async fn preview(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<ErasureValues>,
) -> Result<Response, ApiError> {
    let mut errors = FormErrors::default();
    let found = count(&state, &project, &values, &mut errors).await?;
    render(&state, &signed_in, &project, values, errors, found).await
}

async fn erase(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    PathProject(project): PathProject,
    Form(values): Form<ErasureValues>,
) -> Result<Response, ApiError> {
    let mut errors = FormErrors::default();
    let found = count(&state, &project, &values, &mut errors).await?;
    if found.is_some() && values.confirmed != values.reference {
        errors.note("confirmed", "must be the reference, letter by letter. Nothing was erased");
    }
    if !errors.is_empty() {
        return render(&state, &signed_in, &project, values, errors, found).await;
    }
    let (pool, key, actor) = (&state.pool, &state.master_key, signed_in.actor());
    let begun = erasure::begin(pool, key, &actor, project.id, &values.reference).await?;
    let text = format!("The customer is being erased, and becomes {}.", begun.customer);
    let path = format!("/projects/{}/erasures", project.id);
    signed_in.lead_to(&state, &path, &Message::done(text)).await
}

/// What there is of the customer; of none, that is noted.
async fn count(
    state: &ConsoleState,
    project: &Project,
    values: &ErasureValues,
    errors: &mut FormErrors,
) -> Result<Option<Preview>, ApiError> {
    let (key, reference) = (&state.master_key, values.reference.as_str());
    let found = erasure::preview(&state.pool, key, project.id, reference).await?;
    if found.is_empty() {
        errors.note("reference", "is not known in this project; it is case-sensitive");
        return Ok(None);
    }
    Ok(Some(found))
}

async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    values: ErasureValues,
    errors: FormErrors,
    found: Option<Preview>,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let all = erasure::list_erasures(&state.pool, project.id).await?;
    let heading = format!("Erase a customer of {}", one_line(&project.name));
    let head = Head::new(project, Tab::Erasures, heading);
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    let erasures = all.iter().map(|one| item(one, now)).collect();
    let found = found.map(|found| Found::new(found, now));
    page_with(errors.status(), &ErasuresPage { layout, head, values, errors, found, erasures })
}

impl Found {
    fn new(preview: Preview, now: OffsetDateTime) -> Self {
        let sent = |sent: SentMessage| SentItem {
            kind: sent.kind.replace('_', " "),
            destination: one_line(&sent.destination),
            at: When::ago(sent.sent_at, now),
        };
        Self {
            rows: preview.rows.into_iter().collect(),
            sent: preview.sent.into_iter().map(sent).collect(),
            before: preview.erased_before.map(|before| When::ago(before.requested_at, now)),
        }
    }
}

fn item(erasure: &Erasure, now: OffsetDateTime) -> ErasureItem {
    let rows = erasure.erased.iter().map(|(table, rows)| format!("{table} {rows}"));
    ErasureItem {
        tombstone: erasure.customer.to_string(),
        state: match erasure.state {
            ErasureState::Done => Badge::new("done", "Erased"),
            ErasureState::Events
            | ErasureState::Responses
            | ErasureState::Rest
            | ErasureState::Texts => Badge::new("work", "Under way"),
        },
        by: actor_name(&erasure.requested_by),
        requested: When::ago(erasure.requested_at, now),
        rows: rows.collect::<Vec<_>>().join(", "),
        watches_left: erasure.watches_left,
    }
}
