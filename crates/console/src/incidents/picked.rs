//! What was picked in the list and could not be frozen. It is picked still, so that something else can be done to it.

use crate::listing::ListQuery;

/// What the form is sent with and what is chosen in it when the page is opened.
#[derive(Debug)]
pub(super) struct PickedBefore {
    /// Which page of the list this is.
    pub(super) place: String,
    /// Whether anything was picked.
    pub(super) is_any: bool,
    /// Whether all that match were meant.
    pub(super) is_all: bool,
    /// Whether what takes something from the customer was meant too.
    pub(super) includes_taking: bool,
}

impl PickedBefore {
    pub(super) fn new(query: &ListQuery) -> Self {
        let (is_all, includes_taking) = (query.which == "all", !query.include_taking.is_empty());
        Self {
            place: query.place(),
            is_any: is_all || includes_taking || !query.ticked.is_empty(),
            is_all,
            includes_taking,
        }
    }
}
