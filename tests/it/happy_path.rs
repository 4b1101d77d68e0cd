//! A result in time: the watch ends, and nothing else happens.

use domain::event::Effect;
use e2e::world::receipt;
use e2e::{World, run, temporal};
use serde_json::json;

#[test]
fn a_result_in_time_finishes_the_watch_with_no_activity() {
    run(async {
        let world = World::start().await;
        let event_id = world.receipt("evt_1").await;
        let client = world.temporal().await;
        let status =
            e2e::eventually("a watch", async || temporal::status(&client, event_id).await.ok())
                .await;
        assert_eq!(status.state, "pending");

        let response = world.result(event_id, "success", json!({})).await;
        assert_eq!(response.event_id, Some(event_id));
        assert_eq!((response.effect, response.incident), (Some(Effect::Succeeded), None));

        let history = temporal::finished(&client, event_id).await;
        assert!(temporal::activities(&history).is_empty());
        assert!(history.len() <= 11, "{} events", history.len());
        assert_eq!(world.timeline(event_id).await, ["receipt.accepted", "result.succeeded"]);
    });
}

#[test]
fn a_result_before_its_receipt_is_kept_and_applied() {
    run(async {
        let world = World::start().await;
        let early = json!({"provider_event_id": "evt_1", "status": "success"});
        let (status, response) = world.post("/api/v1/result", &early).await;
        assert_eq!((status, &response["pending_receipt"]), (202, &json!(true)));

        let event_id = world.receipt("evt_1").await;
        let history = temporal::finished(&world.temporal().await, event_id).await;
        assert!(temporal::activities(&history).is_empty());
        assert_eq!(world.timeline(event_id).await, ["receipt.accepted", "result.succeeded"]);
    });
}

#[test]
fn the_same_receipt_a_hundred_times_at_once_makes_one_event_and_one_watch() {
    run(async {
        let world = World::start().await;
        let posts = (0..100).map(|n| {
            let world = &world;
            async move {
                let key = format!("delivery-{n}");
                world.post_as(&world.key, "/api/v1/receipt", &receipt("evt_1"), &key).await
            }
        });
        let responses = futures::future::join_all(posts).await;
        assert!(responses.iter().all(|(status, _)| *status == 202), "{responses:?}");
        let first = &responses[0].1;
        assert!(responses.iter().all(|(_, response)| response["event_id"] == first["event_id"]));
        assert!(
            responses.iter().all(|(_, response)| response["timeout_at"] == first["timeout_at"])
        );
        let new =
            responses.iter().filter(|(_, response)| response["duplicate"] == json!(false)).count();
        assert_eq!(new, 1);
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM payment_events")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(events, 1);
    });
}
