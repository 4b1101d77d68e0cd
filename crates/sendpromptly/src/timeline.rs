//! The timeline at the command line: one line per entry, with when, who and what.
//!
//! The sentences are [`domain::timeline`]'s.

use domain::timeline::{Names, TimelineItem, actor_label};
use store::timeline::TimelineEntry;

use crate::text::format_timestamp;

/// The entries, oldest first; further lines of one are below its first.
#[must_use]
pub fn render(timeline: &[TimelineEntry], names: &Names) -> String {
    let lines: Vec<_> = timeline
        .iter()
        .map(|entry| (actor_label(&entry.actor, names), entry.item(names)))
        .collect();
    let width = lines.iter().map(|(actor, _)| actor.chars().count()).max().unwrap_or_default();
    let lines: Vec<_> = lines.iter().map(|(actor, item)| line(actor, width, item)).collect();
    lines.join("\n")
}

fn line(actor: &str, width: usize, item: &TimelineItem) -> String {
    let at = format_timestamp(item.at);
    let indent = format!("\n{:1$}", "", at.len() + width + 6);
    format!("  {at}  {actor:width$}  {}", item.sentence().replace('\n', &indent))
}

#[cfg(test)]
mod tests {
    use domain::audit::Action;
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    fn entry(action: &str, detail: Value) -> TimelineEntry {
        TimelineEntry {
            at: datetime!(2026-11-21 14:02:09 UTC),
            actor: "cli:alice".into(),
            action: action.into(),
            detail,
        }
    }

    #[test]
    fn each_line_says_when_who_and_what() {
        let opened = TimelineEntry {
            actor: "system".into(),
            ..entry("incident.opened", json!({ "reason": "missing_result" }))
        };
        let noted = entry("incident.acknowledged", json!({ "note": "on it" }));
        assert_eq!(
            render(&[opened, noted], &Names::default()),
            "  2026-11-21 14:02:09Z  sendpromptly          Incident opened: no result in time.\n  \
             2026-11-21 14:02:09Z  alice (command line)  Acknowledged. Note: on it"
        );
    }

    #[test]
    fn every_known_action_has_words_even_without_its_detail() {
        for action in Action::ALL {
            let shown = render(&[entry(action.as_str(), json!({}))], &Names::default());
            assert!(shown.contains(domain::timeline::title(*action)), "{action}: {shown}");
        }
    }

    #[test]
    fn further_lines_of_a_response_stand_below_the_first() {
        let detail = json!({
            "replay_id": "rpl_00000000000000000000000001", "attempt": 1, "status": null,
            "error": "connect", "latency_ms": 7, "answer": "a\nb\u{1b}",
        });
        assert_eq!(
            render(&[entry("callback.failed", detail)], &Names::default()),
            format!(
                "  2026-11-21 14:02:09Z  alice (command line)  Callback failed: attempt 1, connect, \
                 7 ms. Response: a\n{:1$}b␛",
                "", 46
            )
        );
    }
}
