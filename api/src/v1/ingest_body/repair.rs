//! One JSON value whose text is broken, read as far as it can be.
//!
//! Languages whose strings are UTF-16 write half of a character as an escape that no strict parser
//! takes (<https://www.rfc-editor.org/rfc/rfc8259#section-8.2>); what is cut by bytes is no UTF-8;
//! what is put together without a JSON library has raw line ends in its strings. The first two
//! become U+FFFD, the last are escaped: the value then keeps its meaning, and the rules of its
//! field judge that.

use std::borrow::Cow;

use serde_json::Value;

const REPLACEMENT: &[u8] = br"\ufffd";

/// A value that could be read.
#[derive(Debug, PartialEq)]
pub(super) struct Repaired {
    /// What it says.
    pub(super) value: Value,
    /// Whether something of it was lost.
    pub(super) lossy: bool,
}

/// Reads a value, repaired where it has to be. `None` if it is no JSON even then.
pub(super) fn read(json: &[u8]) -> Option<Repaired> {
    if let Ok(value) = serde_json::from_slice(json) {
        return Some(Repaired { value, lossy: false });
    }
    let text = String::from_utf8_lossy(json);
    let paired = replace_unpaired(text.as_bytes());
    let lossy = matches!((&text, &paired), (Cow::Owned(_), _) | (_, Cow::Owned(_)));
    let value = serde_json::from_slice(&escape_controls(&paired)).ok()?;
    Some(Repaired { value, lossy })
}

/// The text of a value that is no JSON at all, such as `NaN`, or a string with escapes that there
/// are not.
pub(super) fn raw_text(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(&text).to_owned()
}

/// Escapes control characters that are unescaped in strings.
fn escape_controls(json: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(json.len());
    let (mut in_string, mut after_backslash) = (false, false);
    for byte in json {
        match byte {
            0..0x20 if in_string && !after_backslash => {
                escaped.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            }
            _ => escaped.push(*byte),
        }
        in_string ^= *byte == b'"' && !after_backslash;
        after_backslash = in_string && *byte == b'\\' && !after_backslash;
    }
    escaped
}

/// Replaces each escape of an unpaired surrogate by that of U+FFFD. Borrowed if there is none.
fn replace_unpaired(json: &[u8]) -> Cow<'_, [u8]> {
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
    use proptest::prelude::*;

    #[test]
    fn a_broken_string_says_what_it_said() {
        for (given, text, lossy) in [
            (&b"\"a\nb\tc\""[..], "a\nb\tc", false),
            (b"\"a\0\x1b[31m\"", "a\0\u{1b}[31m", false),
            (b"\"a\xff\xe2\x82\"", "a\u{fffd}\u{fffd}", true),
            (b"\"x\\ud83d\"", "x\u{fffd}", true),
            (b"\"\\\"\n\\\\\"", "\"\n\\", false),
            ("\"\u{fffd}\u{7f}é\"".as_bytes(), "\u{fffd}\u{7f}é", false),
        ] {
            let expected = Repaired { value: Value::from(text), lossy };
            assert_eq!(read(given), Some(expected), "{given:?}");
        }
        for none in [&b"NaN"[..], b"01", b"\"\\x\"", b"\"a\\\nb\"", b"", b"{]", b"[\x01]"] {
            assert_eq!(read(none), None, "{none:?}");
        }
        assert_eq!(raw_text(b"-Infinity"), "-Infinity");
        assert_eq!(raw_text(b"\"C:\\Users\\x\xff\""), "C:\\Users\\x\u{fffd}");
    }

    proptest! {
        #[test]
        fn whatever_stands_in_quotes_is_read_or_kept_raw(bytes in any::<Vec<u8>>()) {
            let mut string = b"\"".to_vec();
            string.extend(bytes.iter().filter(|byte| !b"\"\\".contains(byte)));
            string.push(b'"');
            let read = read(&string).expect("a string");
            prop_assert_eq!(read.value, Value::from(raw_text(&string)));
            prop_assert_eq!(read.lossy, std::str::from_utf8(&string).is_err());
        }
    }

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
