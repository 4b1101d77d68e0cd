//! Which keys of a detail are text: what people and apps wrote freely, and how they name customers.
//!
//! A trigger of the database keeps them apart from the entry, in `audit_texts`, whoever writes it: the entry then never
//! changes, and a customer's words can go. Readers put both together again. The function `audit_text_of` says the same
//! as [`is_text`], and a test compares them.

use serde_json::{Map, Value};

/// The keys that are text where they have a value.
pub const TEXT_KEYS: [&str; 8] = [
    "note",
    "why",
    "error_message",
    "answer",
    "redirect_to",
    "evidence",
    "internal_reference",
    "effect_key",
];

/// The keys that are text of an entry about a saved filter: what it is called, and was.
const FILTER_KEYS: [&str; 2] = ["name", "was"];

/// Whether a key of the detail of this action is text.
#[must_use]
pub fn is_text(action: &str, key: &str) -> bool {
    // The first is one of our own words, the second names the extension that gave evidence.
    let ours = [("extension.unanswered", "why"), ("incident.resolved", "evidence")];
    let is_of_filter = ["filter.shared", "filter.removed"].contains(&action);
    TEXT_KEYS.contains(&key) && !ours.contains(&(action, key))
        || is_of_filter && FILTER_KEYS.contains(&key)
}

/// Whether this is what stands in place of a text that was erased: the keys of a text, and at none of them a word. The
/// database writes it (`erased_audit_text`).
#[must_use]
pub fn is_erased(text: &str) -> bool {
    let is_empty = |word: &Value| *word == "erased" || word.as_object().is_some_and(Map::is_empty);
    let is_key = |key: &str| TEXT_KEYS.contains(&key) || FILTER_KEYS.contains(&key);
    serde_json::from_str::<Map<String, Value>>(text)
        .is_ok_and(|words| words.iter().all(|(key, word)| is_key(key) && is_empty(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_erased_holds_no_word() {
        assert!(is_erased(r#"{"note": "erased", "evidence": {}}"#));
        for words in [
            r#"{"note": "as agreed with alice"}"#,
            r#"{"note": "erased", "why": "because"}"#,
            r#"{"evidence": {"order": "1"}}"#,
            r#"{"actor": "erased"}"#,
            r#"["erased"]"#,
            "erased",
        ] {
            assert!(!is_erased(words), "{words}");
        }
    }
}
