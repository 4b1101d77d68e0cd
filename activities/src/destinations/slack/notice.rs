//! A notice as Slack's blocks.

use domain::notice::{NoticeItem, NoticeList, NoticeText};
use serde_json::{Value, json};

use super::blocks::{FALLBACK, QUOTE, SECTION, context, escape, header, link, section};

/// What stands for the lines that there is no room for.
const MORE: &str = "\n…";

/// The body of the post.
pub(in crate::destinations) fn payload(notice: &NoticeText) -> Value {
    let mut blocks = vec![header(&notice.heading), section(&escape(&notice.explanation, QUOTE))];
    blocks.extend(notice.lists.iter().map(|list| section(&listed(list))));
    blocks.extend(link(notice.link, &notice.url));
    blocks.push(context(&notice.origin));
    let fallback = format!("{} · {}", notice.heading, notice.origin);
    json!({ "text": escape(&fallback, FALLBACK), "blocks": blocks })
}

/// As many lines as a section takes: one that is too long costs the whole message.
fn listed(list: &NoticeList) -> String {
    let mut markup = format!("*{}*", list.title);
    let mut room = SECTION - markup.encode_utf16().count() - MORE.encode_utf16().count();
    for item in &list.items {
        let line = format!("\n• {}", shown(item));
        let units = line.encode_utf16().count();
        if units > room {
            markup.push_str(MORE);
            break;
        }
        room -= units;
        markup.push_str(&line);
    }
    markup
}

fn shown(item: &NoticeItem) -> String {
    let text = escape(&item.text, 300);
    if item.code { format!("`{text}`") } else { text }
}

#[cfg(test)]
mod tests {
    use domain::notice::NoticeOrigin;

    use super::*;
    use crate::destinations::samples::{HOSTILE, origin, unclaimed};

    #[test]
    fn what_a_stranger_wrote_mentions_and_links_nothing() {
        let results = unclaimed(3, &[&HOSTILE.repeat(20), "evt_1"]);
        let origin = NoticeOrigin { project_name: HOSTILE.to_owned(), ..origin() };
        let text = payload(&results.text(&origin)).to_string();
        assert!(text.contains("7 results never found their receipt, 3 of them failures"), "{text}");
        assert!(text.contains("• `evt_1`\\n• and 5 more"), "{text}");
        assert!(!text.contains("<!channel>") && !text.contains("<@U123>"), "{text}");
    }

    #[test]
    fn a_list_of_long_lines_ends_where_slack_takes_no_more() {
        let ids: Vec<_> = (0..20).map(|number| format!("{number:02}{}", "&".repeat(250))).collect();
        let results = unclaimed(0, &ids.iter().map(String::as_str).collect::<Vec<_>>());
        let message = payload(&results.text(&origin()));
        let list = message["blocks"][2]["text"]["text"].as_str().expect("a list");
        let lines: Vec<_> = list.lines().collect();
        assert!(list.encode_utf16().count() <= 3_000, "{list}");
        assert!(lines.len() > 9 && lines.last() == Some(&"…"), "{list}");
        assert!(lines[9].starts_with("• `08&amp;") && lines[9].ends_with("…`"), "{list}");
    }
}
