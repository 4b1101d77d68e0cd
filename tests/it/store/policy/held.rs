//! What policies have planned, while somebody holds the row of an event.

use std::time::Duration;

use domain::incident::IncidentState;
use domain::reprocess_policy::PolicySettings;
use e2e::run;
use store::events::lock_event;

use super::super::shop::Shop;
use super::on;

#[test]
fn a_plan_that_cannot_be_carried_out_keeps_no_other_waiting() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { delay_seconds: 60, ..on() }).await;
        let (held, other) = (shop.failed("1", "locked").await, shop.failed("2", "locked").await);
        for event_id in [held, other] {
            shop.let_plans_be_due(event_id).await;
        }
        let mut somebody = shop.begin().await;
        lock_event(&mut somebody, held).await.expect("a lock");
        let pool = shop.pool_for(Duration::from_secs(1));
        let done = engine::policies::carry_out_due(&pool).await;
        assert_eq!(done.expect("a database"), 1);
        assert_eq!(shop.incident(other).await.state, IncidentState::Reprocessing);
        somebody.rollback().await.expect("a rollback");
    });
}
