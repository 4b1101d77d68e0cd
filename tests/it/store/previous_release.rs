//! The release before on the same database: what it adds is found here, and what is added here is
//! found by it. Its statements are here verbatim.

use domain::ids::EventId;
use e2e::run;
use serde_json::json;
use store::backfill;
use store::transitions::receipt::AcceptedReceipt;
use uuid::Uuid;

use super::shop::{Shop, receipt_with};

/// How the release before added an event, and whether it got the identity.
pub const ADD: &str = "WITH identity AS (
    INSERT INTO event_identities (event_id, project_id, provider, provider_event_id, effect_type)
    VALUES ($1, $2, 'stripe', $3, 'credit_grant') ON CONFLICT ON CONSTRAINT event_identities_pkey DO NOTHING
    RETURNING event_id
), event AS (
    INSERT INTO payment_events (id, project_id, provider, provider_event_id, effect_type, event_type,
        internal_reference, occurred_at, shopify_shop_domain, api_key_id, snapshot, timeout_minutes, timeout_at)
    SELECT event_id, $2, 'stripe', $3, 'credit_grant', 'invoice.paid', 'user_456', now(), NULL, $4, NULL, 30,
        now() + make_interval(mins => 30) FROM identity
    RETURNING id
)
SELECT id FROM event";

/// How it found the event that was there before.
const FIND: &str = "SELECT e.id FROM event_identities i JOIN payment_events e ON e.id = i.event_id
    WHERE i.project_id = $1 AND i.provider = 'stripe' AND i.provider_event_id = $2 AND i.effect_type = 'credit_grant'";

/// A receipt by the release before: the event, and whether it was a duplicate.
async fn accept_as_before(shop: &Shop, event: &str) -> (EventId, bool) {
    let project_id = shop.owner.project_id.as_uuid();
    let added: Option<Uuid> = sqlx::query_scalar(ADD)
        .bind(Uuid::now_v7())
        .bind(project_id)
        .bind(event)
        .bind(shop.owner.key_id.as_uuid())
        .fetch_optional(&shop.pool)
        .await
        .expect("its statement works");
    if let Some(id) = added {
        return (EventId::from_uuid(id), false);
    }
    let found: Uuid = sqlx::query_scalar(FIND)
        .bind(project_id)
        .bind(event)
        .fetch_one(&shop.pool)
        .await
        .expect("its statement finds the event");
    (EventId::from_uuid(found), true)
}

async fn accept(shop: &Shop, event: &str) -> (EventId, bool) {
    let AcceptedReceipt { event_id, duplicate, .. } =
        shop.accept(&receipt_with(event, &json!({}))).await;
    (event_id, duplicate)
}

async fn keys(shop: &Shop) -> i64 {
    let sql = "SELECT count(*) FROM event_keys";
    sqlx::query_scalar(sql).fetch_one(&shop.pool).await.expect("a count")
}

#[test]
fn each_release_finds_the_events_of_the_other() {
    run(async {
        let shop = Shop::open().await;
        let (theirs, duplicate) = accept_as_before(&shop, "evt_1").await;
        assert!(!duplicate);
        assert_eq!(accept(&shop, "evt_1").await, (theirs, true));
        let (ours, duplicate) = accept(&shop, "evt_2").await;
        assert!(!duplicate);
        assert_eq!(accept_as_before(&shop, "evt_2").await, (ours, true));
        assert_eq!(keys(&shop).await, 2);
        let other = receipt_with("evt_2", &json!({"internal_reference": "ws_B"}));
        assert!(!shop.accept(&other).await.duplicate, "whose it is counts here");
    });
}

#[test]
fn an_event_from_before_keys_is_found_until_and_after_it_is_keyed() {
    run(async {
        let shop = Shop::open().await;
        let mut old = Vec::new();
        for event in ["evt_1", "evt_2", "evt_3"] {
            old.push(accept_as_before(&shop, event).await.0);
        }
        sqlx::query("DELETE FROM event_keys").execute(&shop.pool).await.expect("as before keys");
        assert_eq!(accept(&shop, "evt_1").await, (old[0], true));
        assert_eq!(keys(&shop).await, 0);
        while backfill::key_events(&shop.pool).await.expect("a batch") {}
        assert_eq!(keys(&shop).await, 3);
        for (number, id) in old.into_iter().enumerate() {
            assert_eq!(accept(&shop, &format!("evt_{}", number + 1)).await, (id, true));
        }
        assert!(!backfill::key_events(&shop.pool).await.expect("nothing to do"));
    });
}

#[test]
fn the_database_keys_events_as_the_code_does() {
    run(async {
        let shop = Shop::open().await;
        for change in [
            json!({}),
            json!({"internal_reference": "Zoë 注文 😀", "effect_key": "2"}),
            json!({"provider": "shopify", "event_type": "orders/paid", "shopify_shop_domain": "A.myshopify.com"}),
        ] {
            let receipt = receipt_with("evt_1", &change);
            let key: Vec<u8> = sqlx::query_scalar("SELECT event_key($1, $2, $3, $4, $5, $6, $7)")
                .bind(receipt.provider.as_str())
                .bind(receipt.shopify_shop_domain.as_deref())
                .bind(&receipt.provider_event_id)
                .bind(&receipt.event_type)
                .bind(receipt.effect_type.as_str())
                .bind(&receipt.internal_reference)
                .bind(receipt.effect_key.as_deref())
                .fetch_one(&shop.pool)
                .await
                .expect("a key");
            assert_eq!(key, receipt.identity("").key());
        }
    });
}
