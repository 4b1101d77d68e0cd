//! Mail as a server accepts or rejects it.

use std::time::{Duration, Instant};

use super::super::{EmailSender, MailSettingsError, SendFailure, Sent, Way, read_from};
use super::mail_server::{MailServer, Rules, Script, Senders};
use super::{BOB, FROM, ID, TRANSIENT, alone};
use crate::destinations::FailureKind;
use crate::destinations::samples::{hostile, opened};

async fn send(server: &MailServer) -> Result<Sent, SendFailure> {
    server.sender("").send(BOB, &alone(ID), &opened()).await
}

async fn kind_of(script: Script) -> (FailureKind, String) {
    let failure = send(&MailServer::start(script).await).await.expect_err("not taken");
    (failure.kind, failure.answer)
}

#[tokio::test]
async fn a_hostile_message_is_one_message_to_one_address() {
    let server = MailServer::start(&[]).await;
    server.sender("").send(BOB, &alone(ID), &hostile()).await.expect("taken");
    let received = server.received().lines;
    let commands = |word: &str| received.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((commands("MAIL FROM"), commands("RCPT TO"), commands("DATA")), (1, 1, 1));
    let mut headers = received.iter().take_while(|line| !line.is_empty());
    assert!(!headers.any(|line| line.starts_with("Bcc")), "{received:?}");
}

#[tokio::test]
async fn the_server_gets_the_whole_message() {
    let server = MailServer::start(&[]).await;
    let sent = send(&server).await.expect("taken");
    assert_eq!(sent.answer, "250 2.0.0 queued as 7F3A");
    let received = server.received().lines;
    let has = |line: &str| received.iter().any(|received| received == line);
    for line in [
        "MAIL FROM:<alerts@sendpromptly.test>",
        "RCPT TO:<bob@cometcart.test>",
        "From: sendpromptly <alerts@sendpromptly.test>",
        "To: bob@cometcart.test",
        "Message-ID: <inc_1.incident_opened.dst_1@sendpromptly.test>",
        "Auto-Submitted: auto-generated",
        "Subject: [CometCart live] user_456 paid for credits. They were never added.",
        "MIME-Version: 1.0",
        "QUIT",
    ] {
        assert!(has(line), "{line} is not in {received:#?}");
    }
    let greets = |line: &String| line.strip_prefix("EHLO ").is_some_and(|name| name.contains('.'));
    assert!(received.iter().any(greets), "{received:#?}");
    assert!(received.iter().any(|line| line.starts_with("Date: ")));
    assert!(received.iter().any(|line| line.starts_with("Content-Type: multipart/alternative")));
    assert!(!received.iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a_domain_of_another_script_needs_nothing_of_the_server() {
    let server = MailServer::start(&[]).await;
    let mut sender = server.sender("");
    sender.from = read_from("alerts@bücher.example").expect("an address");
    sender.send("zoe@müller.example", &alone(ID), &opened()).await.expect("taken");
    let received = server.received().lines;
    for line in [
        "MAIL FROM:<alerts@xn--bcher-kva.example>",
        "RCPT TO:<zoe@xn--mller-kva.example>",
        "To: zoe@xn--mller-kva.example",
    ] {
        assert!(received.iter().any(|received| received == line), "{line}: {received:#?}");
    }
    let failure = sender.send("zoë@müller.example", &alone(ID), &opened()).await;
    let failure = failure.expect_err("not taken");
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.answer.contains("SMTPUTF8"), "{failure:?}");
}

#[tokio::test]
async fn the_login_is_decoded_from_the_url() {
    let server = MailServer::start(&[]).await;
    let sender = server.sender("alerts%40cometcart.test:p%40ss@");
    sender.send(BOB, &alone(ID), &opened()).await.expect("taken");
    // base64 of NUL alerts@cometcart.test NUL p@ss
    let auth = "AUTH PLAIN AGFsZXJ0c0Bjb21ldGNhcnQudGVzdABwQHNz";
    assert!(
        server.received().lines.iter().any(|line| line == auth),
        "{:?}",
        server.received().lines
    );
}

#[tokio::test]
async fn a_rejection_for_now_is_transient_and_one_for_good_is_permanent() {
    for (script, kind, expected) in [
        (&[("RCPT", "450 4.2.0 greylisted")] as Script, TRANSIENT, "4.2.0 greylisted"),
        (&[("MAIL", "421 4.3.2 shutting down")], TRANSIENT, "shutting down"),
        (&[(".", "452 4.3.1 disk full")], TRANSIENT, "disk full"),
        (&[("MAIL", "530 5.7.0 authentication required")], TRANSIENT, "authentication required"),
        (&[("RCPT", "550 5.1.1 no such user")], FailureKind::Gone, "5.1.1 no such user"),
        (&[("RCPT", "550 5.7.1 relaying denied")], FailureKind::Permanent, "relaying denied"),
        (&[("MAIL", "553 5.7.1 not your address")], FailureKind::Permanent, "not your address"),
        (&[("DATA", "554 5.5.1 no")], FailureKind::Permanent, "5.5.1 no"),
        (&[(".", "554 5.7.1 looks like spam")], FailureKind::Permanent, "looks like spam"),
    ] {
        let (got, response) = kind_of(script).await;
        assert_eq!(got, kind, "{response}");
        assert!(response.contains(expected), "{response}");
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_the_operators_to_mend() {
    for script in [
        &[("(greeting)", "554 no service")] as Script,
        &[("(greeting)", "this is no mail server")],
        &[("EHLO", "502 what")],
    ] {
        assert_eq!(kind_of(script).await.0, TRANSIENT);
    }
    let server = MailServer::start(&[("AUTH", "535 5.7.8 bad password")]).await;
    let failure = server.sender("alerts:wrong@").send(BOB, &alone(ID), &opened()).await;
    let failure = failure.expect_err("not let in");
    assert_eq!(failure.kind, TRANSIENT);
    assert!(failure.answer.contains("5.7.8 bad password"), "{failure:?}");
    assert!(server.sender("alerts:wrong@").check().await.is_err());
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_each_step() {
    for script in [
        &[("(greeting)", "")] as Script,
        &[("EHLO", "")],
        &[("MAIL", "")],
        &[("RCPT", "")],
        &[("DATA", "")],
    ] {
        let started = Instant::now();
        let (kind, response) = kind_of(script).await;
        assert_eq!(kind, TRANSIENT);
        assert!(response.ends_with("no answer within 500ms"), "{response}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_server_that_scans_a_mail_for_longer_than_a_step_has_taken_it_once() {
    let rules = Rules { scans: Duration::from_secs(1), ..Rules::default() };
    let server = MailServer::start_with(rules).await;
    assert_eq!(send(&server).await.expect("taken").answer, "250 2.0.0 queued as 7F3A");
    assert_eq!(server.received().mails.len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_too_long_in_all_is_given_up() {
    for script in [&[("DATA", "")] as Script, &[(".", "")]] {
        let server = MailServer::start(script).await;
        let mut sender = server.sender("");
        let Way::Smtp(smtp) = &mut sender.way else { panic!("a sender by SMTP") };
        (smtp.step, smtp.whole) = (Duration::from_mins(1), Duration::from_millis(500));
        let failure = sender.send(BOB, &alone(ID), &opened()).await.expect_err("not taken");
        assert_eq!(failure.kind, TRANSIENT);
        assert_eq!(failure.answer, "the mail was not taken within 500ms");
    }
}

#[tokio::test]
async fn a_goodbye_that_is_not_answered_takes_nothing_back() {
    let server = MailServer::start(&[("QUIT", "")]).await;
    assert_eq!(send(&server).await.expect("taken").answer, "250 2.0.0 queued as 7F3A");
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let closed = EmailSender::smtp("smtp://127.0.0.1:1", FROM).expect("good settings");
    let failure = closed.send(BOB, &alone(ID), &opened()).await.expect_err("nobody listens");
    assert_eq!(failure.kind, TRANSIENT);
}

#[tokio::test]
async fn the_settings_can_be_checked_without_a_mail() {
    let server = MailServer::start(&[]).await;
    server.sender("").check().await.expect("a good server");
    assert!(!server.received().lines.iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn bad_addresses_and_ids_are_permanent() {
    let server = MailServer::start(&[]).await;
    let injected = "bob@cometcart.test>\r\nRCPT TO:<charlie@evil.test";
    for (address, id) in [
        ("", ID),
        ("bob", ID),
        (injected, ID),
        (BOB, "no-at-sign"),
        (BOB, "<a@b>\r\nBcc: charlie@evil.test"),
        (BOB, "<a b@c>"),
    ] {
        let failure =
            server.sender("").send(address, &alone(id), &opened()).await.expect_err("rejected");
        assert_eq!(failure.kind, FailureKind::Permanent, "{address:?} {id:?}");
    }
    assert_eq!(server.received().lines, Vec::<String>::new());
    let bad_from = EmailSender::smtp("smtp://127.0.0.1", "nobody");
    assert_eq!(bad_from.err(), Some(MailSettingsError::From));
}
