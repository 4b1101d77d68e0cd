//! `POST /api/v1/receipts`: each of several receipts is taken as if it had come alone.

use std::time::Duration;

use e2e::world::receipt;
use e2e::{eventually, run};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use store::pool;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;
use web::admission::USED_WITHIN;

use super::outage::let_in;
use super::rejections::second_api;
use super::{Api, ApiResponse, RECEIPT, receipt_with};

const RECEIPTS: &str = "/api/v1/receipts";

/// A receipt as it stands in a list.
fn listed(key: &str, provider_event_id: &str, change: &Value) -> Value {
    let mut receipt = receipt_with(provider_event_id, change);
    receipt["idempotency_key"] = key.into();
    receipt
}

fn several(count: usize) -> Vec<Value> {
    (0..count).map(|n| listed(&format!("key-{n}"), &format!("evt_{n}"), &json!({}))).collect()
}

/// An API that keeps snapshots, and one so long that its receipt cannot be committed together with others.
async fn with_snapshots() -> (Api, Value) {
    let api = Api::start().await;
    let sql = "UPDATE projects SET snapshots = true";
    sqlx::query(sql).execute(&api.world.pool).await.expect("a change");
    let payload = json!({ "payload": { "text": "x".repeat(10_000) } });
    eventually("a project with snapshots", async || {
        let response = api.receipt("evt_before", &payload).await;
        response.json()["snapshot_reason"].ne("off").then_some(())
    })
    .await;
    (api, payload)
}

impl Api {
    async fn send_list(&self, body: impl Into<reqwest::Body>) -> ApiResponse {
        self.send_list_to(self.bare(Method::POST, RECEIPTS), body).await
    }

    async fn send_list_to(
        &self,
        request: RequestBuilder,
        body: impl Into<reqwest::Body>,
    ) -> ApiResponse {
        let request = request
            .header("authorization", format!("Bearer {}", self.world.key.reveal()))
            .header("content-type", "application/json");
        ApiResponse::of(request.body(body)).await
    }

    async fn receipts(&self, receipts: &[Value]) -> ApiResponse {
        self.send_list(json!({ "receipts": receipts }).to_string()).await
    }
}

impl ApiResponse {
    fn outcomes(&self) -> Vec<Value> {
        self.json()["outcomes"].as_array().cloned().unwrap_or_default()
    }

    fn statuses(&self) -> Vec<u64> {
        self.outcomes().iter().map(|one| one["status"].as_u64().expect("a status")).collect()
    }
}

#[test]
fn each_is_taken_and_the_same_list_again_gets_the_same_response() {
    run(async {
        let api = Api::start().await;
        let first = api.receipts(&several(500)).await;
        assert_eq!(first.status, 202, "{}", first.text);
        assert_eq!(first.statuses(), [202; 500]);
        assert_eq!(first.json().get("error"), None);
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 500);
        assert_eq!(api.count("SELECT count(*) FROM outbox").await, 500);
        let again = api.receipts(&several(500)).await;
        assert_eq!(again.text, first.text);
        let alone = api.send(RECEIPT, "key-7", receipt("evt_7").to_string()).await;
        assert_eq!(
            alone.json(),
            first.outcomes()[7]["receipt"],
            "the key is the same by either call"
        );
    });
}

/// A list of which only the beginning comes.
async fn begin_list(api: &Api) -> TcpStream {
    let (key, most) = (api.world.key.reveal(), 8 << 20);
    let head = format!(
        "POST {RECEIPTS} HTTP/1.1\r\nHost: x.test\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {most}\r\n\r\n{{"
    );
    let connecting = TcpStream::connect(api.world.url.trim_start_matches("http://"));
    let mut stream = connecting.await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream
}

#[test]
fn lists_that_do_not_end_take_the_room_of_their_key_and_no_more() {
    run(async {
        let api = Api::start().await;
        let mut begun = Vec::new();
        let long = json!({ "receipts": several(1), "more": "x".repeat(20_000) }).to_string();
        let answered =
            async |wanted: u16| (api.send_list(long.clone()).await.status == wanted).then_some(());
        // Each has ten seconds to come: on a busy machine the first may be given up before the last begins.
        let one_more = async || {
            begun.push(begin_list(&api).await);
            answered(429).await
        };
        eventually("no room for one more", one_more).await;
        assert!(begun.len() >= 8, "{} take all of it", begun.len());
        assert_eq!(api.receipts(&several(1)).await.status, 202, "a small one needs none");
        drop(begun);
        eventually("room", async || answered(202).await).await;
    });
}

#[test]
fn the_outcomes_are_those_that_each_would_have_had_alone() {
    run(async {
        let api = Api::start().await;
        api.send(RECEIPT, "used", receipt("evt_0").to_string()).await;
        let list = [
            listed("a", "evt_1", &json!({})),
            listed("b", "evt_1", &json!({})),
            listed("a", "evt_1", &json!({ "timeout_minutes": 5 })),
            listed("used", "evt_2", &json!({})),
            listed("c", "evt_3", &json!({ "effect_type": "credit_grand" })),
            listed("two words", "evt_4", &json!({})),
            receipt_with("evt_5", &json!({})),
            json!("evt_6"),
            listed("d", "evt_7", &json!({ "payload": {"a": 1} })),
        ];
        let response = api.receipts(&list).await;
        assert_eq!(response.statuses(), [202, 202, 202, 409, 422, 422, 422, 400, 202]);
        let outcomes = response.outcomes();
        assert_eq!(outcomes[0]["receipt"]["duplicate"], false);
        assert_eq!(outcomes[1]["receipt"]["duplicate"], true);
        assert_eq!(outcomes[0]["receipt"], outcomes[2]["receipt"], "one key, one response");
        assert_eq!(outcomes[8]["receipt"]["snapshot_reason"], "off");
        for (at, field) in [(4, "effect_type"), (5, "idempotency_key"), (6, "idempotency_key")] {
            assert_eq!(outcomes[at]["error"]["fields"][0]["field"], field);
        }
        assert_eq!((response.status, response.code().as_str()), (409, "idempotency_conflict"));
        assert!(response.message().starts_with("5 of 9 receipts were not accepted"));
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 3);
    });
}

#[test]
fn what_may_be_sent_again_as_it_is_decides_before_what_must_be_changed() {
    run(async {
        let api = Api::start().await;
        let (url, _stop) = second_api(&api, api.world.pool.clone(), 1).await;
        let mut list = several(50);
        list[0]["effect_type"] = "credit_grand".into();
        let request = api.http.post(format!("{url}{RECEIPTS}"));
        let response = api.send_list_to(request, json!({ "receipts": list }).to_string()).await;
        let statuses = response.statuses();
        let rejected = statuses.iter().filter(|status| **status == 429).count();
        assert!(statuses[0] == 422 && rejected > 40, "each counts as a request: {statuses:?}");
        assert_eq!((response.status, response.code().as_str()), (429, "rate_limited"));
        assert_eq!(response.header("retry-after"), "1");
        assert_eq!(response.outcomes()[49]["retry_after"], 1);
        assert!(response.outcomes()[0].get("retry_after").is_none());
    });
}

#[test]
fn after_an_outage_the_same_list_is_sent_again_until_all_is_taken() {
    run(async {
        let api = Api::start().await;
        api.take("evt_before").await;
        let_in(&api, false).await;
        let rejected = api.receipts(&several(40)).await;
        assert_eq!((rejected.status, rejected.code().as_str()), (503, "unavailable"));
        assert_eq!(rejected.header("retry-after"), "1");
        let_in(&api, true).await;
        eventually("a list that is taken whole", async || {
            (api.receipts(&several(40)).await.status == 202).then_some(())
        })
        .await;
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 41);
    });
}

#[test]
fn those_that_cannot_be_committed_together_are_taken_too() {
    run(async {
        let (api, payload) = with_snapshots().await;
        let list: Vec<_> = (0..300)
            .map(|n| {
                let change = if n % 2 == 0 { &payload } else { &json!({}) };
                listed(&format!("key-{n}"), &format!("evt_{n}"), change)
            })
            .collect();
        let response = api.receipts(&list).await;
        assert_eq!(response.status, 202, "{}", response.text);
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 301);
        assert_eq!(api.count("SELECT count(snapshot) FROM payment_events").await, 150);
    });
}

#[test]
fn those_whose_turn_comes_late_are_taken_too() {
    run(async {
        let (api, payload) = with_snapshots().await;
        let list: Vec<_> =
            (0..6).map(|n| listed(&format!("key-{n}"), &format!("evt_{n}"), &payload)).collect();
        let mut held = api.world.pool.begin().await.expect("a transaction");
        let lock = "SELECT FROM projects FOR UPDATE";
        sqlx::query(lock).fetch_all(&mut *held).await.expect("a lock");
        let (response, ()) = tokio::join!(api.receipts(&list), async {
            // Longer than what is known of a project is used.
            sleep(USED_WITHIN + Duration::from_millis(500)).await;
            pool::commit(held).await.expect("an end");
        });
        assert_eq!(response.status, 202, "{}", response.text);
    });
}

#[test]
fn a_text_that_is_no_json_costs_neither_its_receipt_nor_the_others() {
    run(async {
        let api = Api::start().await;
        let mut list = several(2);
        list[0]["payload"] = "HERE".into();
        let body = json!({ "receipts": list }).to_string().replace("\"HERE\"", "{\"amount\":NaN}");
        let response = api.send_list(body).await;
        assert_eq!(response.statuses(), [202, 202], "{}", response.text);
    });
}

#[test]
fn a_list_that_cannot_be_read_is_rejected_whole() {
    run(async {
        let api = Api::start().await;
        for (body, status, code) in [
            ("{}".to_owned(), 422, "validation_error"),
            (r#"{"receipts":{}}"#.to_owned(), 422, "validation_error"),
            (r#"{"receipts":[]}"#.to_owned(), 422, "validation_error"),
            (json!({ "receipts": several(501) }).to_string(), 422, "validation_error"),
            (r#"{"receipts":[],"receipts":[]}"#.to_owned(), 400, "malformed_request"),
            (r#"{"receipts":[{}"#.to_owned(), 400, "malformed_request"),
            ("[]".to_owned(), 400, "malformed_request"),
            (" ".repeat((8 << 20) + 1), 413, "payload_too_large"),
        ] {
            let response = api.send_list(body).await;
            assert_eq!((response.status, response.code().as_str()), (status, code));
            assert!(response.json().get("outcomes").is_none());
        }
        let rejected = api.send_list(json!({ "receipts": several(501) }).to_string()).await;
        insta::assert_snapshot!(rejected.shown(), @r#"422 {"error":{"code":"validation_error","message":"one or more fields are not valid; each is named in \"fields\"","fields":[{"field":"receipts","message":"holds 501; send 1 to 500"}],"request_id":"req_"}}"#);
        let unknown = e2e::world::new_key().expect("a key");
        let list = json!({ "receipts": several(1) });
        let unauthorized = api.post_as(&unknown, RECEIPTS, &list).await;
        assert_eq!(unauthorized.code(), "unauthorized");
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 0);
    });
}
