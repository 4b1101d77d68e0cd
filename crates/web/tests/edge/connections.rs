//! Connections that stall, pile up or break.

use std::time::Duration;

use super::harness::{SHORT, SOON, Server, happened, head, request, soon};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// Sends one byte at a time until the server closes the connection.
async fn dribble(stream: &mut tokio::net::TcpStream, bytes: &[u8]) {
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(SHORT / 20).await;
    }
}

#[tokio::test]
async fn dribbled_headers_are_cut_by_the_deadline_while_others_are_served() {
    let server = Server::with(|options| options.head_deadline = SHORT).await;
    let mut slow = server.connect().await;
    slow.send(head()).await;
    let begun = Instant::now();
    let dribbling = tokio::spawn(async move { dribble(&mut slow.stream, b"X-Slow: a\r\n").await });
    let mut responses = 0;
    while !dribbling.is_finished() {
        assert_eq!(server.ask(request("{}")).await.status(), 200);
        responses += 1;
        assert!(begun.elapsed() < SOON, "the slow connection is still open");
    }
    assert!(begun.elapsed() >= SHORT / 2, "the deadline came too early");
    assert!(responses > 1, "others were kept waiting");
}

#[tokio::test]
async fn a_connection_that_never_speaks_is_closed() {
    let server = Server::with(|options| options.head_deadline = SHORT).await;
    server.connect().await.closed().await;
}

#[tokio::test]
async fn a_connection_may_rest_between_requests_but_not_within_one() {
    let server = Server::with(|options| {
        options.head_deadline = SHORT;
        options.idle_timeout = Duration::from_hours(1);
    })
    .await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send(request("{}")).await;
        assert_eq!(client.response().await.expect("a response").status(), 200);
        tokio::time::sleep(SHORT * 2).await;
    }
    client.send("POST /api").await;
    assert!(client.response().await.is_none(), "half a head has no response");
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed() {
    let server = Server::with(|options| options.idle_timeout = SHORT).await;
    let mut client = server.connect().await;
    client.send(request("{}")).await;
    assert_eq!(client.response().await.expect("a response").status(), 200);
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_takes_no_bytes_loses_its_place() {
    let server = Server::with(|options| {
        options.write_stall = SHORT;
        options.max_connections = 1;
    })
    .await;
    let mut greedy = server.connect().await;
    greedy.send("GET /large HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    assert_eq!(server.ask(request("{}")).await.status(), 200);
}

#[tokio::test]
async fn where_all_are_at_work_connections_wait_for_their_turn() {
    let server = Server::with(|options| {
        options.max_connections = 1;
        // Of a proxy, one that comes when all are at work is not rejected.
        options.proxies = "127.0.0.1".parse().expect("a list");
    })
    .await;
    let mut first = server.connect().await;
    first.send("POST /api/v1/slow HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    happened(&server.probe.entered).await;
    let mut second = server.connect().await;
    second.send(request("{}")).await;
    let early = tokio::time::timeout(SHORT, second.response()).await;
    assert!(early.is_err(), "there is no place yet");
    server.probe.gate.add_permits(1);
    assert_eq!(first.response().await.expect("a response").body, "committed");
    assert_eq!(second.response().await.expect("a response").status(), 200);
}

#[tokio::test]
async fn connections_that_rest_keep_nobody_out() {
    let server = Server::with(|options| options.max_connections = 8).await;
    let mut resting = Vec::new();
    for _ in 0..8 {
        let mut one = server.connect().await;
        one.send(request("{}")).await;
        assert_eq!(one.response().await.expect("a response").status(), 200);
        resting.push(one);
    }
    for _ in 0..20 {
        assert_eq!(server.ask(request("{}")).await.status(), 200);
    }
    resting[0].closed().await;
}

#[tokio::test]
async fn connections_that_never_say_a_word_keep_nobody_out() {
    let server = Server::with(|options| options.max_connections = 8).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(server.connect().await);
    }
    assert_eq!(server.ask(request("{}")).await.status(), 200);
}

#[tokio::test]
async fn pipelined_requests_get_their_responses_in_order() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let second = request("{}").replace("evt_1", "evt_2");
    client.send(request("{}") + &second).await;
    for expected in ["evt_1 took 0 fields", "evt_2 took 0 fields"] {
        assert_eq!(client.response().await.expect("a response").body, expected);
    }
}

#[tokio::test]
async fn a_client_that_only_listens_any_more_gets_its_response() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("POST /api/v1/slow HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
    client.stream.shutdown().await.expect("the sending side closes");
    happened(&server.probe.entered).await;
    server.probe.gate.add_permits(1);
    assert_eq!(client.response().await.expect("a response").body, "committed");
    client.closed().await;
}

#[tokio::test]
async fn work_of_a_client_that_is_gone_is_done_to_its_end() {
    let server = Server::start().await;
    for reset in [false, true] {
        let mut client = server.connect().await;
        client.send("POST /api/v1/slow HTTP/1.1\r\nHost: shop.example\r\n\r\n").await;
        happened(&server.probe.entered).await;
        if reset {
            client.stream.set_zero_linger().expect("closing resets");
        }
        drop(client);
        server.probe.gate.add_permits(1);
        happened(&server.probe.committed).await;
    }
    assert_eq!(server.ask(request("{}")).await.status(), 200);
}

#[tokio::test]
async fn bytes_that_are_not_http_are_rejected_and_do_no_harm() {
    let server = Server::start().await;
    for garbage in [
        &b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a TLS hello\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(garbage).await;
        soon(client.closed()).await;
    }
    assert_eq!(server.ask(request("{}")).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_goes_on_after_a_broken_head_gets_no_reset() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("POST / HTTP/1.1\r\nno colon\r\n\r\n").await;
    let megabyte = vec![b'x'; 1024 * 1024];
    for _ in 0..16 {
        client.send(&megabyte).await;
    }
    let response = client.response().await.expect("a response");
    assert_eq!(response.status(), 400);
}
