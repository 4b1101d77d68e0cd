//! The message about results that never found their receipt, as Slack's blocks.

use domain::notice::UnclaimedNotice;
use serde_json::{Value, json};

use super::blocks::{FALLBACK, QUOTE, URL, button, context, escape, header, section};

/// The body of the post.
pub(super) fn payload(notice: &UnclaimedNotice) -> Value {
    let heading = notice.heading();
    let mut ids: Vec<_> =
        notice.provider_event_ids.iter().map(|id| format!("• `{}`", escape(id, 300))).collect();
    if notice.unnamed() > 0 {
        ids.push(format!("• and {} more", notice.unnamed()));
    }
    let checks: Vec<_> = UnclaimedNotice::CHECKS.iter().map(|check| format!("• {check}")).collect();
    let mut blocks = vec![
        header(&heading),
        section(&escape(notice.explanation(), QUOTE)),
        section(&format!("*Provider event ids*\n{}", ids.join("\n"))),
        section(&format!("*What to check*\n{}", checks.join("\n"))),
    ];
    if notice.audit_url.encode_utf16().count() <= URL {
        blocks.push(button("See all of them", &notice.audit_url, "open_audit"));
    }
    blocks.push(context(&notice.origin()));
    let fallback = format!("{heading} · {}", notice.origin());
    json!({ "text": escape(&fallback, FALLBACK), "blocks": blocks })
}

#[cfg(test)]
mod tests {
    use domain::project::Mode;

    use super::*;
    use crate::destinations::samples::HOSTILE;

    #[test]
    fn what_a_stranger_wrote_mentions_and_links_nothing() {
        let notice = UnclaimedNotice {
            project_name: HOSTILE.to_owned(),
            mode: Mode::Live,
            count: 7,
            provider_event_ids: vec![HOSTILE.repeat(20), "evt_1".to_owned()],
            audit_url: "https://sendpromptly.cometcart.test/audit".to_owned(),
        };
        let said = payload(&notice.legible()).to_string();
        assert!(said.contains("7 results never found their receipt"), "{said}");
        assert!(said.contains("• `evt_1`\\n• and 5 more"), "{said}");
        assert!(!said.contains("<!channel>") && !said.contains("<@U123>"), "{said}");
    }
}
