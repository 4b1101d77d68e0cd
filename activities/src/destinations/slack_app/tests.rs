//! Messages with their buttons, and as the Web API responds to them.

use std::time::Duration;

use domain::app_error::AppError;
use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::destination::{DestinationKind, SlackChannel, SlackSigningSecret, SlackToken};
use domain::incident::Reason;
use domain::notice::{
    CauseFacts, NoticeFacts, NoticeOrigin, ResolutionCounts, StateCounts, WaitingFacts,
};
use domain::project::Mode;
use domain::reminder::ReminderReason;
use domain::repair_url::AllowedNetworks;
use doubles::http_server::{HttpServer, response};
use doubles::slack::{CHANNEL, SIGNING_SECRET, Slack, TOKEN};

use super::*;
use crate::destinations::FailureKind;
use crate::destinations::samples::{hostile, opened, origin, repair_failed, resolved, unclaimed};
use crate::http::test_clients::local_client;

const DESTINATION: &str = "dst_00000000000000000000000001";

fn channel(api: &str) -> AppChannel {
    let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
    AppChannel {
        destination_id: DESTINATION.parse().expect("an id"),
        api: ProviderUrl::parse(DestinationKind::SlackApp, api, Mode::Test, &allow).expect("one"),
        app: SlackApp {
            token: SlackToken::parse(TOKEN).expect("a token"),
            channel: SlackChannel::parse(CHANNEL).expect("a channel"),
            secret: SlackSigningSecret::parse(SIGNING_SECRET).expect("a secret"),
        },
    }
}

async fn tell(to: &AppChannel, thread: &Thread, facts: &AlertFacts) -> Result<Sent, SendFailure> {
    send(&local_client(2_000, 5_000), to, thread, facts).await
}

fn following(posted: &str) -> Thread {
    Thread { posted: Some(posted.to_owned()), ..Thread::alone(String::new()) }
}

/// The `action_id` of each button.
fn buttons(message: &Value) -> Vec<&str> {
    let blocks = message["blocks"].as_array().expect("blocks");
    let actions = blocks.iter().filter(|block| block["type"] == "actions");
    let elements = actions.flat_map(|block| block["elements"].as_array().into_iter().flatten());
    elements.filter_map(|button| button["action_id"].as_str()).collect()
}

/// Ten incidents of a cause, of which none is left.
fn cause(origin: &NoticeOrigin) -> CauseFacts {
    CauseFacts {
        cause: Cause {
            project_id: origin.project_id,
            reason: Reason::MissingResult,
            error_code: None,
            event_type: "invoice.paid".to_owned(),
            effect_type: EffectType::CreditGrant,
        },
        incidents: 10,
        new: 9,
        customers: 10,
        at_risk: Vec::new(),
        customers_left: 0,
        age: time::Duration::ZERO,
        states: StateCounts::default(),
        resolutions: ResolutionCounts::default(),
        newest: Vec::new(),
        last_error: AppError::default(),
        first_opened_at: opened().opened_at,
        last_opened_at: opened().opened_at,
        last_resolved_at: None,
        cause_url: "https://sendpromptly.cometcart.test/incidents?cause=cau_1".to_owned(),
    }
}

fn waiting(reason: ReminderReason, origin: &NoticeOrigin) -> WaitingFacts {
    WaitingFacts {
        reason,
        nth: 1,
        cause: Some(cause(origin).cause),
        incidents: 10,
        customers: 10,
        at_risk: Vec::new(),
        oldest_opened_at: None,
        age: time::Duration::ZERO,
        newest: Vec::new(),
        incidents_url: cause(origin).cause_url,
    }
}

fn notice(facts: &NoticeFacts, origin: &NoticeOrigin) -> Value {
    notice_message(DESTINATION.parse().expect("an id"), facts, &facts.text(origin))
}

fn message(facts: &AlertFacts) -> Value {
    alert_message(DESTINATION.parse().expect("an id"), facts)
}

#[test]
fn buttons_are_those_of_what_is_left_to_do() {
    let acknowledged = AlertFacts { kind: AlertKind::IncidentAcknowledged, ..opened() };
    let test_message = AlertFacts { test_message: true, ..opened() };
    let all = ["acknowledge", "reprocess", "snooze"];
    for (facts, expected) in [
        (opened(), &all[..]),
        (repair_failed(), &all[..]),
        (acknowledged, &all[1..]),
        (resolved(), &[]),
        (test_message, &[]),
    ] {
        assert_eq!(buttons(&message(&facts)), expected, "{:?}", facts.kind);
    }
    let origin = origin();
    let results = NoticeFacts::ResultsUnclaimed(unclaimed(0, &["evt_1"]));
    assert!(buttons(&notice(&results, &origin)).is_empty());
    let counts = |open, acknowledged| StateCounts { open, acknowledged, reprocessing: 0 };
    for (states, expected) in [
        (counts(9, 1), &["acknowledge_all", "snooze_all", "open_page"][..]),
        (counts(0, 1), &["snooze_all", "open_page"]),
        (counts(0, 0), &[]),
    ] {
        let facts = CauseFacts { states, ..cause(&origin) };
        assert_eq!(buttons(&notice(&NoticeFacts::CauseUpdated(facts), &origin)), expected);
    }
    let ended = NoticeFacts::CauseEnded(cause(&origin));
    assert!(buttons(&notice(&ended, &origin)).is_empty());
    let reminders: [(_, &[_]); 3] = [
        (ReminderReason::Escalated, &["acknowledge_all", "snooze_all", "open_page"]),
        (ReminderReason::CameBack, &["snooze_all", "open_page"]),
        (ReminderReason::SnoozeOver, &[]),
    ];
    for (reason, expected) in reminders {
        let facts = NoticeFacts::IncidentsWaiting(waiting(reason, &origin));
        assert_eq!(buttons(&notice(&facts, &origin)), expected, "{reason:?}");
    }
}

#[test]
fn the_link_of_a_cause_opens_its_list_at_the_preview_and_one_that_is_too_long_is_left_out() {
    let origin = origin();
    let mut facts = cause(&origin);
    facts.states = StateCounts { open: 9, acknowledged: 1, reprocessing: 0 };
    let message = notice(&NoticeFacts::CauseUpdated(facts.clone()), &origin);
    let blocks = message["blocks"].as_array().expect("blocks");
    let [all, _, link] = &blocks[blocks.len() - 2]["elements"].as_array().expect("buttons")[..]
    else {
        panic!("not three buttons: {message}")
    };
    assert_eq!(link["url"], format!("{}#all", facts.cause_url));
    assert!(link.get("value").is_none());
    assert_eq!(all["value"], facts.cause.id().to_string());
    assert_eq!(all["confirm"]["confirm"]["text"], "Acknowledge all");
    facts.cause_url = format!("https://sendpromptly.cometcart.test/{}", "x".repeat(2_970));
    let message = notice(&NoticeFacts::CauseUpdated(facts), &origin);
    assert_eq!(buttons(&message), ["acknowledge_all", "snooze_all"]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one block, to be read as a whole")]
fn the_block_of_buttons_is_as_slack_wants_it() {
    let message = message(&opened());
    let blocks = message["blocks"].as_array().expect("blocks");
    insta::assert_json_snapshot!(blocks[blocks.len() - 2], @r#"
    {
      "block_id": "dst_00000000000000000000000001",
      "elements": [
        {
          "action_id": "acknowledge",
          "text": {
            "emoji": false,
            "text": "Acknowledge",
            "type": "plain_text"
          },
          "type": "button",
          "value": "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G"
        },
        {
          "action_id": "reprocess",
          "confirm": {
            "confirm": {
              "emoji": false,
              "text": "Reprocess",
              "type": "plain_text"
            },
            "deny": {
              "emoji": false,
              "text": "Cancel",
              "type": "plain_text"
            },
            "text": {
              "emoji": false,
              "text": "Your app is asked once more to do it, by a callback. (CometCart · live)",
              "type": "plain_text"
            },
            "title": {
              "emoji": false,
              "text": "Reprocess this incident?",
              "type": "plain_text"
            }
          },
          "text": {
            "emoji": false,
            "text": "Reprocess",
            "type": "plain_text"
          },
          "type": "button",
          "value": "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G"
        },
        {
          "action_id": "snooze",
          "text": {
            "emoji": false,
            "text": "Snooze for 1 hour",
            "type": "plain_text"
          },
          "type": "button",
          "value": "inc_01K9QF3Z7M8V2T4B6N0C1D5E9G"
        }
      ],
      "type": "actions"
    }
    "#);
}

#[tokio::test]
async fn a_message_is_posted_edited_and_answered_and_posted_again_where_it_is_gone() {
    let slack = Slack::start().await;
    let to = channel(&slack.api());
    let first = tell(&to, &Thread::alone(String::new()), &hostile()).await.expect("taken");
    let first = first.posted.expect("a message");
    let failed = tell(&to, &following(&first), &repair_failed()).await.expect("taken");
    assert_eq!(failed.posted, None, "a reply is not what is edited");
    let ended = tell(&to, &following(&first), &resolved()).await.expect("taken");
    assert_eq!(ended.posted.as_ref(), Some(&first));
    let told: Vec<_> = slack.messages();
    assert_eq!((told.len(), told[0].edits, &told[1].thread), (2, 2, &Some(first.clone())));
    assert_eq!(told[1].content["reply_broadcast"], true);
    let waits_no_more = Thread { stands_for_cause: true, ..following(&first) };
    tell(&to, &waits_no_more, &opened()).await.expect("taken");
    assert_eq!(slack.messages()[2].content["reply_broadcast"], false);

    slack.delete_messages();
    let again = tell(&to, &following(&first), &resolved()).await.expect("taken").posted;
    assert_ne!(again.expect("a message"), first);
    assert_eq!(slack.messages().len(), 1);
}

#[tokio::test]
async fn each_answer_says_what_to_do_next_and_the_cure() {
    let soon = FailureKind::Transient { retry_after: None };
    let later = FailureKind::Transient { retry_after: Some(Duration::from_secs(30)) };
    let no = |error: &str| format!(r#"{{"ok":false,"error":"{error}"}}"#);
    for (status, headers, body, kind, words) in [
        ("200 OK", "", no("invalid_auth"), FailureKind::Gone, "install the app again"),
        ("200 OK", "", no("token_revoked"), FailureKind::Gone, "Bot User OAuth Token"),
        ("200 OK", "", no("not_in_channel"), FailureKind::Gone, "/invite @your-app"),
        ("200 OK", "", no("channel_not_found"), FailureKind::Gone, "copy its ID"),
        ("200 OK", "", no("is_archived"), FailureKind::Gone, "restore it"),
        ("200 OK", "", no("missing_scope"), FailureKind::Gone, "chat:write"),
        ("200 OK", "", no("invalid_blocks"), FailureKind::Permanent, "invalid_blocks"),
        ("200 OK", "Retry-After: 30\r\n", no("ratelimited"), later, "takes it later"),
        ("429 Too Many Requests", "Retry-After: 30\r\n", no("ratelimited"), later, "ratelimited"),
        ("429 Too Many Requests", "", String::new(), soon, "429"),
        ("503 Unavailable", "", String::new(), soon, "503"),
        ("200 OK", "", "<html>Sign in".to_owned(), FailureKind::Permanent, "no answer of Slack"),
        (
            "302 Found",
            "Location: https://x.test/\r\n",
            String::new(),
            FailureKind::Permanent,
            "302",
        ),
    ] {
        let server = HttpServer::responding(response(status, headers, &body)).await;
        let to = channel(&format!("http://127.0.0.1:{}/api/", server.port));
        let failure = tell(&to, &Thread::alone(String::new()), &opened()).await;
        let failure = failure.expect_err("not taken");
        assert_eq!(failure.kind, kind, "{status} {body}");
        assert!(failure.answer.contains(words), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_no_time_of_a_message_is_not_kept() {
    for ts in ["", "1", ".", "1.", ".2", "1.2.3", r"1\u0000.2", "-1.2", "1503435956.000247 "] {
        let answer = response("200 OK", "", &format!(r#"{{"ok":true,"ts":"{ts}"}}"#));
        let server = HttpServer::responding(answer).await;
        let to = channel(&format!("http://127.0.0.1:{}/api/", server.port));
        let failure = tell(&to, &Thread::alone(String::new()), &opened()).await.expect_err(ts);
        assert_eq!(failure.kind, FailureKind::Permanent, "{ts}");
    }
}

#[tokio::test]
async fn the_token_is_in_a_header_and_nowhere_else() {
    let server = HttpServer::responding(response("200 OK", "", r#"{"ok":true,"ts":"1.2"}"#)).await;
    let to = channel(&format!("http://127.0.0.1:{}/api", server.port));
    tell(&to, &Thread::alone(String::new()), &opened()).await.expect("taken");
    let request = server.received().remove(0);
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert!(request.head.starts_with("POST /api/chat.postMessage "), "{}", request.head);
    let shown = format!("{to:?} {}", request.json());
    assert!(!shown.contains("xoxb-") && !shown.contains(SIGNING_SECRET), "{shown}");
}
