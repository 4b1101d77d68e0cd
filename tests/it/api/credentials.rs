//! Who asks: every wrong key looks the same, and a right one sees its own project only.

use domain::api_key::ApiKey;
use domain::project::Mode;
use e2e::world::{new_key, receipt};
use e2e::{eventually, run};
use reqwest::Method;
use store::api_keys;

use super::{Api, ApiResponse, RECEIPT, RESULT, fresh};

/// The response to a receipt with this `Authorization` header, or none.
async fn with(api: &Api, path: &str, authorization: Option<&str>) -> ApiResponse {
    let mut request = api
        .bare(Method::POST, path)
        .header("idempotency-key", fresh())
        .header("content-type", "application/json");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    ApiResponse::of(request.body(receipt("evt_1").to_string())).await
}

#[test]
fn every_wrong_key_gets_the_same_answer() {
    run(async {
        let api = Api::start().await;
        let good = api.world.key.reveal().to_owned();
        let revoked = new_key().expect("a key");
        let id = api_keys::insert_key(&api.world.pool, api.world.project.id, "lost", &revoked)
            .await
            .expect("a key");
        assert_eq!(with(&api, RECEIPT, Some(&bearer(&revoked))).await.status, 202);
        api_keys::revoke_key(&api.world.pool, id).await.expect("revoked");
        api.world.keys_are_seen().await;
        let live = ApiKey::from_random(Mode::Live, &[9; 64]).expect("a key");
        let mut responses = vec![with(&api, RECEIPT, None).await];
        for wrong in [
            bearer(&revoked),
            bearer(&new_key().expect("a key")),
            bearer(&live),
            format!("Bearer {good}x"),
            format!("Bearer {}", good.replace("sk_test_", "sk_live_")),
            format!("Basic {good}"),
            good.clone(),
            "Bearer ".to_owned(),
            "Bearer sk_test_".to_owned(),
            "Bearer ' OR 1=1 --".to_owned(),
            format!("Bearer {}", "x".repeat(8_000)),
        ] {
            responses.push(with(&api, RECEIPT, Some(&wrong)).await);
        }
        insta::assert_snapshot!(responses[0].shown(), @r#"401 {"error":{"code":"unauthorized","message":"send a valid API key as: Authorization: Bearer sk_test_... or sk_live_...","request_id":"req_"}}"#);
        for response in &responses {
            assert_eq!(response.shown(), responses[0].shown());
            assert_eq!(response.header("www-authenticate"), "Bearer");
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 1);
    });
}

fn bearer(key: &ApiKey) -> String {
    format!("Bearer {}", key.reveal())
}

#[test]
fn a_key_in_the_query_string_is_no_key() {
    run(async {
        let api = Api::start().await;
        let key = api.world.key.reveal();
        for query in ["api_key", "key", "access_token", "authorization"] {
            for path in [RECEIPT, RESULT] {
                let response = with(&api, &format!("{path}?{query}={key}"), None).await;
                assert_eq!(response.code(), "unauthorized", "{query}");
                assert!(!response.text.contains(key));
            }
        }
        let both = with(&api, &format!("{RECEIPT}?key=x"), Some(&bearer(&api.world.key))).await;
        assert_eq!(both.status, 202, "an unknown query is ignored");
    });
}

#[test]
fn the_use_of_a_key_is_noted_and_the_event_knows_it() {
    run(async {
        let api = Api::start().await;
        api.take("evt_1").await;
        let used = "SELECT count(*) FROM api_keys k JOIN payment_events e ON e.api_key_id = k.id
                    WHERE k.last_used_at IS NOT NULL";
        eventually("a use that is noted", async || (api.count(used).await == 1).then_some(()))
            .await;
    });
}
