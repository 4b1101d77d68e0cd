//! Filters of the lists of incidents and events that are kept under a name: links above the list, and a page to save and
//! delete them.
//!
//! Every operator keeps their own. What is shared concerns everyone who signs in, so it is shared, changed and deleted by
//! those who may act. A form that breaks a rule is shown again with what was typed, and nothing is kept.

mod links;
mod page;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::ids::FilterId;
use domain::saved_filter::{FilteredList, Saving, check_name};
use serde::Deserialize;
use store::pool::transaction;
use store::saved_filters::{self, NewFilter, SavedFilter};
use web::error::ApiError;

pub(crate) use self::links::{SavedLinks, href};
use self::page::show;
use crate::access::{Access, Pages};
use crate::form::FormErrors;
use crate::listing::ListQuery;
use crate::session::{Message, SignedIn};
use crate::state::ConsoleState;

const PATH: &str = "/filters";

#[must_use]
pub fn add(pages: Pages) -> Pages {
    pages.get(PATH, Access::Viewer, page::open).post(PATH, Access::Viewer, save).post(
        "/filters/{filter_id}/delete",
        Access::Viewer,
        delete,
    )
}

/// What shall be saved, and what was typed beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct SaveForm {
    list: String,
    /// What the list is narrowed by, as its address says it.
    filter: String,
    name: String,
    shared: String,
}

impl SaveForm {
    fn list(&self) -> Result<FilteredList, ApiError> {
        self.list.parse().map_err(|_| ApiError::not_found("There is no such list."))
    }

    /// What an address says that is none narrows nothing.
    fn query(&self) -> ListQuery {
        ListQuery::from_filter(&self.filter).unwrap_or_default()
    }

    fn is_shared(&self) -> bool {
        !self.shared.is_empty()
    }

    fn check(&self, may_share: bool) -> FormErrors {
        let mut errors = FormErrors::default();
        errors.take("name", check_name(self.name.trim()));
        if self.query().values().is_empty() {
            errors.note("filter", "the list is not narrowed: choose a filter above it first");
        }
        if self.is_shared() && !may_share {
            errors.note("shared", "needs the role operator: save it for yourself");
        }
        errors
    }
}

/// `POST /filters`.
async fn save(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Form(form): Form<SaveForm>,
) -> Result<Response, ApiError> {
    let list = form.list()?;
    let mut errors = form.check(signed_in.session.role.may_act());
    if !errors.is_empty() {
        return show(&state, &signed_in, Some(form), errors).await;
    }
    let (name, filter, actor) = (form.name.trim(), form.query().values(), signed_in.actor());
    let new = NewFilter {
        owner: signed_in.session.operator_id,
        actor: &actor,
        list,
        name,
        filter: &filter,
        is_shared: form.is_shared(),
    };
    let saved = transaction(&state.pool, async |tx| saved_filters::save(tx, new).await).await;
    let text = match saved {
        Ok(saving) => describe(&saving, name, form.is_shared()),
        Err(error) => {
            errors.note("name", error.rejection()?);
            return show(&state, &signed_in, Some(form), errors).await;
        }
    };
    signed_in.lead_to(&state, &href(list, &filter), &Message::done(text)).await
}

fn describe(saving: &Saving, name: &str, is_shared: bool) -> String {
    let done = match saving {
        Saving::Add => format!("Saved as “{name}”."),
        Saving::Replace(_) => format!("“{name}” opens this filter now."),
        Saving::Rename(_, was) => format!("“{was}” is called “{name}” now."),
    };
    if is_shared { format!("{done} Everyone who signs in sees it.") } else { done }
}

/// `POST /filters/{filter_id}/delete`.
async fn delete(
    State(state): State<ConsoleState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let filter = find(&state, &signed_in, &id).await?;
    if filter.is_shared && !signed_in.session.role.may_act() {
        return Err(ApiError::forbidden(
            "deleting a shared filter needs the role operator or admin",
        ));
    }
    let actor = signed_in.actor();
    let deleted =
        transaction(&state.pool, async |tx| saved_filters::delete(tx, &filter, &actor).await);
    let said = if deleted.await? { "is deleted" } else { "was deleted already" };
    let text = format!("“{}” {said}.", filter.name);
    signed_in.lead_to(&state, PATH, &Message::done(text)).await
}

/// One of those that the operator may use.
async fn find(
    state: &ConsoleState,
    signed_in: &SignedIn,
    id: &str,
) -> Result<SavedFilter, ApiError> {
    let nothing = || ApiError::not_found("There is no such saved filter.");
    let id: FilterId = id.parse().map_err(|_| nothing())?;
    let all = saved_filters::list_for(&state.pool, signed_in.session.operator_id).await?;
    all.into_iter().find(|one| one.id == id).ok_or_else(nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str, filter: &str, shared: &str) -> SaveForm {
        SaveForm {
            list: "incidents".to_owned(),
            filter: filter.to_owned(),
            name: name.to_owned(),
            shared: shared.to_owned(),
        }
    }

    #[test]
    fn what_breaks_a_rule_is_said_beside_its_field() {
        let wrong = form(" ", "after=inc_1", "on").check(false);
        assert_eq!(wrong.of("name"), Some("Must have 1 to 60 characters."));
        let narrow = "The list is not narrowed: choose a filter above it first.";
        assert_eq!(wrong.of("filter"), Some(narrow));
        let share = "Needs the role operator: save it for yourself.";
        assert_eq!(wrong.of("shared"), Some(share));
        assert!(form("Mine", "state=open", "on").check(true).is_empty());
        assert!(form("Mine", "state=open", "").check(false).is_empty());
        assert_eq!(form("Mine", "state=a b", "").check(false).of("filter"), Some(narrow));
    }
}
