//! Which incidents an operator means: all of a cause, all that a list shows, or those that are ticked in it.

use std::collections::BTreeMap;

use axum::http::Uri;
use domain::bulk::BulkAction;
use domain::catalogue::Catalogue;
use domain::ids::{CauseId, IncidentId, OperatorId, ProjectId};
use store::bulk::Selection;
use store::search::causes::find_cause;
use store::search::incidents::{group_by_project, list_matching};
use store::{PgPool, declared_names};
use time::OffsetDateTime;
use web::error::ApiError;

use crate::incidents::{PATH as LIST, search};
use crate::listing::ListQuery;

/// How many a filter finds at most: one more than one bulk takes, to know whether there are more.
const MOST: usize = 10_001;

/// What was pressed, and for which incidents.
#[derive(Debug, Default)]
pub(super) struct Pick {
    action: String,
    cause: String,
    /// `all` of what the list shows, or those that are ticked.
    which: String,
    /// The list's address, behind its question mark.
    filter: String,
    /// Which page of the list it was, as its address says it.
    place: String,
    incidents: Vec<String>,
    pub(super) include_taking: bool,
}

/// What is frozen, or why nothing is.
pub(super) enum Picked {
    Of(ProjectId, Selection),
    /// Incidents of several projects.
    OfSeveral(BTreeMap<ProjectId, Selection>),
    Nothing(String),
}

impl Pick {
    /// Reads a form; a field that is not known says nothing.
    pub(super) fn read(form: &[u8]) -> Self {
        let mut pick = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match name.as_ref() {
                "action" => pick.action = value.into_owned(),
                "cause" => pick.cause = value.into_owned(),
                "which" => pick.which = value.into_owned(),
                "filter" => pick.filter = value.into_owned(),
                "place" => pick.place = value.into_owned(),
                "incident" => pick.incidents.push(value.into_owned()),
                "include_taking" => pick.include_taking = true,
                _ => {}
            }
        }
        pick
    }

    /// What shall be done; what the first form of this page did, if nothing is said.
    pub(super) fn action(&self) -> Result<BulkAction, ApiError> {
        if self.action.is_empty() {
            return Ok(BulkAction::Reprocess);
        }
        self.action.parse().map_err(|_| ApiError::not_found("There is no such action."))
    }

    /// The list that it was pressed in, where the same is picked still.
    pub(super) fn back(&self) -> String {
        self.address().map_or_else(|| LIST.to_owned(), |address| address.to_string())
    }

    /// The same; `None` where what was sent is no address.
    fn address(&self) -> Option<Uri> {
        let picked = self.to_picked();
        let said = [self.filter.as_str(), self.place.as_str(), picked.as_str()];
        let said: Vec<_> = said.into_iter().filter(|one| !one.is_empty()).collect();
        let query = if said.is_empty() { "" } else { "?" };
        format!("{LIST}{query}{}", said.join("&")).parse().ok()
    }

    /// What the list reads of it, to show it again.
    fn to_picked(&self) -> String {
        let ticked = self.incidents.join(",");
        let which = if self.which == "all" { "all" } else { "" };
        let taking = if self.include_taking { "yes" } else { "" };
        let said = [
            ("cause", self.cause.as_str()),
            ("ticked", ticked.as_str()),
            ("which", which),
            ("include_taking", taking),
        ];
        let said = said.into_iter().filter(|(_, value)| !value.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish()
    }

    /// The incidents and the project that they are of.
    pub(super) async fn find(&self, pool: &PgPool, me: OperatorId) -> Result<Picked, ApiError> {
        if !self.cause.is_empty() {
            return of_cause(pool, self.cause.parse().ok()).await;
        }
        if self.which == "all" {
            let Some(query) = ListQuery::from_filter(&self.filter) else {
                return Ok(Picked::Nothing("The list's filter could not be read.".to_owned()));
            };
            if query.cause_id().is_some() && query.says_only(&["cause", "sort"]) {
                return of_cause(pool, query.cause_id()).await;
            }
            let catalogue = Catalogue::from_all(declared_names::list_all(pool).await?);
            let search = search(&query, &catalogue, OffsetDateTime::now_utc(), Some(me));
            return Ok(by_project(list_matching(pool, &search, MOST).await?));
        }
        let ids: Vec<IncidentId> = self.incidents.iter().filter_map(|id| id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(Picked::Nothing(
                "Nothing is ticked. Tick incidents in the list, or choose all that match.".into(),
            ));
        }
        Ok(by_project(group_by_project(pool, &ids).await?))
    }

    /// Whether nothing was picked.
    pub(super) fn is_empty(&self) -> bool {
        self.which.is_empty()
    }

    /// The fields that pick the same again, by their names in the form.
    pub(super) fn fields(&self) -> Vec<(&'static str, &str)> {
        let named = [("action", &self.action), ("which", &self.which), ("filter", &self.filter)];
        let incidents = self.incidents.iter().map(|id| ("incident", id));
        named.into_iter().chain(incidents).map(|(name, value)| (name, value.as_str())).collect()
    }

    /// The same with what takes something from the customer, for a form of their own; none where nothing was picked.
    pub(super) fn fields_with_taking(&self) -> Vec<(String, String)> {
        if self.is_empty() {
            return Vec::new();
        }
        let fields = self.fields().into_iter().chain([("include_taking", "yes")]);
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The fields that pick the same again, behind the question mark of an address.
    pub(super) fn to_query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.fields()).finish()
    }
}

async fn of_cause(pool: &PgPool, id: Option<CauseId>) -> Result<Picked, ApiError> {
    let nothing = || ApiError::not_found("There is no such cause.");
    let id = id.ok_or_else(nothing)?;
    let cause = find_cause(pool, id).await?.ok_or_else(nothing)?;
    Ok(Picked::Of(cause.project_id, Selection::Cause(id)))
}

/// One bulk is of one project, whose repair URL and people it concerns; those of several start together.
fn by_project(grouped: BTreeMap<ProjectId, Vec<IncidentId>>) -> Picked {
    let mut selections: BTreeMap<_, _> =
        grouped.into_iter().map(|(id, incidents)| (id, Selection::Incidents(incidents))).collect();
    if selections.len() > 1 {
        return Picked::OfSeveral(selections);
    }
    match selections.pop_first() {
        None => Picked::Nothing("No incident matches any more.".to_owned()),
        Some((project_id, selection)) => Picked::Of(project_id, selection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_the_page_of_the_list_with_what_was_picked() {
        let back = |form: &str| Pick::read(form.as_bytes()).back();
        let ticked =
            "filter=state%3Dopen&place=after%3Dinc_0&which=ticked&incident=inc_1&incident=inc_2";
        let address = "/incidents?state=open&after=inc_0&ticked=inc_1%2Cinc_2";
        assert_eq!(back(ticked), address);
        let all = "which=all&include_taking=yes";
        assert_eq!(back(all), "/incidents?which=all&include_taking=yes");
        assert_eq!(back("cause=cau_1"), "/incidents?cause=cau_1");
        assert_eq!(back("filter=a%20b&incident=inc_1"), "/incidents", "no address");
        assert_eq!(back("which=ticked"), "/incidents");
    }

    #[test]
    fn what_was_picked_is_picked_again_by_its_query() {
        let form = "csrf=secret&filter=q%3Da%26state%3Dall&which=ticked&incident=inc_1&incident=inc_2&action=resolve";
        let pick = Pick::read(form.as_bytes());
        let again = Pick::read(pick.to_query().as_bytes());
        assert_eq!(again.fields(), pick.fields());
        let expected = [
            ("action", "resolve"),
            ("which", "ticked"),
            ("filter", "q=a&state=all"),
            ("incident", "inc_1"),
            ("incident", "inc_2"),
        ];
        assert_eq!(again.fields(), expected);
        assert!(Pick::read(b"").is_empty() && !again.is_empty());
        assert!(Pick::read(b"").fields_with_taking().is_empty());
        let taken_in = again.fields_with_taking();
        assert_eq!(taken_in.last(), Some(&("include_taking".to_owned(), "yes".to_owned())));
        assert_eq!(taken_in.len(), expected.len() + 1);
    }
}
