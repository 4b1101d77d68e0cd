//! Messages for the next page: sealed, and read exactly once.

use domain::ids::SessionId;
use domain::operator::Role;
use e2e::run;
use futures::future::join_all;
use store::StoreError;
use store::sessions::{end_session, put_flash, take_flash};

use super::people::{ALICE, BOB};
use super::shop::Shop;

const MESSAGE: &str = "The key is sk_test_canarycanary, and it is not shown again.";

async fn put(shop: &Shop, id: SessionId, message: &str) {
    put_flash(&shop.pool, &shop.master_key, id, message).await.expect("a message");
}

async fn take(shop: &Shop, id: SessionId) -> Option<String> {
    take_flash(&shop.pool, &shop.master_key, id).await.expect("a database")
}

#[test]
fn a_message_is_read_once_and_the_later_one_wins() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let id = shop.sit_down(alice, 1).await;
        assert_eq!(take(&shop, id).await, None);
        put(&shop, id, "first").await;
        put(&shop, id, MESSAGE).await;
        let stored: Vec<u8> = sqlx::query_scalar("SELECT flash FROM sessions")
            .fetch_one(&shop.pool)
            .await
            .expect("a message");
        let canary = b"canarycanary";
        assert!(!stored.windows(canary.len()).any(|part| part == canary), "it is plain");
        assert_eq!(take(&shop, id).await.as_deref(), Some(MESSAGE));
        assert_eq!(take(&shop, id).await, None);
        put(&shop, id, "").await;
        assert_eq!(take(&shop, id).await.as_deref(), Some(""), "an empty one is one");
    });
}

#[test]
fn of_many_pages_at_once_one_gets_the_message() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let id = shop.sit_down(alice, 1).await;
        for round in 0..20 {
            put(&shop, id, MESSAGE).await;
            let taken = join_all((0..8).map(|_| take(&shop, id))).await;
            let read: Vec<_> = taken.into_iter().flatten().collect();
            assert_eq!(read, [MESSAGE], "round {round}");
        }
    });
}

#[test]
fn a_message_that_was_copied_to_another_session_does_not_open_and_is_gone() {
    run(async {
        let shop = Shop::open().await;
        let (alice, bob) =
            (shop.hire(ALICE, Role::Admin).await, shop.hire(BOB, Role::Operator).await);
        let (hers, his) = (shop.sit_down(alice, 1).await, shop.sit_down(bob, 2).await);
        put(&shop, hers, MESSAGE).await;
        sqlx::query(
            "UPDATE sessions SET flash = (SELECT flash FROM sessions WHERE id = $1) WHERE id = $2",
        )
        .bind(hers.as_uuid())
        .bind(his.as_uuid())
        .execute(&shop.pool)
        .await
        .expect("copied");
        let opened = take_flash(&shop.pool, &shop.master_key, his).await;
        assert!(matches!(opened, Err(StoreError::Seal(_))), "{opened:?}");
        assert_eq!(take(&shop, his).await, None);
        assert_eq!(take(&shop, hers).await.as_deref(), Some(MESSAGE));
    });
}

#[test]
fn a_session_that_ended_holds_no_message() {
    run(async {
        let shop = Shop::open().await;
        let alice = shop.hire(ALICE, Role::Admin).await;
        let id = shop.sit_down(alice, 1).await;
        put(&shop, id, MESSAGE).await;
        end_session(&shop.pool, id).await.expect("ended");
        assert_eq!(take(&shop, id).await, None);
        let late = put_flash(&shop.pool, &shop.master_key, id, MESSAGE).await;
        assert!(
            matches!(late, Err(StoreError::RowsAffected { table: "sessions", .. })),
            "{late:?}"
        );
    });
}
