//! The saved filters above a list, and the link that saves the present one.

use domain::alert::one_line;
use domain::saved_filter::{FilterValues, FilteredList};
use store::saved_filters::SavedFilter;

use super::PATH;
use crate::listing::{Filters, ListQuery, address};
use crate::{events, incidents};

/// What stands above a list.
#[derive(Debug, Default)]
pub(crate) struct SavedLinks {
    pub(crate) links: Vec<SavedLink>,
    /// Where the present filter is saved, and what the link says.
    pub(crate) save: Option<(String, &'static str)>,
    /// The name of the present filter, if it names something that is gone.
    pub(crate) stale: Option<String>,
}

#[derive(Debug)]
pub(crate) struct SavedLink {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) is_shared: bool,
    /// Whether it is what the list shows.
    pub(crate) here: bool,
}

impl SavedLinks {
    /// `all` are those that the operator may use.
    pub(crate) fn new(mut all: Vec<SavedFilter>, query: &ListQuery, filters: &Filters) -> Self {
        let (list, asked) = (list_at(filters.path), query.values());
        all.retain(|one| one.list == list);
        let here = all.iter().find(|one| one.filter == asked).map(|one| one.name.clone());
        let links = all.iter().map(|one| SavedLink {
            name: one_line(&one.name),
            href: href(list, &one.filter),
            is_shared: one.is_shared,
            here: one.filter == asked,
        });
        let name = here.as_deref().unwrap_or_default();
        let filter = query.as_filter();
        let to = [("list", list.as_str()), ("filter", filter.as_str()), ("name", name)];
        let words = if here.is_some() { "Rename or share…" } else { "Save this filter…" };
        Self {
            links: links.collect(),
            save: (!asked.is_empty()).then(|| (address(PATH, to), words)),
            stale: here.filter(|_| !filters.errors().is_empty()).map(|name| one_line(&name)),
        }
    }
}

fn list_at(path: &str) -> FilteredList {
    if path == events::PATH { FilteredList::Events } else { FilteredList::Incidents }
}

/// The list that a filter opens.
pub(crate) fn href(list: FilteredList, filter: &FilterValues) -> String {
    let path = match list {
        FilteredList::Incidents => incidents::PATH,
        FilteredList::Events => events::PATH,
    };
    address(path, filter.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}
