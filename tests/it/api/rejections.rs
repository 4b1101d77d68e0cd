//! Every error code of the contract's table that these routes can respond with.

use std::num::NonZeroU32;
use std::sync::Arc;

use e2e::world::receipt;
use e2e::{conformance, run};
use reqwest::{Method, RequestBuilder};
use sendpromptly::service::{Pools, Service};
use store::{MasterKey, PgPool};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use web::rate_limit::RateLimit;

use super::{Api, ApiResponse, RECEIPT, RESULT, fresh};

/// A good receipt, to be spoiled.
fn good(api: &Api) -> RequestBuilder {
    api.request(RECEIPT, &api.world.key, &fresh()).body(receipt("evt_1").to_string())
}

/// A POST with a key and no other header.
fn keyed(api: &Api) -> RequestBuilder {
    let bearer = format!("Bearer {}", api.world.key.reveal());
    api.bare(Method::POST, RECEIPT).header("authorization", bearer)
}

#[test]
fn missing_idempotency_key() {
    run(async {
        let api = Api::start().await;
        let json = || keyed(&api).header("content-type", "application/json").body("{}");
        let absent = ApiResponse::of(json()).await;
        insta::assert_snapshot!(absent.shown(), @r#"400 {"error":{"code":"missing_idempotency_key","message":"send an Idempotency-Key header with 1 to 255 visible ASCII characters, the same one on every retry of this request","request_id":"req_"}}"#);
        let empty = ApiResponse::of(json().header("idempotency-key", "")).await;
        assert_eq!(empty.shown(), absent.shown());
    });
}

#[test]
fn malformed_request_headers() {
    run(async {
        let api = Api::start().await;
        let json = || keyed(&api).header("content-type", "application/json").body("{}");
        let long = "x".repeat(256);
        for bad in [long.as_str(), "two words", "\u{1f511}", "tab\there"] {
            let response = ApiResponse::of(json().header("idempotency-key", bad.as_bytes())).await;
            assert_eq!(response.code(), "malformed_request", "{bad}");
        }
        let long = ApiResponse::of(json().header("idempotency-key", long)).await;
        insta::assert_snapshot!(long.shown(), @r#"400 {"error":{"code":"malformed_request","message":"the Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces","request_id":"req_"}}"#);
        let twice = good(&api).header("idempotency-key", "second");
        insta::assert_snapshot!(ApiResponse::of(twice).await.shown(), @r#"400 {"error":{"code":"malformed_request","message":"the header idempotency-key stands more than once","request_id":"req_"}}"#);
        let twice = good(&api).header("authorization", "Bearer x");
        insta::assert_snapshot!(ApiResponse::of(twice).await.shown(), @r#"400 {"error":{"code":"malformed_request","message":"the header authorization stands more than once","request_id":"req_"}}"#);
        let foreign = good(&api).header("x-anything", "é".as_bytes());
        insta::assert_snapshot!(ApiResponse::of(foreign).await.shown(), @r#"400 {"error":{"code":"malformed_request","message":"the header x-anything has characters outside ASCII","request_id":"req_"}}"#);
        let city = good(&api).header("cf-ipcity", "São Paulo".as_bytes());
        assert_eq!(ApiResponse::of(city).await.status, 202, "a proxy's header");
        let longest = "x".repeat(255);
        let taken = api.send(RECEIPT, &longest, receipt("evt_1").to_string()).await;
        assert_eq!(taken.status, 202);
    });
}

#[test]
fn not_found_and_method_not_allowed() {
    run(async {
        let api = Api::start().await;
        for path in ["/api/v1/results", "/api/v1/receipt/", "/api/v2/receipt", "/api", "/api/v1"] {
            let response = ApiResponse::of(api.bare(Method::POST, path)).await;
            assert_eq!((response.status, response.code().as_str()), (404, "not_found"), "{path}");
        }
        let nowhere = ApiResponse::of(api.bare(Method::GET, "/api/v1/nowhere")).await;
        insta::assert_snapshot!(nowhere.shown(), @r#"404 {"error":{"code":"not_found","message":"there is nothing at this path","request_id":"req_"}}"#);
        for path in [RECEIPT, RESULT] {
            for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
                let response = ApiResponse::of(api.bare(method, path)).await;
                assert_eq!((response.status, response.header("allow")), (405, "POST"));
            }
        }
        let got = ApiResponse::of(api.bare(Method::GET, RECEIPT)).await;
        insta::assert_snapshot!(got.shown(), @r#"405 {"error":{"code":"method_not_allowed","message":"this path does not take this method; the Allow header names those that it takes","request_id":"req_"}}"#);
    });
}

#[test]
fn not_acceptable() {
    run(async {
        let api = Api::start().await;
        let html = ApiResponse::of(good(&api).header("accept", "text/html")).await;
        insta::assert_snapshot!(html.shown(), @r#"406 {"error":{"code":"not_acceptable","message":"answers are application/json, which the Accept header of this request excludes","request_id":"req_"}}"#);
        for fine in ["*/*", "application/json", "text/html, */*;q=0.1", ""] {
            let response = ApiResponse::of(good(&api).header("accept", fine)).await;
            assert_eq!(response.status, 202, "{fine}: {}", response.text);
        }
    });
}

#[test]
fn unsupported_media_type() {
    run(async {
        let api = Api::start().await;
        let with = |name: &str, value: &str| {
            keyed(&api).header("idempotency-key", fresh()).header(name, value).body("{}")
        };
        insta::assert_snapshot!(ApiResponse::of(with("content-type", "text/plain")).await.shown(), @r#"415 {"error":{"code":"unsupported_media_type","message":"send the body as Content-Type: application/json, in UTF-8","request_id":"req_"}}"#);
        for kind in [
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "application/problem+json",
            "json",
            "",
        ] {
            let response = ApiResponse::of(with("content-type", kind)).await;
            assert_eq!(response.code(), "unsupported_media_type", "{kind}");
        }
        let absent = ApiResponse::of(with("x-nothing", "")).await;
        assert_eq!(absent.code(), "unsupported_media_type");
        for coding in ["gzip", "br", "identity, gzip", "identity"] {
            let response = ApiResponse::of(good(&api).header("content-encoding", coding)).await;
            assert_eq!(response.code(), "unsupported_media_type", "{coding}");
        }
        let gzip = ApiResponse::of(good(&api).header("content-encoding", "gzip")).await;
        insta::assert_snapshot!(gzip.shown(), @r#"415 {"error":{"code":"unsupported_media_type","message":"send the body without a Content-Encoding","request_id":"req_"}}"#);
    });
}

#[test]
fn payload_too_large_and_too_many_fields() {
    run(async {
        let api = Api::start().await;
        let padded = |size: usize| {
            let body = receipt("evt_1").to_string();
            let padding = " ".repeat(size - body.len());
            format!("{body}{padding}")
        };
        let exact = api.send(RECEIPT, &fresh(), padded(256 * 1024)).await;
        assert_eq!(exact.status, 202, "{}", exact.text);
        let over = api.send(RECEIPT, &fresh(), padded(256 * 1024 + 1)).await;
        insta::assert_snapshot!(over.shown(), @r#"413 {"error":{"code":"payload_too_large","message":"the body has more than 262144 bytes (256 KiB) beside payload and error texts","request_id":"req_"}}"#);
        let mut body = receipt("evt_2");
        for number in 0..58 {
            body[format!("extra_{number}")] = number.into();
        }
        assert_eq!(api.post(RECEIPT, &body).await.status, 202, "64 fields");
        body["one_more"] = true.into();
        insta::assert_snapshot!(api.post(RECEIPT, &body).await.shown(), @r#"413 {"error":{"code":"too_many_fields","message":"the body has more than 64 top-level fields","request_id":"req_"}}"#);
    });
}

#[test]
fn rate_limited() {
    run(async {
        let api = Api::start().await;
        let (url, _stop) = second_api(&api, api.world.pool.clone(), 2).await;
        let send = async |event: &str| {
            let bearer = format!("Bearer {}", api.world.key.reveal());
            let request = api.http.post(format!("{url}{RECEIPT}")).header("authorization", bearer);
            let request = request.header("idempotency-key", fresh());
            let request = request.header("content-type", "application/json");
            ApiResponse::of(request.body(receipt(event).to_string())).await
        };
        assert_eq!(send("evt_1").await.status, 202);
        assert_eq!(send("evt_2").await.status, 202);
        let rejected = send("evt_3").await;
        insta::assert_snapshot!(rejected.shown(), @r#"429 {"error":{"code":"rate_limited","message":"too many requests with this API key; wait 1 s","request_id":"req_"}}"#);
        assert_eq!(rejected.header("retry-after"), "1");
        let (_, charlie) = api.stranger().await;
        let bearer = format!("Bearer {}", charlie.reveal());
        let request = api.http.post(format!("{url}{RECEIPT}")).header("authorization", bearer);
        let request = request.header("idempotency-key", fresh());
        let request = request.header("content-type", "application/json");
        let theirs = ApiResponse::of(request.body(receipt("evt_1").to_string())).await;
        assert_eq!(theirs.status, 202, "another key has its own bucket");
    });
}

#[test]
fn internal_error_shows_nothing_of_its_cause() {
    run(async {
        let api = Api::start().await;
        sqlx::query("ALTER TABLE audit_entries RENAME TO canary_4242")
            .execute(&api.world.pool)
            .await
            .expect("renamed");
        let response = api.receipt("evt_1", &serde_json::json!({})).await;
        insta::assert_snapshot!(response.shown(), @r#"500 {"error":{"code":"internal_error","message":"the request failed on our side; send it again with the same Idempotency-Key","request_id":"req_"}}"#);
        sqlx::query("ALTER TABLE canary_4242 RENAME TO audit_entries")
            .execute(&api.world.pool)
            .await
            .expect("renamed");
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 0, "nothing by half");
        assert_eq!(api.receipt("evt_1", &serde_json::json!({})).await.status, 202);
    });
}

/// Another API of the same world, on another pool, that allows so many requests a second. It ends
/// with the guard.
pub async fn second_api(api: &Api, pool: PgPool, per_second: u32) -> (String, DropGuard) {
    let shutdown = CancellationToken::new();
    let engine = Arc::clone(&api.world.engine);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let per_second = NonZeroU32::new(per_second).expect("not zero");
    let master_key = MasterKey::parse(&api.world.master_key).expect("a key");
    let service = Service::start_until(shutdown.clone(), Pools::one(&pool), master_key, engine);
    let mut state = service.state(api.world.outbound_clients(), api.world.web());
    state.shared.limits = Arc::new(RateLimit::new(per_second, per_second));
    conformance::serve(&service, listener, &state);
    (url, shutdown.drop_guard())
}
