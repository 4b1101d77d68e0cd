//! Names that a project declares: `[a-z0-9][a-z0-9_./:-]{0,99}`.

use std::fmt;
use std::str::FromStr;

/// The longest declared name, in bytes.
pub const MAX_NAME: usize = 100;

/// A declared name. It reads the same in JSON, SQL, a shell and a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// A text is no name. The text continues a sentence that begins with the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 100 characters of a-z 0-9 _ . / : - and begin with a letter or digit")]
pub struct InvalidName;

impl Name {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(letter);
        let good = begins && text.bytes().all(|b| letter(b) || b"_./:-".contains(&b));
        if good && text.len() <= MAX_NAME { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for good in ["a", "transaction.completed", "orders/paid", "a:b_c-d", &"x".repeat(100)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "A", ".a", "a b", "a\0", "é", "a,b", &"x".repeat(101)] {
            assert_eq!(bad.parse::<Name>(), Err(InvalidName), "{bad:?}");
        }
    }
}
