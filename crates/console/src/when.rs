//! Moments as pages show them: UTC in the page, the reader's own zone where scripts run.
//!
//! The element always carries the exact moment in `datetime` and in its tooltip, in UTC. The text
//! is what a reader without scripts sees; `times.js` writes the local time into it.

use std::fmt;

use askama::filters::HtmlSafe;
use domain::alert::{format_duration, format_timestamp};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment, written in one of three ways.
#[derive(Debug, Clone, Copy)]
pub struct When {
    at: OffsetDateTime,
    look: TimeStyle,
}

#[derive(Debug, Clone, Copy)]
enum TimeStyle {
    Exact,
    Brief,
    /// Seen from this moment.
    Ago(OffsetDateTime),
}

impl When {
    /// Date and time.
    #[must_use]
    pub const fn exact(at: OffsetDateTime) -> Self {
        Self { at, look: TimeStyle::Exact }
    }

    /// Day and time without the year, for columns.
    #[must_use]
    pub const fn brief(at: OffsetDateTime) -> Self {
        Self { at, look: TimeStyle::Brief }
    }

    /// How long ago.
    #[must_use]
    pub const fn ago(at: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self { at, look: TimeStyle::Ago(now) }
    }

    /// The same moment, as how long ago it was.
    #[must_use]
    pub const fn seen_from(self, now: OffsetDateTime) -> Self {
        Self::ago(self.at, now)
    }
}

// It writes its own element around text of its own making.
impl HtmlSafe for When {}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.at.format(&Rfc3339).map_err(|_| fmt::Error)?;
        let full = format_timestamp(self.at);
        let (look, text) = match self.look {
            TimeStyle::Exact => ("exact", full.clone()),
            TimeStyle::Brief => ("brief", brief(self.at)),
            TimeStyle::Ago(now) => ("ago", format_duration(now - self.at)),
        };
        write!(f, r#"<time datetime="{machine}" title="{full}" data-time="{look}">{text}</time>"#)
    }
}

/// `21 Nov, 14:02:09 UTC`.
fn brief(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = at.to_hms();
    let month: String = at.month().to_string().chars().take(3).collect();
    format!("{} {month}, {hour:02}:{minute:02}:{second:02} UTC", at.day())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn whatever_the_text_the_element_says_the_exact_moment() {
        let at = datetime!(2026-11-21 14:02:09 UTC);
        let now = datetime!(2026-11-21 14:45:10 UTC);
        let element = |look: &str, text: &str| {
            format!(
                "<time datetime=\"2026-11-21T14:02:09Z\" title=\"21 November 2026, 14:02:09 UTC\" data-time=\"{look}\">{text}</time>"
            )
        };
        for (when, look, text) in [
            (When::exact(at), "exact", "21 November 2026, 14:02:09 UTC"),
            (When::brief(at), "brief", "21 Nov, 14:02:09 UTC"),
            (When::ago(at, now), "ago", "43 minutes"),
            (When::brief(at).seen_from(now), "ago", "43 minutes"),
        ] {
            assert_eq!(when.to_string(), element(look, text));
        }
    }
}
