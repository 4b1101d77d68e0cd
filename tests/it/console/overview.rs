//! The overview.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, WorldOptions};
use serde_json::json;

async fn world() -> World {
    World::start_with(WorldOptions::default().without_worker()).await
}

#[test]
fn without_events_the_page_says_what_will_be_there() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let page = bob.get("/overview").await.body;
        assert!(page.contains("Nothing was paid for in the last 30 days."), "{page}");
        assert!(page.contains("Nothing happened in these 30 days."));
        assert!(!page.contains("<svg"));
    });
}

#[test]
fn the_drawing_says_no_more_than_the_table() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        for number in 0..3 {
            let event_id = world.receipt(&format!("evt_good_{number}")).await;
            world.result(event_id, "success", json!({})).await;
        }
        let event_id = world.receipt("evt_bad").await;
        world.result(event_id, "failed", json!({ "error_code": "db_down" })).await;
        world.result(event_id, "success", json!({})).await;
        world.receipt("evt_pending").await;

        let page = bob.get("/overview?days=7").await.body;
        for wanted in [
            "75% of what was paid for came on time in the last 7 days.",
            "<b>1 / 1</b> incidents opened and resolved",
            "role=\"img\" aria-labelledby=\"chart-title chart-says\"",
            "1 were opened and 1 resolved, at most 1 a day",
            "<td class=\"num\" data-label=\"Opened\">1</td><td class=\"num\" data-label=\"Resolved\">1</td>",
            "<td>CometCart</td><td class=\"num\" data-label=\"On time\"><strong>75%</strong></td><td class=\"num\" data-label=\"Received\">5</td><td class=\"num\" data-label=\"With an incident\">1</td><td class=\"num\" data-label=\"Still have time\">1</td>",
            "<td>invoice.paid</td>",
            "<option value=\"7\" selected>",
        ] {
            assert!(page.contains(wanted), "{wanted} in {page}");
        }
        assert!(!page.contains("style="), "no inline style");
        assert_eq!(page.matches("class=\"opened\" d=\"M").count(), 1);
    });
}

#[test]
fn another_project_has_figures_of_its_own() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "success", json!({})).await;
        world.charlie().await;
        let projects = store::projects::list_projects(&world.pool).await.expect("projects");
        for project in projects {
            let page = bob.get(&format!("/overview?project={}", project.id)).await.body;
            assert!(page.contains(&format!("<option value=\"{}\" selected>", project.id)));
            let ours = project.id == world.project.id;
            assert_eq!(page.contains("Everything came on time"), ours, "{}", project.id);
        }
        let unknown = "/overview?project=prj_00000000000000000000000001";
        for nothing in [unknown, "/overview?project=x"] {
            assert_eq!(bob.get(nothing).await.status, 404);
        }
        for odd in ["days=0", "days=-1", "days=x", "days=99999999999", "days=4000"] {
            assert_eq!(bob.get(&format!("/overview?{odd}")).await.status, 200, "{odd}");
        }
    });
}

#[test]
fn a_name_that_looks_like_markup_is_only_a_name() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        world.receipt("evt_1").await;
        sqlx::query("UPDATE projects SET name = '<script>alert(1)</script>'")
            .execute(&world.pool)
            .await
            .expect("a name");
        let page = bob.get("/overview").await.body;
        assert!(page.contains("alert(1)") && !page.contains("<script>alert"), "{page}");
    });
}

#[test]
fn results_that_no_receipt_claimed_are_counted_and_lead_to_the_audit() {
    e2e::run(async {
        let world = world().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        assert!(!bob.get("/overview").await.body.contains("never found its receipt"));
        let failed =
            json!({"provider_event_id": "evt_lost", "status": "failed", "error_code": "db_down"});
        let (status, _) = world.post("/api/v1/result", &failed).await;
        assert_eq!(status, 202);
        let aged = "UPDATE early_results SET received_at = now() - interval '25 hours'";
        sqlx::query(aged).execute(&world.pool).await.expect("aged");
        engine::sweep::sweep(&world.pool).await;
        let project = world.project.id;
        for (page, link) in [
            ("/overview".to_owned(), "/audit?action=result.unclaimed".to_owned()),
            (
                format!("/overview?project={project}"),
                format!("/audit?action=result.unclaimed&#38;subject={project}"),
            ),
        ] {
            let shown = bob.get(&page).await.body;
            let said = format!("<a href=\"{link}\">1 failure never found its receipt</a>");
            assert!(shown.contains(&said), "{shown}");
        }
        let listed =
            bob.get(&format!("/audit?action=result.unclaimed&subject={project}")).await.body;
        assert!(
            listed.contains("a failure (db_down) for evt_lost was kept for 24 hours"),
            "{listed}"
        );
    });
}
