//! What the lists of incidents and of events have in common: what their address asks for, the form
//! that asks it, and the links from page to page.
//!
//! The address is the whole state of a list, so a link to it can be sent to a colleague. What it
//! says wrongly, such as a project that is not there any more or a state that never was, narrows
//! nothing, and the form shows that it does not.

use std::collections::BTreeSet;
use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;
use domain::alert::one_line;
use domain::catalogue::{Catalogue, EffectType};
use domain::ids::{CauseId, IncidentId, ProjectId};
use domain::project::Mode;
use domain::saved_filter::FilterValues;
use serde::Deserialize;
use store::page::Page;
use store::projects::Project;
use store::search::filter::times;
use store::search::{Cursor, Sort};
use time::OffsetDateTime;

use super::layout::mode_word;

/// How much is shown of a filter that is not known, and how many values are named as its cure.
const MOST_SHOWN: usize = 60;
const MOST_NAMED: usize = 8;

/// The ages that can be asked for.
const AGES: [(&str, &str); 8] = [
    ("", "Any age"),
    ("1h", "Up to an hour"),
    ("24h", "Up to a day"),
    ("7d", "Up to a week"),
    ("30d", "Up to 30 days"),
    ("over-1h", "Over an hour"),
    ("over-24h", "Over a day"),
    ("over-7d", "Over a week"),
];

/// What a list's address asks for; an empty text asks for nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// What was typed into the search field.
    pub q: String,
    /// The incident's state, or what became of the effect.
    pub state: String,
    /// Why the incident was opened.
    pub reason: String,
    /// What it has in common with others.
    pub cause: String,
    /// Who sees to it.
    pub owner: String,
    project: String,
    mode: String,
    event_type: String,
    effect_type: String,
    age: String,
    sort: String,
    after: String,
    before: String,
    /// What was picked before, where nothing came of it: ids of incidents between commas, which of them were meant, and
    /// whether those that take something were. None of it narrows the list.
    pub(super) ticked: String,
    pub(super) which: String,
    pub(super) include_taking: String,
}

impl ListQuery {
    /// What is searched for.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(self.q.trim().to_owned()).filter(|text| !text.is_empty())
    }

    #[must_use]
    pub fn project_id(&self) -> Option<ProjectId> {
        self.project.parse().ok()
    }

    #[must_use]
    pub fn cause_id(&self) -> Option<CauseId> {
        self.cause.parse().ok()
    }

    /// The mode of the project.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.mode.parse().ok()
    }

    /// The provider's event type, in the spelling of the catalogue.
    #[must_use]
    pub fn event_type(&self, catalogue: &Catalogue) -> Option<String> {
        catalogue.event_type(None, &self.event_type).ok()
    }

    #[must_use]
    pub fn effect_type(&self, catalogue: &Catalogue) -> Option<EffectType> {
        catalogue.effect_type(&self.effect_type).ok()
    }

    /// From when, inclusive, and until when, exclusive.
    #[must_use]
    pub fn times(&self, now: OffsetDateTime) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
        times(&self.age, now)
    }

    #[must_use]
    pub fn sort(&self) -> Sort {
        if self.sort == "oldest" { Sort::Oldest } else { Sort::Newest }
    }

    /// Where the page lies.
    #[must_use]
    pub fn cursor<Id: FromStr>(&self) -> Option<Cursor<Id>> {
        let after = self.after.parse().ok().map(Cursor::After);
        after.or_else(|| self.before.parse().ok().map(Cursor::Before))
    }

    /// Whether it is the first page of everything that the list shows by itself.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.says_only(&["sort"])
    }

    /// Whether it is the first page and narrowed by nothing else than these.
    #[must_use]
    pub fn says_only(&self, names: &[&str]) -> bool {
        self.pairs().iter().all(|(name, text)| text.is_empty() || names.contains(name))
            && self.after.is_empty()
            && self.before.is_empty()
    }

    /// The address of the same list in another state.
    #[must_use]
    pub fn in_state(&self, path: &str, state: &str) -> String {
        link(path, &Self { state: state.to_owned(), ..self.clone() }, None)
    }

    /// The same, narrowed to a mode.
    #[must_use]
    pub fn with_mode(&self, mode: Option<Mode>) -> Self {
        let mode = mode.map(|mode| mode.to_string()).unwrap_or_default();
        Self { mode, ..self.clone() }
    }

    /// Its own address, of its first page.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        link(path, self, None)
    }

    /// Which page of the list it is, as an address says it; empty for the first one.
    #[must_use]
    pub fn place(&self) -> String {
        let pairs = [("after", &self.after), ("before", &self.before)];
        let said = pairs.into_iter().filter(|(_, id)| !id.is_empty());
        form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish()
    }

    /// Whether an incident was picked before.
    #[must_use]
    pub fn has_ticked(&self, id: IncidentId) -> bool {
        !self.ticked.is_empty()
            && self.ticked.split(',').any(|one| one.parse::<IncidentId>() == Ok(id))
    }

    /// What it is narrowed by and sorted, as an address says it behind its question mark.
    #[must_use]
    pub fn as_filter(&self) -> String {
        link("", self, None).trim_start_matches('?').to_owned()
    }

    /// The same, by name.
    #[must_use]
    pub fn values(&self) -> FilterValues {
        let said = self.pairs().into_iter().filter(|(_, text)| !text.is_empty());
        said.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// Reads what [`Self::as_filter`] wrote; `None` where it is no filter.
    #[must_use]
    pub fn from_filter(filter: &str) -> Option<Self> {
        let uri: Uri = format!("/?{filter}").parse().ok()?;
        Query::try_from_uri(&uri).ok().map(|Query(query)| query)
    }

    fn pairs(&self) -> [(&'static str, &str); 11] {
        [
            ("q", self.q.trim()),
            ("state", &self.state),
            ("reason", &self.reason),
            ("cause", &self.cause),
            ("owner", &self.owner),
            ("project", &self.project),
            ("mode", &self.mode),
            ("event_type", &self.event_type),
            ("effect_type", &self.effect_type),
            ("age", &self.age),
            ("sort", &self.sort),
        ]
    }
}

fn link(path: &str, query: &ListQuery, cursor: Option<(&str, &str)>) -> String {
    let pairs = query.pairs().into_iter().filter(|(_, text)| !text.is_empty());
    address(path, pairs.chain(cursor))
}

/// A path with a query, if there is anything to ask.
pub(super) fn address<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The links to the pages beside this one.
#[derive(Debug, Clone)]
pub struct Pager {
    /// To what comes before.
    pub previous: Option<String>,
    /// To what follows.
    pub next: Option<String>,
    /// Whether there is more than the list ever shows.
    pub capped: bool,
}

impl Pager {
    /// The links beside one page.
    #[must_use]
    pub fn new<T>(path: &str, query: &ListQuery, page: &Page<T>) -> Self {
        let to = |name, cursor: &Option<String>| {
            cursor.as_deref().map(|cursor| link(path, query, Some((name, cursor))))
        };
        // What stood on a later page may be gone; then the way back is to the first one.
        let is_later = !(query.after.is_empty() && query.before.is_empty());
        let emptied = is_later && page.data.is_empty() && page.next_cursor.is_none();
        let back = to("before", &page.previous_cursor);
        Self {
            previous: back.or_else(|| emptied.then(|| link(path, query, None))),
            next: to("after", &page.next_cursor),
            capped: page.capped,
        }
    }
}

/// A field of the form that offers a choice.
#[derive(Debug, Clone)]
pub struct Select {
    /// Its name, in the address too.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// What it offers: value, label, and whether it is chosen.
    pub options: Vec<(String, String, bool)>,
    /// What the address asks for and is not offered.
    unknown: Option<String>,
}

impl Select {
    /// A field; the first choice is the one that narrows nothing.
    pub fn new<'a>(
        name: &'static str,
        label: &'static str,
        chosen: &str,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let options = options.into_iter();
        let options =
            options.map(|(value, words)| (value.to_owned(), words.to_owned(), value == chosen));
        let options: Vec<_> = options.collect();
        let known = chosen.is_empty() || options.iter().any(|(_, _, chosen)| *chosen);
        let unknown = (!known).then(|| one_line(chosen).chars().take(MOST_SHOWN).collect());
        Self { name, label, options, unknown }
    }

    /// What is wrong with the filter: a mistyped one narrows nothing, which must not go unseen.
    fn error(&self) -> Option<String> {
        let query = self.unknown.as_ref()?;
        let values: Vec<_> =
            self.options.iter().skip(1).map(|(value, ..)| value.as_str()).collect();
        let cure = match values.split_last() {
            Some((last, rest)) if (1..=MOST_NAMED).contains(&rest.len()) => {
                format!("Use {} or {last}.", rest.join(", "))
            }
            _ => "Choose one from the list.".to_owned(),
        };
        Some(format!("Unknown filter: {}={query}. {cure}", self.name))
    }

    /// Whether anything but the first choice is chosen.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.options.iter().skip(1).any(|(_, _, chosen)| *chosen)
    }
}

/// The form above a list.
#[derive(Debug, Clone)]
pub struct Filters {
    /// Where it leads.
    pub path: &'static str,
    /// What was typed.
    pub q: String,
    /// What is at hand.
    pub first: Vec<Select>,
    /// What is folded away until it is needed.
    pub more: Vec<Select>,
}

impl Filters {
    /// The form with what was asked for.
    #[must_use]
    pub fn new(
        path: &'static str,
        query: &ListQuery,
        own: Vec<Select>,
        projects: &[Project],
        catalogue: &Catalogue,
    ) -> Self {
        let mut own = own.into_iter();
        let first = own.next().into_iter().chain([by_project(query, projects)]);
        let more = own.chain([
            by_mode(query),
            by_event_type(query, catalogue),
            by_effect_type(query, catalogue),
            Select::new("age", "Age", &query.age, AGES),
            Select::new(
                "sort",
                "Order",
                &query.sort,
                [("", "Newest first"), ("oldest", "Oldest first")],
            ),
        ]);
        Self { path, q: query.q.clone(), first: first.collect(), more: more.collect() }
    }

    /// What is wrong with what the address asks for.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.first.iter().chain(&self.more).filter_map(Select::error).collect()
    }

    /// Whether the folded part is open: it must be obvious why a list is short.
    #[must_use]
    pub fn more_is_open(&self) -> bool {
        self.more.iter().any(Select::narrows)
    }
}

fn by_project(query: &ListQuery, projects: &[Project]) -> Select {
    let named: Vec<_> = projects
        .iter()
        .map(|it| (it.id.to_string(), format!("{} · {}", it.name, mode_word(it.mode))))
        .collect();
    let all = [("", "All projects")].into_iter();
    let options = all.chain(named.iter().map(|(id, name)| (id.as_str(), name.as_str())));
    Select::new("project", "Project", &query.project, options)
}

fn by_mode(query: &ListQuery) -> Select {
    let options = [("", "As chosen above"), ("live", "Live"), ("test", "Test")];
    Select::new("mode", "Mode", &query.mode, options)
}

/// By provider; a type that several providers have is listed once.
fn by_event_type(query: &ListQuery, catalogue: &Catalogue) -> Select {
    let providers = catalogue.providers();
    let mut seen = BTreeSet::new();
    let types = providers.iter().flat_map(|provider| catalogue.event_types(provider));
    let types = types.filter(|it| seen.insert(*it)).map(|it| (it, it));
    let options = [("", "Any event type")].into_iter().chain(types);
    let chosen = query.event_type(catalogue).unwrap_or_else(|| query.event_type.clone());
    Select::new("event_type", "Event type", &chosen, options)
}

fn by_effect_type(query: &ListQuery, catalogue: &Catalogue) -> Select {
    let effects = catalogue.effect_types();
    let all = effects.iter().map(|effect| (effect.as_str(), effect.as_str()));
    let options = [("", "Any effect")].into_iter().chain(all);
    let chosen = query.effect_type(catalogue);
    let chosen = chosen.as_ref().map_or(query.effect_type.as_str(), EffectType::as_str);
    Select::new("effect_type", "Effect", chosen, options)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:32:09 UTC);

    #[test]
    fn what_is_asked_wrongly_narrows_nothing() {
        let wrong = || "<script>".to_owned();
        let query = ListQuery {
            project: wrong(),
            mode: wrong(),
            event_type: wrong(),
            effect_type: wrong(),
            age: wrong(),
            sort: wrong(),
            after: wrong(),
            before: wrong(),
            ..ListQuery::default()
        };
        let catalogue = &Catalogue::default();
        assert_eq!((query.project_id(), query.mode()), (None, None));
        assert_eq!((query.event_type(catalogue), query.effect_type(catalogue)), (None, None));
        assert_eq!(query.times(NOW), (None, None));
        assert_eq!((query.sort(), query.cursor::<ProjectId>()), (Sort::Newest, None));
        let filters = Filters::new("/x", &query, vec![], &[], catalogue);
        assert!(!filters.more_is_open());
        assert_eq!(filters.errors().len(), 6, "and says so");
        assert_eq!(filters.errors()[1], "Unknown filter: mode=<script>. Use live or test.");
    }

    #[test]
    fn a_filter_is_read_as_it_was_written() {
        let query = ListQuery {
            q: " a&b=ü ".to_owned(),
            state: "open".to_owned(),
            after: "inc_1".to_owned(),
            ..ListQuery::default()
        };
        let values = query.values();
        let expected = [("q", "a&b=ü"), ("state", "open")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(values, FilterValues::from(expected));
        let again = ListQuery::from_filter(&query.as_filter()).expect("a filter");
        assert_eq!(again.values(), values);
        assert!(ListQuery::from_filter("q=a b").is_none(), "no address has a blank");
    }

    #[test]
    fn from_a_page_that_was_emptied_a_link_leads_back_to_the_first_one() {
        let page = Page::<()> {
            data: Vec::new(),
            next_cursor: None,
            previous_cursor: None,
            capped: false,
        };
        let back = |after: &str| {
            let after = after.to_owned();
            let query = ListQuery { state: "open".to_owned(), after, ..ListQuery::default() };
            Pager::new("/incidents", &query, &page).previous
        };
        assert_eq!(back("inc_1").as_deref(), Some("/incidents?state=open"));
        assert_eq!(back(""), None, "the first page is where it is");
    }

    #[test]
    fn every_age_that_is_offered_narrows_the_list() {
        for (age, words) in AGES.into_iter().skip(1) {
            let query = ListQuery { age: age.to_owned(), ..ListQuery::default() };
            let (from, until) = query.times(NOW);
            assert_eq!(until.is_some(), words.starts_with("Over"), "{age}");
            assert_eq!(from.is_some(), words.starts_with("Up to"), "{age}");
            assert!(from.or(until).is_some_and(|limit| limit < NOW), "{age}");
        }
    }

    #[test]
    fn a_link_keeps_what_was_asked_for_and_nothing_else() {
        let query = ListQuery {
            q: " a&b ".to_owned(),
            sort: "oldest".to_owned(),
            after: "inc_1".to_owned(),
            ..ListQuery::default()
        };
        let page = Page::<()> {
            data: vec![],
            next_cursor: Some("inc_2".to_owned()),
            previous_cursor: None,
            capped: false,
        };
        let pager = Pager::new("/incidents", &query, &page);
        assert_eq!(pager.next.as_deref(), Some("/incidents?q=a%26b&sort=oldest&after=inc_2"));
        assert_eq!(pager.previous, None);
        assert_eq!(query.in_state("/x", "all"), "/x?q=a%26b&state=all&sort=oldest");
        assert_eq!(ListQuery::default().in_state("/x", ""), "/x");
    }
}
