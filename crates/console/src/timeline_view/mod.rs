//! The timeline of one event as the console shows it, oldest first.
//!
//! The sentences are [`domain::timeline`]'s. Two things are folded so that the page stays readable:
//! callback attempts into the reprocess that they belong to, and deliveries of one message into one
//! line that names every destination. What runs at the moment is not in the audit yet; [`Running`]
//! adds it to the line that began it. Of what is too long for a page the end is shown, and the rest is in the audit.

mod running;

use domain::alert::sanitize;
use domain::audit::detail::CallbackDetail;
use domain::audit::{Action, AuditEvent};
use domain::ids::{EventId, ReplayId};
use domain::timeline::{Advice, Names, TimelineItem, Tone, describe_outcome, destination_name};
use store::events::PaymentEvent;
use store::timeline::{self, TimelineEntry};
use store::{PgPool, StoreError};
use time::OffsetDateTime;

use super::layout::{Span, spans};
use super::newest::keep_newest;
use super::when::When;

pub use running::{Running, doing_in_short};

/// How much of a timeline a page shows, in bytes of its lines.
const MAX_SHOWN: usize = 80 * 1024;
/// What a line, or an attempt in it, has besides its texts.
const MARKUP: usize = 250;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct TimelineItemView {
    /// Where what was before it is read, if the page leaves that out.
    pub earlier: Option<String>,
    /// How it looks.
    pub tone: Tone,
    /// What happened, as a short title.
    pub lead: String,
    /// The rest of the sentence.
    pub rest: String,
    /// What to do about it, where that is a command or names fields.
    pub next: Vec<Span>,
    /// Who did it, where it was a person or a key.
    pub by: Option<String>,
    /// Quoted text: a note, an error.
    pub quotes: Vec<String>,
    /// When.
    pub at: When,
    /// How long ago that was, for pages that are viewed while it matters.
    pub ago: Option<When>,
    /// The callback attempts of a reprocess.
    pub attempts: Vec<AttemptView>,
    /// What a reprocess that runs does at the moment, and until when.
    pub doing: Option<(String, Option<When>)>,
    /// The reprocess that it began.
    pub replay_id: Option<ReplayId>,
    event: AuditEvent,
}

/// One callback attempt.
#[derive(Debug, Clone)]
pub struct AttemptView {
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

impl From<TimelineItem> for TimelineItemView {
    fn from(item: TimelineItem) -> Self {
        let TimelineItem { at, tone, title, body, next_step, by, quotes, event, .. } = item;
        let replay_id = match &event {
            AuditEvent::ReprocessRequested(of) => Some(of.replay_id),
            _ => None,
        };
        let next = match next_step {
            Some(Advice::Command(text)) => vec![Span { code: true, text }],
            Some(Advice::Text(text)) => spans(text),
            None => Vec::new(),
        };
        Self {
            earlier: None,
            tone,
            lead: title,
            rest: body,
            next,
            by,
            quotes: quotes.into_iter().map(|quote| quote.text).collect(),
            at: When::brief(at),
            ago: None,
            attempts: Vec::new(),
            doing: None,
            replay_id,
            event,
        }
    }
}

/// The timeline of an event as operators read it, with what runs at the moment.
pub async fn load(
    pool: &PgPool,
    event: &PaymentEvent,
    running: Option<&Running>,
    now: OffsetDateTime,
) -> Result<Vec<TimelineItemView>, StoreError> {
    let names = timeline::load_names(pool, &[event.project_id]).await?;
    let entries = timeline::list_for_event(pool, event.id).await?;
    let is_cut = i64::try_from(entries.len()).is_ok_and(|read| read >= timeline::MAX_ENTRIES);
    let mut lines = fold(&entries, &names);
    if let Some(running) = running {
        running.add_to(&mut lines);
    }
    for line in &mut lines {
        line.ago = Some(line.at.seen_from(now));
    }
    if is_cut {
        say_earlier(&mut lines, event.id);
    }
    Ok(lines)
}

/// As much of it as a page shows.
#[must_use]
pub fn fit(mut lines: Vec<TimelineItemView>, event_id: EventId) -> Vec<TimelineItemView> {
    // The last line says how it is now.
    if keep_newest(&mut lines, MAX_SHOWN, size) {
        say_earlier(&mut lines, event_id);
    }
    lines
}

fn say_earlier(lines: &mut [TimelineItemView], event_id: EventId) {
    if let Some(first) = lines.first_mut() {
        first.earlier = Some(format!("/audit?subject={event_id}"));
    }
}

fn size(line: &TimelineItemView) -> usize {
    let quotes: usize = line.quotes.iter().map(String::len).sum();
    let answer = |attempt: &AttemptView| MARKUP + attempt.answer.as_deref().map_or(0, str::len);
    let attempts: usize = line.attempts.iter().map(answer).sum();
    MARKUP + line.lead.len() + line.rest.len() + quotes + attempts
}

/// What keeps the watch of an event from going on, if that is the last that is known of it.
#[must_use]
pub fn stall(lines: &[TimelineItemView]) -> Option<&'static str> {
    match lines.last()?.event.kind()? {
        Action::WatchStuck => {
            Some("The watch over it does not go on in Temporal: the command below shows why.")
        }
        Action::WatchPaused => {
            Some("The watch over it is paused in Temporal: the command below lets it go on.")
        }
        _ => None,
    }
}

fn fold(timeline: &[TimelineEntry], names: &Names) -> Vec<TimelineItemView> {
    let mut lines: Vec<TimelineItemView> = Vec::with_capacity(timeline.len());
    for entry in timeline {
        let item = entry.item(names);
        if !fold_attempt(&mut lines, &item) && !fold_delivery(&mut lines, &item, names) {
            let mut line = TimelineItemView::from(item);
            leave_out_repetition(&mut line, lines.last());
            lines.push(line);
        }
    }
    lines
}

/// The incident that a failure opens has nothing to say that the failure did not.
fn leave_out_repetition(line: &mut TimelineItemView, before: Option<&TimelineItemView>) {
    let failure = before.filter(|before| before.event.kind() == Some(Action::ResultFailed));
    let Some(failure) = failure else { return };
    if line.event.kind() == Some(Action::IncidentOpened) && line.rest == failure.rest {
        line.rest.clear();
        line.quotes.clear();
    }
}

/// Puts an attempt under its reprocess, if that is on the timeline.
fn fold_attempt(lines: &mut [TimelineItemView], item: &TimelineItem) -> bool {
    let (detail, delivered) = match &item.event {
        AuditEvent::CallbackDelivered(detail) => (detail, true),
        AuditEvent::CallbackFailed(detail) => (detail, false),
        _ => return false,
    };
    let begun = lines.iter_mut().rev().find(|line| line.replay_id == Some(detail.replay_id));
    let Some(begun) = begun else { return false };
    begun.attempts.push(attempt(item.at, detail, delivered));
    true
}

fn attempt(at: OffsetDateTime, detail: &CallbackDetail, delivered: bool) -> AttemptView {
    let outcome = describe_outcome(detail.status.map(i32::from), None, detail.error.as_deref());
    let outcome = outcome.unwrap_or_else(|| "no response".to_owned());
    let answer = detail.answer.as_deref().map(str::trim).filter(|text| !text.is_empty());
    AttemptView {
        number: detail.attempt.to_string(),
        outcome: if delivered { format!("{outcome}, delivered") } else { outcome },
        latency: Some(format!("{} ms", detail.latency_ms)),
        at: When::brief(at),
        redirect_to: detail.redirect_to.as_deref().map(sanitize),
        answer: answer.map(sanitize),
    }
}

/// Adds one more destination to the line about the same message, if that is the last one.
fn fold_delivery(lines: &mut [TimelineItemView], item: &TimelineItem, names: &Names) -> bool {
    let AuditEvent::AlertDelivered(detail) = &item.event else { return false };
    let Some(last) = lines.last_mut() else { return false };
    match &last.event {
        AuditEvent::AlertDelivered(before) if before.alert == detail.alert => {
            let name = destination_name(detail.destination_id, names);
            last.rest = format!("{}, {name}", last.rest);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::audit::detail::CommentDetail;

    use super::*;

    fn lines(count: usize, length: usize) -> Vec<TimelineItemView> {
        let entry = |number: usize| {
            let note = format!("{number} {}", "a".repeat(length));
            let detail = CommentDetail { note, mentioned: Vec::new(), cause_id: None };
            let event = AuditEvent::IncidentCommented(detail);
            let by = "cli:bob".to_owned();
            let at = OffsetDateTime::UNIX_EPOCH;
            TimelineItemView::from(TimelineItem::new(at, by, event, &Names::default()))
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn of_what_is_too_long_for_a_page_the_end_is_shown() {
        let mut few = lines(12, 2_000);
        assert!(!keep_newest(&mut few, MAX_SHOWN, size));
        assert_eq!(few.len(), 12);

        let mut many = lines(200, 2_000);
        assert!(keep_newest(&mut many, MAX_SHOWN, size));
        assert!((30..50).contains(&many.len()), "{} lines", many.len());
        assert!(many.last().is_some_and(|last| last.quotes[0].starts_with("199 ")), "{many:?}");

        let mut huge = lines(2, MAX_SHOWN);
        assert!(keep_newest(&mut huge, MAX_SHOWN, size));
        assert_eq!(huge.len(), 1, "how it is now is always there");
        let mut none = Vec::new();
        assert!(!keep_newest(&mut none, MAX_SHOWN, size));
    }
}
