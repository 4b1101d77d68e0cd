//! What text may be that names something.
//!
//! Two identifiers that look equal must be equal. Characters that nobody sees would make two of one, so
//! they are rejected, and the error says which one it is and where: all that Unicode lets a reader leave
//! out when text is shown (`Default_Ignorable_Code_Point`: soft hyphens, fillers, variation selectors,
//! tags), those that a sink could obey (control characters, line separators), and every space that
//! looks like the plain one.
//! Labels, which people give and no program looks up, may hold U+FE0F, which makes an emoji of a sign.

use std::sync::LazyLock;

use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

/// The most characters.
pub const MAX_IDENTIFIER: usize = 255;
/// Makes a sign before it an emoji, as in many labels.
pub const EMOJI: char = '\u{FE0F}';
/// Braille without a dot: a sign to Unicode, and a space to the eye.
const BLANK: char = '\u{2800}';
/// The space of East Asian text, which is as wide as its signs: nobody takes it for the plain one.
const WIDE_SPACE: char = '\u{3000}';

/// What is wrong with an identifier. The text continues a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    /// Nothing to see, or too much.
    #[error("must have 1 to {0} characters")]
    Length(usize),
    /// Text that was broken on its way: with a replaced character one id could be two.
    #[error("must not contain U+FFFD or an unpaired surrogate: its text is broken")]
    Broken,
    /// A character that is not seen.
    #[error(
        "must not contain U+{:04X} ({}; character {at}): it is not seen, so two that look equal would not be",
        u32::from(*.character),
        name(*.character)
    )]
    Invisible {
        character: char,
        /// Its place, from 1.
        at: usize,
    },
}

/// Checks text that names something and is shown to people later.
///
/// # Errors
/// The reason, ready to be shown beside the field's name.
pub fn check_identifier(text: &str) -> Result<(), InvalidIdentifier> {
    check(text, MAX_IDENTIFIER, is_deceptive)
}

/// Checks what people call something: a name or a label that no program looks up.
///
/// # Errors
/// As [`check_identifier`].
pub fn check_label(text: &str) -> Result<(), InvalidIdentifier> {
    check_label_of(text, MAX_IDENTIFIER)
}

/// The same within another limit.
pub(crate) fn check_label_of(text: &str, max: usize) -> Result<(), InvalidIdentifier> {
    check(text, max, |c| c != EMOJI && is_invisible(c))
}

/// The same within a limit, for ids.
pub(crate) fn check_id(text: &str, max: usize) -> Result<(), InvalidIdentifier> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(InvalidIdentifier::Broken);
    }
    check(text, max, is_deceptive)
}

fn check(
    text: &str,
    max: usize,
    is_rejected: impl Fn(char) -> bool,
) -> Result<(), InvalidIdentifier> {
    if text.trim().is_empty() || text.chars().count() > max {
        return Err(InvalidIdentifier::Length(max));
    }
    match text.chars().zip(1..).find(|(c, _)| is_rejected(*c)) {
        Some((character, at)) => Err(InvalidIdentifier::Invisible { character, at }),
        None => Ok(()),
    }
}

/// Characters that make two different identifiers look alike, or that a sink could obey.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    /// <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>
    static IGNORABLE: LazyLock<CodePointSetDataBorrowed<'static>> =
        LazyLock::new(CodePointSetData::new::<DefaultIgnorableCodePoint>);
    // What is plain ASCII, which is nearly everything, is not looked up.
    c.is_control()
        || !c.is_ascii()
            && (matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}')
                || IGNORABLE.contains(c))
}

/// Characters that no identifier holds: those that are not seen, and spaces that look like the plain one and are another.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    is_invisible(c) || !c.is_ascii() && c.is_whitespace() && c != WIDE_SPACE || c == BLANK
}

/// What people call it.
fn name(c: char) -> &'static str {
    match c {
        c if c.is_control() => "a control character",
        '\u{AD}' => "a soft hyphen",
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            "a text-direction character"
        }
        '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' => "a zero-width character",
        '\u{2028}' | '\u{2029}' => "a line separator",
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' => "a filler",
        '\u{180B}'..='\u{180D}'
        | '\u{180F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{E0100}'..='\u{E01EF}' => "a variation selector",
        '\u{E0000}'..='\u{E007F}' => "a tag character",
        BLANK => "a blank",
        c if c.is_whitespace() => "a space other than U+0020",
        _ => "an invisible character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_look_equal_and_are_not_are_rejected_by_the_name_of_what_differs() {
        for (bad, what) in [
            ("a\0b", "U+0000 (a control character; character 2)"),
            ("user\n1", "U+000A (a control character; character 5)"),
            ("user\u{202E}1", "U+202E (a text-direction character; character 5)"),
            ("user\u{200B}1", "U+200B (a zero-width character; character 5)"),
            ("\u{FEFF}user", "U+FEFF (a zero-width character; character 1)"),
            ("user\u{2028}1", "U+2028 (a line separator"),
            ("us\u{AD}er", "U+00AD (a soft hyphen; character 3)"),
            ("user\u{FE0F}", "U+FE0F (a variation selector; character 5)"),
            ("user\u{E0101}", "U+E0101 (a variation selector"),
            ("user\u{180B}", "U+180B (a variation selector"),
            ("user\u{E0041}", "U+E0041 (a tag character"),
            ("user\u{3164}", "U+3164 (a filler"),
            ("\u{115F}user", "U+115F (a filler"),
            ("user\u{FFA0}", "U+FFA0 (a filler"),
            ("user\u{34F}", "U+034F (an invisible character"),
            ("user\u{17B4}", "U+17B4 (an invisible character"),
            ("user\u{2064}", "U+2064 (an invisible character"),
            ("user\u{FFF9}", "U+FFF9 (an invisible character"),
            ("user\u{1D173}", "U+1D173 (an invisible character"),
            ("user\u{A0}1", "U+00A0 (a space other than U+0020; character 5)"),
            ("user\u{2009}1", "U+2009 (a space other than U+0020"),
            ("user\u{2800}", "U+2800 (a blank; character 5)"),
        ] {
            let why = check_identifier(bad).expect_err(bad).to_string();
            assert!(why.starts_with(&format!("must not contain {what}")), "{bad:?}: {why}");
        }
        for (bad, what) in [("", "1 to 255"), ("  ", "1 to 255"), (&*"x".repeat(256), "1 to 255")] {
            assert!(check_identifier(bad).expect_err(bad).to_string().contains(what));
        }
    }

    #[test]
    fn identifiers_are_taken_in_every_script() {
        for good in [
            "user_456",
            "Zoë Müller",
            "注文-1",
            "山田\u{3000}太郎",
            "🙂",
            "กำ",
            "द\u{94D}",
            &"é".repeat(255),
        ] {
            assert_eq!(check_identifier(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn a_label_may_hold_an_emoji_and_nothing_else_that_is_not_seen() {
        assert_eq!(check_label("Shop ❤\u{FE0F}"), Ok(()));
        assert_eq!(check_label("Boutique\u{A0}№\u{202F}1"), Ok(()), "no program looks it up");
        for bad in ["Shop\u{AD}", "Shop\u{200B}", "Shop\u{FE0E}", ""] {
            assert!(check_label(bad).is_err(), "{bad:?}");
        }
    }
}
