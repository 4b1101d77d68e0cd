//! The switch between real money and tests: chosen once, remembered, and no count mixes the two.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, run};
use serde_json::json;

use super::broken::fail;

/// A live project with an incident of one customer, beside the world's, which is a test's.
const LIVE: &str = "
    INSERT INTO projects (id, name, mode, timeout_minutes) VALUES (gen_random_uuid(), 'Real shop', 'live', 30);
    INSERT INTO payment_events SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'project_id', p.id,
        'provider_event_id', 'evt_real', 'internal_reference', 'ws_real'))).*
    FROM payment_events e, projects p WHERE p.mode = 'live' LIMIT 1;
    INSERT INTO incidents (id, event_id, project_id, reason)
    SELECT gen_random_uuid(), e.id, p.id, 'failed_result' FROM payment_events e JOIN projects p ON p.id = e.project_id
    WHERE p.mode = 'live';";

#[test]
fn pages_are_about_real_money_or_about_tests_and_never_about_both() {
    run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        fail(&world, "evt_1", &json!({})).await;
        fail(&world, "evt_2", &json!({ "internal_reference": "user_2" })).await;
        let page = viewer.page("/incidents").await;
        assert_eq!(page.heading(), "2 test customers paid and got nothing");
        assert!(!page.buttons().contains(&"Live".to_owned()), "there is nothing to choose");

        sqlx::raw_sql(LIVE).execute(&world.pool).await.expect("a live incident");
        let page = viewer.page("/incidents").await;
        assert_eq!(page.heading(), "1 customer paid and got nothing");
        assert_eq!(page.rows("Incidents").len(), 1);
        assert!(page.texts(".sums li").join(" ").contains("1 open now"));
        let chosen =
            viewer.submit("/events", "/view", &[("mode", "test"), ("section", "/events")]).await;
        assert_eq!(chosen.location.as_deref(), Some("/events"));
        let again = Operator::signed_in(&world, Role::Viewer).await;
        let page = again.page("/incidents").await;
        assert_eq!(page.heading(), "2 test customers paid and got nothing", "in every browser");
        assert_eq!(page.rows("Incidents").len(), 2);
        assert!(!again.page("/events").await.text().contains("evt_real"));

        let live: domain::ids::ProjectId =
            sqlx::query_scalar("SELECT id FROM projects WHERE mode = 'live'")
                .fetch_one(&world.pool)
                .await
                .expect("a project");
        for path in [format!("/incidents?project={live}"), "/incidents?mode=live".to_owned()] {
            let page = again.page(&path).await;
            assert_eq!(page.heading(), "1 customer paid and got nothing", "{path}");
        }
        let found = again.page("/incidents?q=evt_real").await;
        assert_eq!(found.rows("Incidents").len(), 1, "what is named is found");
        assert_eq!(again.submit("/events", "/view", &[("mode", "both")]).await.status, 404);
    });
}

#[test]
fn the_sums_above_the_incidents_of_a_cause_are_of_its_mode() {
    run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        fail(&world, "evt_1", &json!({})).await;
        fail(&world, "evt_2", &json!({ "internal_reference": "user_2" })).await;
        let cause = "SELECT cause FROM incidents WHERE cause IS NOT NULL LIMIT 1";
        let cause: domain::ids::CauseId =
            sqlx::query_scalar(cause).fetch_one(&world.pool).await.expect("a cause");
        sqlx::raw_sql(LIVE).execute(&world.pool).await.expect("a live incident");
        let page = viewer.page("/incidents").await;
        assert_eq!(page.heading(), "1 customer paid and got nothing", "real money is viewed");
        for path in [format!("/incidents?cause={cause}"), "/incidents?mode=test".to_owned()] {
            let page = viewer.page(&path).await;
            assert_eq!(page.heading(), "2 test customers paid and got nothing", "{path}");
        }
    });
}

/// In the project of tests: a silence, a destination that is broken, and a result that no receipt claimed.
const WARNED: &str = "
    INSERT INTO silences (id, project_id, event_type, since, usual_per_hour)
    SELECT gen_random_uuid(), id, 'invoice.paid', now() - interval '2 hours', 12 FROM projects WHERE mode = 'test';
    UPDATE destinations SET broken_at = now();
    INSERT INTO audit_entries (id, actor, action, project_id, detail)
    SELECT gen_random_uuid(), 'system', 'result.unclaimed', id, '{\"status\":\"failed\",\"provider_event_id\":\"evt_lost\"}'
    FROM projects WHERE mode = 'test';";

#[test]
fn the_overview_warns_of_what_is_in_the_mode_that_it_shows() {
    run(async {
        let world = World::start_without_worker().await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        fail(&world, "evt_1", &json!({})).await;
        world.alert_bob().await;
        for sql in [LIVE, WARNED] {
            sqlx::raw_sql(sql).execute(&world.pool).await.expect("rows");
        }
        let warnings =
            ["No receipts of invoice.paid", "No alert of CometCart", "never found its receipt"];
        let page = viewer.page("/overview").await;
        assert_eq!(page.texts(".message"), [""; 0], "nothing is wrong with real money");
        viewer.submit("/overview", "/view", &[("mode", "test"), ("section", "/overview")]).await;
        let said = viewer.page("/overview").await.texts(".message").join("\n");
        for warning in warnings {
            assert!(said.contains(warning), "{warning}: {said}");
        }
        let project = format!("/overview?project={}", world.project.id);
        viewer.submit("/overview", "/view", &[("mode", "live"), ("section", "/overview")]).await;
        let of_project = viewer.page(&project).await.texts(".message");
        assert_eq!(of_project.len(), 3, "a project that is named says its mode: {of_project:?}");
    });
}
