//! Receipts that come at the same time are committed together, and none suffers from another.

use std::collections::BTreeSet;

use e2e::world::receipt;
use e2e::{run, somebody_waits};
use futures::future::join_all;
use serde_json::json;
use store::pool::Transaction;

use super::{Api, ApiResponse, RECEIPT, fresh};

/// Lets no event be added until it is dropped, so that receipts gather.
async fn gather(api: &Api) -> Transaction {
    let mut held = api.world.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE payment_events IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("a lock");
    held
}

/// Sends receipts, and holds the first ones until others wait behind them.
async fn send_together(api: &Api, events: &[String]) -> Vec<ApiResponse> {
    let held = gather(api).await;
    let send = async |event: &String| api.send(RECEIPT, &fresh(), receipt(event).to_string()).await;
    let release = async {
        somebody_waits(&api.world.pool).await;
        held.rollback().await.expect("a rollback");
    };
    tokio::join!(join_all(events.iter().map(send)), release).0
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
            somebody_waits(&api.world.pool).await;
            held.rollback().await.expect("a rollback");
        };
        let (answers, ()) = tokio::join!(join_all(posts), release);
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!((answer.status, &answer.text), (202, &answers[n % 3].text));
        }
        assert_eq!(api.count("SELECT count(*) FROM payment_events").await, 3);
    });
}
