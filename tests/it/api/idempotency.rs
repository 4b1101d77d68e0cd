//! The same key and the same request: the same bytes.

use std::collections::BTreeMap;

use e2e::world::receipt;
use e2e::{run, until_lock_wait};
use serde_json::json;
use store::events::lock_provider_event;
use store::idempotency::{KeyUse, ResponseScope, StoredResponse, insert_response};

use super::rejections::second_api;
use super::{Api, ApiResponse, RECEIPT, RESULT, fresh};

#[test]
fn the_same_request_gets_the_same_bytes_whatever_its_white_space_and_order() {
    run(async {
        let api = Api::start().await;
        let plain = r#"{"provider":"stripe","provider_event_id":"evt_1","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","occurred_at":"2026-11-21T14:02:09Z"}"#;
        let other = " {\n\t\"occurred_at\": \"2026-11-21T14:02:09Z\", \"internal_reference\": \"user_\\u0034\\u00356\",\r\n \"effect_type\": \"credit_grant\", \"unknown\": [1, 2], \"event_type\": \"invoice.paid\", \"provider_event_id\": \"evt_1\", \"timeout_minutes\": null, \"provider\": \"stripe\" }\n";
        let first = api.send(RECEIPT, "k", plain).await;
        assert_eq!(first.status, 202);
        for body in [plain, other, plain] {
            let again = api.send(RECEIPT, "k", body).await;
            assert_eq!((again.status, &again.text), (202, &first.text));
            assert_eq!(again.header("content-type"), "application/json");
        }
        assert_eq!(api.count("SELECT count(*) FROM idempotency_keys").await, 1);
    });
}

#[test]
fn the_stored_response_stays_even_when_the_event_has_moved_on() {
    run(async {
        let api = Api::start().await;
        let event_id = api.take("evt_1").await;
        let failed = json!({"event_id": event_id, "status": "failed"}).to_string();
        let first = api.send(RESULT, "k", failed.as_str()).await;
        assert_eq!(first.json()["incident"]["state"], "open");
        api.post(RESULT, &json!({"event_id": event_id, "status": "success"})).await;
        let again = api.send(RESULT, "k", failed).await;
        assert_eq!(again.text, first.text);
        assert_eq!(api.count("SELECT count(*) FROM results").await, 2);
    });
}

#[test]
fn another_request_under_the_same_key_is_a_conflict() {
    run(async {
        let api = Api::start().await;
        api.send(RECEIPT, "k", receipt("evt_1").to_string()).await;
        let other = api.send(RECEIPT, "k", receipt("evt_2").to_string()).await;
        insta::assert_snapshot!(other.shown(), @r#"409 {"error":{"code":"idempotency_conflict","message":"this Idempotency-Key was used for a different request; send a new one with this one","request_id":"req_"}}"#);
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 1);
    });
}

#[test]
fn a_key_belongs_to_its_route_and_its_project() {
    run(async {
        let api = Api::start().await;
        let body = receipt("evt_1").to_string();
        let taken = api.send(RECEIPT, "k", body.as_str()).await;
        let event_id = taken.json()["event_id"].clone();
        let result = json!({"event_id": event_id, "status": "success"}).to_string();
        assert_eq!(api.send(RESULT, "k", result).await.status, 202);
        let (_, charlie) = api.stranger().await;
        let theirs = ApiResponse::of(api.request(RECEIPT, &charlie, "k").body(body)).await;
        assert_eq!(theirs.status, 202);
        assert_ne!(theirs.json()["event_id"], event_id);
    });
}

#[test]
fn two_keys_of_one_project_share_their_idempotency_keys() {
    run(async {
        let api = Api::start().await;
        let second = e2e::world::new_key().expect("a key");
        let project_id = api.world.project.id;
        store::api_keys::insert_key(&api.world.pool, project_id, "second", &second)
            .await
            .expect("a key");
        let body = receipt("evt_1").to_string();
        let first = api.send(RECEIPT, "k", body.as_str()).await;
        let again = ApiResponse::of(api.request(RECEIPT, &second, "k").body(body)).await;
        assert_eq!(again.text, first.text);
    });
}

#[test]
fn a_rejected_request_leaves_its_key_free() {
    run(async {
        let api = Api::start().await;
        assert_eq!(api.send(RECEIPT, "k", "{}").await.status, 422);
        assert_eq!(api.send(RECEIPT, "k", "{").await.status, 400);
        assert_eq!(api.send(RECEIPT, "k", receipt("evt_1").to_string()).await.status, 202);
        let unknown = json!({"event_id": "ev_1", "status": "success"}).to_string();
        assert_eq!(api.send(RESULT, "r", unknown).await.status, 404);
        let known = json!({"provider_event_id": "evt_1", "status": "success"}).to_string();
        assert_eq!(api.send(RESULT, "r", known).await.status, 202);
    });
}

#[test]
fn a_key_is_free_again_after_seven_days() {
    run(async {
        let api = Api::start().await;
        api.send(RECEIPT, "k", receipt("evt_1").to_string()).await;
        sqlx::query("UPDATE idempotency_keys SET created_at = now() - interval '7 days 1 second'")
            .execute(&api.world.pool)
            .await
            .expect("aged");
        let other = api.send(RECEIPT, "k", receipt("evt_2").to_string()).await;
        assert_eq!((other.status, &other.json()["duplicate"]), (202, &json!(false)));
        // The same event stays a duplicate for ever; only its key was forgotten.
        let first = api.send(RECEIPT, &fresh(), receipt("evt_1").to_string()).await;
        assert_eq!(first.json()["duplicate"], json!(true));
    });
}

#[test]
fn a_running_request_is_named_as_such() {
    run(async {
        let api = Api::start().await;
        let used = store::idempotency::KeyUse {
            project_id: api.world.project.id,
            route: "receipt",
            scope: "",
            key: "k",
            fingerprint: &[0; 32],
            request_hash: &[0; 32],
        };
        let mut tx = api.world.pool.begin().await.expect("a transaction");
        store::idempotency::claim(&mut tx, used).await.expect("a claim");
        let response = api.send(RECEIPT, "k", receipt("evt_1").to_string()).await;
        insta::assert_snapshot!(response.shown(), @r#"409 {"error":{"code":"idempotency_in_progress","message":"the first request with this Idempotency-Key is still running; send it again shortly","request_id":"req_"}}"#);
        assert_eq!(response.header("retry-after"), "1");
        drop(tx);
        let after = async || {
            let response = api.send(RECEIPT, "k", receipt("evt_1").to_string()).await;
            (response.status == 202).then_some(())
        };
        e2e::eventually("the key to be free", after).await;
    });
}

#[test]
fn a_request_that_another_one_completed_first_leaves_nothing_and_finds_that_response() {
    run(async {
        let api = Api::start().await;
        let early = json!({"provider_event_id": "evt_1", "status": "success"});
        for (path, body) in [(RECEIPT, receipt("evt_1")), (RESULT, early)] {
            let route = path.trim_start_matches("/api/v1/");
            let mut held = api.world.pool.begin().await.expect("a transaction");
            let project_id = api.world.project.id;
            lock_provider_event(&mut held, project_id, "evt_1").await.expect("a lock");
            // The request has made its claim and waits. Now the other request with its key gets its
            // response, as if it had ended between the snapshot and the lock of that claim.
            let concurrently = async {
                until_lock_wait(&api.world.pool).await;
                let used = KeyUse {
                    project_id,
                    route,
                    scope: if route == "result" { "success" } else { "" },
                    key: "k",
                    fingerprint: &[0; 32],
                    request_hash: &[0; 32],
                };
                let response = StoredResponse { status: 202, body: b"{}".to_vec() };
                assert!(
                    insert_response(&api.world.pool, used, ResponseScope::Route, &response)
                        .await
                        .expect("stored")
                );
                held.rollback().await.expect("a rollback");
            };
            let (response, ()) = tokio::join!(api.send(path, "k", body.to_string()), concurrently);
            assert_eq!(response.code(), "idempotency_in_progress", "{path}");
            let again = api.send(path, "k", body.to_string()).await;
            assert_eq!(
                again.code(),
                "idempotency_conflict",
                "{path}: the first request was another one"
            );
        }
        let kept =
            "SELECT (SELECT count(*) FROM payment_events) + (SELECT count(*) FROM early_results)
                  + (SELECT count(*) FROM audit_entries)";
        assert_eq!(api.count(kept).await, 0);
    });
}

#[test]
fn a_hundred_times_at_once_is_one_event_and_nothing_but_two_responses() {
    run(async {
        let api = Api::start().await;
        let body = receipt("evt_1").to_string();
        let posts = (0..100).map(|_| api.send(RECEIPT, "k", body.as_str()));
        let responses = futures::future::join_all(posts).await;
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for response in &responses {
            *kinds.entry(response.code()).or_default() += 1;
        }
        let known =
            kinds.keys().all(|kind| ["202", "idempotency_in_progress"].contains(&kind.as_str()));
        assert!(known && kinds.contains_key("202"), "{kinds:?}");
        let mut taken = responses.iter().filter(|response| response.status == 202);
        let first = taken.next().expect("one");
        assert!(taken.all(|response| response.text == first.text), "the same bytes");
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 1);
        assert_eq!(api.count("SELECT count(*) FROM audit_entries").await, 1);
    });
}

/// One delivery of an event to one of several APIs.
async fn deliver(api: &Api, url: &str, key: &str, event: &str) -> (String, ApiResponse) {
    let request = api.http.post(format!("{url}{RECEIPT}")).bearer_auth(api.world.key.reveal());
    let request = request.header("idempotency-key", key).header("content-type", "application/json");
    (key.to_owned(), ApiResponse::of(request.body(receipt(event).to_string())).await)
}

#[test]
fn a_hundred_deliveries_of_each_event_through_two_apis_are_one_event_each() {
    run(async {
        let api = Api::start().await;
        let (other, _stop) = second_api(&api, api.world.pool.clone(), 10_000).await;
        let urls = [api.world.url.clone(), other];
        let (api, urls) = (&api, &urls);
        // Each API gets the events in the other order; half of all deliveries have the key of another one.
        let posts = (0..400_usize).map(|n| async move {
            let (turn, at) = (n / 2, n % 2);
            let event = if at == 0 { turn % 4 } else { 3 - turn % 4 };
            let key = if turn % 8 < 4 { format!("of-{event}") } else { format!("delivery-{n}") };
            deliver(api, &urls[at], &key, &format!("evt_{event}")).await
        });
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for (key, response) in futures::future::join_all(posts).await {
            if response.status == 202 {
                let text = taken.entry(key).or_insert_with(|| response.text.clone());
                assert_eq!(*text, response.text, "the same bytes from both");
            } else {
                assert_eq!(response.code(), "idempotency_in_progress", "{}", response.text);
            }
        }
        let new = taken.values().filter(|text| text.contains("\"duplicate\":false")).count();
        assert_eq!((new, taken.len()), (4, 204), "each key has its response");
        for table in ["payment_events", "event_keys", "audit_entries", "outbox"] {
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let count: i64 =
                sqlx::query_scalar(count).fetch_one(&api.world.pool).await.expect("a count");
            assert_eq!(count, 4, "{table}");
        }
    });
}

#[test]
fn a_key_is_free_the_moment_its_response_is_there() {
    run(async {
        let api = Api::start().await;
        let body = receipt("evt_1").to_string();
        let (first, other) = (api.send(RECEIPT, "k", body.as_str()).await, receipt("evt_2"));
        for _ in 0..50 {
            let again = api.send(RECEIPT, "k", body.as_str()).await;
            assert_eq!((again.status, &again.text), (202, &first.text));
            let conflict = api.send(RECEIPT, "k", other.to_string()).await;
            assert_eq!(conflict.code(), "idempotency_conflict");
        }
    });
}
