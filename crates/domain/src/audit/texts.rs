//! Which keys of a detail are text: what people and apps wrote freely, and how an app names its customers.
//!
//! A trigger of the database keeps them apart from the entry, in `audit_texts`, whoever writes it: the entry then never
//! changes, and a customer's words can go. Readers put both together again. The function `audit_text_of` says the same
//! as [`is_text`], and a test compares them.

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

/// Whether a key of the detail of this action is text.
#[must_use]
pub fn is_text(action: &str, key: &str) -> bool {
    // The first is one of our own words, the second names the extension that gave evidence.
    let ours = [("extension.unanswered", "why"), ("incident.resolved", "evidence")];
    TEXT_KEYS.contains(&key) && !ours.contains(&(action, key))
}
