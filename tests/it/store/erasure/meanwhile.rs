//! Receipts that come again in the moment in which their event is overwritten.

use domain::erasure::ErasureState;
use e2e::{run, until_lock_wait};
use futures::future::{Either, select};
use serde_json::json;
use store::{erasure, pool};

use super::super::shop::{Shop, receipt_with};
use super::CANARY;

#[test]
fn a_receipt_that_comes_again_while_its_event_is_overwritten_makes_no_second_one() {
    run(async {
        let shop = Shop::open().await;
        let receipt = receipt_with("evt_1", &json!({ "internal_reference": CANARY }));
        let first = shop.accept(&receipt).await;
        let begun = shop.begin_erasing(CANARY).await;
        let shop = shop.informed().await;
        // Whoever makes the key of the project's snapshots at the same moment has the receipt wait after it was looked for.
        let mut other = shop.begin().await;
        let key = "INSERT INTO snapshot_keys (project_id, sealed) SELECT id, '' FROM projects";
        sqlx::query(key).execute(&mut *other).await.expect("a key");
        let sending = Box::pin(shop.send("evt_1", CANARY));
        let again = match select(sending, Box::pin(until_lock_wait(&shop.pool))).await {
            Either::Left((again, _)) => again,
            Either::Right(((), sending)) => {
                let step = erasure::step(&shop.pool, &shop.master_key, begun.id).await;
                assert_eq!(step.expect("a step").state, ErasureState::Events);
                pool::commit(other).await.expect("a commit");
                sending.await
            }
        };
        assert!(again.duplicate && again.event_id == first.event_id, "{again:?}");
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM payment_events")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(events, 1);
    });
}
