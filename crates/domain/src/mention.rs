//! Whom a comment mentions, and what they are told.
//!
//! `@bob@example.com`, `bob@example.com`, or `@bob` where only one operator's address begins so. Whoever is mentioned
//! more than once is told once; a name that nobody has is text.

use crate::alert::{Quote, one_line, sanitize};
use crate::project::Mode;

/// The most people that one comment tells.
pub const MAX_MENTIONED: usize = 20;

/// Those of these addresses that a text mentions, in the order of the text.
#[must_use]
pub fn mentioned<'a>(text: &str, addresses: &[&'a str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    for address in text.split_whitespace().filter_map(|word| find(word, addresses)) {
        if !found.contains(&address) && found.len() < MAX_MENTIONED {
            found.push(address);
        }
    }
    found
}

fn find<'a>(word: &str, addresses: &[&'a str]) -> Option<&'a str> {
    let is_around = |c: char| !c.is_alphanumeric();
    let word = word.trim_start_matches(|c| c != '@' && is_around(c)).trim_end_matches(is_around);
    let name = word.strip_prefix('@').unwrap_or(word).to_lowercase();
    if name.contains('@') {
        return addresses.iter().find(|address| **address == name).copied();
    }
    if !word.starts_with('@') {
        return None;
    }
    let is_named =
        |address: &&&str| address.split_once('@').is_some_and(|(local, _)| local == name);
    let mut named = addresses.iter().filter(is_named);
    match (named.next(), named.next()) {
        (Some(only), None) => Some(only),
        (None | Some(_), _) => None,
    }
}

/// What an operator who was mentioned is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MentionFacts {
    /// Who wrote the comment, by name.
    pub author: String,
    /// What it is about, as its page begins.
    pub about: String,
    pub project_name: String,
    pub mode: Mode,
    pub text: String,
    /// Where the comment is.
    pub url: String,
}

impl MentionFacts {
    /// The subject of the message, on one line.
    #[must_use]
    pub fn subject(&self) -> String {
        one_line(&format!("[{} {}] {}", self.project_name, self.mode, self.heading()))
    }

    #[must_use]
    pub fn heading(&self) -> String {
        one_line(&format!("{} mentioned you: {}", self.author, self.about))
    }

    /// Project and mode.
    #[must_use]
    pub fn origin(&self) -> String {
        one_line(&format!("{} · {}", self.project_name, self.mode))
    }

    /// The comment, readable.
    #[must_use]
    pub fn quote(&self) -> Quote {
        Quote { label: "Comment", text: sanitize(self.text.trim()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 4] =
        ["bob@example.com", "alice@example.com", "alice@other.test", "o-ne.il@example.com"];

    #[test]
    fn people_are_mentioned_by_their_address_or_by_a_name_that_is_theirs_alone() {
        for (text, expected) in [
            ("@bob can you look?", &["bob@example.com"][..]),
            ("(@Bob), please. @bob!", &["bob@example.com"]),
            ("ask bob@example.com.", &["bob@example.com"]),
            ("@alice@other.test and @bob", &["alice@other.test", "bob@example.com"]),
            ("@o-ne.il: yes", &["o-ne.il@example.com"]),
            ("@alice is two people", &[]),
            ("bob knows, @carol does not, mail to x@example.com", &[]),
            ("@ @@ @. @@bob", &[]),
            ("", &[]),
        ] {
            assert_eq!(mentioned(text, &ALL), expected, "{text}");
        }
    }

    #[test]
    fn a_message_says_who_wrote_what_about_what() {
        let facts = MentionFacts {
            author: "alice".to_owned(),
            about: "db_write_failed on invoice.paid".to_owned(),
            project_name: "Comet\nCart".to_owned(),
            mode: Mode::Live,
            text: " @bob,\nhelp\u{202e} ".to_owned(),
            url: String::new(),
        };
        let subject = "[Comet Cart live] alice mentioned you: db_write_failed on invoice.paid";
        assert_eq!(facts.subject(), subject);
        assert_eq!(facts.quote().text, "@bob,\nhelp");
    }
}
