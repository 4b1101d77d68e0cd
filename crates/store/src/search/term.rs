//! The content of the search field.
//!
//! An id of ours is known by its prefix. Anything else is the provider's id or the app's reference:
//! exactly, or where nothing is exactly that, by how it begins. Incidents are found by their words
//! besides, unless it is the whole of an id with a digit in it.

use domain::ids::{EventId, IncidentId, ReplayId};

/// How many characters a text must have to be searched for as a prefix.
const MIN_PREFIX: usize = 3;

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SearchTerm {
    Event(EventId),
    Incident(IncidentId),
    Replay(ReplayId),
    Text(String),
}

impl SearchTerm {
    /// Reads what was typed; `None` if that is nothing.
    pub(super) fn parse(typed: Option<&str>) -> Option<Self> {
        let text = typed?.trim();
        let by_id = text
            .parse()
            .map(Self::Event)
            .or_else(|_| text.parse().map(Self::Incident))
            .or_else(|_| text.parse().map(Self::Replay));
        // Postgres text cannot hold NUL, so nothing has it.
        let as_text = || Self::Text(text.replace('\0', "\u{fffd}"));
        (!text.is_empty()).then(|| by_id.unwrap_or_else(|_| as_text()))
    }
}

/// Whether a text that is known tells one from all others, as ids and numbered references do and names do not.
pub(super) fn names_one(as_text: &str) -> bool {
    as_text.contains(char::is_numeric)
}

/// The texts that begin with this one: from the first, inclusive, to the second, exclusive,
/// compared as bytes. `None` if it is too short to be worth it.
pub(super) fn prefix_range(as_text: &str) -> Option<(&str, String)> {
    // The highest character there is; it is no letter, so no text goes on with it.
    (as_text.chars().count() >= MIN_PREFIX).then(|| (as_text, format!("{as_text}\u{10ffff}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_id_of_ours_is_known_by_its_prefix() {
        let bits = Uuid::now_v7();
        let parse = |text: String| SearchTerm::parse(Some(&text));
        let (event, incident) = (EventId::from_uuid(bits), IncidentId::from_uuid(bits));
        let replay = ReplayId::from_uuid(bits);
        assert_eq!(parse(event.to_string()), Some(SearchTerm::Event(event)));
        assert_eq!(parse(format!(" {incident}\n")), Some(SearchTerm::Incident(incident)));
        assert_eq!(parse(replay.to_string()), Some(SearchTerm::Replay(replay)));
        assert_eq!(parse("ev_1".into()), Some(SearchTerm::Text("ev_1".into())));
        assert_eq!(parse("  ".into()), None);
        assert_eq!(SearchTerm::parse(None), None);
    }

    #[test]
    fn a_number_tells_one_from_all_others() {
        assert!(names_one("user_1") && names_one("evt_1NqQ") && names_one("153"));
        assert!(!names_one("northwind") && !names_one("acme-corp"));
    }

    #[test]
    fn a_prefix_covers_what_begins_with_it_and_nothing_else() {
        let (from, until) = prefix_range("évt").expect("long enough");
        let covers = |text: &str| from <= text && text < until.as_str();
        assert!(covers("évt") && covers("évt_9") && covers("évt\u{ffff}"));
        assert!(!covers("évs") && !covers("évu") && !covers("év"));
        assert_eq!(prefix_range("év"), None);
    }
}
