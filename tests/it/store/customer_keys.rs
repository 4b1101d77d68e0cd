//! Keys of customers: one for each, whoever makes it first; what one sealed opens in its cell only, and never
//! again once the key is destroyed.

use domain::ids::ProjectId;
use e2e::{run, until_lock_wait};
use store::customer_keys::{self, CustomerKey};
use store::seal::{Cell, SealError};
use store::{MasterKey, pool, reference_keys};

use super::shop::Shop;

const TEXT: &[u8] = b"alice's card was declined";

impl Shop {
    async fn key_of(&self, reference: &str) -> Option<CustomerKey> {
        let mut db = self.pool.acquire().await.expect("a connection");
        let project_id = self.owner.project_id;
        let found = customer_keys::key_of(&mut db, &self.master_key, project_id, reference).await;
        found.expect("a database")
    }

    async fn some_key_of(&self, reference: &str) -> CustomerKey {
        self.key_of(reference).await.expect("a key")
    }
}

fn cell(project_id: ProjectId, row: u8) -> Cell {
    Cell::customer_text(project_id, "audit_texts", "sealed", &row)
}

#[test]
fn a_customer_has_one_key_and_no_other_opens_what_it_sealed() {
    run(async {
        let shop = Shop::open().await;
        let key = shop.some_key_of("user_1").await;
        let cell_1 = cell(shop.owner.project_id, 1);
        let sealed = key.seal(&cell_1, TEXT).expect("sealed");
        assert!(!sealed.windows(5).any(|window| window == b"alice"));
        let again = shop.some_key_of("user_1").await;
        assert_eq!(again.id(), key.id());
        assert_eq!(again.open(&cell_1, &sealed).expect("opened"), TEXT);
        let other = shop.some_key_of("user_2").await;
        assert_eq!(other.open(&cell_1, &sealed), Err(SealError::Damaged));
        let moved = key.open(&cell(shop.owner.project_id, 2), &sealed);
        assert_eq!(moved, Err(SealError::Damaged), "another row");
        let names: String =
            sqlx::query_scalar("SELECT string_agg(k::text, ' ') FROM customer_keys k")
                .fetch_one(&shop.pool)
                .await
                .expect("rows");
        assert!(!names.contains("user_"), "{names}");
    });
}

#[test]
fn two_first_texts_at_the_same_time_share_one_key() {
    run(async {
        let shop = Shop::open().await;
        let (key, project_id) = (&shop.master_key, shop.owner.project_id);
        let mut tx = shop.begin().await;
        let first = customer_keys::key_of(&mut tx, key, project_id, "user_1").await;
        let commit = async {
            until_lock_wait(&shop.pool).await;
            pool::commit(tx).await.expect("a commit");
        };
        let (second, ()) = tokio::join!(shop.some_key_of("user_1"), commit);
        assert_eq!(second.id(), first.expect("a database").expect("a key").id());
    });
}

#[test]
fn a_destroyed_key_opens_nothing_and_a_customer_who_comes_back_has_a_new_one() {
    run(async {
        let shop = Shop::open().await;
        let (master, project_id) = (&shop.master_key, shop.owner.project_id);
        let key = shop.some_key_of("user_1").await;
        let cell = cell(project_id, 1);
        let sealed = key.seal(&cell, TEXT).expect("sealed");
        let mut db = shop.pool.acquire().await.expect("a connection");
        let customer = reference_keys::hash(&mut db, master, project_id, "user_1").await;
        let customer = customer.expect("a hash");
        for (reference, was_there) in [("user_1", true), ("user_1", false)] {
            let destroyed = customer_keys::destroy(&mut db, project_id, customer).await;
            assert_eq!(destroyed.expect("destroyed"), was_there);
            assert!(shop.key_of(reference).await.is_none());
            assert!(shop.key_of(&customer.to_string()).await.is_none(), "nor by the tombstone");
        }
        let found = customer_keys::find_keys(&mut db, master, &[key.id()]).await;
        assert!(found.expect("keys").is_empty());

        customer_keys::release(&mut db, project_id, customer).await.expect("released");
        let new = shop.some_key_of("user_1").await;
        assert_ne!(new.id(), key.id());
        assert_eq!(new.open(&cell, &sealed), Err(SealError::Damaged));
        customer_keys::release(&mut db, project_id, customer).await.expect("released");
        let found = customer_keys::find_keys(&mut db, master, &[key.id(), new.id()]).await;
        let found: Vec<_> = found.expect("keys").into_keys().collect();
        assert_eq!(found, [new.id()], "a key that is not destroyed is not let go");
    });
}

#[test]
fn a_key_needs_the_master_key_and_hashes_outlive_it() {
    run(async {
        let mut shop = Shop::open().await;
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let read = |text: &str| MasterKey::parse(text).expect("keys");
        shop.master_key = read(&old);
        let made = shop.some_key_of("user_1").await;
        let mut db = shop.pool.acquire().await.expect("a connection");
        let foreign =
            customer_keys::key_of(&mut db, &read(&new), shop.owner.project_id, "user_1").await;
        assert!(foreign.expect_err("a foreign key").is_sealed_elsewhere());
        shop.master_key = read(&format!("{new},{old}"));
        assert_eq!(shop.some_key_of("user_1").await.id(), made.id());
    });
}
