//! A policy of an archived project starts nothing more, and people are told in its place.

use domain::reprocess_policy::PolicySettings;
use e2e::run;
use store::policy_plans::find_plan;
use store::projects::set_archived;

use super::super::shop::Shop;
use super::on;

#[test]
fn the_policy_of_an_archived_project_starts_nothing_and_alerts_do_not_wait_for_it() {
    run(async {
        let shop = Shop::open().await;
        shop.policy(PolicySettings { delay_seconds: 60, wait_alerts: true, ..on() }).await;
        let planned = shop.failed("1", "locked").await;
        set_archived(&shop.pool, shop.owner.project_id, true).await.expect("archived");
        let opened = shop.failed("2", "locked").await;
        assert!(find_plan(&shop.pool, opened).await.expect("a database").is_none());
        let story = shop.story(opened).await;
        assert!(story.contains("alerts: incident_opened"), "{story}");
        shop.let_plans_be_due(planned).await;
        shop.carry_out(planned).await;
        insta::assert_snapshot!(shop.story(planned).await, @r"
        effect: failed
        incident: open/failed_result/locked
        alerts: incident_opened
        outbox: start result acknowledged
        timeline: receipt.accepted result.failed incident.opened reprocess.planned reprocess.skipped
        ");
        set_archived(&shop.pool, shop.owner.project_id, false).await.expect("restored");
        let after = shop.failed("3", "locked").await;
        assert!(find_plan(&shop.pool, after).await.expect("a database").is_some());
    });
}
