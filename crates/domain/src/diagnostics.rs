//! What an app says about its failures: kept as far as it can be, never rejected.

use serde_json::Value;

use crate::identifier::is_invisible;

/// The longest error code in code points.
pub const MAX_ERROR_CODE: usize = 200;
/// The longest error message in code points.
pub const MAX_ERROR_MESSAGE: usize = 2_000;

/// What was said, as text: a number or an object says as much as a string.
#[must_use]
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Printable text on one line, its white space folded; `None` if nothing is left.
#[must_use]
pub fn clean_code(text: &str) -> Option<String> {
    let printable =
        |c: char| if c.is_whitespace() { Some(' ') } else { Some(c).filter(|c| !is_invisible(*c)) };
    let text: String = text.chars().filter_map(printable).collect();
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = folded.chars().take(MAX_ERROR_CODE).collect();
    Some(cut.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// Text without control characters but for newline and tab; `None` if nothing is left.
#[must_use]
pub fn clean_message(text: &str) -> Option<String> {
    let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let cut: String = text.chars().filter(kept).take(MAX_ERROR_MESSAGE).collect();
    Some(cut).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_cut_by_code_point() {
        let long = format!("{}\u{1f600}\u{1f600}", "x".repeat(1_999));
        let kept = clean_message(&long).expect("text");
        assert_eq!((kept.chars().count(), kept.ends_with('\u{1f600}')), (2_000, true));
        assert_eq!(clean_code(&"é".repeat(201)).map(|code| code.chars().count()), Some(200));
        assert_eq!((clean_code(" \0\u{200b} "), clean_message("\0\r")), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(text in any::<String>()) {
            for clean in [clean_code, clean_message] {
                if let Some(once) = clean(&text) {
                    prop_assert!(!once.contains('\0'));
                    prop_assert_eq!(clean(&once), Some(once));
                }
            }
        }
    }
}
