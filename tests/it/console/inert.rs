//! Texts of strangers are only texts: the same hostile one in every place where a user may write,
//! and then everywhere where it comes out.

use e2e::browser::{Browser, Page, PageOptions};
use e2e::gallery::{Gallery, Texts};
use e2e::run;
use mail_parser::MessageParser;
use serde_json::Value;

use super::audit::read_csv;

/// A formula, a script, an image that runs one, and a mention of everyone in Slack.
const HOSTILE: &str =
    "=1+cmd|'/c calc'!A1<script>alert(1)</script>\"'><img src=x onerror=alert(1)><!channel>";
/// The same as far as a mail address may hold it.
const ADDRESS: &str = "=1+cmd|'/c'!a&amp@cometcart.test";
/// What none of our pages has: things that run, load or lead elsewhere.
const LIVE: &str = "document.querySelectorAll('img, iframe, object, embed, base, style, script:not([src]), \
     [onerror], [onclick], [style], a[href^=\"javascript:\"]').length";
/// Pages that show at least one of the texts.
const SHOWN: [&str; 14] = [
    "incidents-all",
    "incident-open",
    "incident-repairing",
    "incident-resolved",
    "events",
    "event",
    "overview",
    "projects",
    "project",
    "destinations",
    "keys",
    "audit",
    "account",
    "proof",
];

async fn assert_inert(page: &Page, name: &str) {
    assert_eq!(page.evaluate(LIVE).await, 0, "{name} came to life");
    let complaints = page.complaints().await;
    let policy = complaints.iter().find(|complaint| complaint.contains("Content Security Policy"));
    assert_eq!(policy, None, "{name} tried to run something");
    if SHOWN.contains(&name) {
        let text = page.text("body").await;
        assert!(text.contains("<script>alert(1)</script>"), "{name} shows the text: {text}");
    }
}

#[test]
fn hostile_texts_do_nothing_on_any_page_in_exports_mails_and_slack() {
    run(async {
        let gallery = Gallery::seed(Texts::all(HOSTILE, ADDRESS)).await;
        let tabs = Browser::start().await.pages(PageOptions::default()).await;
        gallery.visit(&tabs, async |page: &Page, name| assert_inert(page, name).await).await;

        assert_csv(&gallery.alice.get("/audit.csv").await.body);
        assert_json(&gallery.alice.get("/audit.json").await.body);
        for mail in gallery.world.mailbox.mails() {
            assert_mail(&mail);
        }
        let told = gallery.slack.wait_for(1).await.remove(0).json().to_string();
        assert!(told.contains("&lt;!channel&gt;") && !told.contains("<!channel>"), "{told}");
        let signed = gallery.webhook.wait_for(1).await.remove(0).json();
        assert_eq!(signed["data"]["internal_reference"], HOSTILE, "a program gets what was sent");
        let summary = signed["data"]["summary"].as_str().expect("a summary");
        assert!(!summary.chars().any(char::is_control), "{summary}");
        let asked = gallery.world.repair.received().remove(0).json();
        assert_eq!(asked["internal_reference"], HOSTILE, "the app gets what it sent");
    });
}

fn assert_csv(file: &str) {
    let rows = read_csv(file);
    assert!(rows.iter().flatten().any(|cell| cell.contains("<script>")), "{file}");
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "a formula: {cell}");
    }
}

fn assert_json(file: &str) {
    let entries: Value = serde_json::from_str(file).expect("JSON");
    assert!(entries.to_string().contains("<!channel>"), "{file}");
}

fn assert_mail(mail: &str) {
    let read = MessageParser::default().parse(mail).expect("a mail");
    let html = read.html_bodies().next().and_then(|part| part.text_contents()).expect("HTML");
    assert!(html.contains("&#60;script&#62;alert(1)"), "{html}");
    for live in ["<script", "<img src=x", "\"'>"] {
        assert!(!html.contains(live), "{live} is live in {html}");
    }
    let text = read.text_bodies().next().and_then(|part| part.text_contents()).expect("text");
    assert!(text.contains("<script>alert(1)"), "{text}");
    let to = read.to().and_then(|to| to.first()).and_then(|to| to.address());
    assert_eq!(to, Some(ADDRESS));
    assert!(read.cc().is_none() && read.bcc().is_none(), "{mail}");
}
