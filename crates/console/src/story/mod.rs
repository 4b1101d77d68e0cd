//! The timeline: what happened to one event, one line per thing, oldest first.
//!
//! The audit is the source; nothing is shown that it does not say. Two things are folded so that the
//! story stays readable: callback attempts into the reprocess that they belong to, and messages of
//! one alert into one line that names everybody who was told. An action that this version does not
//! know is shown by its name: the audit may be younger than we. What runs at the moment is not in the
//! audit yet; [`Running`] adds it to the line that began it.

mod people;
mod running;
mod words;

use domain::alert::legible;
use domain::audit::Action;
use serde_json::Value;
use store::events::PaymentEvent;
use store::timeline::{self, TimelineEntry};
use store::{PgPool, StoreError};
use time::OffsetDateTime;

use super::frame::Span;
use super::when::When;

pub use people::who;
pub use people::{Names, name_of, short_name_of};
pub use running::{Running, doing_in_short};

/// What an action is called, in two or three words.
#[must_use]
pub fn word_for(action: Action) -> &'static str {
    words::lead(action).1
}

/// What a line says at a glance, by shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Under way.
    Work,
    /// Not taken as it was sent.
    Warn,
    /// Neither.
    Plain,
}

impl Tone {
    /// The class of the style sheet.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Work => "work",
            Self::Warn => "warn",
            Self::Plain => "plain",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Line {
    /// How it looks.
    pub tone: Tone,
    /// What happened, in two or three words.
    pub lead: String,
    /// The rest of the sentence.
    pub rest: String,
    /// What to do about it, where that is a command or names fields.
    pub next: Vec<Span>,
    /// Who did it, where it was a person or a key.
    pub by: Option<String>,
    /// Somebody's own words: a note, an error, an answer.
    pub quotes: Vec<String>,
    /// When.
    pub at: When,
    /// How long ago that was, for pages that are looked at while it matters.
    pub ago: Option<When>,
    /// The callback attempts of a reprocess.
    pub tries: Vec<Try>,
    /// What a reprocess that runs does at the moment, and until when.
    pub doing: Option<(String, Option<When>)>,
    /// The reprocess that it began.
    pub replay_id: Option<String>,
    action: Option<Action>,
}

/// One callback attempt.
#[derive(Debug, Clone)]
pub struct Try {
    /// Which one.
    pub number: String,
    /// The status or the kind of failure.
    pub outcome: String,
    /// How long it took.
    pub latency: Option<String>,
    /// When it ended.
    pub at: When,
    /// Where its redirect leads.
    pub redirect_to: Option<String>,
    /// What the endpoint said.
    pub answer: Option<String>,
}

/// The story of an event as operators read it, with what runs at the moment.
pub async fn of(
    pool: &PgPool,
    event: &PaymentEvent,
    running: Option<&Running>,
    now: OffsetDateTime,
) -> Result<Vec<Line>, StoreError> {
    let names = Names::of(pool, &[event.project_id]).await?;
    let mut lines = tell(&timeline::list_of_event(pool, event.id).await?, &names);
    if let Some(running) = running {
        running.add_to(&mut lines);
    }
    for line in &mut lines {
        line.ago = Some(line.at.seen_from(now));
    }
    Ok(lines)
}

/// What keeps the watch of an event from going on, if that is the last that is known of it.
#[must_use]
pub fn stall(story: &[Line]) -> Option<&'static str> {
    match story.last()?.action? {
        Action::WatchStuck => {
            Some("The watch over it does not go on in Temporal: the command below shows why.")
        }
        Action::WatchPaused => {
            Some("The watch over it is paused in Temporal: the command below lets it go on.")
        }
        _ => None,
    }
}

/// The story of an event.
#[must_use]
pub fn tell(timeline: &[TimelineEntry], names: &Names) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(timeline.len());
    for entry in timeline {
        let action = entry.action.parse::<Action>().ok();
        let folded = match action {
            Some(Action::CallbackDelivered | Action::CallbackFailed) => fold_try(&mut lines, entry),
            Some(Action::AlertDelivered) => fold_told(&mut lines, entry, names),
            _ => false,
        };
        if !folded {
            let mut line = line(entry, action, names);
            leave_out_what_was_said(&mut line, lines.last());
            lines.push(line);
        }
    }
    lines
}

/// The incident that a failure opens has nothing to say that the failure did not.
fn leave_out_what_was_said(line: &mut Line, before: Option<&Line>) {
    let Some(before) = before.filter(|before| before.action == Some(Action::ResultFailed)) else {
        return;
    };
    if line.action == Some(Action::IncidentOpened) && line.rest == before.rest {
        line.rest.clear();
        line.quotes.clear();
    }
}

fn line(entry: &TimelineEntry, action: Option<Action>, names: &Names) -> Line {
    let words = action.map(|action| words::of(action, &entry.detail, names));
    let (tone, lead, rest) =
        words.unwrap_or_else(|| (Tone::Plain, legible(&entry.action), String::new()));
    let begins = action == Some(Action::ReprocessRequested);
    Line {
        tone,
        lead,
        rest,
        next: action.map(|action| words::next(action, &entry.detail)).unwrap_or_default(),
        by: people::by(&entry.actor, names),
        quotes: words::quotes(&entry.detail),
        at: When::brief(entry.at),
        ago: None,
        tries: Vec::new(),
        doing: None,
        replay_id: begins.then(|| words::find(&entry.detail, "replay_id")).flatten(),
        action,
    }
}

/// Puts an attempt under its reprocess, if that is on the timeline.
fn fold_try(lines: &mut [Line], entry: &TimelineEntry) -> bool {
    let replay_id = words::find(&entry.detail, "replay_id");
    let begun =
        lines.iter_mut().rev().find(|line| line.replay_id.is_some() && line.replay_id == replay_id);
    let Some(begun) = begun else { return false };
    let delivered = entry.action == Action::CallbackDelivered.as_str();
    begun.tries.push(attempt(entry.at, &entry.detail, delivered));
    true
}

fn attempt(at: OffsetDateTime, detail: &Value, delivered: bool) -> Try {
    let status = words::find(detail, "status").map(|status| format!("HTTP {status}"));
    let error = words::find(detail, "error");
    let delivered = delivered.then(|| "delivered".to_owned());
    let outcome: Vec<_> = [status, error, delivered].into_iter().flatten().collect();
    Try {
        number: words::find(detail, "attempt").unwrap_or_default(),
        outcome: if outcome.is_empty() { "no answer".to_owned() } else { outcome.join(", ") },
        latency: words::find(detail, "latency_ms").map(|latency| format!("{latency} ms")),
        at: When::brief(at),
        redirect_to: words::find(detail, "redirect_to").map(|target| legible(&target)),
        answer: words::find(detail, "answer").map(|answer| legible(&answer)),
    }
}

/// Adds one more place to the line that says who was told, if that is the last one.
fn fold_told(lines: &mut [Line], entry: &TimelineEntry, names: &Names) -> bool {
    let Some(last) = lines.last_mut().filter(|last| last.action == Some(Action::AlertDelivered))
    else {
        return false;
    };
    let (_, _, place) = words::of(Action::AlertDelivered, &entry.detail, names);
    last.rest = format!("{}, {place}", last.rest);
    true
}
