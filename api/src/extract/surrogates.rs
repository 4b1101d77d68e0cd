//! Text that was cut in the middle of a character.
//!
//! Languages whose strings are UTF-16 write half of a character as an escape that no strict parser
//! takes. <https://www.rfc-editor.org/rfc/rfc8259#section-8.2>

use std::borrow::Cow;

const REPLACEMENT: &[u8] = br"\ufffd";

/// Replaces each escape of an unpaired surrogate by that of U+FFFD. Borrowed if there is none.
pub(super) fn replace_unpaired(json: &[u8]) -> Cow<'_, [u8]> {
    let mut fixed: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(offset) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += offset;
        let escape = escape_at(&json[at..]);
        if escape.unpaired {
            let fixed = fixed.get_or_insert_with(|| Vec::with_capacity(json.len()));
            fixed.extend_from_slice(&json[copied..at]);
            fixed.extend_from_slice(REPLACEMENT);
            copied = at + escape.len;
        }
        at = json.len().min(at + escape.len);
    }
    match fixed {
        None => Cow::Borrowed(json),
        Some(mut fixed) => {
            fixed.extend_from_slice(&json[copied..]);
            Cow::Owned(fixed)
        }
    }
}

/// One escape, or the two that make a pair.
struct Escape {
    len: usize,
    unpaired: bool,
}

fn escape_at(text: &[u8]) -> Escape {
    match code_unit(text) {
        None => Escape { len: 2, unpaired: false },
        Some(0xd800..=0xdbff) if matches!(code_unit(&text[6..]), Some(0xdc00..=0xdfff)) => {
            Escape { len: 12, unpaired: false }
        }
        Some(unit) => Escape { len: 6, unpaired: (0xd800..=0xdfff).contains(&unit) },
    }
}

/// The code unit of `\uXXXX` at the beginning of a text.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.starts_with('+') { None } else { u16::from_str_radix(digits, 16).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        for (given, fixed) in [
            (r#"{"a":"x\ud83d"}"#, r#"{"a":"x\ufffd"}"#),
            (r#"{"a":"\uDE00x"}"#, r#"{"a":"\ufffdx"}"#),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, r#"{"a":"\ufffd\ud83d\ude00"}"#),
            (r#"{"a":"\ud83dx\ude00"}"#, r#"{"a":"\ufffdx\ufffd"}"#),
        ] {
            assert_eq!(replace_unpaired(given.as_bytes()), fixed.as_bytes(), "{given}");
        }
        for whole in [
            r#"{"a":"\ud83d\ude00"}"#,
            r#"{"a":"\\ud83d"}"#,
            r#"{"a":"\n\u00e9"}"#,
            r"\u",
            r"\",
            "",
        ] {
            assert!(matches!(replace_unpaired(whole.as_bytes()), Cow::Borrowed(_)), "{whole}");
        }
    }
}
