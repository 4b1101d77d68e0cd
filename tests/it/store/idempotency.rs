//! Stored responses.

use domain::retention::Rule;
use e2e::run;
use store::idempotency::{self, Claim, KeyUse, ResponseScope, StoredResponse};
use store::pool;

use super::shop::Shop;

/// The key is unused.
const NEW: Claim = Claim::New(ResponseScope::Route);

fn completed(response: StoredResponse) -> Claim {
    Claim::Completed { response, identical: true }
}

fn used<'a>(shop: &Shop, key: &'a str, hash: &'a [u8]) -> KeyUse<'a> {
    KeyUse {
        project_id: shop.owner.project_id,
        route: "receipt",
        scope: "",
        key,
        fingerprint: hash,
        request_hash: hash,
    }
}

async fn claim(shop: &Shop, used: KeyUse<'_>) -> Claim {
    let mut tx = shop.begin().await;
    let claim = idempotency::claim(&mut tx, used).await.expect("a claim");
    tx.rollback().await.expect("the key is free again");
    claim
}

async fn complete(shop: &Shop, used: KeyUse<'_>, body: &[u8]) {
    let mut tx = shop.begin().await;
    assert_eq!(idempotency::claim(&mut tx, used).await.expect("a claim"), NEW);
    let response = StoredResponse { status: 202, body: body.to_vec() };
    assert!(
        idempotency::insert_response(&mut *tx, used, ResponseScope::Route, &response)
            .await
            .expect("stored")
    );
    pool::commit(tx).await.expect("a commit");
}

#[test]
fn a_running_request_is_seen_from_a_second_connection_and_a_dead_one_blocks_nobody() {
    run(async {
        let shop = Shop::open().await;
        let (first, other) = (used(&shop, "k", &[1; 32]), used(&shop, "other", &[1; 32]));
        let mut running = shop.begin().await;
        assert_eq!(idempotency::claim(&mut running, first).await.expect("a claim"), NEW);
        assert_eq!(claim(&shop, first).await, Claim::InProgress);
        assert_eq!(claim(&shop, used(&shop, "k", &[2; 32])).await, Claim::InProgress);
        assert_eq!(claim(&shop, other).await, NEW);
        assert_eq!(claim(&shop, KeyUse { route: "result", ..first }).await, NEW);
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut *running)
            .await
            .expect("a pid");
        sqlx::query("SELECT pg_terminate_backend($1, 10000)")
            .bind(pid)
            .execute(&shop.pool)
            .await
            .expect("ended");
        assert_eq!(claim(&shop, first).await, NEW);
    });
}

#[test]
fn the_same_request_gets_the_same_bytes_and_another_one_a_conflict() {
    run(async {
        let shop = Shop::open().await;
        let bytes: Vec<u8> = (0..=255).collect();
        complete(&shop, used(&shop, "k", &[1; 32]), &bytes).await;
        let stored = StoredResponse { status: 202, body: bytes };
        for _ in 0..3 {
            let again = claim(&shop, used(&shop, "k", &[1; 32])).await;
            assert_eq!(again, completed(stored.clone()));
        }
        assert_eq!(claim(&shop, used(&shop, "k", &[2; 32])).await, Claim::Conflict);
        assert_eq!(claim(&shop, used(&shop, "K", &[1; 32])).await, NEW, "case counts");
        let result = KeyUse { route: "result", ..used(&shop, "k", &[1; 32]) };
        assert_eq!(claim(&shop, result).await, NEW, "another route");
    });
}

#[test]
fn a_transaction_that_fails_leaves_the_key_free() {
    run(async {
        let shop = Shop::open().await;
        let used = used(&shop, "k", &[1; 32]);
        let mut tx = shop.begin().await;
        idempotency::claim(&mut tx, used).await.expect("a claim");
        let kept = StoredResponse { status: 202, body: b"{}".to_vec() };
        idempotency::insert_response(&mut *tx, used, ResponseScope::Route, &kept)
            .await
            .expect("stored");
        tx.rollback().await.expect("a rollback");
        assert_eq!(claim(&shop, used).await, NEW);
    });
}

#[test]
fn a_response_that_a_claim_did_not_see_is_met_and_stays() {
    run(async {
        let shop = Shop::open().await;
        let used = used(&shop, "k", &[1; 32]);
        let mut late = shop.begin().await;
        assert_eq!(idempotency::claim(&mut late, used).await.expect("a claim"), NEW);
        // What a first request leaves that ends between the snapshot and the lock of the claim
        // above.
        let first = StoredResponse { status: 202, body: b"first".to_vec() };
        assert!(
            idempotency::insert_response(&shop.pool, used, ResponseScope::Route, &first)
                .await
                .expect("stored")
        );
        let second = StoredResponse { status: 202, body: b"second".to_vec() };
        assert!(
            !idempotency::insert_response(&mut *late, used, ResponseScope::Route, &second)
                .await
                .expect("met")
        );
        let seen = idempotency::claim(&mut late, used).await.expect("a claim");
        assert_eq!(seen, completed(first.clone()));
        pool::commit(late).await.expect("a commit");
        assert_eq!(claim(&shop, used).await, completed(first));
    });
}

#[test]
fn a_response_is_kept_for_seven_days_and_the_key_is_free_then() {
    run(async {
        let shop = Shop::open().await;
        complete(&shop, used(&shop, "k", &[1; 32]), b"old").await;
        let age = async |sql: &'static str| {
            sqlx::query(sql).execute(&shop.pool).await.expect("aged");
        };
        age("UPDATE idempotency_keys SET created_at = now() - interval '6 days 23 hours'").await;
        assert_eq!(claim(&shop, used(&shop, "k", &[2; 32])).await, Claim::Conflict);
        assert_eq!(shop.delete_due(Rule::IdempotencyKeys).await, 0);
        age("UPDATE idempotency_keys SET created_at = now() - interval '7 days 1 second'").await;
        complete(&shop, used(&shop, "k", &[2; 32]), b"new").await;
        let stored = StoredResponse { status: 202, body: b"new".to_vec() };
        assert_eq!(claim(&shop, used(&shop, "k", &[2; 32])).await, completed(stored));
        age("UPDATE idempotency_keys SET created_at = now() - interval '7 days 1 second'").await;
        assert_eq!(shop.delete_due(Rule::IdempotencyKeys).await, 1);
    });
}

#[test]
fn a_failure_and_the_success_after_it_are_two_requests_under_one_key() {
    run(async {
        let shop = Shop::open().await;
        let of = |scope, fingerprint, request_hash| KeyUse {
            route: "result",
            scope,
            fingerprint,
            request_hash,
            ..used(&shop, "result-evt_1", &[])
        };
        let failed = of("failed", &[1; 32], &[1; 32]);
        complete(&shop, failed, b"failed").await;
        let success = of("success", &[1; 32], &[2; 32]);
        assert_eq!(claim(&shop, success).await, Claim::New(ResponseScope::Scope));
        let other_body = claim(&shop, of("success", &[9; 32], &[3; 32])).await;
        assert!(matches!(
            other_body,
            Claim::CompletedWithOtherBody { scope: ResponseScope::Scope, .. }
        ));
        let mut tx = shop.begin().await;
        let body = StoredResponse { status: 202, body: b"success".to_vec() };
        idempotency::insert_response(&mut *tx, success, ResponseScope::Scope, &body)
            .await
            .expect("stored");
        pool::commit(tx).await.expect("a commit");
        assert_eq!(claim(&shop, success).await, completed(body));
        assert_eq!(claim(&shop, of("success", &[9; 32], &[2; 32])).await, Claim::Conflict);
        let other_error = claim(&shop, of("failed", &[1; 32], &[4; 32])).await;
        assert!(matches!(other_error, Claim::Completed { identical: false, .. }));
    });
}

#[test]
fn a_row_of_the_release_before_is_compared_by_its_hash() {
    run(async {
        let shop = Shop::open().await;
        let first = used(&shop, "k", &[1; 32]);
        complete(&shop, first, b"{}").await;
        let forget = "UPDATE idempotency_keys SET fingerprint = NULL, scope = NULL";
        sqlx::query(forget).execute(&shop.pool).await.expect("as it was before");
        let stored = StoredResponse { status: 202, body: b"{}".to_vec() };
        let same = KeyUse { fingerprint: &[7; 32], ..first };
        assert_eq!(claim(&shop, same).await, completed(stored));
        let other = claim(&shop, KeyUse { request_hash: &[2; 32], ..same }).await;
        assert!(matches!(other, Claim::CompletedWithOtherBody { .. }));
    });
}

#[test]
fn a_row_that_the_release_before_uses_again_has_no_fingerprint_any_more() {
    run(async {
        let shop = Shop::open().await;
        complete(&shop, used(&shop, "k", &[1; 32]), b"{}").await;
        let reused = "UPDATE idempotency_keys SET request_hash = '\\x02', created_at = now()";
        sqlx::query(reused).execute(&shop.pool).await.expect("as it would do");
        let sql =
            "SELECT count(*) FROM idempotency_keys WHERE fingerprint IS NULL AND scope IS NULL";
        let rows: i64 = sqlx::query_scalar(sql).fetch_one(&shop.pool).await.expect("a count");
        assert_eq!(rows, 1);
    });
}
