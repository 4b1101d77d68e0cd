//! The message as an embed (<https://discord.com/developers/docs/resources/message#embed-object>).
//!
//! Texts of others are Markdown to Discord, so every character with a meaning there is escaped, and nobody is mentioned
//! whatever it says. An embed has 6,000 characters at most, which its parts share.

use domain::alert::AlertFacts;
use domain::notice::{NoticeKind, NoticeText};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::destinations::cut;

const TITLE: usize = 256;
const DESCRIPTION: usize = 1_200;
/// Of a quote or a list, of which there are three at most.
const QUOTE: usize = 900;
const VALUE: usize = 150;
/// Of a line of a list; the longest of ours has 184.
const ITEM: usize = 200;
const FOOTER: usize = 200;
/// The longest address that is shown as text, in bytes; a cut one leads nowhere.
const ADDRESS: usize = 300;

const RED: u32 = 0x00D9_3025;
const AMBER: u32 = 0x00F2_9900;
const GREEN: u32 = 0x0018_8038;

/// The message about an incident.
#[must_use]
pub fn alert_message(facts: &AlertFacts) -> Value {
    let (sign, color) = if facts.is_resolved() { ("●", GREEN) } else { ("▲", RED) };
    let test = "This is a test message. No customer is affected.\n";
    let test = if facts.test_message { test } else { "" };
    let standing = escape(&facts.standing(), VALUE);
    let room = DESCRIPTION - VALUE - test.len() - 10;
    let explanation = escape(&facts.explanation(), room);
    let quotes =
        facts.quotes().into_iter().map(|quote| field(quote.label, &fenced(&quote.text), false));
    let facts_below = facts.facts().into_iter().map(|fact| {
        let value = escape(&fact.value, VALUE);
        field(&fact.label, &value, true)
    });
    message(Embed {
        title: &facts.heading(),
        description: format!("{test}**{sign} {standing}**\n{explanation}"),
        color,
        fields: quotes.chain(facts_below).collect(),
        url: &facts.incident_url,
        footer: &facts.origin(),
        at: facts.happened_at,
    })
}

/// The message of a notice.
#[must_use]
pub fn notice_message(text: &NoticeText, at: OffsetDateTime) -> Value {
    let color = match text.kind {
        NoticeKind::CauseEnded | NoticeKind::ReceiptsResumed => GREEN,
        NoticeKind::CauseUpdated | NoticeKind::ReceiptsSilent | NoticeKind::IncidentsWaiting => RED,
        NoticeKind::ResultsUnclaimed
        | NoticeKind::DestinationBroken
        | NoticeKind::PolicyStopped
        | NoticeKind::ExtensionSilent
        | NoticeKind::AlertsDigest => AMBER,
    };
    let lists = text.lists.iter().map(|list| {
        let items: Vec<_> =
            list.items.iter().map(|it| format!("• {}", cut(&it.text, ITEM))).collect();
        field(list.title, &escape(&items.join("\n"), QUOTE), false)
    });
    message(Embed {
        title: &text.heading,
        description: escape(&text.explanation, DESCRIPTION),
        color,
        fields: lists.collect(),
        url: &text.url,
        footer: &text.origin,
        at,
    })
}

struct Embed<'a> {
    title: &'a str,
    description: String,
    color: u32,
    fields: Vec<Value>,
    url: &'a str,
    footer: &'a str,
    at: OffsetDateTime,
}

fn message(embed: Embed<'_>) -> Value {
    let mut shown = json!({
        "title": escape(embed.title, TITLE),
        "description": embed.description,
        "color": embed.color,
        "footer": { "text": cut(&format!("sendpromptly · {}", embed.footer), FOOTER) },
        "timestamp": embed.at.format(&Rfc3339).unwrap_or_default(),
    });
    let mut fields = embed.fields;
    if is_link(embed.url) {
        shown["url"] = json!(embed.url);
    } else if embed.url.len() <= ADDRESS {
        let address = format!("`{}`", embed.url.replace('`', "'"));
        fields.push(field("Open it at", &address, false));
    }
    shown["fields"] = json!(fields);
    json!({
        "username": "sendpromptly",
        "allowed_mentions": { "parse": [] },
        "embeds": [shown],
    })
}

/// Whether Discord takes it as a link. A host without a dot, as of a console that is reached in one's own network alone,
/// costs the whole message (<https://github.com/rogerrum/alertmanager-discord/issues/19>).
fn is_link(url: &str) -> bool {
    let has_dot = |host: &str| host.trim_end_matches('.').contains('.');
    Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(has_dot))
}

fn field(name: &str, value: &str, inline: bool) -> Value {
    let value = if value.is_empty() { "–" } else { value };
    json!({ "name": name, "value": value, "inline": inline })
}

/// Text of others in a code fence, which it cannot close.
fn fenced(text: &str) -> String {
    format!("```\n{}\n```", cut(&text.replace('`', "'"), QUOTE))
}

/// Escapes and cuts to so many characters, never inside an escape.
fn escape(text: &str, most: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut length = 0;
    for c in text.chars() {
        let is_markup = "\\*_~`|<>#[]()@:-".contains(c);
        length += if is_markup { 2 } else { 1 };
        // One stays free for the sign that something is missing.
        if length > most - 1 {
            escaped.push('…');
            break;
        }
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
