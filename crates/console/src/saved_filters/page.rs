//! The page of the saved filters: what there is, and the form that saves the one that a list was narrowed by.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::alert::one_line;
use domain::ids::FilterId;
use domain::saved_filter::{FilterValues, FilteredList, MAX_NAME};
use domain::timeline::short_name;
use store::projects::{Project, list_projects};
use store::saved_filters::{SavedFilter, list_for};
use web::error::ApiError;

use super::{SaveForm, href};
use crate::form::FormErrors;
use crate::layout::{Layout, Section};
use crate::page::page_with;
use crate::session::SignedIn;
use crate::state::ConsoleState;

#[derive(Template)]
#[template(path = "pages/filters.html")]
struct FiltersPage {
    layout: Layout,
    /// What was typed, and what would be saved, phrase by phrase.
    form: Option<(SaveForm, Vec<(String, String)>)>,
    errors: FormErrors,
    max_name: usize,
    rows: Vec<FilterItem>,
}

/// A saved filter, as the page lists it.
struct FilterItem {
    id: FilterId,
    name: String,
    href: String,
    list: FilteredList,
    phrases: Vec<(String, String)>,
    /// Who shared it, if it is shared.
    shared_by: Option<String>,
    may_delete: bool,
}

/// `GET /filters`, with a form where the address names a list.
pub(super) async fn open(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Query(form): Query<SaveForm>,
) -> Result<Response, ApiError> {
    let form = form.list().is_ok().then_some(form);
    show(&state, &signed_in, form, FormErrors::default()).await
}

pub(super) async fn show(
    state: &ConsoleState,
    signed_in: &SignedIn,
    form: Option<SaveForm>,
    errors: FormErrors,
) -> Result<Response, ApiError> {
    let projects = list_projects(&state.pool).await?;
    let all = list_for(&state.pool, signed_in.session.operator_id).await?;
    let layout = Layout::load(state, signed_in, Section::Account, "Saved filters").await?;
    let may_act = layout.may_act();
    let rows = all.iter().map(|one| FilterItem::new(one, may_act, &projects));
    let page = FiltersPage {
        form: form.map(|form| {
            let phrases = phrases(&form.query().values(), &projects);
            (form, phrases)
        }),
        rows: rows.collect(),
        max_name: MAX_NAME,
        layout,
        errors,
    };
    page_with(page.errors.status(), &page)
}

impl FilterItem {
    fn new(filter: &SavedFilter, may_act: bool, projects: &[Project]) -> Self {
        Self {
            id: filter.id,
            name: one_line(&filter.name),
            href: href(filter.list, &filter.filter),
            list: filter.list,
            phrases: phrases(&filter.filter, projects),
            shared_by: filter.is_shared.then(|| short_name(&filter.saved_by)),
            may_delete: may_act || !filter.is_shared,
        }
    }
}

/// What a filter narrows by, for people: a project by its name.
fn phrases(filter: &FilterValues, projects: &[Project]) -> Vec<(String, String)> {
    let named = |id: &str| {
        let project = projects.iter().find(|project| project.id.to_string() == id);
        project.map_or_else(|| one_line(id), |project| one_line(&project.name))
    };
    let phrase = |(name, text): (&String, &String)| match name.as_str() {
        "q" => ("search".to_owned(), one_line(text)),
        "project" => ("project".to_owned(), named(text)),
        name => (name.replace('_', " "), one_line(text)),
    };
    filter.iter().map(phrase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_said_by_the_words_of_the_list() {
        let project = samples::project();
        let id = project.id.to_string();
        let filter = [("q", "user_1"), ("project", id.as_str()), ("event_type", "invoice.paid")];
        let filter = filter.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let said = phrases(&filter, std::slice::from_ref(&project));
        let said: Vec<_> = said.iter().map(|(name, text)| format!("{name} {text}")).collect();
        let named = format!("project {}", project.name);
        assert_eq!(said, ["event type invoice.paid", named.as_str(), "search user_1"]);
    }
}
