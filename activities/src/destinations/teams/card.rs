//! The message as an Adaptive Card (<https://learn.microsoft.com/power-automate/overview-adaptive-cards>).
//!
//! Text blocks and facts are Markdown to Teams, runs of a rich text block are not: every text of ours and of others is
//! such a run, so that nothing in it is a link, a mention or a picture. Texts are cut, because a card of more than
//! 28 KB is not posted (<https://learn.microsoft.com/microsoftteams/limits-specifications-teams>).

use domain::alert::AlertFacts;
use domain::notice::NoticeText;
use serde_json::{Value, json};

use crate::destinations::cut;

const HEADING: usize = 300;
const TEXT: usize = 800;
/// Of a quote or a list.
const QUOTE: usize = 1_000;
const VALUE: usize = 200;

/// The card about an incident.
#[must_use]
pub fn alert_card(facts: &AlertFacts) -> Value {
    let test = "This is a test message. No customer is affected.";
    let sign = if facts.is_resolved() { "●" } else { "▲" };
    let mut body = vec![block(&[heading(&facts.heading())])];
    body.extend(facts.test_message.then(|| block(&[plain(test)])));
    body.push(block(&[bold(&format!("{sign} {}", cut(&facts.standing(), TEXT)))]));
    body.push(block(&[plain(&cut(&facts.explanation(), TEXT))]));
    for quote in facts.quotes() {
        body.push(block(&[bold(quote.label)]));
        body.push(block(&[code(&cut(&quote.text, QUOTE))]));
    }
    for fact in facts.facts() {
        let value = cut(&fact.value, VALUE);
        let value = if fact.code { code(&value) } else { plain(&value) };
        body.push(block(&[bold(&format!("{}: ", fact.label)), value]));
    }
    body.push(origin(&facts.origin()));
    card(&body, "Open the incident", &facts.incident_url)
}

/// The card of a notice.
#[must_use]
pub fn notice_card(text: &NoticeText) -> Value {
    let mut body = vec![block(&[heading(&text.heading)])];
    body.push(block(&[plain(&cut(&text.explanation, TEXT))]));
    for list in &text.lists {
        body.push(block(&[bold(list.title)]));
        let items: Vec<_> =
            list.items.iter().map(|it| format!("• {}", cut(&it.text, VALUE))).collect();
        body.push(block(&[plain(&cut(&items.join("\n"), QUOTE))]));
    }
    body.push(origin(&text.origin));
    card(&body, text.link, &text.url)
}

fn card(body: &[Value], link: &str, url: &str) -> Value {
    let content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": body,
        "actions": [{ "type": "Action.OpenUrl", "title": link, "url": url }],
    });
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content,
    });
    json!({ "type": "message", "attachments": [attachment] })
}

fn block(runs: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

fn plain(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text })
}

fn bold(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text, "weight": "Bolder" })
}

fn code(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text, "fontType": "Monospace" })
}

fn heading(text: &str) -> Value {
    json!({ "type": "TextRun", "text": cut(text, HEADING), "size": "Large", "weight": "Bolder" })
}

fn origin(text: &str) -> Value {
    let text = format!("sendpromptly · {}", cut(text, HEADING));
    block(&[json!({ "type": "TextRun", "text": text, "size": "Small", "isSubtle": true })])
}
