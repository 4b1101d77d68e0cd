//! An answer as JSON, also where a text or a number that explains it is none.
//!
//! Python and others write `NaN` and `Infinity`, which JSON does not have; a text that is cut in the
//! middle of a surrogate pair leaves half of it behind; and some write a byte order mark before all.
//! None of that says less about the effect. What decides stays strict: a `NaN` becomes a text there
//! too, which decides nothing.

/// Numbers that are none of JSON's, and the texts that stand for them.
const NO_NUMBERS: [(&[u8], &[u8]); 3] =
    [(b"NaN", b"\"NaN\""), (b"Infinity", b"\"Infinity\""), (b"-Infinity", b"\"-Infinity\"")];
/// Stands for half a surrogate pair.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// How long the next piece is, and what stands for it.
type Piece = (usize, Option<&'static [u8]>);

/// An answer without the mark that may be before all.
pub(super) fn strip_mark(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw)
}

/// The same with texts for what is no number, and U+FFFD for half a surrogate pair.
pub(super) fn replace(raw: &[u8]) -> Vec<u8> {
    let mut rest = raw;
    let (mut replaced, mut in_text) = (Vec::with_capacity(raw.len()), false);
    while !rest.is_empty() {
        let (length, instead) = if in_text { in_a_text(rest) } else { between_texts(rest) };
        let (piece, after) = rest.split_at(length.min(rest.len()));
        in_text ^= piece == b"\"";
        replaced.extend_from_slice(instead.unwrap_or(piece));
        rest = after;
    }
    replaced
}

fn between_texts(rest: &[u8]) -> Piece {
    let found = NO_NUMBERS.into_iter().find(|(word, _)| rest.starts_with(word));
    found.map_or((1, None), |(word, text)| (word.len(), Some(text)))
}

fn in_a_text(rest: &[u8]) -> Piece {
    let second = || rest.get(6..).and_then(code_unit);
    match code_unit(rest) {
        Some(0xD800..=0xDBFF) if matches!(second(), Some(0xDC00..=0xDFFF)) => (12, None),
        Some(0xD800..=0xDFFF) => (6, Some(REPLACEMENT)),
        _ if rest.starts_with(b"\\") => (2, None),
        _ => (1, None),
    }
}

/// The code unit of the escape that a text goes on with.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_json_is_replaced() {
        for (raw, replaced) in [
            (
                r#"{"a":NaN,"b":[-Infinity,Infinity]}"#,
                r#"{"a":"NaN","b":["-Infinity","Infinity"]}"#,
            ),
            (r#"{"a":"NaN \" NaN","b":1}"#, r#"{"a":"NaN \" NaN","b":1}"#),
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#),
            (r#""\\ud83d \u00e9""#, r#""\\ud83d \u00e9""#),
            (r#""ends \"#, r#""ends \"#),
            (r#""\ud8"#, r#""\ud8"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&replace(raw.as_bytes())), replaced);
        }
    }
}
