//! The message as Slack's blocks (<https://docs.slack.dev/reference/block-kit/blocks>).
//!
//! A message with one block too long is rejected whole, so every text is cut to its block's limit
//! after escaping. `&`, `<` and `>` are escaped as Slack asks, which makes `<!channel>` and
//! `<@U123>` in user text plain letters; `verbatim` keeps Slack from making links of the rest.

use domain::alert::{AlertFacts, Quote, one_line};
use serde_json::{Value, json};

const HEADER: usize = 150;
/// The longest text of a section.
pub(super) const SECTION: usize = 3000;
const FIELD: usize = 2000;
const CONTEXT: usize = 2000;
/// Slack cuts the fallback at 40,000; this is plenty for a notification.
pub(super) const FALLBACK: usize = 3000;
/// Quotes are cut well before the section's limit, so that the fence around them always closes.
pub(super) const QUOTE: usize = 2800;

/// The body of the post.
#[must_use]
pub fn payload(facts: &AlertFacts) -> Value {
    let heading = facts.heading();
    let mut blocks = vec![header(&heading), section(&opening(facts))];
    blocks.extend(link("Open the incident", &facts.incident_url));
    blocks.extend(facts.quotes().iter().map(|quote| section(&fenced(quote))));
    blocks.push(fields(facts));
    blocks.push(context(&facts.origin()));
    let fallback = format!("{heading} {} · {}", facts.standing(), facts.origin());
    json!({ "text": escape(&one_line(&fallback), FALLBACK), "blocks": blocks })
}

pub(super) fn header(heading: &str) -> Value {
    json!({
        "type": "header",
        "text": { "type": "plain_text", "text": escape(heading, HEADER), "emoji": false },
    })
}

pub(in crate::destinations) fn section(markup: &str) -> Value {
    json!({ "type": "section", "text": mrkdwn(markup) })
}

/// A shape, a label and a sentence: the state is never shown by colour alone.
fn opening(facts: &AlertFacts) -> String {
    let sign = if facts.is_resolved() { "●" } else { "▲" };
    let test = if facts.test_message {
        "_This is a test message. No customer is affected._\n"
    } else {
        ""
    };
    let standing = escape(&facts.standing(), FIELD);
    format!("{test}*{sign} {standing}*\n{}", escape(&facts.explanation(), QUOTE))
}

/// Third-party text in a code fence, which they cannot close.
fn fenced(quote: &Quote) -> String {
    format!("*{}*\n```{}```", quote.label, escape(&quote.text, QUOTE))
}

/// At most ten fields, two beside each other.
fn fields(facts: &AlertFacts) -> Value {
    let fields = facts.facts().into_iter().take(10).map(|fact| {
        let value = escape(&fact.value, FIELD - 100);
        let value = if fact.code { format!("`{value}`") } else { value };
        mrkdwn(&format!("*{}*\n{value}", fact.label))
    });
    json!({ "type": "section", "fields": fields.collect::<Vec<_>>() })
}

/// The one next step, as a link in the text: a button, even one with a URL, makes Slack ask the
/// app's interactivity URL when it is pressed, and warn where there is none
/// (<https://docs.slack.dev/reference/block-kit/block-elements/button-element>). A URL that is too
/// long would cost the whole message.
pub(super) fn link(label: &str, url: &str) -> Option<Value> {
    let url = escape(url, SECTION).replace('|', "%7C");
    let markup = format!("*<{url}|{label}>*");
    (!url.ends_with('…') && markup.encode_utf16().count() <= SECTION).then(|| section(&markup))
}

pub(super) fn context(origin: &str) -> Value {
    let origin = escape(&format!("sendpromptly · {origin}"), CONTEXT);
    json!({ "type": "context", "elements": [mrkdwn(&origin)] })
}

fn mrkdwn(markup: &str) -> Value {
    debug_assert!(markup.encode_utf16().count() <= SECTION);
    json!({ "type": "mrkdwn", "text": markup, "verbatim": true })
}

/// Escapes and cuts to `limit` UTF-16 units, never inside an entity or a character. Backticks
/// become apostrophes, so that no text ends the code span or fence that it is in.
pub(super) fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut units = 0;
    for c in text.chars() {
        let mut own = [0; 4];
        let piece = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '`' => "'",
            _ => &*c.encode_utf8(&mut own),
        };
        units += piece.encode_utf16().count();
        // One unit stays free for the sign that something is missing.
        if units > limit - 1 {
            escaped.push('…');
            break;
        }
        escaped.push_str(piece);
    }
    escaped
}
