//! A notice as Slack's blocks.

use domain::notice::{NoticeItem, NoticeList, NoticeText};
use serde_json::{Value, json};

use super::blocks::{FALLBACK, QUOTE, context, escape, header, link, section};

/// The body of the post.
pub(in crate::destinations) fn payload(notice: &NoticeText) -> Value {
    let mut blocks = vec![header(&notice.heading), section(&escape(&notice.explanation, QUOTE))];
    blocks.extend(notice.lists.iter().map(|list| section(&listed(list))));
    blocks.extend(link(notice.link, &notice.url));
    blocks.push(context(&notice.origin));
    let fallback = format!("{} · {}", notice.heading, notice.origin);
    json!({ "text": escape(&fallback, FALLBACK), "blocks": blocks })
}

fn listed(list: &NoticeList) -> String {
    let items: Vec<_> = list.items.iter().map(|item| format!("• {}", shown(item))).collect();
    format!("*{}*\n{}", list.title, items.join("\n"))
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
}
