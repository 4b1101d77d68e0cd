//! Taking a receipt.

use domain::ids::ProjectId;
use e2e::run;
use serde_json::json;
use store::api_keys::KeyOwner;
use store::projects::lock_project;
use time::Duration;

use super::shop::{Shop, receipt_with};

#[test]
fn a_receipt_is_an_event_a_wish_and_one_entry() {
    run(async {
        let shop = Shop::open().await;
        let taken = shop.accept(&receipt_with("evt_1", &json!({}))).await;
        assert!(!taken.duplicate);
        insta::assert_snapshot!(shop.story(taken.event_id).await, @r"
        effect: pending
        outbox: start
        timeline: receipt.accepted
        ");
        let (received, due): (time::OffsetDateTime, time::OffsetDateTime) =
            sqlx::query_as("SELECT received_at, timeout_at FROM payment_events")
                .fetch_one(&shop.pool)
                .await
                .expect("an event");
        assert_eq!((due - received, due), (Duration::minutes(30), taken.timeout_at));
    });
}

#[test]
fn a_project_that_is_being_changed_keeps_no_receipt_waiting() {
    run(async {
        let shop = Shop::open().await;
        let mut slow = shop.begin().await;
        let project = lock_project(&mut slow, shop.owner.project_id).await.expect("a database");
        assert!(project.is_some());
        let taken = tokio::time::timeout(std::time::Duration::from_secs(5), shop.take("evt_1"));
        taken.await.expect("in time");
        slow.rollback().await.expect("undone");
    });
}

#[test]
fn the_deadline_of_a_receipt_is_its_own_or_the_projects() {
    run(async {
        let shop = Shop::open().await;
        for (event, minutes) in [("evt_1", 1), ("evt_2", 10_080)] {
            let taken =
                shop.accept(&receipt_with(event, &json!({ "timeout_minutes": minutes }))).await;
            let received: time::OffsetDateTime =
                sqlx::query_scalar("SELECT received_at FROM payment_events WHERE id = $1")
                    .bind(taken.event_id.as_uuid())
                    .fetch_one(&shop.pool)
                    .await
                    .expect("an event");
            assert_eq!(taken.timeout_at - received, Duration::minutes(minutes), "{event}");
        }
    });
}

#[test]
fn the_same_event_again_changes_nothing_whatever_else_it_says() {
    run(async {
        let shop = Shop::open().await;
        let first = shop.accept(&receipt_with("evt_1", &json!({}))).await;
        let before = shop.story(first.event_id).await;
        let change = json!({
            "timeout_minutes": 5, "event_type": "INVOICE.PAID", "occurred_at": "2020-01-01T00:00:00Z"
        });
        let again = shop.accept(&receipt_with("evt_1", &change)).await;
        assert!(again.duplicate);
        assert_eq!((again.event_id, again.timeout_at), (first.event_id, first.timeout_at));
        assert_eq!(shop.story(first.event_id).await, before);
    });
}

#[test]
fn another_effect_provider_or_project_is_another_event() {
    run(async {
        let shop = Shop::open().await;
        let first = shop.take("evt_1").await;
        let effect = receipt_with("evt_1", &json!({"effect_type": "access_unlock"}));
        let shopify = receipt_with(
            "evt_1",
            &json!({
                "provider": "shopify", "event_type": "orders/paid",
                "shopify_shop_domain": "alice.myshopify.com"
            }),
        );
        let mut ids = vec![first];
        for receipt in [effect, shopify] {
            let taken = shop.accept(&receipt).await;
            assert!(!taken.duplicate && !ids.contains(&taken.event_id));
            ids.push(taken.event_id);
        }
        let other = other_project(&shop).await;
        let mut tx = shop.begin().await;
        let receipt = receipt_with("evt_1", &json!({}));
        let taken = shop.working_for(other).accept_in(&mut tx, &receipt).await;
        assert!(!taken.duplicate && !ids.contains(&taken.event_id));
    });
}

async fn other_project(shop: &Shop) -> KeyOwner {
    let id: uuid::Uuid = sqlx::query_scalar(
        "INSERT INTO projects (id, name, mode, timeout_minutes)
         VALUES (gen_random_uuid(), 'charlie', 'test', 30) RETURNING id",
    )
    .fetch_one(&shop.pool)
    .await
    .expect("a project");
    KeyOwner { project_id: ProjectId::from_uuid(id), ..shop.owner.clone() }
}
