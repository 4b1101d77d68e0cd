//! The page of retention.

use domain::audit::Actor;
use domain::operator::Role;
use domain::retention::Rule;
use e2e::console::Operator;
use e2e::{World, eventually, run};
use store::retention;
use uuid::Uuid;

#[test]
fn an_admin_sees_each_rule_with_its_last_run() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        world.engine.ensure_retention_schedule(&world.pool).await.expect("Temporal");
        retention::run(&world.pool, Rule::Events, &Actor::System, &mut |_| ())
            .await
            .expect("a run");
        let failed = "INSERT INTO retention_runs (id, rule, started_by, ended_at, error)
            VALUES (gen_random_uuid(), 'sessions', 'system', now(), '<b>broken</b>')";
        sqlx::query(failed).execute(&world.pool).await.expect("a run");
        let page = alice.page("/retention").await;
        assert_eq!(page.heading(), "Retention runs every hour.");
        assert_eq!(page.badges(), ["[done] Done", "[open] Failed"]);
        let text = page.text();
        assert!(text.contains("as the project says after the event ended"), "{text}");
        assert!(text.contains("<b>broken</b>"), "as text: {text}");
        let bob = Operator::signed_in(&world, Role::Operator).await;
        assert_eq!(bob.get("/retention").await.status, 403);
    });
}

#[test]
fn what_is_not_deleted_is_a_note_for_admins_and_a_missing_migration_a_trouble_for_all() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let late = "UPDATE environments SET retention_since = now() - interval '3 days'";
        sqlx::query(late).execute(&world.pool).await.expect("a database");
        let note = eventually("a note", async || {
            alice.page("/projects").await.texts(".attention").into_iter().next()
        })
        .await;
        assert!(note.contains("has not come to its end for 3 days"), "{note}");
        assert!(note.contains("What to do: see sendpromptly retention status"), "{note}");
        let page = bob.page("/projects").await;
        assert!(page.texts(".attention").is_empty());
        assert!(!page.alerts().join(" ").contains("has not come to its end"));

        let older = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
        sqlx::query(older).execute(&world.pool).await.expect("an older schema");
        eventually("a trouble", async || {
            let said = bob.page("/projects").await.alerts().join(" ");
            said.contains("migrations of this version are missing: 1").then_some(())
        })
        .await;
    });
}

#[test]
fn an_admin_pauses_and_resumes_the_schedule() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        assert_eq!(alice.page("/retention").await.heading(), "What is kept for how long.");
        let rejected = alice.submit("/retention", "/retention/pause", &[]).await;
        assert_eq!(rejected.location.as_deref(), Some("/retention"));
        let message = alice.page("/retention").await.message().expect("a message");
        assert!(message.starts_with("[refused] There is no schedule yet"), "{message}");

        world.engine.ensure_retention_schedule(&world.pool).await.expect("Temporal");
        alice.submit("/retention", "/retention/pause", &[]).await;
        let page = alice.page("/retention").await;
        assert_eq!(page.heading(), "Retention is paused.");
        let text = page.text();
        assert!(text.contains("It was paused by admin@cometcart.test"), "{text}");
        let schedule = world.engine.find_retention_schedule().await.expect("Temporal");
        assert!(schedule.expect("one").is_paused);
        alice.submit("/retention", "/retention/resume", &[]).await;
        assert_eq!(alice.page("/retention").await.heading(), "Retention runs every hour.");
    });
}

#[test]
fn the_schedule_of_another_database_is_not_shown_as_ours() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        world.engine.ensure_retention_schedule(&world.pool).await.expect("Temporal");
        let theirs = Uuid::now_v7().to_string();
        // The relay may be taking it for this database just now.
        eventually("another database to have the namespace", async || {
            world.engine.adopt_environment(&theirs).await.ok()
        })
        .await;
        let page = alice.page("/retention").await;
        assert_eq!(page.heading(), "What is kept for how long.");
        let text = page.text();
        assert!(text.contains(&format!("belongs to the database {theirs}")), "{text}");
        assert!(text.contains("TEMPORAL_NAMESPACE"), "{text}");
        assert!(!text.contains("next run is at"), "{text}");
        assert!(!page.html().contains("/retention/pause"), "{text}");
    });
}
