//! What of the audit is asked for: from the address, into a search, and back into addresses.
//!
//! What was typed is kept as it is, so that an error is shown beside the field that has it.

use domain::audit::Action;
use domain::days;
use domain::ids::{AuditId, KeyId};
use domain::timeline::title;
use serde::Deserialize;
use store::search::Cursor;
use store::search::audit::{AuditSearch, is_subject};
use web::error::ApiError;

use crate::badge::capitalize;
use crate::listing::address;

/// What was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub from: String,
    pub to: String,
    after: String,
    before: String,
}

/// What is wrong with each field.
#[derive(Debug, Default)]
pub struct FilterErrors {
    pub actor: Option<&'static str>,
    pub action: Option<&'static str>,
    pub subject: Option<&'static str>,
    pub from: Option<&'static str>,
    pub to: Option<&'static str>,
}

impl FilterErrors {
    /// All of them as text, each with its field.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let all = [
            ("actor", self.actor),
            ("action", self.action),
            ("subject", self.subject),
            ("from", self.from),
            ("to", self.to),
        ];
        all.into_iter().filter_map(|(field, why)| Some((field, why?)))
    }

    /// The first one as text.
    pub fn first(&self) -> Option<&'static str> {
        self.all().next().map(|(_, why)| why)
    }
}

/// Actions of one kind, to choose from.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    /// Stands for all of them, where there are several.
    pub all: Option<String>,
    pub actions: Vec<(Action, &'static str)>,
}

const NO_DATE: &str = "A day is written as 2026-11-21.";

impl Filter {
    /// The search that it asks for, from its first page.
    pub fn search(&self) -> Result<AuditSearch, FilterErrors> {
        let mut errors = FilterErrors::default();
        let actor = self.actor();
        if actor.as_deref().is_some_and(|actor| actor.chars().any(char::is_control)) {
            errors.actor = Some("No actor has this name.");
        }
        if !self.action.is_empty() && !Action::is_named_by(&self.action) {
            errors.action = Some("There is no such action.");
        }
        let subject = given(&self.subject);
        if subject.is_some_and(|id| !is_subject(id)) {
            errors.subject = Some("This is no id of a project, an event or an incident.");
        }
        let from = given(&self.from).map(days::begin_of).transpose();
        let from = from.map_err(|_| errors.from = Some(NO_DATE)).ok().flatten();
        let to = given(&self.to).map(days::end_of).transpose();
        let to = to.map_err(|_| errors.to = Some(NO_DATE)).ok().flatten().flatten();
        if errors.first().is_some() {
            return Err(errors);
        }
        Ok(AuditSearch {
            actor,
            action: given(&self.action).map(str::to_owned),
            subject: subject.map(str::to_owned),
            from,
            // The last day belongs to what is asked for.
            to,
            ..AuditSearch::default()
        })
    }

    /// Which page of it.
    pub fn cursor(&self) -> Result<Option<Cursor<AuditId>>, ApiError> {
        let read = |text: &str| {
            let id = text.parse::<AuditId>();
            id.map_err(|_| ApiError::malformed("this is no page of the audit log"))
        };
        match (self.after.as_str(), self.before.as_str()) {
            ("", "") => Ok(None),
            (after, "") => read(after).map(|id| Some(Cursor::After(id))),
            (_, before) => read(before).map(|id| Some(Cursor::Before(id))),
        }
    }

    /// Whether it is about another page than the first.
    pub fn is_later(&self) -> bool {
        !(self.after.is_empty() && self.before.is_empty())
    }

    /// Whether anything is left out.
    pub fn narrows(&self) -> bool {
        self.fields().iter().any(|(_, value)| !value.trim().is_empty())
    }

    /// Where the same entries are found.
    pub fn link(&self, path: &str, cursor: Option<(&str, &str)>) -> String {
        let fields = self.fields().into_iter().filter(|(_, value)| !value.trim().is_empty());
        address(path, fields.chain(cursor))
    }

    /// The actions, by what they are about.
    pub fn groups() -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for action in Action::ALL {
            let kind = action.group();
            let name = capitalize(&kind.replace('_', " "));
            let one = (*action, title(*action));
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => {
                    group.all = Some(format!("{kind}."));
                    group.actions.push(one);
                }
                None => groups.push(Group { name, all: None, actions: vec![one] }),
            }
        }
        groups
    }

    /// An address stands for the operator who has it, and a key's id for the key.
    fn actor(&self) -> Option<String> {
        let actor = given(&self.actor)?;
        if actor.parse::<KeyId>().is_ok() {
            return Some(format!("key:{actor}"));
        }
        let is_address = actor.contains('@') && !actor.contains(':');
        Some(if is_address {
            format!("operator:{}", actor.to_lowercase())
        } else {
            actor.to_owned()
        })
    }

    fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("subject", &self.subject),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn filter(fields: [&str; 5]) -> Filter {
        let [actor, action, subject, from, to] = fields.map(str::to_owned);
        Filter { actor, action, subject, from, to, ..Filter::default() }
    }

    #[test]
    fn a_day_is_searched_to_its_end_and_an_address_stands_for_its_operator() {
        let filter =
            filter([" Alice@CometCart.test ", "incident.", "", "2026-11-21", "2026-11-21"]);
        let search = filter.search().expect("no error");
        assert_eq!(search.actor.as_deref(), Some("operator:alice@cometcart.test"));
        assert_eq!(search.action.as_deref(), Some("incident."));
        assert_eq!(search.from, Some(datetime!(2026-11-21 0:00 UTC)));
        assert_eq!(search.to, Some(datetime!(2026-11-22 0:00 UTC)));
        assert_eq!(
            filter.link("/audit", Some(("after", "aud_1"))),
            "/audit?actor=+Alice%40CometCart.test+&action=incident.&from=2026-11-21&to=2026-11-21&after=aud_1"
        );
    }

    #[test]
    fn kinds_of_actors_and_keys_are_found() {
        for (values, actor) in [
            ("operator:", "operator:"),
            ("system", "system"),
            ("cli:bob@laptop", "cli:bob@laptop"),
            ("key_00000000000000000000000001", "key:key_00000000000000000000000001"),
        ] {
            let search = filter([values, "", "", "", ""]).search().expect("no error");
            assert_eq!(search.actor.as_deref(), Some(actor));
        }
        assert_eq!(filter(["", "", " ", "", ""]).link("/audit.csv", None), "/audit.csv");
    }

    #[test]
    fn every_mistake_is_named() {
        let errors = filter(["a\0b", "incident", "evt_1", "yesterday", "2026-13-01"]).search();
        let errors = errors.expect_err("five errors");
        let all = [errors.actor, errors.action, errors.subject, errors.from, errors.to];
        assert!(all.iter().all(Option::is_some), "{errors:?}");
        for far in ["-0044-03-15", "1969-12-31", "+12026-01-01", "10000-01-01"] {
            assert!(filter(["", "", "", far, ""]).search().is_err(), "{far}");
        }
        assert!(filter(["", "", "", "", "9999-12-31"]).search().is_ok());
    }

    #[test]
    fn every_action_can_be_chosen_once() {
        let groups = Filter::groups();
        let actions: usize = groups.iter().map(|group| group.actions.len()).sum();
        assert_eq!(actions, Action::ALL.len());
        let incident = groups.iter().find(|group| group.name == "Incident").expect("a group");
        assert_eq!((incident.all.as_deref(), incident.actions.len()), (Some("incident."), 9));
        assert!(groups.iter().any(|group| group.name == "Proof link"));
    }
}
