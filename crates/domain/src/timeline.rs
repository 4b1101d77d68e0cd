//! The timeline: entries of the audit as the text that people read, the same in the console, at the
//! command line, on the proof page and in mails.
//!
//! [`TimelineItem::new`] turns an [`AuditEvent`] into a title and the rest of its sentence. An
//! entry that this release does not know keeps its action as the title, and whatever its detail
//! says in plain pairs: the audit may be younger than the program that reads it. Texts of others
//! are on one line or sanitized, and escaped by the code that shows them. What a customer may see
//! is decided in [`crate::proof`].

mod actor;
mod attempt;
mod body;
mod incident;
mod many;
mod messages;
mod project_changes;
mod title;

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::alert::{Quote, one_line, sanitize};
use crate::audit::{Action, AuditEvent};
use crate::ids::{DestinationId, KeyId, ReplayId};

pub use actor::{actor_label, actor_name, byline, short_actor_name, short_name};
pub use attempt::describe_outcome;
pub use incident::{describe_ending, describe_resolution};
pub use messages::destination_name;
pub use title::title;

/// What an item says at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Under way.
    Work,
    /// Not accepted as it was sent.
    Warn,
    /// Neither.
    Plain,
}

impl Tone {
    /// Its name in lower case: the class of the style sheet.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Work => "work",
            Self::Warn => "warn",
            Self::Plain => "plain",
        }
    }
}

/// What the keys and destinations of projects are called, removed ones too.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The label of each key.
    pub keys: BTreeMap<KeyId, String>,
    /// The label of each destination, or as much of its address as anyone may see.
    pub destinations: BTreeMap<DestinationId, String>,
}

/// What to do about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// A command to paste.
    Command(String),
    /// A sentence; names of fields are in backticks.
    Text(&'static str),
}

/// One entry of the audit, ready to be shown.
#[derive(Debug, Clone)]
pub struct TimelineItem {
    pub at: OffsetDateTime,
    /// Who did it, as stored: `operator:bob@example.com`.
    pub actor: String,
    pub tone: Tone,
    /// What happened, as a short title.
    pub title: String,
    /// How the sentence goes on; may be empty.
    pub body: String,
    pub next_step: Option<Advice>,
    /// Who did it, where that was not the product itself: `by bob@example.com`.
    pub by: Option<String>,
    pub quotes: Vec<Quote>,
    /// What it was made from.
    pub event: AuditEvent,
}

impl TimelineItem {
    #[must_use]
    pub fn new(at: OffsetDateTime, actor: String, event: AuditEvent, names: &Names) -> Self {
        let (tone, title) = match event.kind() {
            Some(action) => {
                let (tone, title) = title::toned(action);
                (tone, title.to_owned())
            }
            None => (Tone::Plain, one_line(event.action())),
        };
        let body = one_line(&body::body(&event, names));
        let (next_step, quotes) = (body::next_step(&event), body::quotes(&event));
        let by = byline(&actor, names);
        Self { at, actor, tone, title, body, next_step, by, quotes, event }
    }

    /// What kind of thing happened; `None` if this release does not know it.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        self.event.kind()
    }

    /// All of it in plain text, further lines of quotes included.
    #[must_use]
    pub fn sentence(&self) -> String {
        let replay_id = body::ended_or_requested(&self.event).map(|id: ReplayId| id.to_string());
        let said = [replay_id.as_deref().unwrap_or_default(), &self.body];
        let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
        let mut text = self.title.clone();
        if !said.is_empty() {
            text = format!("{text}: {}", said.join(", "));
        }
        match &self.next_step {
            Some(Advice::Command(command)) => text = format!("{text} {command}"),
            Some(Advice::Text(step)) => text = format!("{text} {step}"),
            None if text.ends_with(['.', '…']) => {}
            None => text.push('.'),
        }
        for Quote { label, text: words } in &self.quotes {
            text = format!("{text} {label}: {words}");
        }
        if let Some(response) = attempt::response(&self.event) {
            text = format!("{text} Response: {response}");
        }
        sanitize(&text).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests;
