//! Request lines and headers that are wrong, doubtful or hostile.

use super::harness::{Server, head, key, request};

/// A good request with one more header line.
fn with_line(line: &[u8]) -> Vec<u8> {
    let mut bytes = head().into_bytes();
    bytes.extend_from_slice(line);
    bytes.extend_from_slice(b"\r\nContent-Length: 2\r\n\r\n{}");
    bytes
}

#[tokio::test]
async fn repeated_and_non_ascii_headers_are_malformed() {
    let server = Server::start().await;
    let again = format!("Authorization: Bearer {}", key());
    for line in [
        again.as_bytes(),
        b"Authorization: Bearer sk_test_of_charlie",
        b"Idempotency-Key: evt_1",
        b"idempotency-key: evt_2",
        b"Content-Type: application/json",
        b"User-Agent: caf\xe9",
        "X-Shop: Zoë".as_bytes(),
    ] {
        let response = server.ask(with_line(line)).await;
        let shown = String::from_utf8_lossy(line);
        assert_eq!(response.rejection(), (400, "malformed_request".to_owned()), "{shown}");
    }
    assert_eq!(server.probe.committed.available_permits(), 0);
}

#[tokio::test]
async fn control_characters_in_headers_never_reach_a_handler() {
    let server = Server::start().await;
    for line in [
        &b"X-Shop: a\0b"[..],
        b"X-Shop: a\rb",
        b"X-Shop: a\nb",
        b"X-Shop: a\x07b",
        b"X-Shop: a\x7fb",
        b"X-\0Shop: a",
        b"X Shop: a",
        b"X-Shop : a",
        b" folded: a",
        b"no colon",
        b"Content-Length: 3",
    ] {
        let mut client = server.connect().await;
        client.send(with_line(line)).await;
        let response = client.response().await.expect("a response");
        assert_eq!(response.status(), 400, "{}", String::from_utf8_lossy(line));
        client.closed().await;
    }
    assert_eq!(server.probe.committed.available_permits(), 0);
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_rejected() {
    let server = Server::start().await;
    let many = "X-Many: a\r\n".repeat(100);
    let large = format!("X-Large: {}", "x".repeat(33 * 1024));
    for line in [many.trim_end().to_owned(), large] {
        assert_eq!(server.ask(with_line(line.as_bytes())).await.status(), 431);
    }
    assert_eq!(server.probe.committed.available_permits(), 0);
}

#[tokio::test]
async fn every_rejection_before_the_body_has_its_code() {
    let server = Server::start().await;
    let good = request("{}");
    let wrong_key = key().replace("sk_test", "sk_live");
    for (request, status, code) in [
        (good.replace("POST /api/v1/receipt", "POST /api/v1/receipts"), 404, "not_found"),
        (good.replace("POST", "PUT"), 405, "method_not_allowed"),
        (good.replace("Host:", "Accept: text/html\r\nHost:"), 406, "not_acceptable"),
        (good.replace("application/json", "text/xml"), 415, "unsupported_media_type"),
        (good.replace("Content-Type", "X-Content-Type"), 415, "unsupported_media_type"),
        (good.replace(&key(), &wrong_key), 401, "unauthorized"),
        (good.replace("Authorization", "X-Api-Key"), 401, "unauthorized"),
        (good.replace("Idempotency-Key", "X-Key"), 400, "missing_idempotency_key"),
        (good.replace(": evt_1", ":  "), 400, "missing_idempotency_key"),
        (good.replace(": evt_1", ": evt 1"), 400, "malformed_request"),
    ] {
        let response = server.ask(request).await;
        assert_eq!(response.rejection(), (status, code.to_owned()));
    }
    assert_eq!(server.probe.committed.available_permits(), 0);
}

#[tokio::test]
async fn rejections_of_a_key_are_equal_but_for_the_id() {
    let server = Server::start().await;
    let good = request("{}");
    let mut bodies = Vec::new();
    for request in [
        good.replace("Authorization", "X-Api-Key"),
        good.replace(&key(), "sk_test_nonsense"),
        good.replace("Bearer", "Basic"),
        good.replace("Authorization", "X-Api-Key")
            .replace("/receipt ", &format!("/receipt?api_key={} ", key())),
    ] {
        let response = server.ask(request).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.header("www-authenticate"), Some("bearer"));
        let id = response.header("x-request-id").expect("an id").to_uppercase();
        let digits = id.strip_prefix("REQ_").expect("a prefix");
        bodies.push(response.body.replace(digits, ""));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn a_rejected_method_names_those_that_are_taken() {
    let server = Server::start().await;
    for method in ["GET", "DELETE", "OPTIONS", "BREW"] {
        let response = server.ask(request("{}").replace("POST", method)).await;
        assert_eq!(response.rejection(), (405, "method_not_allowed".to_owned()), "{method}");
        assert_eq!(response.header("allow"), Some("post"), "{method}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_rejected_by_name_and_the_next_one_is_taken() {
    let server = Server::start().await;
    let good = request("{}");
    let host = "Host: shop.example\r\n";
    for (bad, why) in [
        (good.replace(host, ""), "host is missing"),
        (good.replace(host, &host.repeat(2)), "host stands more than once"),
        (good.replace(host, "Host: shop.example\r\nhost: other.example\r\n"), "more than once"),
        (good.replace(host, "Host: shop.example/x\r\n"), "host is no host"),
    ] {
        let response = server.ask(bad).await;
        assert_eq!(response.rejection(), (400, "malformed_request".to_owned()), "{why}");
        assert!(response.body.contains(why), "{}", response.body);
    }
    assert_eq!(server.probe.committed.available_permits(), 0);
    let old = good.replace(host, "").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(server.ask(old).await.status(), 200);
    assert_eq!(server.ask(good).await.status(), 200);
}

#[tokio::test]
async fn a_clients_address_is_what_a_named_proxy_says_and_never_what_others_say() {
    let ask = async |server: &Server, forwarded: &str| {
        let request = format!("GET /address HTTP/1.1\r\nHost: shop.example\r\n{forwarded}\r\n");
        server.ask(request).await.body
    };
    let forwarded = "X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n";
    let named = "127.0.0.1".parse().expect("a list");
    let behind = Server::with(|options| options.proxies = named).await;
    assert_eq!(ask(&behind, forwarded).await, "203.0.113.9");
    assert_eq!(ask(&behind, "").await, "unknown");
    let alone = Server::start().await;
    assert_eq!(ask(&alone, "").await, "127.0.0.1");
    assert_eq!(ask(&alone, forwarded).await, "unknown", "it seems to come from a proxy");
}
