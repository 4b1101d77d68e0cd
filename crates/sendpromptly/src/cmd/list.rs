//! What lists that have pages have in common.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::alert::one_line;
use domain::project::Mode;
use store::page::{MAX_PAGE, Page};

use crate::failure::Failure;
use crate::text::{Tone, table};

/// What lists of events and of incidents are narrowed by, how much of one, and from where.
#[derive(Debug, clap::Args)]
pub struct Narrowing {
    /// Only what belongs to this project.
    #[arg(long)]
    pub project: Option<String>,
    /// Only what belongs to projects of this mode.
    #[arg(long, value_parser = choice::<Mode>(Mode::ALL.iter().map(|mode| mode.as_str())))]
    pub mode: Option<Mode>,
    /// The provider's event id, a reference, or an id of ours; the first three letters or more do. Of incidents also words of the
    /// reference, of the error code and of its message.
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
    /// How many lines a page has at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
    pub limit: i64,
    /// The cursor that the page before ended with.
    #[arg(long)]
    cursor: Option<String>,
}

impl Narrowing {
    /// The last line of the page before.
    ///
    /// # Errors
    /// When that is no cursor of such a list.
    pub fn cursor<Id: FromStr>(&self) -> Result<Option<Id>, Failure> {
        self.cursor.as_deref().map(parse_cursor).transpose()
    }
}

/// The last line of the page before, where it is no option of [`Narrowing`].
///
/// # Errors
/// When it is no cursor of such a list.
pub fn parse_cursor<Id: FromStr>(text: &str) -> Result<Id, Failure> {
    text.parse().map_err(|_| {
        Failure::option("cursor", "must be the next_cursor of the page before this one")
    })
}

/// An option that takes one of a few words.
pub fn choice<T>(words: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|text| text.parse::<T>())
}

/// A project in a list that may be of both modes.
pub fn project(name: &str, mode: Mode) -> String {
    format!("{} · {mode}", one_line(name))
}

/// A page for people, which says how the list goes on.
pub fn describe<T>(
    nothing: &str,
    headers: &[&str],
    page: &Page<T>,
    row: impl Fn(&T) -> Vec<(String, Tone)>,
) -> String {
    if page.data.is_empty() {
        return nothing.to_owned();
    }
    let rows = table(headers, page.data.iter().map(row).collect());
    match &page.next_cursor {
        None => rows,
        Some(cursor) => format!("{rows}\n\nThere are more: add --cursor {cursor}"),
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::IncidentId;

    use super::*;
    use crate::text::plain;

    fn page(data: Vec<&'static str>, next_cursor: Option<String>) -> Page<&'static str> {
        Page { data, next_cursor, previous_cursor: None, capped: false }
    }

    #[test]
    fn a_list_that_goes_on_says_how() {
        let text = |page| describe("None.", &["CODE"], &page, |code| vec![plain(code)]);
        let more = text(page(vec!["account_locked"], Some("inc_1".to_owned())));
        assert!(more.ends_with("add --cursor inc_1"), "{more}");
        assert!(more.contains("account_locked"), "{more}");
        assert_eq!(text(page(Vec::new(), None)), "None.");
    }

    #[test]
    fn a_project_is_told_from_one_of_its_name_in_the_other_mode() {
        assert_eq!(project("Comet\nCart", Mode::Test), "Comet Cart · test");
        assert_eq!(project("CometCart", Mode::Live), "CometCart · live");
    }

    #[test]
    fn a_bad_cursor_is_an_error() {
        let bad = parse_cursor::<IncidentId>("2").expect_err("no cursor");
        assert_eq!(bad.code(), "validation_error");
    }
}
