//! Versions as the engines print them.
//!
//! Only what decides "new enough" is kept: three numbers. `18beta1` counts as 18.0.0, because a
//! pre-release of a newer major has everything that is needed here. A text without a number in it
//! has no version, and the caller treats such a program as unusable.

use std::fmt;

/// Major, minor and patch, missing parts are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The first version number in what `<program> --version` prints, such as
    /// `postgres (Postgres) 15.18 (Debian 15.18-0+deb12u1)` or `temporal version 1.9.1 (Server …`.
    #[must_use]
    pub fn parse(printed: &str) -> Option<Self> {
        printed.split_whitespace().find_map(parse_word)
    }
}

impl fmt::Display for Version {
    /// A zero patch is left out: Postgres has two numbers, and `16.0` is never read as `16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

fn parse_word(word: &str) -> Option<Version> {
    let mut parts = word.split('.').map(leading_number);
    let major = parts.next()??;
    let minor = parts.next().flatten().unwrap_or(0);
    let patch = parts.next().flatten().unwrap_or(0);
    Some(Version::new(major, minor, patch))
}

fn leading_number(part: &str) -> Option<u32> {
    let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
    part[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engines_print_is_understood() {
        let of = |text| Version::parse(text).unwrap();
        assert_eq!(of("postgres (PostgreSQL) 18.4"), Version::new(18, 4, 0));
        assert_eq!(
            of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Version::new(15, 18, 0)
        );
        assert_eq!(of("postgres (PostgreSQL) 19beta1"), Version::new(19, 0, 0));
        assert_eq!(of("postgres (PostgreSQL) 17rc1"), Version::new(17, 0, 0));
        assert_eq!(of("temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"), Version::new(1, 9, 1));
        assert_eq!(of("temporal version 0.0.0-DEV (Server 1.30.0)"), Version::new(0, 0, 0));
    }

    #[test]
    fn a_text_without_a_number_has_no_version() {
        assert_eq!(Version::parse("command not found"), None);
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("99999999999999999999"), None);
    }

    #[test]
    fn a_later_minor_is_newer_even_when_it_sorts_before_as_text() {
        assert!(Version::new(1, 10, 0) > Version::new(1, 9, 1));
        assert!(Version::new(16, 0, 0) > Version::new(15, 18, 0));
    }

    #[test]
    fn a_version_reads_as_its_maker_writes_it() {
        assert_eq!(Version::new(18, 4, 0).to_string(), "18.4");
        assert_eq!(Version::new(1, 9, 1).to_string(), "1.9.1");
    }
}
