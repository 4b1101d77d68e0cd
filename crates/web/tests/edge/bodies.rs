//! Bodies that are too large, too slow or not what they say.

use super::harness::{SHORT, Server, head, request, soon};
use tokio::io::AsyncWriteExt;

const LIMIT: usize = 256 * 1024;

/// A JSON object of exactly so many bytes.
fn object_of(bytes: usize) -> String {
    let frame = r#"{"a":""}"#;
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - frame.len()))
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let server = Server::start().await;
    let response = server.ask(request(&object_of(LIMIT))).await;
    assert_eq!((response.status(), response.body.as_str()), (200, "evt_1 took 1 fields"));
}

#[tokio::test]
async fn one_byte_over_the_limit_is_too_large() {
    let server = Server::start().await;
    let response = server.ask(request(&object_of(LIMIT + 1))).await;
    assert_eq!(response.rejection(), (413, "payload_too_large".to_owned()));
    assert_eq!(response.header("connection"), Some("close"));
}

#[tokio::test]
async fn an_announced_hundred_megabytes_is_rejected_before_the_first_byte() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send(format!("{}Content-Length: 104857600\r\n\r\n", head())).await;
    let response = client.response().await.expect("a response");
    assert_eq!(response.rejection(), (413, "payload_too_large".to_owned()));
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_sends_it_all_before_it_reads_gets_no_reset() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let megabyte = vec![b'x'; 1024 * 1024];
    client.send(format!("{}Content-Length: 33554432\r\n\r\n", head())).await;
    for _ in 0..32 {
        client.send(&megabyte).await;
    }
    let response = client.response().await.expect("a response");
    assert_eq!(response.rejection(), (413, "payload_too_large".to_owned()));
}

#[tokio::test]
async fn nobody_is_asked_to_go_on_with_a_body_that_is_too_large() {
    let server = Server::start().await;
    let expecting = format!("{}Expect: 100-continue\r\n", head());
    let response = server.ask(format!("{expecting}Content-Length: 300000\r\n\r\n")).await;
    assert_eq!(response.rejection(), (413, "payload_too_large".to_owned()));

    let mut client = server.connect().await;
    client.send(format!("{expecting}Content-Length: 2\r\n\r\n")).await;
    assert_eq!(client.response().await.expect("a response").status(), 100);
    client.send("{}").await;
    assert_eq!(client.response().await.expect("a response").status(), 200);
}

#[tokio::test]
async fn a_chunked_body_is_rejected_at_the_first_byte_over() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send(format!("{}Transfer-Encoding: chunked\r\n\r\n", head())).await;
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    client.send(chunk.repeat(65)).await;
    let response = client.response().await.expect("a response");
    assert_eq!(response.rejection(), (413, "payload_too_large".to_owned()));
    client.closed().await;
}

#[tokio::test]
async fn a_chunked_body_within_the_limit_is_taken() {
    let server = Server::start().await;
    let chunks = "1\r\n{\r\n5;note=1\r\n\"a\":1\r\n1\r\n}\r\n0\r\n\r\n";
    let response =
        server.ask(format!("{}Transfer-Encoding: chunked\r\n\r\n{chunks}", head())).await;
    assert_eq!((response.status(), response.body.as_str()), (200, "evt_1 took 1 fields"));
}

#[tokio::test]
async fn a_dribbled_body_is_given_up_while_others_are_served() {
    let server = Server::start().await;
    let mut slow = server.connect().await;
    slow.send(format!("{}Content-Length: 1000\r\n\r\n", head())).await;
    let (mut responses, mut bytes) = slow.stream.into_split();
    let dribbling = tokio::spawn(async move {
        while bytes.write_all(b" ").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    assert_eq!(server.ask(request("{}")).await.status(), 200);
    let mut text = String::new();
    let reading = tokio::io::AsyncReadExt::read_to_string(&mut responses, &mut text);
    soon(reading).await.expect("a response and the end of the connection");
    dribbling.abort();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    assert!(text.contains(r#""code":"malformed_request""#), "{text}");
    assert!(text.contains("the body did not arrive within 500ms"), "{text}");
    assert!(text.to_lowercase().contains("connection: close"), "{text}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_malformed() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send(format!("{}Content-Length: 100\r\n\r\n{{", head())).await;
    client.stream.shutdown().await.expect("the sending side closes");
    let response = client.response().await.expect("a response");
    assert_eq!(response.rejection(), (400, "malformed_request".to_owned()));
}

#[tokio::test]
async fn compressed_bodies_and_other_types_are_rejected_unread() {
    let server = Server::start().await;
    let other_type = request("{}").replace("application/json", "text/plain");
    for request in
        [format!("{}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}", head()), other_type]
    {
        let response = server.ask(request).await;
        assert_eq!(response.rejection(), (415, "unsupported_media_type".to_owned()));
    }
}

#[tokio::test]
async fn what_is_not_one_object_is_rejected_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    for (body, code) in [("[]", "malformed_request"), ("{} {}", "malformed_request")] {
        client.send(request(body)).await;
        let response = client.response().await.expect("a response");
        assert_eq!(response.rejection(), (400, code.to_owned()), "{body}");
    }
    client.send(request("{}")).await;
    assert_eq!(client.response().await.expect("a response").status(), 200);
}
