//! Bodies that do not show what they report. Each is a clear error and stores nothing.

use std::time::{Duration, Instant};

use e2e::run;
use e2e::world::receipt;
use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Api, RECEIPT, RESULT, fresh};

/// A good receipt as text, with one value written literally.
fn with(field: &str, raw: &str) -> String {
    let good = receipt("evt_1").to_string();
    format!("{},\"{field}\":{raw}}}", &good[..good.len() - 1])
}

/// A good receipt as text, with one of its values replaced.
fn replaced(value: &str, raw: &str) -> String {
    receipt("evt_1").to_string().replacen(&format!("\"{value}\""), raw, 1)
}

/// Bodies that no reader of JSON may take, or that two readers could take in two ways.
fn broken() -> Vec<String> {
    let good = receipt("evt_1").to_string();
    vec![
        String::new(),
        "canary".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"canary\"".to_owned(),
        format!("{good}{good}"),
        format!("{good} canary"),
        format!("{good}\u{0}"),
        format!("[{good}]"),
        good[..good.len() - 1].to_owned(),
        format!("{},}}", &good[..good.len() - 1]),
        with("canary", "{]"),
        with("canary", "\"no end"),
        with("provider", "\"stripe\""),
        with("provider", "\"stripe\",\"canary\":NaN"),
    ]
}

#[test]
fn what_is_no_json_object_is_malformed_and_never_quoted() {
    run(async {
        let api = Api::start().await;
        for body in broken() {
            for path in [RECEIPT, RESULT] {
                let response = api.send(path, &fresh(), body.as_str()).await;
                let start: String = body.chars().take(60).collect();
                assert_eq!(
                    (response.status, response.code().as_str()),
                    (400, "malformed_request"),
                    "{start}"
                );
                assert!(!response.text.contains("canary"), "{}", response.text);
            }
        }
        let twice = api.send(RECEIPT, &fresh(), with("provider", "\"stripe\"")).await;
        insta::assert_snapshot!(twice.shown(), @r#"400 {"error":{"code":"malformed_request","message":"the field provider stands twice in the body","request_id":"req_"}}"#);
        let surrogate = api.send(RECEIPT, &fresh(), replaced("user_456", r#""\ud800""#)).await;
        insta::assert_snapshot!(surrogate.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"internal_reference","message":"must not contain U+FFFD or an unpaired surrogate: its text is broken"}],"request_id":"req_"}}"#);
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 0);
        assert_eq!(api.count("SELECT count(*) FROM idempotency_keys").await, 0);
    });
}

#[test]
fn bodies_of_another_kind_are_told_so() {
    run(async {
        let api = Api::start().await;
        let utf_16 =
            receipt("evt_1").to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, said) in [
            (utf_16, "the body is in UTF-16; send it in UTF-8"),
            (b"\x1f\x8b\x08".to_vec(), "the body is compressed by gzip; send it as it is"),
            (
                b"provider=stripe&status=failed".to_vec(),
                "the body is a form (name=value); send a JSON object",
            ),
            (b"\0".to_vec(), "the body is not valid JSON at line 1, column 1"),
        ] {
            let response = api.send_bytes(RECEIPT, bytes).await;
            assert_eq!(
                (response.code(), response.message()),
                ("malformed_request".to_owned(), said.to_owned())
            );
        }
    });
}

#[test]
fn the_nul_character_is_rejected_in_every_text_that_identifies() {
    run(async {
        let api = Api::start().await;
        for (field, value) in [
            ("provider_event_id", "evt_1"),
            ("internal_reference", "user_456"),
            ("event_type", "invoice.paid"),
            ("effect_type", "credit_grant"),
            ("occurred_at", "2026-11-21T14:02:09Z"),
        ] {
            let response = api.send(RECEIPT, &fresh(), replaced(value, r#""a\u0000b""#)).await;
            assert_eq!((response.status, response.fields()), (422, vec![field.to_owned()]));
        }
        for (field, rest) in
            [("replay_id", ""), ("stripe_event_id", r#","provider_event_id":"a\u0000b""#)]
        {
            let id = if rest.is_empty() { r#","provider_event_id":"evt_1""# } else { rest };
            let body = format!(r#"{{"status":"failed","{field}":"a\u0000b"{id}}}"#);
            let response = api.send(RESULT, &fresh(), body).await;
            assert_eq!(response.status, 422, "{field}: {}", response.text);
            assert!(response.fields().contains(&field.to_owned()), "{}", response.text);
        }
    });
}

#[test]
fn whatever_is_no_text_and_no_exact_number_is_rejected_by_field() {
    run(async {
        let api = Api::start().await;
        for raw in
            ["-7", "1.5", "9007199254740992", "1e308", "true", "{}", "[]", "18446744073709551616"]
        {
            let response = api.send(RECEIPT, &fresh(), replaced("user_456", raw)).await;
            assert_eq!(response.fields(), ["internal_reference"], "{raw}");
        }
        let absent = api.send(RECEIPT, &fresh(), replaced("user_456", "null")).await;
        insta::assert_snapshot!(absent.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"internal_reference","message":"is required"}],"request_id":"req_"}}"#);
    });
}

/// Sends the first byte of a body whose length is not announced.
async fn begin(api: &Api, body: &str) -> TcpStream {
    let (key, idempotency, first) = (api.world.key.reveal(), fresh(), &body[..1]);
    let head = format!(
        "POST {RECEIPT} HTTP/1.1\r\nHost: x.test\r\nAuthorization: Bearer {key}\r\nIdempotency-Key: {idempotency}\r\n\
         Content-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
         1\r\n{first}\r\n"
    );
    let connecting = TcpStream::connect(api.world.url.trim_start_matches("http://"));
    let mut stream = connecting.await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream
}

/// Sends the rest of it; gives the response.
async fn end(mut stream: TcpStream, body: &str) -> String {
    let rest = &body[1..];
    let chunks = format!("{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len());
    stream.write_all(chunks.as_bytes()).await.expect("it is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("a response");
    response
}

#[test]
fn small_bodies_in_chunks_are_taken_however_many_are_under_way() {
    run(async {
        let api = Api::start().await;
        let body = receipt("evt_1").to_string();
        let begun = join_all((0..40).map(|_| begin(&api, &body))).await;
        let ended = begun.into_iter().map(|stream| end(stream, &body));
        for response in join_all(ended).await {
            assert!(response.starts_with("HTTP/1.1 202 "), "{response}");
        }
    });
}

#[test]
fn a_large_body_in_chunks_has_no_more_time_than_another() {
    run(async {
        let api = Api::start().await;
        let begun = Instant::now();
        let mut stream = begin(&api, "{").await;
        sleep(Duration::from_secs(6)).await;
        let more = format!("{:x}\r\n{}\r\n", 20 * 1024, " ".repeat(20 * 1024));
        stream.write_all(more.as_bytes()).await.expect("it is sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("a response");
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        assert!(response.contains("the body did not arrive within 10s"), "{response}");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(14), "{took:?}");
    });
}
