//! The schedule, on a real Temporal.

use std::sync::Arc;

use domain::retention::Rule;
use e2e::temporal::trigger_retention;
use e2e::{World, WorldOptions, eventually, run};
use engine::health::{Monitor, Status};
use engine::retention::ScheduleSeen;
use engine::setup::Made;
use engine::{Engine, EngineError, TemporalSettings};
use serde_json::json;
use store::retention::runs;
use temporalio_client::schedules::DeleteScheduleOptions;
use workflows::names::retention_schedule_id;

use super::sql;

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn workers_make_one_schedule_that_deletes_what_is_due() {
    run(async {
        let world = World::start_with(WorldOptions::default().with_retention()).await;
        world.start_worker();
        let seen = eventually("the schedule", async || {
            world.engine.find_retention_schedule().await.ok().flatten()
        })
        .await;
        assert!(!seen.is_paused);
        let next = time::OffsetDateTime::from(seen.next_at.expect("a next start"));
        let next = next - time::OffsetDateTime::now_utc();
        assert!(next <= time::Duration::HOUR, "{next}");
        let made = world.engine.ensure_retention_schedule(&world.pool).await.expect("Temporal");
        assert_eq!(made, Made::WasThere);

        let event_id = world.receipt("evt_old").await;
        world.result(event_id, "success", json!({})).await;
        eventually("no messages", async || {
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
                .fetch_one(&world.pool)
                .await
                .ok()?;
            (left == 0).then_some(())
        })
        .await;
        sql(
            &world,
            "UPDATE payment_events SET settled_at = settled_at - interval '14 months'".to_owned(),
        )
        .await;
        trigger_retention(&world.temporal().await, world.engine.task_queue()).await;
        eventually("every rule to be applied", async || {
            let last = runs::list_last(&world.pool).await.ok()?;
            let ended = last.iter().filter(|run| run.succeeded_at.is_some()).count();
            (ended == Rule::ALL.len()).then_some(())
        })
        .await;
        let (status, again) = world.post("/api/v1/receipt", &e2e::world::receipt("evt_old")).await;
        assert_eq!((status, &again["duplicate"]), (202, &json!(true)), "{again}");
        assert_eq!(again["event_id"], json!(event_id));
        assert!(
            store::events::find_event(&world.pool, event_id).await.expect("a database").is_none()
        );
    });
}

#[test]
fn a_schedule_that_is_paused_stays_so_when_workers_start() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        assert_eq!(world.engine.find_retention_schedule().await.expect("Temporal"), None);
        assert!(!pause(&world, true, "bob").await, "there is none");
        assert_eq!(ensure(&world).await, Made::Made);
        assert!(pause(&world, true, "paused by bob").await);
        let seen = eventually("a paused schedule", async || paused(&world).await).await;
        assert_eq!((seen.note.as_str(), seen.next_at), ("paused by bob", None));
        assert_eq!(ensure(&world).await, Made::WasThere);
        assert!(paused(&world).await.is_some(), "it stays so");
        assert!(pause(&world, false, "resumed by bob").await);
        eventually("a schedule that goes on", async || {
            let seen = world.engine.find_retention_schedule().await.ok().flatten()?;
            (!seen.is_paused && seen.next_at.is_some()).then_some(())
        })
        .await;
    });
}

#[test]
fn a_schedule_that_was_paused_and_is_lost_is_made_again_paused() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        assert_eq!(ensure(&world).await, Made::Made);
        assert!(pause(&world, true, "paused by bob").await);
        eventually("a paused schedule", async || paused(&world).await).await;
        lose(&world).await;
        assert_eq!(ensure(&world).await, Made::Made);
        let seen = eventually("a paused schedule", async || paused(&world).await).await;
        assert_eq!(seen.note, "paused by bob");

        // As by Temporal's own tools, which tell the database nothing: a worker does.
        sql(&world, "UPDATE environments SET retention_paused = NULL".to_owned()).await;
        assert_eq!(ensure(&world).await, Made::WasThere);
        let kept = store::retention::pause::find(&world.pool).await.expect("a database");
        assert_eq!(kept.as_deref(), Some("paused by bob"));

        assert!(pause(&world, false, "resumed by bob").await);
        lose(&world).await;
        assert_eq!(ensure(&world).await, Made::Made);
        let seen = world.engine.find_retention_schedule().await.expect("Temporal");
        assert!(!seen.expect("a schedule").is_paused);
    });
}

#[test]
fn the_schedule_of_another_database_is_not_paused() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        assert_eq!(ensure(&world).await, Made::Made);
        assert!(pause(&world, false, "resumed by bob").await);
        sql(&world, "UPDATE environments SET id = gen_random_uuid()".to_owned()).await;
        let (address, namespace) = (world.temporal_address.clone(), embedded::NAMESPACE.to_owned());
        let settings = TemporalSettings::Plain { address, namespace };
        let engine = Engine::new(settings, world.engine.task_queue());
        let rejected = engine.pause_retention(&world.pool, true, "paused by bob").await;
        assert!(matches!(rejected, Err(EngineError::Foreign(_))), "{rejected:?}");
        let seen = world.engine.find_retention_schedule().await.expect("Temporal");
        assert!(!seen.expect("a schedule").is_paused);
    });
}

async fn ensure(world: &World) -> Made {
    world.engine.ensure_retention_schedule(&world.pool).await.expect("Temporal")
}

async fn pause(world: &World, paused: bool, note: &str) -> bool {
    world.engine.pause_retention(&world.pool, paused, note).await.expect("Temporal")
}

async fn paused(world: &World) -> Option<ScheduleSeen> {
    let seen = world.engine.find_retention_schedule().await.ok().flatten()?;
    seen.is_paused.then_some(seen)
}

/// As where another namespace is used.
async fn lose(world: &World) {
    let id = retention_schedule_id(world.engine.task_queue());
    let schedule = world.temporal().await.get_schedule_handle(id);
    schedule.delete(DeleteScheduleOptions::default()).await.expect("Temporal");
    eventually("no schedule", async || {
        let seen = world.engine.find_retention_schedule().await.ok()?;
        seen.is_none().then_some(())
    })
    .await;
}

#[test]
fn health_says_when_a_rule_has_not_run_for_two_days() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let check = async || {
            let monitor = Monitor::new(world.pool.clone(), Arc::clone(&world.engine));
            let report = Box::pin(monitor.report()).await;
            report.checks.into_iter().find(|check| check.name == "retention").expect("the check")
        };
        assert_eq!(check().await.status, Status::Ok, "nothing is expected yet");
        sql(
            &world,
            "UPDATE environments SET retention_since = now() - interval '3 days'".to_owned(),
        )
        .await;
        let late = check().await;
        assert_eq!(late.status, Status::Degraded);
        assert!(late.detail.starts_with("the rule "), "{}", late.detail);
        let (code, _) = world.cli(&["retention", "run"]).await.expect("a command");
        assert_eq!((code, check().await.status), (0, Status::Ok));
        sql(&world, "UPDATE retention_runs SET error = 'broken' WHERE rule = 'events'".to_owned())
            .await;
        assert!(
            check().await.detail.starts_with("the rule events has not come to its end for 3 days")
        );
    });
}
