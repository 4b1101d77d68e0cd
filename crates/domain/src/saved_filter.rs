//! Filters of a list that operators keep under a name, for themselves or for everyone who signs in.
//!
//! A filter is known by its name and by what it narrows to, so saving again is all there is to changing one: under the
//! name that it has it narrows to something else, and what it narrows to gets another name.

use std::collections::BTreeMap;

use crate::identifier::{InvalidIdentifier, check_label_of};
use crate::ids::FilterId;
use crate::text_enum::text_enum;

/// The most characters of a name, which is a link above the list.
pub const MAX_NAME: usize = 60;
/// So many may an operator have of a list, and so many may all of them share of it.
pub const MAX_SAVED: usize = 30;

text_enum! {
    /// A list whose filters can be kept.
    FilteredList {
        Incidents = "incidents",
        Events = "events",
    }
}

/// What a list is narrowed by, as its address says it: the search text under `q`.
pub type FilterValues = BTreeMap<String, String>;

/// Checks what a filter is called.
///
/// # Errors
/// The reason, which continues a sentence that begins with the name.
pub fn check_name(name: &str) -> Result<(), InvalidIdentifier> {
    check_label_of(name, MAX_NAME)
}

/// One that is kept already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub id: FilterId,
    pub name: String,
    pub filter: FilterValues,
}

/// What saving does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saving {
    /// There was none of this name, and none that narrows to this.
    Add,
    /// The one of this name narrows to this from now on.
    Replace(FilterId),
    /// The one that narrows to this had this name before.
    Rename(FilterId, String),
}

impl Saving {
    /// What saving under a name does where these are kept; `None` if it would be one more than [`MAX_SAVED`].
    #[must_use]
    pub fn decide(kept: &[Kept], name: &str, filter: &FilterValues) -> Option<Self> {
        let wanted = name.to_lowercase();
        if let Some(same) = kept.iter().find(|one| one.name.to_lowercase() == wanted) {
            return Some(Self::Replace(same.id));
        }
        match kept.iter().find(|one| one.filter == *filter) {
            Some(same) => Some(Self::Rename(same.id, same.name.clone())),
            None => (kept.len() < MAX_SAVED).then_some(Self::Add),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn narrowed(state: &str) -> FilterValues {
        FilterValues::from([("state".to_owned(), state.to_owned())])
    }

    fn kept(number: u128, name: &str, state: &str) -> Kept {
        let id = FilterId::from_uuid(Uuid::from_u128(number));
        Kept { id, name: name.to_owned(), filter: narrowed(state) }
    }

    #[test]
    fn a_name_that_is_there_gets_the_filter_and_a_filter_that_is_there_gets_the_name() {
        let all = [kept(1, "Open ones", "open"), kept(2, "Over", "resolved")];
        for (name, state, expected) in [
            ("Mine", "acknowledged", Saving::Add),
            ("open ONES", "acknowledged", Saving::Replace(all[0].id)),
            ("Still open", "open", Saving::Rename(all[0].id, "Open ones".to_owned())),
            ("Over", "open", Saving::Replace(all[1].id)),
        ] {
            let saving = Saving::decide(&all, name, &narrowed(state));
            assert_eq!(saving, Some(expected), "{name} {state}");
        }
    }

    #[test]
    fn where_there_are_too_many_one_can_still_be_changed() {
        let all: Vec<_> = (0..)
            .take(MAX_SAVED)
            .map(|number| kept(number, &format!("No. {number}"), &format!("state {number}")))
            .collect();
        assert_eq!(Saving::decide(&all, "New", &narrowed("open")), None);
        let replaced = Some(Saving::Replace(all[3].id));
        assert_eq!(Saving::decide(&all, "No. 3", &narrowed("open")), replaced);
        let renamed = Some(Saving::Rename(all[3].id, "No. 3".to_owned()));
        assert_eq!(Saving::decide(&all, "New", &narrowed("state 3")), renamed);
    }

    #[test]
    fn a_name_is_short_and_can_be_seen() {
        assert_eq!(check_name("Dunning 📬\u{FE0F}"), Ok(()));
        assert_eq!(check_name(&"x".repeat(MAX_NAME)), Ok(()));
        for (name, why) in [
            (" ".to_owned(), "must have 1 to 60 characters"),
            ("x".repeat(MAX_NAME + 1), "must have 1 to 60 characters"),
            ("a\u{200B}b".to_owned(), "must not contain U+200B"),
        ] {
            let error = check_name(&name).expect_err("a rejection").to_string();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
