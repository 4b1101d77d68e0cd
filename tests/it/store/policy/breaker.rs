//! When a policy stops for a cause, for which incidents, and what a reset does.

use domain::catalogue::EffectType;
use domain::incident::IncidentState;
use domain::reprocess_policy::PolicySettings;
use e2e::run;
use serde_json::json;
use store::administration::policy::reset_policy;
use store::pool::transaction;

use super::super::shop::{Shop, bob, receipt_with};
use super::{locked, on};

#[test]
fn failures_stop_the_policy_for_their_cause_and_no_other() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { stop_failed: 2, stop_of: 3, ..on() }).await;
        let healed = shop.failed("1", "locked").await;
        shop.succeed(healed).await;
        for name in ["2", "3"] {
            let event_id = shop.failed(name, "locked").await;
            shop.try_in_vain(event_id).await;
        }
        let stops = shop.stops().await;
        assert_eq!(stops.len(), 1);
        assert_eq!(stops[0].error_code.as_deref(), Some("locked"));
        assert_eq!(stops[0].why.to_string(), "2 of the last 3 automatic reprocesses failed");
        assert_eq!(shop.notices().await, 1, "bob is told once");
        let stopped = shop.failed("4", "locked").await;
        insta::assert_snapshot!(shop.story(stopped).await, @r"
        effect: failed
        incident: open/failed_result/locked
        alerts: incident_opened
        outbox: start result
        timeline: receipt.accepted result.failed incident.opened reprocess.skipped
        ");
        let other = shop.failed("5", "timeout").await;
        assert_eq!(shop.incident(other).await.state, IncidentState::Reprocessing);
        let reset = async || {
            transaction(&shop.pool, async |tx| {
                reset_policy(tx, &bob(), shop.owner.project_id, &EffectType::CreditGrant, None)
                    .await
            })
            .await
            .expect("a database")
        };
        assert_eq!(reset().await, [stops[0].cause_id]);
        assert_eq!(reset().await, []);
        // Counting begins again: one more failure is not the second.
        for (name, stops) in [("6", 0), ("7", 1)] {
            let event_id = shop.failed(name, "locked").await;
            shop.try_in_vain(event_id).await;
            assert_eq!(shop.stops().await.len(), stops);
        }
    });
}

#[test]
fn a_reprocess_that_a_person_ended_counts_neither_way() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { stop_failed: 1, stop_of: 1, ..on() }).await;
        let event_id = shop.failed("1", "locked").await;
        shop.resolve(event_id).await;
        let event_id = shop.failed("2", "locked").await;
        assert_eq!(shop.incident(event_id).await.state, IncidentState::Reprocessing);
        shop.try_in_vain(event_id).await;
        let stops = shop.stops().await;
        assert_eq!(stops[0].why.to_string(), "the last automatic reprocess failed");
    });
}

#[test]
fn too_many_customers_stop_the_policy_and_one_customer_does_not() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { stop_customers: 2, ..on() }).await;
        let same = json!({ "internal_reference": "user_1" });
        for name in ["evt_a", "evt_b", "evt_c", "evt_d"] {
            let event_id = shop.accept(&receipt_with(name, &same)).await.event_id;
            shop.report(event_id, locked()).await;
            assert_eq!(shop.incident(event_id).await.state, IncidentState::Reprocessing);
        }
        let second = shop.failed("2", "locked").await;
        assert_eq!(shop.incident(second).await.state, IncidentState::Reprocessing);
        let third = shop.failed("3", "locked").await;
        insta::assert_snapshot!(shop.story(third).await, @r"
        effect: failed
        incident: open/failed_result/locked
        alerts: incident_opened
        outbox: start result
        timeline: receipt.accepted result.failed incident.opened policy.stopped
        ");
        let why = shop.stops().await[0].why.to_string();
        assert_eq!(why, "more than 2 customers are affected at once");
        let fourth = shop.failed("4", "locked").await;
        assert_eq!(shop.incident(fourth).await.state, IncidentState::Open);
        assert_eq!((shop.stops().await.len(), shop.notices().await), (1, 1));
    });
}

#[test]
fn incidents_that_open_concurrently_stop_at_the_number_and_not_above_it() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { stop_customers: 3, ..on() }).await;
        let mut events = Vec::new();
        for customer in 0..12 {
            let customer = json!({ "internal_reference": format!("user_{customer}") });
            let name = format!("evt_{}", events.len());
            events.push(shop.accept(&receipt_with(&name, &customer)).await.event_id);
        }
        let reports = events.iter().map(|event_id| shop.report(*event_id, locked()));
        futures::future::join_all(reports).await;
        let started: i64 = sqlx::query_scalar("SELECT count(*) FROM reprocesses")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!((started, shop.stops().await.len()), (3, 1));
    });
}
