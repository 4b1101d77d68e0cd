//! Which events count as forgotten, so that the sweep starts their watch again.

use std::time::Duration;

use domain::callback::AnswerVerdict;
use domain::ids::EventId;
use e2e::{eventually, run};
use store::events::{list_forgotten, lock_event};
use store::{incidents, watch_checks};

use super::shop::{RunningReprocess, Shop};

/// Deletes the outbox messages of an event, as if Temporal had taken and then lost them, and its
/// alerts.
async fn lose(shop: &Shop, event_id: EventId) {
    shop.execute("DELETE FROM outbox WHERE event_id = $1", event_id).await;
    shop.execute(
        "UPDATE alerts SET state = 'delivered', attempts = 1 WHERE event_id = $1",
        event_id,
    )
    .await;
}

async fn forgotten(shop: &Shop) -> Vec<EventId> {
    list_forgotten(&shop.pool, 10).await.expect("a list")
}

#[test]
fn a_pending_event_is_forgotten_two_minutes_after_its_deadline_and_without_a_wish() {
    run(async {
        let shop = Shop::open().await;
        let (lost, wished) = (shop.take("evt_1").await, shop.take("evt_2").await);
        let heard = shop.take("evt_3").await;
        shop.succeed(heard).await;
        lose(&shop, lost).await;
        lose(&shop, heard).await;
        for (age, expected) in [("1 minute", vec![]), ("3 minutes", vec![lost])] {
            let sql = format!("UPDATE payment_events SET timeout_at = now() - interval '{age}'");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
            assert_eq!(forgotten(&shop).await, expected, "{age}; {wished} has its message");
        }
    });
}

#[test]
fn an_open_incident_is_forgotten_two_minutes_after_its_deadline_until_its_watch_comes() {
    run(async {
        let shop = Shop::open().await;
        let (late, come) = (shop.missed("evt_1").await, shop.missed("evt_2").await);
        let resolved = shop.missed("evt_3").await;
        for event_id in [late, come, resolved] {
            lose(&shop, event_id).await;
            incidents::mark_watch_late(&shop.pool, event_id).await.expect("a mark");
        }
        incidents::clear_watch_late(&shop.pool, come).await.expect("a mark");
        shop.resolve(resolved).await;
        lose(&shop, resolved).await;
        for (age, expected) in [("1 minute", vec![]), ("3 minutes", vec![late])] {
            let sql = format!("UPDATE payment_events SET timeout_at = now() - interval '{age}'");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
            assert_eq!(forgotten(&shop).await, expected, "{age}");
        }
    });
}

/// An event whose deadline passed so long ago.
async fn overdue(shop: &Shop, event: &str, ago: &str) -> EventId {
    let event_id = shop.take(event).await;
    let sql =
        format!("UPDATE payment_events SET timeout_at = now() - interval '{ago}' WHERE id = $1");
    let aged = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(event_id.as_uuid());
    aged.execute(&shop.pool).await.expect("aged");
    event_id
}

async fn is_opened(shop: &Shop, event_id: EventId) -> bool {
    let found = incidents::find_for_event(&shop.pool, event_id).await;
    found.expect("a database").is_some()
}

#[test]
fn an_overdue_event_that_somebody_holds_keeps_no_other_from_being_opened() {
    run(async {
        let shop = Shop::open().await;
        let held = overdue(&shop, "evt_1", "9 minutes").await;
        let mut somebody = shop.begin().await;
        lock_event(&mut somebody, held).await.expect("a lock");
        let pool = shop.pool_for(Duration::from_secs(1));
        let other = overdue(&shop, "evt_2", "8 minutes").await;
        let opened = eventually("the incident of the other", async || {
            is_opened(&shop, other).await.then_some(())
        });
        tokio::select! {
            () = engine::deadlines::run(&pool) => {}
            () = opened => {}
        }
        let other = overdue(&shop, "evt_3", "7 minutes").await;
        engine::sweep::sweep(&pool).await;
        assert!(is_opened(&shop, other).await && !is_opened(&shop, held).await);
        somebody.rollback().await.expect("a rollback");
        engine::sweep::sweep(&pool).await;
        assert!(is_opened(&shop, held).await);
    });
}

#[test]
fn a_reprocess_that_nobody_carries_on_is_forgotten() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        lose(&shop, event_id).await;
        assert_eq!(forgotten(&shop).await, []);
        shop.execute(
            "UPDATE reprocesses SET requested_at = now() - interval '3 minutes' WHERE event_id = $1",
            event_id,
        )
        .await;
        assert_eq!(forgotten(&shop).await, [event_id], "requested and never sent");
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Retry).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::RetryOnce).await;
        assert_eq!(forgotten(&shop).await, [], "between two attempts");
        for (age, expected) in [("1 minute", vec![]), ("3 minutes", vec![event_id])] {
            let sql = format!("UPDATE reprocesses SET next_attempt_at = now() - interval '{age}'");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&shop.pool).await.expect("aged");
            assert_eq!(forgotten(&shop).await, expected, "an attempt was due {age} ago");
        }
        for (sql, expected) in [
            ("UPDATE reprocesses SET next_attempt_at = NULL WHERE event_id = $1", vec![]),
            (
                "UPDATE callback_attempts SET started_at = now() - interval '8 hours'
                 WHERE replay_id IN (SELECT id FROM reprocesses WHERE event_id = $1)",
                vec![event_id],
            ),
        ] {
            shop.execute(sql, event_id).await;
            assert_eq!(forgotten(&shop).await, expected, "an older release wrote the last attempt");
        }
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Delivered).await;
        assert_eq!(forgotten(&shop).await, [], "delivered");
        shop.execute(
            "UPDATE reprocesses SET result_due_at = now() - interval '3 minutes' WHERE event_id = $1",
            event_id,
        )
        .await;
        assert_eq!(forgotten(&shop).await, [event_id], "unanswered");
    });
}

#[test]
fn an_event_whose_watch_was_looked_for_is_left_alone_for_a_quarter_of_an_hour() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        lose(&shop, event_id).await;
        shop.execute(
            "UPDATE payment_events SET timeout_at = now() - interval '3 minutes' WHERE id = $1",
            event_id,
        )
        .await;
        watch_checks::note_check(&shop.pool, event_id).await.expect("a check");
        assert_eq!(forgotten(&shop).await, []);
        shop.execute(
            "UPDATE watch_checks SET checked_at = now() - interval '16 minutes' WHERE event_id = $1",
            event_id,
        )
        .await;
        assert_eq!(forgotten(&shop).await, [event_id]);
        watch_checks::note_check(&shop.pool, event_id).await.expect("another check");
        assert_eq!(forgotten(&shop).await, []);
    });
}

#[test]
fn an_event_and_a_step_that_fail_keep_nothing_else_from_being_swept() {
    run(async {
        let shop = Shop::open().await;
        let mut events = Vec::new();
        for name in ["evt_1", "evt_2", "evt_3"] {
            events.push(shop.take(name).await);
            lose(&shop, events[events.len() - 1]).await;
        }
        for sql in [
            "UPDATE payment_events SET timeout_at = now() - interval '3 minutes'",
            "UPDATE payment_events SET provider = 'No body' WHERE provider_event_id = 'evt_2'",
            "ALTER TABLE worker_heartbeats RENAME TO elsewhere",
        ] {
            sqlx::query(sql).execute(&shop.pool).await.expect(sql);
        }
        engine::sweep::sweep(&shop.pool).await;
        assert_eq!(forgotten(&shop).await, [events[1]], "the others have their message");
    });
}
