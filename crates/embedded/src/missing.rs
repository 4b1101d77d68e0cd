//! Why an engine could not be found or installed, in a text that says what to do.
//!
//! [`LocateError::NotFound`] is the common one: it names every place that was searched, what was
//! wrong there, and the ways to install the engine manually.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fmt, io};

use crate::kinds::{Kind, Wheel};
use crate::names::CACHE_DIR;
use crate::version::Version;

/// What can go wrong before an engine is even started.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    #[error("{0}")]
    NotFound(NotFound),
    /// An explicit place is final: no other place is tried.
    #[error("{variable} leads to {}, but {reason}. It must hold {holds}", path.display())]
    Explicit { variable: &'static str, holds: &'static str, path: PathBuf, reason: String },
    #[error(
        "the downloaded {package} has SHA-256 {found}, expected {expected}. It was not installed; \
         if this repeats, the package index or mirror that pip uses serves a changed file"
    )]
    Checksum { package: String, expected: &'static str, found: String },
    #[error("cannot install {title} in {}: {reason}", place.display())]
    Install { title: &'static str, place: PathBuf, reason: String },
    #[error(
        "the account {account} that runs PostgreSQL cannot reach {}. Set {CACHE_DIR} to \
         a folder that every user may enter",
        path.display()
    )]
    Unreachable { account: String, path: PathBuf },
    #[error("no cache folder: set {CACHE_DIR} or HOME")]
    NoCacheDir,
    #[error(transparent)]
    Account(io::Error),
    #[error("the search for the engines was interrupted")]
    Interrupted,
}

/// The list of places that were tried for one engine.
#[derive(Debug)]
pub struct NotFound {
    title: &'static str,
    minimum: Version,
    looked: Vec<(String, String)>,
    by_hand: Vec<String>,
}

impl NotFound {
    pub(crate) fn new(kind: &Kind) -> Self {
        let by_hand = format!(
            "{}, and set {} to {} if it is not on PATH",
            kind.by_hand, kind.variable, kind.variable_holds
        );
        Self { title: kind.title, minimum: kind.minimum, looked: vec![], by_hand: vec![by_hand] }
    }

    /// For what is no engine, and so is searched for in the cache only.
    pub(crate) fn from_wheel(title: &'static str, wheel: &Wheel) -> Self {
        Self { title, minimum: wheel.engine, looked: vec![], by_hand: vec![] }
    }

    pub(crate) fn looked_at(&mut self, place: impl Into<String>, found: impl Into<String>) {
        self.looked.push((place.into(), found.into()));
    }

    pub(crate) fn or_by_hand(&mut self, way: String) {
        self.by_hand.push(way);
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("no {} {} or newer was found. Looked at:", self.title, self.minimum);
        for (place, found) in &self.looked {
            write!(text, "\n  - {place}: {found}")?;
        }
        text.push_str("\nTo install it by hand,");
        text.push_str(if self.by_hand.len() > 1 { " either" } else { "" });
        text.push_str(&self.by_hand.iter().fold(String::new(), |all, way| {
            let or = if all.is_empty() { "" } else { "\nor" };
            format!("{all}{or}\n  {way}")
        }));
        f.write_str(&text)
    }
}
