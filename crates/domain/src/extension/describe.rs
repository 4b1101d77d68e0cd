//! What an extension found, for people.

use super::Evidence;
use crate::alert::one_line;

/// Evidence as people read it: name and value of each entry, on one line and without quotes.
#[must_use]
pub fn describe_evidence(evidence: &Evidence) -> Vec<(String, String)> {
    let entries = evidence.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (one_line(name), one_line(&text))
    });
    entries.collect()
}
