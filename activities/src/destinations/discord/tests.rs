//! Messages as they are written, and as Discord responds to them.

use std::time::Duration;

use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use doubles::http_server::{HttpServer, response};
use time::macros::datetime;

use super::*;
use crate::destinations::FailureKind;
use crate::destinations::samples::{
    HOSTILE, hostile, opened, origin, proposed, repair_failed, resolved, unclaimed,
};
use crate::http::test_clients::local_client;

async fn ask_about(server: &HttpServer, posted: Option<&str>) -> Result<Sent, SendFailure> {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let url = format!("http://127.0.0.1:{}/api/webhooks/1/token", server.port);
    let url = ProviderUrl::parse(DestinationKind::Discord, &url, Mode::Test, &allow);
    let (url, message) = (url.expect("a URL"), alert_message(&opened()));
    send(&local_client(2_000, 5_000), &url, &message, posted).await
}

/// The characters that Discord counts, and the longest of each part.
fn lengths(message: &Value) -> usize {
    let embed = &message["embeds"][0];
    let of = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
    assert!(of(&embed["title"]) <= 256 && of(&embed["description"]) <= 4_096);
    assert!(of(&embed["footer"]["text"]) <= 2_048);
    let fields = embed["fields"].as_array().expect("fields");
    assert!(fields.len() <= 25);
    let of_fields = fields.iter().map(|field| {
        assert!(
            (1..=256).contains(&of(&field["name"])) && (1..=1_024).contains(&of(&field["value"]))
        );
        of(&field["name"]) + of(&field["value"])
    });
    let of_fields: usize = of_fields.sum();
    of(&embed["title"]) + of(&embed["description"]) + of(&embed["footer"]["text"]) + of_fields
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, to be read as a whole")]
fn a_failed_repair_reads_well() {
    insta::assert_json_snapshot!(alert_message(&repair_failed()), @r#"
    {
      "allowed_mentions": {
        "parse": []
      },
      "embeds": [
        {
          "color": 14233637,
          "description": "**▲ Open for 43 minutes**\nYour app received invoice.paid from Stripe on 21 November 2026, 14\\:02\\:09 UTC. It accepted the callback and then reported a failure. Fix the endpoint, then open the incident and press Reprocess.",
          "fields": [
            {
              "inline": false,
              "name": "Error that your app reported",
              "value": "```\naccount_locked\nAccount 456 is locked by a billing hold\n```"
            },
            {
              "inline": false,
              "name": "Last answer of your repair endpoint",
              "value": "```\nHTTP 200\n{\"queued\":true}\n```"
            },
            {
              "inline": true,
              "name": "Customer reference",
              "value": "user\\_456"
            },
            {
              "inline": true,
              "name": "Effect due",
              "value": "credit\\_grant, by invoice.paid"
            },
            {
              "inline": true,
              "name": "Stripe event",
              "value": "evt\\_1RQx8ZKp4tYw"
            },
            {
              "inline": true,
              "name": "Result due by",
              "value": "21 November 2026, 14\\:32\\:09 UTC"
            },
            {
              "inline": true,
              "name": "Incident",
              "value": "inc\\_01K9QF3Z7M8V2T4B6N0C1D5E9G"
            },
            {
              "inline": true,
              "name": "Event",
              "value": "ev\\_01K9QE0A1B2C3D4E5F6G7H8J9K"
            }
          ],
          "footer": {
            "text": "sendpromptly · CometCart · live"
          },
          "timestamp": "2026-11-21T15:15:10Z",
          "title": "user\\_456 paid for credits. The reprocess failed.",
          "url": "https://sendpromptly.cometcart.test/incidents/inc_01K9QF3Z7M"
        }
      ],
      "username": "sendpromptly"
    }
    "#);
}

#[test]
fn nothing_is_longer_than_discord_takes() {
    for filling in ["*", "ü", "😀", "`", "x", HOSTILE] {
        let long = filling.repeat(10_000);
        let facts = AlertFacts {
            project_name: long.clone(),
            event_type: long.clone(),
            internal_reference: long.clone(),
            provider_event_id: long,
            test_message: true,
            ..hostile()
        };
        assert!(lengths(&alert_message(&facts.sanitize())) <= 6_000, "{filling}");
    }
    assert!(lengths(&alert_message(&proposed())) <= 6_000);
}

#[test]
fn hostile_text_is_inert() {
    let message = alert_message(&hostile().sanitize());
    assert_eq!(message["allowed_mentions"], serde_json::json!({ "parse": [] }));
    let embed = &message["embeds"][0];
    for text in [&embed["title"], &embed["description"]] {
        let text = text.as_str().expect("text").replace("**", "");
        let mut before = ' ';
        for c in text.chars() {
            assert!(!"*_`<>[]@".contains(c) || before == '\\', "{c} in {text}");
            before = if before == '\\' { ' ' } else { c };
        }
    }
    for field in embed["fields"].as_array().expect("fields") {
        let fences = field["value"].as_str().expect("text").matches("```").count();
        assert!(fences == 0 || fences == 2, "{field}");
    }
}

#[test]
fn a_colour_is_never_the_only_sign() {
    let of = |facts: &AlertFacts| alert_message(facts)["embeds"][0].clone();
    let (open, over) = (of(&opened()), of(&resolved()));
    assert_ne!(open["color"], over["color"]);
    let starts = |embed: &Value, with: &str| {
        embed["description"].as_str().is_some_and(|it| it.starts_with(with))
    };
    assert!(starts(&open, "**▲ Missing for 30 minutes**") && starts(&over, "**● Resolved after"));
}

#[test]
fn a_notice_lists_what_it_is_about() {
    let results = unclaimed(0, &["evt_1"]);
    let message = notice_message(&results.text(&origin()), datetime!(2026-11-21 02:31:00 UTC));
    let field = &message["embeds"][0]["fields"][0];
    assert_eq!(field["value"], "• evt\\_1\n• and 6 more");
    let advice = message["embeds"][0]["fields"][1]["value"].as_str().expect("a list");
    assert!(advice.ends_with("wherever the result names them."), "{advice}");
    assert_eq!(message["embeds"][0]["timestamp"], "2026-11-21T02:31:00Z");
}

#[tokio::test]
async fn a_message_is_posted_and_its_id_is_kept() {
    let taken = response("200 OK", "", r#"{"type":0,"content":"","id":"1234567890"}"#);
    let server = HttpServer::responding(taken).await;
    let sent = ask_about(&server, None).await.expect("taken");
    assert_eq!((sent.posted.as_deref(), sent.pause), (Some("1234567890"), None));
    assert_eq!(sent.answer, "200 message 1234567890");
    let request = server.received().remove(0);
    assert!(
        request.head.starts_with("POST /api/webhooks/1/token?wait=true HTTP/1.1"),
        "{}",
        request.head
    );
    assert_eq!(request.json(), alert_message(&opened()));
}

#[tokio::test]
async fn what_follows_edits_it_or_is_posted_where_it_was_deleted() {
    let taken = response("200 OK", "", r#"{"id":"77"}"#);
    let server = HttpServer::responding(taken.clone()).await;
    ask_about(&server, Some("77")).await.expect("taken");
    let head = server.received().remove(0).head;
    assert!(head.starts_with("PATCH /api/webhooks/1/token/messages/77 HTTP/1.1"), "{head}");

    let deleted = response("404 Not Found", "", r#"{"message":"Unknown Message","code":10008}"#);
    let server = HttpServer::reading(move |request, stream| {
        let answer =
            if request.head.starts_with("PATCH") { deleted.clone() } else { taken.clone() };
        doubles::http_server::write(stream, answer)
    })
    .await;
    let sent = ask_about(&server, Some("76")).await.expect("posted anew");
    assert_eq!(sent.posted.as_deref(), Some("77"));
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_console_whose_host_discord_takes_for_none_is_named_in_the_text() {
    let shown = |url: &str| {
        let facts = AlertFacts { incident_url: url.to_owned(), ..opened() };
        alert_message(&facts)["embeds"][0].clone()
    };
    for url in ["http://sendpromptly:8080/incidents/1", "http://localhost:8080/incidents/1"] {
        let embed = shown(url);
        assert_eq!(embed.get("url"), None, "{embed}");
        let last = embed["fields"].as_array().and_then(|fields| fields.last()).expect("a field");
        assert_eq!(last["value"], format!("`{url}`"));
    }
    for url in ["https://ops.cometcart.test/incidents/1", "http://10.1.2.3:8080/incidents/1"] {
        let embed = shown(url);
        assert_eq!(embed["url"], url);
        assert!(!embed["fields"].to_string().contains("Open it at"), "{embed}");
    }
}

#[test]
fn discord_is_asked_by_a_version_that_counts_in_seconds_and_a_relay_as_its_url_says() {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    for (text, asked) in [
        (
            "https://discord.com/api/webhooks/1/token",
            "https://discord.com/api/v10/webhooks/1/token",
        ),
        (
            "https://ptb.discord.com/api/v6/webhooks/1/token",
            "https://ptb.discord.com/api/v10/webhooks/1/token",
        ),
        ("http://127.0.0.1:9/api/webhooks/1/token", "http://127.0.0.1:9/api/webhooks/1/token"),
    ] {
        let url = ProviderUrl::parse(DestinationKind::Discord, text, Mode::Test, &allow);
        let url = url.expect("a URL");
        assert_eq!(versioned(&url).as_str(), asked);
        assert_eq!(message_url(&url, "77").as_str(), format!("{asked}/messages/77"));
    }
}

#[test]
fn the_query_of_a_relays_url_goes_with_each_request() {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    let relay = "http://127.0.0.1:9/discord?key=k7Qw2m";
    let url = ProviderUrl::parse(DestinationKind::Discord, relay, Mode::Test, &allow);
    let url = url.expect("a URL");
    assert_eq!(waiting_url(&url).as_str(), format!("{relay}&wait=true"));
    let edited = "http://127.0.0.1:9/discord/messages/77?key=k7Qw2m";
    assert_eq!(message_url(&url, "77").as_str(), edited);
}

#[tokio::test]
async fn what_is_no_id_of_a_message_is_neither_kept_nor_put_into_a_path() {
    for id in ["", "../../../users/@me", r"7\u00007", "7 7", "７", "123456789012345678901"] {
        let answer = response("200 OK", "", &format!(r#"{{"id":"{id}"}}"#));
        let server = HttpServer::responding(answer).await;
        let failure = ask_about(&server, None).await.expect_err(id);
        assert_eq!(failure.kind, FailureKind::Permanent, "{id}");
    }
    let server = HttpServer::responding(response("200 OK", "", r#"{"id":"77"}"#)).await;
    let sent = ask_about(&server, Some("../../2/other")).await.expect("posted");
    assert_eq!(sent.posted.as_deref(), Some("77"));
    let head = server.received().remove(0).head;
    assert!(head.starts_with("POST /api/webhooks/1/token?wait=true HTTP/1.1"), "{head}");
}

#[tokio::test]
async fn the_last_message_of_a_bucket_says_when_the_next_one_may_come() {
    let headers = "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: 1.2005\r\n";
    let server = HttpServer::responding(response("200 OK", headers, r#"{"id":"1"}"#)).await;
    let sent = ask_about(&server, None).await.expect("taken");
    assert_eq!(sent.pause, Some(Duration::from_millis(1_201)));
    let headers = "X-RateLimit-Remaining: 3\r\nX-RateLimit-Reset-After: 1.2\r\n";
    let server = HttpServer::responding(response("200 OK", headers, r#"{"id":"1"}"#)).await;
    assert_eq!(ask_about(&server, None).await.expect("taken").pause, None);
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let later = FailureKind::Transient { retry_after: Some(Duration::from_millis(64_570)) };
    let soon = FailureKind::Transient { retry_after: None };
    let limited = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#;
    for (status, body, kind) in [
        (
            "400 Bad Request",
            r#"{"code":50035,"message":"Invalid Form Body"}"#,
            FailureKind::Permanent,
        ),
        (
            "401 Unauthorized",
            r#"{"message":"Invalid Webhook Token","code":50027}"#,
            FailureKind::Gone,
        ),
        ("404 Not Found", r#"{"message":"Unknown Webhook","code":10015}"#, FailureKind::Gone),
        ("404 Not Found", "a proxy's page", FailureKind::Permanent),
        ("429 Too Many Requests", limited, later),
        ("429 Too Many Requests", "error code: 1015", soon),
        ("502 Bad Gateway", "", soon),
        ("200 OK", "<html>", FailureKind::Permanent),
    ] {
        let server = HttpServer::responding(response(status, "", body)).await;
        assert_eq!(ask_about(&server, None).await.expect_err(body).kind, kind, "{status} {body}");
    }
}

#[tokio::test]
async fn a_limit_of_cloudflare_says_in_its_header_alone_for_how_long() {
    for (body, seconds) in [("error code: 1015", 600.0), (r#"{"retry_after":64.57}"#, 64.57)] {
        let limited = response("429 Too Many Requests", "Retry-After: 600\r\n", body);
        let server = HttpServer::responding(limited).await;
        let retry_after = Some(Duration::from_secs_f64(seconds));
        let failure = ask_about(&server, None).await.expect_err(body);
        assert_eq!(failure.kind, FailureKind::Transient { retry_after }, "{body}");
    }
}
