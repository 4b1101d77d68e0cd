//! What a message says, to a person and to a machine that would like to obey it.

use domain::alert::{AlertFacts, LastResponse};

use super::super::render;
use crate::destinations::samples::{hostile, opened, proposed, repair_failed, resolved};

#[test]
fn an_opened_incident_reads_well() {
    let mail = render(&opened(), None).expect("the templates render");
    insta::assert_snapshot!(format!("{}\n\n{}", mail.subject, mail.text), @"
    [CometCart live] user_456 paid for credits. They were never added.

    CometCart · live
    Missing for 30 minutes

    user_456 paid for credits. They were never added.

    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It reported no result within 30 minutes.

    Open the incident:
    https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M

    Customer reference: user_456
    Effect due: credit_grant, by invoice.paid
    Stripe event: evt_1RQx8ZKp4tYw
    Result due by: 21 November 2026, 14:32:09 UTC
    Incident: inc_01K9QF3Z7M8V2T4B6N0C1D5E9G
    Event: ev_01K9QE0A1B2C3D4E5F6G7H8J9K

    -- 
    You get this mail because this address receives the alerts of CometCart.
    ");
}

#[test]
fn what_an_extension_found_is_named_and_quoted() {
    let mail = render(&proposed(), None).expect("the templates render");
    let said = mail.text.split("\n\n").skip(2).take(3).collect::<Vec<_>>().join("\n\n");
    insta::assert_snapshot!(said, @"
    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It reported no result within 30 minutes. credits.verify found evidence that it was applied: if it is right, open the incident and resolve it by that.

    Open the incident:
    https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M

    Evidence that it was applied:
    > Granted by a retry of the job
    > credits: 100
    > ledger_id: led_7
    ");
    for text in ["credits.verify found evidence", "Granted by a retry of the job\ncredits: 100"] {
        assert!(mail.html.contains(text), "{text} is not in {}", mail.html);
    }
}

#[test]
fn a_failed_repair_reads_well() {
    let mail = render(&repair_failed(), None).expect("the templates render");
    insta::assert_snapshot!(format!("{}\n\n{}", mail.subject, mail.text), @r#"
    [CometCart live] user_456 paid for credits. The reprocess failed.

    CometCart · live
    Open for 43 minutes

    user_456 paid for credits. The reprocess failed.

    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It accepted the callback and then reported a failure. Fix the endpoint, then open the incident and press Reprocess.

    Open the incident:
    https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M

    Error that your app reported:
    > account_locked
    > Account 456 is locked by a billing hold

    Last answer of your repair endpoint:
    > HTTP 200
    > {"queued":true}

    Customer reference: user_456
    Effect due: credit_grant, by invoice.paid
    Stripe event: evt_1RQx8ZKp4tYw
    Result due by: 21 November 2026, 14:32:09 UTC
    Incident: inc_01K9QF3Z7M8V2T4B6N0C1D5E9G
    Event: ev_01K9QE0A1B2C3D4E5F6G7H8J9K

    -- 
    You get this mail because this address receives the alerts of CometCart.
    "#);
}

#[test]
fn a_resolved_incident_reads_well() {
    let mail = render(&resolved(), None).expect("the templates render");
    insta::assert_snapshot!(format!("{}\n\n{}", mail.subject, mail.text), @"
    [CometCart live] user_456 paid for credits. They were added by the reprocess.

    CometCart · live
    Resolved after 21 minutes

    user_456 paid for credits. They were added by the reprocess.

    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It reported success 51 minutes later. Nothing is left to do.

    Open the incident:
    https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M

    Customer reference: user_456
    Effect due: credit_grant, by invoice.paid
    Stripe event: evt_1RQx8ZKp4tYw
    Result due by: 21 November 2026, 14:32:09 UTC
    Incident: inc_01K9QF3Z7M8V2T4B6N0C1D5E9G
    Event: ev_01K9QE0A1B2C3D4E5F6G7H8J9K

    -- 
    You get this mail because this address receives the alerts of CometCart.
    ");
}

#[test]
fn the_html_says_what_the_text_says() {
    let facts = AlertFacts {
        last_answer: Some(LastResponse { status: Some(502), excerpt: "Bad Gateway".to_owned() }),
        test_message: true,
        ..repair_failed()
    };
    let mail = render(&facts, None).expect("the templates render");
    for text in [
        "user_456 paid for credits. The reprocess failed.",
        "Open for 43 minutes",
        "This is a test message.",
        "account_locked",
        "Account 456 is locked by a billing hold",
        "HTTP 502",
        "Bad Gateway",
        "evt_1RQx8ZKp4tYw",
        "credit_grant, by invoice.paid",
        "CometCart · live",
        "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M",
    ] {
        assert!(mail.html.contains(text), "{text} is not in the HTML");
        assert!(mail.text.contains(text), "{text} is not in the text");
    }
    assert_eq!(mail.html.matches("<a ").count(), 1);
    assert!(!mail.html.contains("<img") && !mail.html.contains("src="));
    assert!(mail.subject.starts_with("Test: [CometCart live] "));
}

#[test]
fn hostile_text_becomes_neither_markup_nor_a_header() {
    let mail = render(&hostile(), None).expect("the templates render");
    assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
    assert!(!mail.html.contains("<script") && !mail.html.contains("</pre>"));
    assert!(mail.html.contains("&#60;script&#62;alert(1)"), "{}", mail.html);
    for text in [&mail.subject, &mail.text, &mail.html] {
        assert!(text.contains("{{ 7 * 7 }}") && !text.contains("49"), "{text}");
        for control in ['\u{1b}', '\0', '\u{202e}', '\r'] {
            assert!(!text.contains(control), "{text:?}");
        }
    }
    for line in mail.text.lines() {
        assert!(!line.starts_with("Bcc:") && line != ".", "{line}");
    }
}
