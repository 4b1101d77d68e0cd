//! The overview.

use domain::operator::Role;
use domain::retention::Rule;
use e2e::World;
use e2e::console::Operator;
use serde_json::json;
use store::retention;

#[test]
fn without_events_the_page_says_what_will_be_there() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let page = bob.page("/overview").await;
        assert_eq!(page.heading(), "Nothing was paid for in the last 30 days.");
        let text = page.text();
        assert!(text.contains("Nothing happened in these 30 days."), "{text}");
        assert!(page.texts("svg").is_empty());
    });
}

#[test]
fn the_drawing_says_no_more_than_the_table() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        for number in 0..3 {
            let event_id = world.receipt(&format!("evt_good_{number}")).await;
            world.result(event_id, "success", json!({})).await;
        }
        let event_id = world.receipt("evt_bad").await;
        world.result(event_id, "failed", json!({ "error_code": "db_down" })).await;
        world.result(event_id, "success", json!({})).await;
        world.receipt("evt_pending").await;

        let page = bob.page("/overview?days=7").await;
        let heading = "75% of what was paid for came on time in the last 7 days.";
        assert_eq!(page.heading(), heading);
        assert!(page.text().contains("1 / 1 incidents opened and resolved"), "{}", page.text());
        let [days, repair] = page.texts("svg[role=img]").try_into().expect("two drawings");
        assert!(days.contains("1 were opened and 1 resolved, at most 1 a day."), "{days}");
        assert!(repair.contains("Of 1 that were resolved, 1 took at most an hour"), "{repair}");
        assert_eq!(
            page.rows("Resolved incidents by the time that it took")[0],
            "Up to a minute | 1 | 100%"
        );
        assert_eq!(page.texts("path.opened[d^=M]").len(), 1);
        let [day] = page.rows("Incidents opened and resolved").try_into().expect("a day");
        assert!(day.ends_with(" | 1 | 1"), "{day}");
        assert_eq!(page.rows("Effects on time by project"), ["CometCart | 75% | 5 | 1 | 1"]);
        assert_eq!(page.rows("Effects on time by event type"), ["invoice.paid | 75% | 5 | 1 | 1"]);
        assert_eq!(page.input("Period").value, "7 days");
        assert!(!page.html().contains("style="), "no inline style");
    });
}

#[test]
fn another_project_has_figures_of_its_own() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "success", json!({})).await;
        world.charlie().await;
        let projects = store::projects::list_projects(&world.pool).await.expect("projects");
        for project in projects {
            let page = bob.page(&format!("/overview?project={}", project.id)).await;
            assert_eq!(page.input("Project").value, format!("{} (test)", project.name));
            let ours = project.id == world.project.id;
            let heading = page.heading();
            assert_eq!(heading.contains("Everything came on time"), ours, "{heading}");
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
        let world = World::start_without_worker().await;
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
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let text = bob.page("/overview").await.text();
        assert!(!text.contains("never found its receipt"), "{text}");
        let failed =
            json!({"provider_event_id": "evt_lost", "status": "failed", "error_code": "db_down"});
        let (status, _) = world.post("/api/v1/result", &failed).await;
        assert_eq!(status, 202);
        let aged = "UPDATE early_results SET received_at = now() - interval '25 hours'";
        sqlx::query(aged).execute(&world.pool).await.expect("aged");
        retention::delete_due(&world.pool, Rule::EarlyResults).await.expect("given up");
        let project = world.project.id;
        for (page, link) in [
            ("/overview".to_owned(), "/audit?action=result.unclaimed".to_owned()),
            (
                format!("/overview?project={project}"),
                format!("/audit?action=result.unclaimed&subject={project}"),
            ),
        ] {
            let shown = bob.page(&page).await.link("1 failure never found its receipt");
            assert_eq!(shown, Some(link), "{page}");
        }
        let audit = format!("/audit?action=result.unclaimed&subject={project}");
        let [row] = bob.page(&audit).await.rows("Entries").try_into().expect("an entry");
        assert!(row.contains("a failure (db_down) for evt_lost was kept for 24 hours"), "{row}");
    });
}
