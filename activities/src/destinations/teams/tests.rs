//! Cards as they are written, and as a workflow responds to them.

use std::time::Duration;

use domain::alert::AlertFacts;
use domain::destination::DestinationKind;
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use doubles::http_server::{HttpServer, response};

use super::*;
use crate::destinations::samples::{HOSTILE, hostile, opened, origin, repair_failed, unclaimed};
use crate::http::test_clients::local_client;

async fn post(server: &HttpServer) -> Result<Sent, SendFailure> {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let url = server.url();
    let url = ProviderUrl::parse(DestinationKind::Teams, url.as_str(), Mode::Test, &allow);
    let url = url.expect("a local URL");
    send(&local_client(2_000, 5_000), &url, &alert_card(&opened())).await
}

/// The texts of a card, a block each.
fn texts(card: &Value) -> Vec<String> {
    let blocks = card["attachments"][0]["content"]["body"].as_array().expect("blocks").iter();
    let of = |block: &Value| {
        let runs = block["inlines"].as_array().expect("runs").iter();
        runs.map(|run| run["text"].as_str().expect("text")).collect::<String>()
    };
    blocks.map(of).collect()
}

#[test]
fn a_failed_repair_reads_well() {
    insta::assert_snapshot!(texts(&alert_card(&repair_failed())).join("\n---\n"), @r#"
    user_456 paid for credits. The reprocess failed.
    ---
    ▲ Open for 43 minutes
    ---
    Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It accepted the callback and then reported a failure. Fix the endpoint, then open the incident and press Reprocess.
    ---
    Error that your app reported
    ---
    account_locked
    Account 456 is locked by a billing hold
    ---
    Last answer of your repair endpoint
    ---
    HTTP 200
    {"queued":true}
    ---
    Customer reference: user_456
    ---
    Effect due: credit_grant, by invoice.paid
    ---
    Stripe event: evt_1RQx8ZKp4tYw
    ---
    Result due by: 21 November 2026, 14:32:09 UTC
    ---
    Incident: inc_01K9QF3Z7M8V2T4B6N0C1D5E9G
    ---
    Event: ev_01K9QE0A1B2C3D4E5F6G7H8J9K
    ---
    sendpromptly · CometCart · live
    "#);
}

#[test]
fn a_notice_lists_what_it_is_about() {
    let results = unclaimed(3, &["evt_1"]);
    let card = notice_card(&results.text(&origin()));
    let said = texts(&card).join("\n");
    assert!(said.starts_with("7 results never found their receipt, 3 of them failures"), "{said}");
    assert!(said.contains("• evt_1\n• and 6 more"), "{said}");
    let action = &card["attachments"][0]["content"]["actions"][0];
    assert_eq!(action["url"], "https://sendpromptly.cometcart.test/audit");
}

#[test]
fn no_text_is_markdown_and_no_card_is_too_large() {
    for filling in ["😀", "ü", "x", HOSTILE] {
        let long = filling.repeat(10_000);
        let facts = AlertFacts {
            project_name: long.clone(),
            event_type: long.clone(),
            internal_reference: long.clone(),
            provider_event_id: long,
            ..hostile()
        };
        let card = alert_card(&facts.sanitize());
        assert!(card.to_string().len() < 28 * 1_024, "{}", card.to_string().len());
        let markdown = [r#""type":"TextBlock""#, r#""type":"FactSet""#];
        assert!(!markdown.iter().any(|part| card.to_string().contains(part)));
    }
}

#[tokio::test]
async fn the_card_arrives_as_json_and_an_empty_202_is_enough() {
    let server = HttpServer::responding(response("202 Accepted", "", "")).await;
    assert_eq!(post(&server).await.expect("taken").answer, "202");
    let request = server.received().remove(0);
    assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(request.json(), alert_card(&opened()));
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let later = FailureKind::Transient { retry_after: Some(Duration::from_secs(17)) };
    let soon = FailureKind::Transient { retry_after: None };
    let gone =
        r#"{"error":{"code":"WorkflowNotFound","message":"The workflow could not be found."}}"#;
    let unsigned = r#"{"error":{"code":"DirectApiAuthorizationRequired","message":"…"}}"#;
    for (status, headers, body, kind) in [
        (
            "400 Bad Request",
            "",
            r#"{"error":{"code":"TriggerInputSchemaMismatch"}}"#,
            FailureKind::Permanent,
        ),
        ("200 OK", "", "\n<!DOCTYPE html><title>Sign in</title>", FailureKind::Permanent),
        ("401 Unauthorized", "", unsigned, FailureKind::Gone),
        ("404 Not Found", "", gone, FailureKind::Gone),
        ("429 Too Many Requests", "Retry-After: 17\r\n", "", later),
        ("429 Too Many Requests", "", "", soon),
        ("502 Bad Gateway", "", r#"{"error":{"code":"NoResponse"}}"#, soon),
    ] {
        let server = HttpServer::responding(response(status, headers, body)).await;
        assert_eq!(post(&server).await.expect_err(status).kind, kind, "{status}");
    }
}
