//! A snapshot as lines for people: one member or element a line, indented by its depth.
//!
//! Numbers stay as they were written. Strings are unescaped but for what is not seen, so that a search finds
//! `/` and `é` however the app's library wrote them. What is no JSON stays as it is.

use std::fmt::Write as _;

use domain::alert::sanitize;
use domain::identifier::is_invisible;
use serde::de::IgnoredAny;

/// Deeper lines are indented no further.
const DEEPEST: usize = 20;

/// The lines of a text that is an object as a rule.
pub(super) fn lines(text: &str) -> Vec<String> {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return sanitize(text).lines().map(str::to_owned).collect();
    }
    let mut writer = Writer::default();
    writer.write(text);
    writer.lines
}

#[derive(Default)]
struct Writer {
    lines: Vec<String>,
    line: String,
    depth: usize,
}

impl Writer {
    /// Writes valid JSON.
    fn write(&mut self, json: &str) {
        let mut rest = json;
        while let Some(next) = rest.chars().next() {
            let length = if next == '"' { string_length(rest) } else { next.len_utf8() };
            let (token, after) = rest.split_at(length);
            rest = after;
            match next {
                '"' => self.line.push_str(&readable(token)),
                '{' | '[' => {
                    self.line.push(next);
                    self.depth += 1;
                    if !after.trim_start().starts_with(['}', ']']) {
                        self.break_line();
                    }
                }
                '}' | ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if !self.line.ends_with(['{', '[']) {
                        self.break_line();
                    }
                    self.line.push(next);
                }
                ',' => {
                    self.line.push(next);
                    self.break_line();
                }
                ':' => self.line.push_str(": "),
                _ if next.is_ascii_whitespace() => {}
                _ => self.line.push(next),
            }
        }
        self.lines.push(std::mem::take(&mut self.line));
    }

    fn break_line(&mut self) {
        let indented = "  ".repeat(self.depth.min(DEEPEST));
        self.lines.push(std::mem::replace(&mut self.line, indented));
    }
}

/// How long the string is that a text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A string with as few escapes as JSON needs, and one for each character that is not seen.
fn readable(token: &str) -> String {
    let text: Option<String> = serde_json::from_str(token).ok();
    let plain = text.and_then(|text| serde_json::to_string(&text).ok());
    let mut shown = String::new();
    for letter in plain.as_deref().unwrap_or(token).chars() {
        if is_invisible(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_on_lines_of_their_own_and_numbers_stay() {
        let json = r#"{"id" :"evt_1","amount":12345678901234567890123,"e":1e5, "tags":[ "a",{"b":null}],"none":{ },"no":[]}"#;
        let shown = lines(json);
        assert_eq!(
            shown,
            [
                "{",
                "  \"id\": \"evt_1\",",
                "  \"amount\": 12345678901234567890123,",
                "  \"e\": 1e5,",
                "  \"tags\": [",
                "    \"a\",",
                "    {",
                "      \"b\": null",
                "    }",
                "  ],",
                "  \"none\": {},",
                "  \"no\": []",
                "}",
            ]
        );
    }

    #[test]
    fn strings_read_as_they_are_meant_and_hide_nothing() {
        let json = r#"{"u":"https:\/\/a.example\/\u00e9","q":"say \"{,}\"\n","dir":"a\u202eb","tag":"\udb40\udc41"}"#;
        let shown = lines(json).join("\n");
        assert!(shown.contains(r#""u": "https://a.example/é""#), "{shown}");
        assert!(shown.contains(r#""q": "say \"{,}\"\n""#), "{shown}");
        assert!(shown.contains(r#""dir": "a\u202eb""#), "{shown}");
        assert!(shown.contains(r#""tag": "\udb40\udc41""#), "{shown}");
        assert_eq!(lines("no JSON {\nat all"), ["no JSON {", "at all"]);
    }

    #[test]
    fn the_largest_and_deepest_snapshot_stays_small_enough_to_be_shown() {
        let inside = "[".repeat(100) + &"1,".repeat(30_000) + "1" + &"]".repeat(100);
        let shown = lines(&format!("{{\"a\":{inside}}}"));
        assert!(shown.iter().all(|line| line.len() <= 2 * DEEPEST + 8));
        assert_eq!(shown.len(), 2 + 2 * 100 + 30_001);
    }
}
