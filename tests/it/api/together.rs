//! Calls that come at the same time are committed together, and none suffers from another.

use std::collections::BTreeSet;

use domain::audit::Actor;
use domain::catalogue::Declaration;
use e2e::world::receipt;
use e2e::{run, until_lock_wait};
use futures::future::join_all;
use serde_json::{Value, json};
use store::administration::declared_name::declare_names;
use store::pool::{self, Transaction};

use super::{Api, ApiResponse, RECEIPT, RESULT};

/// Lets no event be added or settled until it is dropped, so that calls gather.
async fn gather(api: &Api) -> Transaction {
    let mut held = api.world.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE payment_events IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("a lock");
    held
}

/// Sends bodies, and holds the first ones until others wait behind them.
async fn post_together(api: &Api, path: &str, bodies: &[Value]) -> Vec<ApiResponse> {
    let held = gather(api).await;
    let release = async {
        until_lock_wait(&api.world.pool).await;
        held.rollback().await.expect("a rollback");
    };
    tokio::join!(join_all(bodies.iter().map(|body| api.post(path, body))), release).0
}

async fn send_together(api: &Api, events: &[String]) -> Vec<ApiResponse> {
    let bodies: Vec<_> = events.iter().map(|event| receipt(event)).collect();
    post_together(api, RECEIPT, &bodies).await
}

fn events(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("evt_{n}")).collect()
}

#[test]
fn receipts_that_come_while_others_are_committed_share_a_transaction() {
    run(async {
        let api = Api::start().await;
        let answers = send_together(&api, &events(100)).await;
        let ids: BTreeSet<_> = answers.iter().map(ApiResponse::event_id).collect();
        assert_eq!(ids.len(), 100, "each is an event of its own");
        let transactions = api.count("SELECT count(DISTINCT xmin::text) FROM payment_events").await;
        assert!(transactions < 50, "{transactions} transactions");
        for table in ["payment_events", "event_keys", "audit_entries", "idempotency_keys"] {
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let count: i64 =
                sqlx::query_scalar(count).fetch_one(&api.world.pool).await.expect("a count");
            assert_eq!(count, 100, "{table}");
        }
    });
}

#[test]
fn those_with_names_that_the_project_declares_share_a_transaction_too() {
    run(async {
        let api = Api::start().await;
        let names = [
            Declaration::event_type("acme:license.sold").expect("a name"),
            Declaration::effect_type("license_issue").expect("a name"),
        ];
        let mut tx = api.world.pool.begin().await.expect("a transaction");
        let project_id = api.world.project.id;
        declare_names(&mut tx, &Actor::System, project_id, &names).await.expect("declared");
        pool::commit(tx).await.expect("a commit");
        let licenses = events(100).into_iter().map(|event| {
            let mut body = receipt(&event);
            body["provider"] = json!("acme");
            body["event_type"] = json!("license.sold");
            body["effect_type"] = json!("license_issue");
            body
        });
        let licenses: Vec<_> = licenses.collect();
        // From then on the names are known without asking.
        assert_eq!(api.post(RECEIPT, &licenses[0]).await.status, 202);
        for response in post_together(&api, RECEIPT, &licenses).await {
            assert_eq!(response.status, 202, "{}", response.text);
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 100);
        let transactions = api.count("SELECT count(DISTINCT xmin::text) FROM payment_events").await;
        assert!(transactions < 50, "{transactions} transactions");
    });
}

#[test]
fn one_that_the_database_rejects_fails_alone() {
    run(async {
        let api = Api::start().await;
        sqlx::raw_sql(
            "ALTER TABLE payment_events ADD CONSTRAINT bad CHECK (provider_event_id <> 'evt_13')",
        )
        .execute(&api.world.pool)
        .await
        .expect("a constraint");
        let answers = send_together(&api, &events(40)).await;
        for (n, answer) in answers.iter().enumerate() {
            let expected = if n == 13 { "internal_error" } else { "202" };
            assert_eq!(answer.code(), expected, "{n}: {}", answer.text);
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 39);
        assert_eq!(api.count("SELECT count(*) FROM idempotency_keys").await, 39);
    });
}

#[test]
fn several_effects_of_one_event_and_one_key_sent_twice_are_all_answered() {
    run(async {
        let api = Api::start().await;
        let effects = ["credit_grant", "access_unlock", "seat_update"];
        let bodies = effects.map(|effect| {
            let mut body = receipt("evt_1");
            body["effect_type"] = json!(effect);
            body.to_string()
        });
        let held = gather(&api).await;
        let posts = (0..12).map(|n| {
            let effect = n % 3;
            api.send(RECEIPT, effects[effect], bodies[effect].as_str())
        });
        let release = async {
            until_lock_wait(&api.world.pool).await;
            held.rollback().await.expect("a rollback");
        };
        let (answers, ()) = tokio::join!(join_all(posts), release);
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!((answer.status, &answer.text), (202, &answers[n % 3].text));
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 3);
    });
}

#[test]
fn results_that_come_while_others_are_committed_share_a_transaction() {
    run(async {
        let api = Api::start().await;
        send_together(&api, &events(100)).await;
        let success = |event: String| json!({"provider_event_id": event, "status": "success"});
        let successes: Vec<_> = events(100).into_iter().map(success).collect();
        for response in post_together(&api, RESULT, &successes).await {
            assert_eq!(response.status, 202, "{}", response.text);
            assert_eq!(response.json()["effect"], "succeeded");
        }
        let transactions = api.count("SELECT count(DISTINCT xmin::text) FROM results").await;
        assert!(transactions < 50, "{transactions} transactions");
        let settled = "SELECT count(*) FROM payment_events e JOIN results r ON r.event_id = e.id
            JOIN audit_entries a ON a.event_id = e.id AND a.action = 'result.succeeded' WHERE e.effect = 'succeeded'";
        assert_eq!(api.count(settled).await, 100);
        let stored = "SELECT count(*) FROM idempotency_keys WHERE route = 'result'";
        assert_eq!(api.count(stored).await, 100);
    });
}

#[test]
fn results_that_say_different_things_of_some_events_get_what_they_would_alone() {
    run(async {
        let api = Api::start().await;
        send_together(&api, &events(10)).await;
        let result = |(event, status): (&str, &str)| json!({"provider_event_id": event, "effect_type": "credit_grant", "status": status});
        let said = [
            ("evt_0", "success"),
            ("evt_0", "success"),
            ("evt_1", "failed"),
            ("evt_2", "success"),
            ("evt_none", "success"),
            ("evt_3", "superseded"),
        ];
        let responses = post_together(&api, RESULT, &said.map(result)).await;
        let responses = responses.iter().map(ApiResponse::json);
        let effects: Vec<_> = responses.map(|body| body["effect"].clone()).collect();
        let expected = ["succeeded", "succeeded", "failed", "succeeded", "", "superseded"];
        let expected = expected.map(|effect| (!effect.is_empty()).then_some(effect));
        assert_eq!(effects, expected.map(|effect| json!(effect)));
        let entries = "SELECT count(*) FROM audit_entries WHERE action = 'result.repeated'";
        assert_eq!(api.count(entries).await, 1, "the second success of an event changes nothing");
        assert_eq!(api.count("SELECT count(*) FROM early_results").await, 1);
    });
}
