//! Whatever responds in time is a response, and no more of it is read than is kept.

use std::process::Command;
use std::time::Duration;

use doubles::http_server::{HttpServer, hold, response};
use time::macros::datetime;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::retry_after;
use super::super::test_clients::local_client;
use super::post;

/// Writes for as long as the client reads.
async fn write_for_ever(mut stream: TcpStream, head: &'static str, chunk: Vec<u8>) {
    let _ = stream.write_all(head.as_bytes()).await;
    while stream.write_all(&chunk).await.is_ok() {}
}

#[tokio::test]
async fn the_request_arrives_as_it_was_given() {
    let server = HttpServer::responding(response("200 OK", "", "taken")).await;
    let headers =
        [("X-SP-Attempt", "1".to_owned()), ("Content-Type", "application/json".to_owned())];
    let body = br#"{"type":"reprocess"}"#.to_vec();
    let sent = local_client(2_000, 5_000).post(&server.url(), &headers, body).await;
    let sent = sent.expect("an answer");
    assert_eq!((sent.status, sent.excerpt.as_str(), sent.retry_after), (200, "taken", None));
    let request = server.received().remove(0);
    let head = request.head.to_ascii_lowercase();
    assert!(head.starts_with("post /hook http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nx-sp-attempt: 1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    for unwanted in ["accept-encoding", "referer", "cookie", "proxy"] {
        assert!(!head.contains(unwanted), "{head}");
    }
    assert_eq!(request.body, br#"{"type":"reprocess"}"#);
}

#[tokio::test]
async fn a_header_that_is_given_takes_the_place_of_our_own() {
    let server = HttpServer::responding(response("200 OK", "", "taken")).await;
    let headers = [("User-Agent", "gate/1".to_owned()), ("accept", "application/json".to_owned())];
    let sent = local_client(2_000, 5_000).post(&server.url(), &headers, Vec::new()).await;
    assert_eq!(sent.expect("an answer").status, 200);
    let head = server.received().remove(0).head.to_ascii_lowercase();
    for (name, value) in [("user-agent", "gate/1"), ("accept", "application/json")] {
        let lines = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        assert_eq!(lines.collect::<Vec<_>>(), [value], "{head}");
    }
}

#[tokio::test]
async fn every_status_is_an_answer() {
    for (line, status) in [
        ("200 OK", 200),
        ("400 Bad Request", 400),
        ("404 Not Found", 404),
        ("410 Gone", 410),
        ("500 Internal Server Error", 500),
        ("599 Odd", 599),
    ] {
        let server = HttpServer::responding(response(line, "", "")).await;
        assert_eq!(post(&server).await.expect("an answer").status, status);
    }
    let server = HttpServer::responding("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(post(&server).await.expect("an answer").status, 204);
}

#[tokio::test]
async fn a_few_interim_responses_come_before_the_one_that_counts() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(16);
    let server = HttpServer::responding(interim + &response("200 OK", "", "taken")).await;
    let response = post(&server).await.expect("an answer");
    assert_eq!((response.status, response.excerpt.as_str()), (200, "taken"));
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let elsewhere = HttpServer::responding(response("200 OK", "", "")).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: {}\r\n", elsewhere.url());
        let server = HttpServer::responding(response(status, &location, "")).await;
        let response = post(&server).await.expect("an answer");
        assert!((300..400).contains(&response.status));
        assert_eq!(response.redirect_to, Some(elsewhere.url().to_string()));
        assert_eq!(server.received().len(), 1);
    }
    assert_eq!(elsewhere.received().len(), 0);
    let created = HttpServer::responding(response("201 Created", "Location: /made\r\n", "")).await;
    assert_eq!(post(&created).await.expect("an answer").redirect_to, None);
}

#[tokio::test]
async fn a_429_carries_what_it_asks_for() {
    let now = datetime!(2026-11-21 14:32:09 UTC);
    for (header, wait) in [
        ("Retry-After: 120\r\n", Some(Duration::from_mins(2))),
        ("Retry-After: Sat, 21 Nov 2026 14:33:09 GMT\r\n", Some(Duration::from_mins(1))),
        ("Retry-After: 999999999\r\n", Some(Duration::from_hours(6))),
        ("Retry-After: -1\r\n", None),
        ("Retry-After: \u{fc}\r\n", None),
        ("Retry-After: Fri, 20 Nov 2026 14:33:09 GMT\r\n", None),
        ("", None),
    ] {
        let server =
            HttpServer::responding(response("429 Too Many Requests", header, "slow down")).await;
        let response = post(&server).await.expect("an answer");
        assert_eq!(response.status, 429);
        let asked = response.retry_after.as_deref().and_then(|value| retry_after(value, now));
        assert_eq!(asked, wait, "{header}");
    }
}

#[tokio::test]
async fn of_a_gigabyte_only_the_beginning_is_read() {
    let server = HttpServer::start(|stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
        write_for_ever(stream, head, vec![b'x'; 64 * 1024])
    })
    .await;
    let response = post(&server).await.expect("an answer");
    assert_eq!((response.status, response.excerpt.len()), (200, 2048));
}

#[tokio::test]
async fn an_endless_body_ends_at_16_kib() {
    let server = HttpServer::start(|stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        write_for_ever(
            stream,
            head,
            b"400\r\n".iter().chain(&[b'x'; 0x400]).chain(b"\r\n").copied().collect(),
        )
    })
    .await;
    let response = post(&server).await.expect("an answer");
    assert_eq!((response.status, response.excerpt.len()), (200, 2048));
}

#[tokio::test]
async fn a_body_that_breaks_off_has_said_its_status() {
    let server =
        HttpServer::responding("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this").await;
    let response = post(&server).await.expect("an answer");
    assert_eq!((response.status, response.excerpt.as_str()), (200, "only this"));
}

#[tokio::test]
async fn a_body_that_is_still_coming_at_the_deadline_has_said_its_status() {
    let server = HttpServer::start(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow";
        let _ = stream.write_all(head).await;
        hold(stream).await;
    })
    .await;
    let response = local_client(2_000, 1_000).post(&server.url(), &[], Vec::new()).await;
    let response = response.expect("a status came");
    assert_eq!((response.status, response.excerpt.as_str()), (200, "slow"));
    assert!((1_000..5_000).contains(&response.latency_ms), "{response:?}");
}

#[tokio::test]
async fn a_gzip_bomb_is_not_inflated() {
    // The beginning of a gzip stream; a client that inflated it would not find these bytes.
    let packed = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, b'z', b'i', b'p'];
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 13\r\n\r\n";
    let server = HttpServer::responding([head.as_bytes(), &packed].concat()).await;
    let response = post(&server).await.expect("an answer");
    assert_eq!(response.status, 200);
    assert!(response.excerpt.ends_with("zip"), "{response:?}");
}

#[tokio::test]
async fn an_excerpt_shows_hostile_bytes_without_obeying_them() {
    let body = "<script>alert(1)</script>\0\u{1b}[2J\u{202e}";
    let server = HttpServer::responding(response("500 Oh", "", body)).await;
    let response = post(&server).await.expect("an answer");
    assert_eq!(response.excerpt, "<script>alert(1)</script>␀␛[2J");
}

#[tokio::test]
async fn bad_endpoints_do_not_slow_a_good_one() {
    let bad = HttpServer::start(hold).await;
    let good = HttpServer::responding(response("200 OK", "", "")).await;
    let client = local_client(2_000, 20_000);
    let stuck: Vec<_> = (0..50)
        .map(|_| {
            let (client, url) = (client.clone(), bad.url());
            tokio::spawn(async move { client.post(&url, &[], Vec::new()).await })
        })
        .collect();
    let response = client.post(&good.url(), &[], Vec::new()).await.expect("an answer");
    assert!(response.latency_ms < 2_000, "{response:?}");
    stuck.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Proxy variables are read when a client is built, so a child process gets them from its start.
#[tokio::test]
async fn proxy_variables_are_ignored() {
    let proxy = HttpServer::responding(response("418 Proxy", "", "")).await;
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let this = std::env::current_exe().expect("this test");
    let mut child = Command::new(this);
    child.args(["--exact", "http::tests::responses::the_request_arrives_as_it_was_given"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        child.env(name, &address);
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let run = tokio::task::spawn_blocking(move || child.output());
    let output = run.await.expect("no panic").expect("the child runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    assert_eq!(proxy.received().len(), 0);
}
