//! The button that checks the repair endpoint.

use domain::operator::Role;
use e2e::World;
use e2e::console::Operator;
use serde_json::json;

use super::broken::fail;

#[test]
fn the_endpoint_is_probed_as_doctor_does_and_nothing_is_changed() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let action = bob.page(&path).await.button("Check the repair endpoint").action;
        assert_eq!(action, format!("{path}/check-repair"));
        let pressed = bob.submit(&path, &action, &[]).await;
        assert_eq!(pressed.location.as_deref(), Some(path.as_str()));
        let text = bob.page(&path).await.text();
        // It takes whatever comes, which is what has to be found.
        assert!(text.contains("a wrong signature must be refused with 4xx"), "{text}");
        let reprocesses = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM reprocesses");
        assert_eq!(reprocesses.fetch_one(&world.pool).await.expect("a count"), 0);

        sqlx::query("UPDATE projects SET repair_url = NULL")
            .execute(&world.pool)
            .await
            .expect("a change");
        let page = bob.page(&path).await;
        assert!(!page.buttons().contains(&"Check the repair endpoint".to_owned()));
        bob.submit(&path, &action, &[]).await;
        let text = bob.page(&path).await.text();
        assert!(text.contains("Reprocess cannot work"), "{text}");
    });
}
