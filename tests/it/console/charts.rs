//! Drawings over time: above the list, of a cause, and what stands behind them.

use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use serde_json::json;

use super::broken::fail;

#[test]
fn the_home_draws_the_last_hours_and_a_cause_its_own() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let page = viewer.page("/incidents").await;
        assert!(page.texts("svg[role=img]").is_empty(), "where nothing happened nothing is drawn");

        for event in ["evt_1", "evt_2"] {
            fail(&world, event, &json!({})).await;
        }
        let applied = world.receipt("evt_3").await;
        world.result(applied, "success", json!({})).await;
        world.receipt("evt_pending").await;
        let other = Operator::signed_in(&world, Role::Viewer).await;
        let path = format!("/incidents?project={}", world.project.id);
        let page = other.page(&path).await;
        let [incidents, effects] = page.texts("svg[role=img]").try_into().expect("two drawings");
        assert!(incidents.contains("2 were opened and 0 resolved."), "{incidents}");
        assert!(incidents.contains("per hour (UTC)"), "{incidents}");
        assert!(effects.contains("1 came on time and 2 had an incident."));
        let hours = page.rows("Hours in which receipts came");
        assert!(hours.iter().any(|hour| hour.matches(" | ").count() == 3), "{hours:?}");
        assert!(!page.html().contains("style="), "no inline style");

        let cause = page.link("db_write_failed on invoice.paid").expect("a link");
        let page = other.page(&cause).await;
        let [drawing] = page.texts("svg[role=img]").try_into().expect("a drawing");
        assert!(drawing.contains("2 were opened and 0 resolved. It began "), "{drawing}");
        assert_eq!(page.texts("path.mark").len(), 1);
        assert!(page.texts("figcaption").join(" ").contains("UTC"));
        let narrowed = other.page(&format!("{path}&reason=failed_result")).await;
        assert!(narrowed.texts("svg[role=img]").is_empty(), "it would not be about the list");
    });
}
