//! Keys of projects' hashes: made once, whoever is first, and never replaced, so that who was erased stays known.

use domain::ids::CustomerHash;
use e2e::run;
use store::{MasterKey, StoreError, reference_keys};

use super::shop::Shop;

async fn hash(shop: &Shop, key: &MasterKey, reference: &str) -> Result<CustomerHash, StoreError> {
    let mut db = shop.pool.acquire().await.expect("a connection");
    reference_keys::hash(&mut db, key, shop.owner.project_id, reference).await
}

#[test]
fn two_first_hashes_at_the_same_time_share_one_key() {
    run(async {
        let shop = Shop::open().await;
        let (one, two) = tokio::join!(
            hash(&shop, &shop.master_key, "user_1"),
            hash(&shop, &shop.master_key, "user_1"),
        );
        assert_eq!(one.expect("a hash"), two.expect("a hash"));
        let other = hash(&shop, &shop.master_key, "user_2").await.expect("a hash");
        assert_ne!(hash(&shop, &shop.master_key, "user_1").await.expect("a hash"), other);
    });
}

#[test]
fn a_hash_needs_the_master_key_and_outlives_it() {
    run(async {
        let shop = Shop::open().await;
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let read = |text: &str| MasterKey::parse(text).expect("keys");
        let made = hash(&shop, &read(&old), "user_1").await.expect("a hash");
        let foreign = hash(&shop, &read(&new), "user_1").await;
        assert!(foreign.expect_err("a foreign key").is_sealed_elsewhere());
        let both = read(&format!("{new},{old}"));
        assert_eq!(hash(&shop, &both, "user_1").await.expect("a hash"), made);
    });
}
