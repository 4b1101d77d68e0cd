//! Moments as pages show them: UTC in the page, the reader's own zone where scripts run.
//!
//! The element always carries the exact moment in `datetime` and in its tooltip, in UTC. The text is
//! what a reader without scripts sees; `times.js` writes the local time into it.

use std::fmt;

use askama::filters::HtmlSafe;
use domain::alert::{humane_duration, moment};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment, written in full or as how long ago it was.
#[derive(Debug, Clone, Copy)]
pub struct When {
    at: OffsetDateTime,
    /// For a relative one, the moment that it is seen from.
    seen_from: Option<OffsetDateTime>,
}

impl When {
    /// Date and time.
    #[must_use]
    pub const fn exact(at: OffsetDateTime) -> Self {
        Self { at, seen_from: None }
    }

    /// How long ago.
    #[must_use]
    pub const fn ago(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self { at, seen_from: Some(now) }
    }
}

// It writes its own element around text of its own making.
impl HtmlSafe for When {}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.at.format(&Rfc3339).map_err(|_| fmt::Error)?;
        let full = moment(self.at);
        match self.seen_from {
            None => write!(
                f,
                r#"<time datetime="{machine}" title="{full}" data-time="exact">{full}</time>"#
            ),
            Some(now) => {
                let ago = humane_duration(now - self.at);
                write!(
                    f,
                    r#"<time datetime="{machine}" title="{full}" data-time="ago">{ago}</time>"#
                )
            }
        }
    }
}
