//! What keeps a response from coming is distinguished by its class.

use std::time::{Duration, Instant};

use doubles::http_server::{HttpServer, hold, response};
use doubles::{Authority, Deaf};
use tokio::io::AsyncWriteExt;

use super::super::ErrorClass;
use super::super::test_clients::{client_allowing, local_client, public_client};
use super::post;

async fn class_of(server: &HttpServer) -> ErrorClass {
    post(server).await.expect_err("no answer").class
}

#[tokio::test]
async fn a_head_that_dribbles_past_the_deadline_is_a_time_out() {
    let server = HttpServer::start(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ").await;
        let mut second = tokio::time::interval(Duration::from_secs(1));
        while stream.write_all(b"x").await.is_ok() {
            second.tick().await;
        }
    })
    .await;
    let error = local_client(2_000, 1_500).post(&server.url(), &[], Vec::new()).await;
    let error = error.expect_err("no answer");
    assert_eq!(error.class, ErrorClass::TimedOut);
    assert_eq!(error.message, "no answer within 1.5s");
    assert!((1_500..5_000).contains(&error.latency_ms), "{error:?}");
}

#[tokio::test]
async fn a_hundred_thousand_headers_are_no_answer() {
    let headers = "X-Header: value\r\n".repeat(100_000);
    let server = HttpServer::responding(response("200 OK", &headers, "")).await;
    assert_eq!(class_of(&server).await, ErrorClass::Protocol);
}

#[tokio::test]
async fn a_row_of_interim_responses_that_never_ends_is_no_answer_and_is_not_read_on() {
    for head in ["HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 100 Continue\r\nX-Y: z\r\n\r\n"] {
        let (written, mut ended) = tokio::sync::mpsc::unbounded_channel();
        let server = HttpServer::start(move |mut stream| {
            let written = written.clone();
            async move {
                let mut bytes = 0_usize;
                while stream.write_all(head.as_bytes()).await.is_ok() {
                    bytes += head.len();
                }
                let _ = written.send(bytes);
            }
        })
        .await;
        let started = Instant::now();
        let error = post(&server).await.expect_err("no answer");
        assert_eq!(error.class, ErrorClass::Protocol);
        assert_eq!(error.message, "interim (1xx) responses kept coming, and no other");
        assert!(error.is_retryable() && started.elapsed() < Duration::from_secs(4), "{error:?}");
        // The connection ends as well, although the server goes on writing.
        ended.recv().await.expect("the server saw the end");
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_are_no_answer() {
    for bytes in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 200 OK\r\n\r\n", "\0\0\0\0", ""] {
        let server = HttpServer::responding(bytes).await;
        let error = post(&server).await.expect_err("no answer");
        assert!(matches!(error.class, ErrorClass::Protocol | ErrorClass::Reset), "{error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out() {
    let server = HttpServer::start(hold).await;
    let error = local_client(2_000, 300).post(&server.url(), &[], Vec::new()).await;
    let error = error.expect_err("no answer");
    assert_eq!((error.class, error.class.as_str()), (ErrorClass::TimedOut, "timed_out"));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_time_out_of_the_connection() {
    let server = HttpServer::start(hold).await;
    let url = format!("https://127.0.0.1:{}/", server.port).parse().expect("a URL");
    let error = local_client(300, 10_000).post(&url, &[], Vec::new()).await.expect_err("no answer");
    let classes = (error.class, error.class.as_str());
    assert_eq!(classes, (ErrorClass::ConnectTimedOut, "timed_out"));
    assert_eq!(error.message, "no connection within 300ms");
}

#[tokio::test]
async fn an_address_that_says_nothing_is_a_time_out_of_the_connection() {
    let deaf = Deaf::listen().await;
    let url = format!("http://127.0.0.1:{}/", deaf.port).parse().expect("a URL");
    let error = local_client(300, 10_000).post(&url, &[], Vec::new()).await.expect_err("no answer");
    assert_eq!(error.class, ErrorClass::ConnectTimedOut);
    assert_eq!(error.message, "no connection within 300ms");
}

#[tokio::test]
async fn a_reset_is_told_apart() {
    let server = HttpServer::start(|stream| async move {
        // A zero linger makes the close a reset.
        let _ = stream.set_zero_linger();
    })
    .await;
    let error = post(&server).await.expect_err("no answer");
    assert_eq!((error.class, error.is_retryable()), (ErrorClass::Reset, true), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_a_connect_error() {
    let server = HttpServer::responding("").await;
    let url = server.url();
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let error = local_client(2_000, 5_000).post(&url, &[], Vec::new()).await;
        match error.expect_err("nobody listens").class {
            ErrorClass::Connect => break,
            // The listener's task ends shortly after the server is dropped.
            _ => assert!(Instant::now() < deadline, "the port never closed"),
        }
    }
}

#[tokio::test]
async fn an_unknown_name_is_a_dns_error() {
    let url = "https://shop.invalid/repair".parse().expect("a URL");
    let error = public_client().post(&url, &[], Vec::new()).await.expect_err("no such name");
    assert_eq!((error.class, error.is_retryable()), (ErrorClass::Dns, true), "{error:?}");
    assert!(error.message.contains("shop.invalid"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_a_tls_error() {
    let certified = Authority::generate().vouch_for("localhost");
    let server = HttpServer::accepting(move |stream| {
        let handshake = certified.accept(stream);
        // The client ends it, so it fails; that is the point.
        async move { drop(handshake.await) }
    })
    .await;
    let url = format!("https://localhost:{}/", server.port).parse().expect("a URL");
    let error = local_client(2_000, 5_000).post(&url, &[], Vec::new()).await;
    let error = error.expect_err("nobody trusts it");
    assert_eq!((error.class, error.is_retryable()), (ErrorClass::Tls, true), "{error:?}");
    assert!(error.message.contains("certificate"), "{error}");
}

#[tokio::test]
async fn plain_http_behind_an_https_url_is_a_tls_error() {
    let server = HttpServer::accepting(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        hold(stream).await;
    })
    .await;
    let url = format!("https://127.0.0.1:{}/", server.port).parse().expect("a URL");
    let error = local_client(2_000, 5_000).post(&url, &[], Vec::new()).await;
    assert_eq!(error.expect_err("no handshake").class, ErrorClass::Tls);
}

#[tokio::test]
async fn a_rejected_literal_is_final_and_nothing_is_connected_to() {
    let server = HttpServer::responding(response("200 OK", "", "")).await;
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "169.254.169.254"] {
        let url = format!("http://{host}:{}/", server.port).parse().expect("a URL");
        let error = public_client().post(&url, &[], Vec::new()).await.expect_err("rejected");
        assert_eq!(error.class.as_str(), "address_refused", "{host}");
        assert!(!error.is_retryable());
    }
    assert_eq!(server.received().len(), 0);
    assert_eq!(post(&server).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_rejected_but_may_be_mended() {
    let server = HttpServer::responding(response("200 OK", "", "")).await;
    let url = format!("http://localhost:{}/", server.port).parse().expect("a URL");
    let error = public_client().post(&url, &[], Vec::new()).await.expect_err("rejected");
    assert_eq!((error.class.as_str(), error.is_retryable()), ("name_refused", true));
    assert!(error.message.contains("(loopback)"), "{error}");
    assert!(error.message.contains("listing localhost"), "{error}");
    assert_eq!(server.received().len(), 0);
    let allowed = local_client(2_000, 5_000).post(&url, &[], Vec::new()).await;
    assert_eq!(allowed.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_host_that_is_listed_by_name_is_reached_at_a_private_address_on_its_port_alone() {
    let (server, other) = (
        HttpServer::responding(response("200 OK", "", "")).await,
        HttpServer::responding(response("200 OK", "", "")).await,
    );
    let client = client_allowing(&format!("localhost:{}", server.port));
    let post = async |host: &str, port| {
        let url = format!("http://{host}:{port}/").parse().expect("a URL");
        client.post(&url, &[], Vec::new()).await
    };
    assert_eq!(post("localhost", server.port).await.expect("an answer").status, 200);
    for (host, port, class) in [
        ("localhost", other.port, "name_refused"),
        ("127.0.0.1", server.port, "address_refused"),
        ("[::1]", server.port, "address_refused"),
        ("localhost.", server.port, "name_refused"),
    ] {
        let error = post(host, port).await.expect_err("rejected");
        // Not every system knows a name with a dot at its end.
        let known = error.class.as_str() == class || error.class == ErrorClass::Dns;
        assert!(known, "{host}:{port}: {error}");
    }
    assert_eq!((server.received().len(), other.received().len()), (1, 0));
}

#[tokio::test]
async fn what_is_hidden_is_sent_and_does_not_come_back() {
    let server =
        HttpServer::responding(response("401 Unauthorized", "", "no canary-7f3a91 here")).await;
    let headers = [("x-gateway-key", "canary-7f3a91".to_owned())];
    let client = local_client(2_000, 5_000);
    let hidden = ["canary-7f3a91"];
    let response = client.post_hiding(&server.url(), &headers, Vec::new(), &hidden).await;
    assert_eq!(response.expect("an answer").excerpt, "no [hidden] here");
    assert!(server.received()[0].head.contains("x-gateway-key: canary-7f3a91"));
    let broken = [("x-gateway-key", "canary\n".to_owned())];
    let error = client.post(&server.url(), &broken, Vec::new()).await.expect_err("unsendable");
    assert_eq!(error.class, ErrorClass::Protocol);
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn a_secret_in_the_url_stays_out_of_the_error() {
    let url = "http://127.0.0.1:1/services/T0/B0/secret".parse().expect("a URL");
    for client in [public_client(), local_client(500, 500)] {
        let error = client.post(&url, &[], Vec::new()).await.expect_err("no answer");
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    }
}
