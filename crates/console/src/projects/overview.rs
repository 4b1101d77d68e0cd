//! One project: how far it is on the way to live, its settings, its signing secrets.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::audit::Action;
use domain::notice::describe_unclaimed;
use store::administration::project::update_project;
use store::pool::transaction;
use store::projects::{Project, lock_project};
use store::{declared_names, incidents, notices, snapshots};
use time::{Duration, OffsetDateTime};
use web::error::ApiError;

use super::checklist::Checklist;
use super::forms::{Forms, HeaderValues, NameValues};
use super::head::{self, Head, Tab};
use super::secrets::{self, SecretItem};
use super::settings::ProjectValues;
use crate::broken::{Broken, list_broken};
use crate::form::{FormErrors, read_changes};
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::session::{Message, SignedIn};
use crate::silent::{Silences, list_silent};
use crate::state::ConsoleState;
use crate::when::When;

#[derive(Template)]
#[template(path = "pages/project.html")]
struct ProjectPage {
    layout: Layout,
    head: Head,
    checklist: Checklist,
    values: ProjectValues,
    name_values: NameValues,
    header_values: HeaderValues,
    errors: FormErrors,
    /// The event types that the project declares, each with its provider.
    event_types: Vec<String>,
    /// The effects that it declares.
    effect_types: Vec<String>,
    /// The names of its callback headers.
    headers: Vec<String>,
    /// The viewer may not change anything.
    locked: bool,
    secrets: Vec<SecretItem>,
    unclaimed: Option<Unclaimed>,
    broken: Vec<Broken>,
    deleted: Option<DeletedSnapshots>,
    silent: Silences,
    /// How many incidents are not resolved.
    unresolved: i64,
}

/// Snapshots that were deleted because their days were over.
struct DeletedSnapshots {
    /// How many in all.
    total: i64,
    last_at: When,
}

/// Results of the last seven days that never found their receipt.
struct Unclaimed {
    /// How many there are, as a sentence.
    text: String,
    /// Where they are listed.
    path: String,
}

/// `GET /projects/{project_id}`.
///
/// # Errors
/// `not_found`.
pub(super) async fn show(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let project = super::find(&state, &id).await?;
    render(&state, &signed_in, &project, Forms::from_project(&project), FormErrors::default()).await
}

/// `POST /projects/{project_id}`.
///
/// # Errors
/// `not_found`.
pub(super) async fn save(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Form(sent): Form<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let id = super::find(&state, &id).await?.id;
    let saved = transaction(&state.pool, async |tx| {
        // What the form leaves alone stays as whoever saves at the same moment leaves it.
        let project = lock_project(&mut *tx, id).await?.ok_or_else(super::no_project)?;
        let values = ProjectValues::from_project(&project);
        let values: ProjectValues = read_changes(sent, &values.fields())?;
        match values.read(project.mode, project.expected_receipts, &state.allow) {
            Ok(settings) => {
                let changed = update_project(tx, &signed_in.actor(), id, &settings).await?;
                Ok(Ok((one_line(&settings.name), changed == Some(true))))
            }
            Err(errors) => Ok::<_, ApiError>(Err((project, values, errors))),
        }
    });
    let message = match saved.await? {
        Ok((name, true)) => format!("The settings of {name} are saved."),
        Ok((name, false)) => format!("The settings of {name} were so already."),
        Err((project, values, errors)) => {
            let forms = Forms { settings: values, ..Forms::from_project(&project) };
            return render(&state, &signed_in, &project, forms, errors).await;
        }
    };
    signed_in.lead_to(&state, &head::path(id), &Message::done(message)).await
}

pub(super) async fn render(
    state: &ConsoleState,
    signed_in: &SignedIn,
    project: &Project,
    forms: Forms,
    errors: FormErrors,
) -> Result<Response, ApiError> {
    let now = OffsetDateTime::now_utc();
    let checklist = Checklist::load(&state.pool, project, now).await?;
    let head = Head::new(project, Tab::Settings, checklist.heading(&one_line(&project.name)));
    let catalogue = declared_names::load_catalogue(&state.pool, project.id).await?;
    let (event_types, effect_types) = catalogue.declared_texts();
    let secrets = secrets::list(&state.pool, project.id, now).await?;
    let layout = Layout::load(state, signed_in, Section::Projects, head.title()).await?;
    let layout = layout.at(head.path());
    let (status, locked) = (errors.status(), !layout.may_administer());
    let unclaimed = unclaimed(state, project, now).await?;
    let broken = list_broken(state, Some(project.id), project.mode).await?;
    let deleted = deleted_snapshots(state, project).await?;
    let silent = list_silent(state, Some(project.id), project.mode).await?;
    let unresolved = incidents::count_unresolved(&state.pool, project.id).await?;
    page_with(
        status,
        &ProjectPage {
            layout,
            head,
            checklist,
            values: forms.settings,
            name_values: forms.names,
            header_values: forms.header,
            errors,
            event_types,
            effect_types,
            headers: project.callback_header_names.clone(),
            locked,
            secrets,
            unclaimed,
            broken,
            deleted,
            silent,
            unresolved,
        },
    )
}

async fn deleted_snapshots(
    state: &ConsoleState,
    project: &Project,
) -> Result<Option<DeletedSnapshots>, ApiError> {
    let mut purges = snapshots::list_last_purges(&state.pool).await?.into_iter();
    let own = purges.find(|purge| purge.project_id == project.id);
    Ok(own.map(|own| DeletedSnapshots { total: own.total, last_at: When::exact(own.last_at) }))
}

async fn unclaimed(
    state: &ConsoleState,
    project: &Project,
    now: OffsetDateTime,
) -> Result<Option<Unclaimed>, ApiError> {
    let since = now - Duration::days(7);
    let found = notices::find_unclaimed(&state.pool, Some(project.id), None, since, now).await?;
    let (action, from) = (Action::ResultUnclaimed, since.date());
    let path = format!("/audit?action={action}&subject={}&from={from}", project.id);
    let text = describe_unclaimed(found.count, found.failures);
    Ok((found.count > 0).then_some(Unclaimed { text, path }))
}
