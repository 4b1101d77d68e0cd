//! Mail over TLS: whom a password and a message are given to, and whom not.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use doubles::Deaf;

use super::super::{EmailSender, SendFailure, Way};
use super::mail_server::{
    Authority, Encryption, Login, MailServer, ReceivedMail, Rules, Senders, sender,
};
use super::{BOB, ID, TRANSIENT, alone};
use crate::destinations::samples::opened;

/// In the URLs: `alerts%40cometcart.test:p%40ss%2Fw%C3%B6rd`.
const LOGIN: (&str, &str) = ("alerts@cometcart.test", "p@ss/wörd");
const STARTTLS: &str =
    "smtp://alerts%40cometcart.test:p%40ss%2Fw%C3%B6rd@localhost:PORT?tls=required";
const OPPORTUNISTIC: &str =
    "smtp://alerts%40cometcart.test:p%40ss%2Fw%C3%B6rd@localhost:PORT?tls=opportunistic";
const SMTPS: &str = "smtps://alerts%40cometcart.test:p%40ss%2Fw%C3%B6rd@localhost:PORT";

/// A server that speaks TLS in its way, and sends mail for [`LOGIN`] only.
async fn server(encryption: Encryption) -> MailServer {
    let rules = Rules { encryption, login: Some(LOGIN), ..Rules::default() };
    MailServer::start_with(rules).await
}

async fn rejection(sender: &EmailSender) -> SendFailure {
    let failure = sender.send(BOB, &alone(ID), &opened()).await.expect_err("not taken");
    assert_eq!(failure.kind, TRANSIENT, "{failure}");
    failure
}

/// One mail came in whole, after one login, both through TLS.
fn assert_one_encrypted_mail(received: &ReceivedMail, mechanism: &'static str) {
    let (user, password) = (LOGIN.0.to_owned(), LOGIN.1.to_owned());
    assert_eq!(received.logins, [Login { mechanism, user, password, encrypted: true }]);
    let [mail] = received.mails.as_slice() else { panic!("one mail, not {:#?}", received.mails) };
    assert!(mail.encrypted);
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("alerts@sendpromptly.test", &[BOB.to_owned()][..])
    );
    for line in [
        "Message-ID: <inc_1.incident_opened.dst_1@sendpromptly.test>",
        "Subject: [CometCart live] user_456 paid for credits. They were never added.",
    ] {
        assert!(mail.text.lines().any(|one| one == line), "{line} is not in {}", mail.text);
    }
}

/// Neither a login nor a mail was even begun.
fn assert_nothing_was_given_away(received: &ReceivedMail) {
    assert_eq!((received.logins.as_slice(), received.mails.as_slice()), (&[][..], &[][..]));
    let harmless =
        |line: &String| line.starts_with("EHLO ") || line == "STARTTLS" || line == "QUIT";
    assert!(received.lines.iter().all(harmless), "{:?}", received.lines);
}

#[tokio::test]
async fn a_mail_goes_through_tls_from_the_first_byte_with_a_login() {
    let authority = Authority::generate();
    let server = server(Encryption::Always(authority.vouch_for("localhost"))).await;
    let sender = server.sender_by(SMTPS, &[&authority]);
    let sent = sender.send(BOB, &alone(ID), &opened()).await.expect("taken");
    assert_eq!(sent.answer, "250 2.0.0 queued as 7F3A");
    assert_one_encrypted_mail(&server.received_from(1).await, "PLAIN");
}

#[tokio::test]
async fn a_mail_goes_through_starttls_with_a_login() {
    let authority = Authority::generate();
    for url in [STARTTLS, OPPORTUNISTIC] {
        let server = server(Encryption::StartTls(authority.vouch_for("localhost"))).await;
        let sender = server.sender_by(url, &[&authority]);
        sender.send(BOB, &alone(ID), &opened()).await.expect("taken");
        assert_one_encrypted_mail(&server.received_from(1).await, "PLAIN");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_user_and_password_one_by_one_gets_both() {
    let authority = Authority::generate();
    let rules = Rules {
        encryption: Encryption::StartTls(authority.vouch_for("localhost")),
        login: Some(LOGIN),
        mechanism: Some("LOGIN"),
        ..Rules::default()
    };
    let server = MailServer::start_with(rules).await;
    let sender = server.sender_by(STARTTLS, &[&authority]);
    sender.send(BOB, &alone(ID), &opened()).await.expect("taken");
    assert_one_encrypted_mail(&server.received_from(1).await, "LOGIN");
}

#[tokio::test]
async fn the_check_goes_through_tls_and_signs_in_without_a_mail() {
    let authority = Authority::generate();
    let server = server(Encryption::Always(authority.vouch_for("localhost"))).await;
    server.sender_by(SMTPS, &[&authority]).check().await.expect("a good server");
    let received = server.received_from(1).await;
    assert_eq!((received.logins.len(), received.mails.len()), (1, 0));

    let wrong = "smtps://alerts%40cometcart.test:wrong@localhost:PORT";
    let failure = server.sender_by(wrong, &[&authority]).check().await.expect_err("not let in");
    assert_eq!(failure.kind, TRANSIENT);
    assert!(failure.answer.contains("5.7.8 bad password"), "{failure}");
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_trusts_gets_nothing() {
    let (authority, other) = (Authority::generate(), Authority::generate());
    let own = || authority.vouch_for("localhost");
    for (url, encryption) in [
        (SMTPS, Encryption::Always(own())),
        (STARTTLS, Encryption::StartTls(own())),
        (OPPORTUNISTIC, Encryption::StartTls(own())),
    ] {
        let server = server(encryption).await;
        for (clients, trusted) in [(1, &[][..]), (2, &[&other])] {
            let failure = rejection(&server.sender_by(url, trusted)).await;
            assert!(failure.answer.contains("TLS"), "{failure}");
            assert!(failure.answer.contains("certificate"), "{failure}");
            assert_nothing_was_given_away(&server.received_from(clients).await);
        }
    }
}

#[tokio::test]
async fn a_trusted_certificate_of_another_server_is_not_enough() {
    let authority = Authority::generate();
    let another = || authority.vouch_for("mail.charlie.test");
    for (url, encryption) in
        [(SMTPS, Encryption::Always(another())), (STARTTLS, Encryption::StartTls(another()))]
    {
        let server = server(encryption).await;
        let failure = rejection(&server.sender_by(url, &[&authority])).await;
        assert!(failure.answer.contains("TLS"), "{failure}");
        assert!(failure.answer.contains("not valid for name"), "{failure}");
        assert_nothing_was_given_away(&server.received_from(1).await);
    }
}

#[tokio::test]
async fn a_server_without_starttls_is_left_before_the_login_where_the_url_demands_it() {
    let authority = Authority::generate();
    let server = server(Encryption::None).await;
    let failure = rejection(&server.sender_by(STARTTLS, &[&authority])).await;
    assert!(failure.answer.contains("STARTTLS is not supported"), "{failure}");
    assert_nothing_was_given_away(&server.received_from(1).await);
}

#[tokio::test]
async fn a_server_without_starttls_gets_the_mail_in_the_clear_where_the_url_allows_it() {
    let server = server(Encryption::None).await;
    let sender = server.sender_by(OPPORTUNISTIC, &[]);
    sender.send(BOB, &alone(ID), &opened()).await.expect("taken");
    let received = server.received_from(1).await;
    let [mail] = received.mails.as_slice() else { panic!("one mail, not {:#?}", received.mails) };
    assert!(!mail.encrypted);
}

#[tokio::test]
async fn an_offer_of_starttls_that_is_taken_back_is_no_leave_to_go_on_in_the_clear() {
    let authority = Authority::generate();
    for url in [STARTTLS, OPPORTUNISTIC] {
        let rules = Rules {
            script: &[("STARTTLS", "454 4.7.0 TLS not available")],
            encryption: Encryption::StartTls(authority.vouch_for("localhost")),
            ..Rules::default()
        };
        let server = MailServer::start_with(rules).await;
        let failure = rejection(&server.sender_by(url, &[&authority])).await;
        assert!(failure.answer.contains("TLS not available"), "{failure}");
        assert_nothing_was_given_away(&server.received_from(1).await);
    }
}

#[tokio::test]
async fn an_address_that_says_nothing_leaves_time_for_the_next_one() {
    let (authority, deaf) = (Authority::generate(), Deaf::listen().await);
    let own = || authority.vouch_for("localhost");
    for (url, encryption) in
        [(SMTPS, Encryption::Always(own())), (STARTTLS, Encryption::StartTls(own()))]
    {
        let server = server(encryption).await;
        let sender = server.sender_by(url, &[&authority]);
        let Way::Smtp(mut smtp) = sender.way else { panic!("a sender by SMTP") };
        smtp.step = Duration::from_secs(4);
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let addresses = [address(deaf.port), address(server.port)];
        let mut connection = smtp.connect_to(&addresses).await.expect("a connection");
        connection.quit().await.expect("a goodbye");
        drop(connection);
        assert_eq!(server.received_from(1).await.logins.len(), 1, "{url}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_in_the_handshake_is_given_up() {
    // No program accepts the connection; the operating system establishes it anyway.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("a bound address").port();
    let failure = rejection(&sender(&format!("smtps://localhost:{port}"), &[])).await;
    assert_eq!(failure.answer, "connecting with TLS: no answer within 500ms");
}

#[tokio::test]
async fn answers_that_somebody_slips_in_before_the_handshake_count_for_nothing() {
    let authority = Authority::generate();
    let rules = Rules {
        script: &[("RCPT", "550 5.1.1 no such user")],
        encryption: Encryption::StartTls(authority.vouch_for("localhost")),
        injected: "250-mail.evil.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n\
                   354 go on\r\n250 queued",
        ..Rules::default()
    };
    let server = MailServer::start_with(rules).await;
    let failure = rejection(&server.sender_by(STARTTLS, &[&authority])).await;
    assert!(failure.answer.starts_with("STARTTLS: "), "{failure}");
    assert_nothing_was_given_away(&server.received_from(1).await);
}
