//! The fields of an object whose values are not judged.
//!
//! Finds where each top-level field begins and ends by brackets and double-quoted strings alone, so
//! that control bytes, invalid UTF-8, `NaN` or any depth in a value that is not needed cost
//! nothing. It runs only where a strict parser has failed. Brackets that do not match, or a string
//! that does not end, leave open which field is which: then there is nothing to be read. No crate
//! that is kept up splits an object without judging its values.

use web::extract::json::MAX_FIELDS;

/// A field exactly as in the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawField<'a> {
    pub(super) name: String,
    pub(super) value: &'a [u8],
}

/// Why a body has no fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsplit {
    TooManyFields,
    /// Where they are cannot be determined.
    Broken,
}

/// Splits one object into its fields, in order.
pub(super) fn split(text: &[u8]) -> Result<Vec<RawField<'_>>, Unsplit> {
    let mut rest = Rest(text);
    let mut fields = Vec::new();
    rest.expect(b'{')?;
    loop {
        let name = rest.string()?;
        rest.expect(b':')?;
        let value = rest.value()?;
        if fields.len() == MAX_FIELDS {
            return Err(Unsplit::TooManyFields);
        }
        // A name that is no text is none of those that are read.
        fields.push(RawField { name: serde_json::from_slice(name).unwrap_or_default(), value });
        match rest.next()? {
            b',' => {}
            b'}' => break,
            _ => return Err(Unsplit::Broken),
        }
    }
    rest.skip_white_space();
    if rest.0.is_empty() { Ok(fields) } else { Err(Unsplit::Broken) }
}

/// Splits a list into its elements, or gives nothing if it is none.
pub(super) fn elements(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = Rest(text);
    rest.expect(b'[').ok()?;
    let mut elements = Vec::new();
    loop {
        let value = rest.value().ok()?;
        let end = rest.next().ok()?;
        if !(value.is_empty() && end == b']' && elements.is_empty()) {
            elements.push(value);
        }
        match end {
            b',' => {}
            b']' => return Some(elements),
            _ => return None,
        }
    }
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn skip_white_space(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let spaces = self.0.iter().take_while(|byte| is_space(byte)).count();
        self.0 = &self.0[spaces..];
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Result<u8, Unsplit> {
        self.skip_white_space();
        let (first, rest) = self.0.split_first().ok_or(Unsplit::Broken)?;
        self.0 = rest;
        Ok(*first)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unsplit> {
        if self.next()? == byte { Ok(()) } else { Err(Unsplit::Broken) }
    }

    fn take(&mut self, length: Option<usize>) -> Result<&'a [u8], Unsplit> {
        let (taken, rest) =
            length.and_then(|length| self.0.split_at_checked(length)).ok_or(Unsplit::Broken)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'a [u8], Unsplit> {
        self.skip_white_space();
        self.take(string_length(self.0))
    }

    /// A value, whatever it holds.
    fn value(&mut self) -> Result<&'a [u8], Unsplit> {
        self.skip_white_space();
        match self.0.first() {
            Some(b'"') => self.take(string_length(self.0)),
            Some(b'{' | b'[') => self.take(nested_length(self.0)),
            _ => {
                let ends = |byte: &u8| b",:{}[]\" \t\r\n".contains(byte);
                self.take(self.0.iter().position(ends))
            }
        }
    }
}

/// How long the string is that a text begins with.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = text.starts_with(b"\"").then_some(1)?;
    loop {
        at += text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// How long the object or list is that a text begins with.
fn nested_length(text: &[u8]) -> Option<usize> {
    let (mut at, mut open) = (0, Vec::new());
    loop {
        let byte = *text.get(at)?;
        match byte {
            b'"' => {
                at += string_length(&text[at..])?;
                continue;
            }
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                open.pop().filter(|closing| *closing == byte)?;
            }
            _ => {}
        }
        at += 1;
        if open.is_empty() {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_its_own_commas() {
        let split = |text: &'static str| {
            let elements = elements(text.as_bytes())?;
            Some(elements.into_iter().map(|one| String::from_utf8_lossy(one)).collect::<Vec<_>>())
        };
        for (list, expected) in [
            ("[]", vec![]),
            (" [ ] ", vec![]),
            ("[1]", vec!["1"]),
            ("[{\"a\":[1,2]} , \"],\" ,NaN]", vec!["{\"a\":[1,2]}", "\"],\"", "NaN"]),
            ("[1,]", vec!["1", ""]),
        ] {
            assert_eq!(split(list), Some(expected.into_iter().map(Into::into).collect()), "{list}");
        }
        for none in ["", "null", "{}", "\"[]\"", "[1", "[1 2]", "[}"] {
            assert_eq!(split(none), None, "{none}");
        }
    }

    fn values(text: &[u8]) -> Result<Vec<(String, &[u8])>, Unsplit> {
        split(text).map(|all| all.into_iter().map(|one| (one.name, one.value)).collect())
    }

    #[test]
    fn fields_are_found_whatever_their_values_hold() {
        for value in [
            &b"NaN"[..],
            b"-Infinity",
            b"01",
            b"",
            b"\"\x01\xff\\x\\\" }\"",
            b"{\"a\":NaN,\x00\xff'}",
            b"[{\"]\":\"}\"},undefined]",
        ] {
            let body = [b" {\"a\": ", value, b" ,\"\xff\":1,\n\"b\":\"c\"}\n"].concat();
            let found = values(&body).expect("fields");
            let expected = [("a", value), ("", b"1"), ("b", b"\"c\"")];
            let expected = expected.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(found, expected, "{value:?}");
        }
    }

    #[test]
    fn where_nobody_can_say_which_field_is_which_there_are_none() {
        for broken in [
            &b""[..],
            b"{",
            b"{}",
            b"[]",
            b"{\"a\":1",
            b"{\"a\":1,}",
            b"{\"a\":{]}",
            b"{\"a\":[1,2}}",
            b"{\"a\":\"b}",
            b"{\"a\":\"b\\",
            b"{\"a\":\"say \"hi\"\"}",
            b"{\"a\" 1}",
            b"{a:1}",
            b"{\"a\":1}x",
            b"{\"a\":1 2}",
            b"{\"a\":1}\0",
        ] {
            assert_eq!(values(broken), Err(Unsplit::Broken), "{broken:?}");
        }
    }

    #[test]
    fn depth_and_number_are_bounded_by_the_body_and_the_limit() {
        let deep = format!("{{\"a\":{}NaN{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(values(deep.as_bytes()).expect("fields").len(), 1);
        let many = |count: usize| format!("{{{}}}", vec!["\"a\":NaN"; count].join(","));
        assert_eq!(values(many(64).as_bytes()).expect("fields").len(), 64);
        assert_eq!(values(many(65).as_bytes()), Err(Unsplit::TooManyFields));
    }
}
