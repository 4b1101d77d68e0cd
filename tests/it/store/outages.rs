//! What an outage of our own API does to deadlines, by the database's clock.
//!
//! Time passes in these tests by moving what was written before back.

use std::time::Duration;

use domain::callback::AnswerVerdict;
use domain::ids::EventId;
use e2e::{run, until_lock_wait};
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::events::{list_forgotten, list_overdue};
use store::gauges::count_outages;
use store::transitions::silence::end_reprocess_if_due;
use store::{outages, pool, reprocesses};

use super::shop::{RunningReprocess, Shop};

async fn sql(shop: &Shop, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&shop.pool).await.expect("a statement");
}

async fn beat(shop: &Shop) {
    outages::beat(&shop.pool).await.expect("a heartbeat");
}

/// Lets so many seconds pass for everything that the API wrote.
async fn let_pass(shop: &Shop, seconds: u32) {
    sql(shop, format!(
        "UPDATE api_heartbeats SET beat_at = beat_at - interval '{seconds} s';
         UPDATE outages SET began_at = began_at - interval '{seconds} s', judged_at = judged_at - interval '{seconds} s',
             ended_at = ended_at - interval '{seconds} s';
         UPDATE payment_events SET timeout_at = timeout_at - interval '{seconds} s' WHERE effect = 'pending';
         UPDATE reprocesses SET result_due_at = result_due_at - interval '{seconds} s'"
    ))
    .await;
}

/// Lets so many times five seconds pass while an API runs.
async fn let_pass_beating(shop: &Shop, times: u32) {
    for _ in 0..times {
        let_pass(shop, 5).await;
        beat(shop).await;
    }
}

/// An event that is due now.
async fn due(shop: &Shop, provider_event_id: &str) -> EventId {
    let event_id = shop.take(provider_event_id).await;
    shop.execute("UPDATE payment_events SET timeout_at = now() WHERE id = $1", event_id).await;
    event_id
}

/// Judges an event; the grace of its incident if that is open now.
async fn judge(shop: &Shop, event_id: EventId) -> Option<Option<i32>> {
    shop.silence(event_id).await;
    let incident = store::incidents::find_for_event(&shop.pool, event_id).await;
    Some(incident.expect("a database")?.outage_grace_seconds)
}

/// For how long an outage lasted, and for how long from its beginning things wait, in seconds.
type Noted = (Option<i64>, i64);

/// As long as said, and the time that the test itself took.
fn is_about(seconds: i64, wanted: i64) -> bool {
    (wanted..wanted + 20).contains(&seconds)
}

/// Judges an event and sees that it is judged so much later than due.
async fn assert_judged_later(shop: &Shop, event_id: EventId, seconds: i64) {
    let grace = judge(shop, event_id).await.flatten().map(i64::from);
    assert!(grace.is_some_and(|grace| is_about(grace, seconds)), "{grace:?}, not {seconds}");
}

async fn assert_noted(shop: &Shop, wanted: &[Noted]) {
    let noted = noted(shop).await;
    let is_one = |((ended, judged), (then, when)): (&Noted, &Noted)| {
        let is_over = match (*ended, *then) {
            (Some(ended), Some(then)) => is_about(ended, then),
            (ended, then) => ended == then,
        };
        is_over && is_about(*judged, *when)
    };
    let all = noted.len() == wanted.len() && noted.iter().zip(wanted).all(is_one);
    assert!(all, "{noted:?}, not {wanted:?}");
}

async fn noted(shop: &Shop) -> Vec<Noted> {
    sqlx::query_as(
        "SELECT round(extract(epoch FROM ended_at - began_at))::bigint, round(extract(epoch FROM judged_at - began_at))::bigint
         FROM outages ORDER BY began_at",
    )
    .fetch_all(&shop.pool)
    .await
    .expect("outages")
}

#[test]
fn that_no_api_runs_is_known_before_it_is_noted_and_until_one_runs() {
    run(async {
        let shop = Shop::open().await;
        let away = async || count_outages(&shop.pool).await.expect("gauges").away;
        assert_eq!(away().await, 0, "none ever ran");
        beat(&shop).await;
        let_pass(&shop, 5).await;
        assert_eq!(away().await, 0, "a restart");
        let_pass(&shop, 85).await;
        let seconds = away().await;
        assert!(is_about(seconds, 90), "{seconds}");
        beat(&shop).await;
        assert_eq!(away().await, 0);
    });
}

#[test]
fn heartbeats_and_restarts_of_less_than_15_s_are_no_outage_and_keep_nothing_waiting() {
    run(async {
        let shop = Shop::open().await;
        outages::note_gap(&shop.pool).await.expect("noted");
        let before_any = due(&shop, "evt_1").await;
        assert_eq!(judge(&shop, before_any).await, Some(None), "nothing ever beat");
        for _ in 0..3 {
            beat(&shop).await;
            let_pass(&shop, 5).await;
        }
        let event_id = due(&shop, "evt_2").await;
        assert_eq!(judge(&shop, event_id).await, Some(None));
        let_pass(&shop, 5).await;
        outages::note_gap(&shop.pool).await.expect("noted");
        beat(&shop).await;
        assert_eq!(noted(&shop).await, []);
    });
}

#[test]
fn what_fell_due_in_an_outage_is_judged_when_its_grace_ends() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let before = due(&shop, "evt_0").await;
        shop.execute(
            "UPDATE payment_events SET timeout_at = now() - interval '1 s' WHERE id = $1",
            before,
        )
        .await;
        let_pass(&shop, 10).await;
        let during = due(&shop, "evt_1").await;
        assert_eq!(judge(&shop, during).await, None, "a heartbeat is missing");
        let_pass(&shop, 10).await;
        assert_eq!(judge(&shop, during).await, None, "no API has taken requests for 20 s");
        assert_eq!(judge(&shop, before).await, Some(None), "it was due before");
        beat(&shop).await;
        assert_noted(&shop, &[(Some(20), 80)]).await;
        let in_grace = due(&shop, "evt_2").await;
        let_pass_beating(&shop, 9).await;
        let reported = due(&shop, "evt_3").await;
        for event_id in [during, in_grace, reported] {
            assert_eq!(judge(&shop, event_id).await, None);
        }
        shop.succeed(reported).await;
        let_pass_beating(&shop, 4).await;
        assert_judged_later(&shop, during, 70).await;
        assert_judged_later(&shop, in_grace, 60).await;
        assert_eq!(judge(&shop, reported).await, None, "it came in time");
        let after = due(&shop, "evt_4").await;
        assert_eq!(judge(&shop, after).await, Some(None));
        let story = shop.story(during).await;
        assert!(story.contains("incident: open/missing_result"), "{story}");
    });
}

#[test]
fn a_late_worker_judges_as_one_in_time_would_have() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 300).await;
        let during = due(&shop, "evt_1").await;
        beat(&shop).await;
        assert_noted(&shop, &[(Some(300), 600)]).await;
        let_pass(&shop, 4_000).await;
        sql(&shop, "UPDATE api_heartbeats SET beat_at = now()".to_owned()).await;
        assert_judged_later(&shop, during, 300).await;
    });
}

#[test]
fn two_apis_that_return_at_once_note_one_outage() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 3_000).await;
        let mut held = shop.begin().await;
        sqlx::query("SELECT FROM api_heartbeats FOR UPDATE")
            .execute(&mut *held)
            .await
            .expect("held");
        let all = futures::future::join_all((0..4).map(|_| outages::beat(&shop.pool)));
        let (done, ()) = tokio::join!(all, async {
            until_lock_wait(&shop.pool).await;
            held.rollback().await.expect("given back");
        });
        for one in done {
            one.expect("a heartbeat");
        }
        assert_noted(&shop, &[(Some(3_000), 4_800)]).await;
    });
}

#[test]
fn an_api_that_dies_while_it_notes_an_outage_leaves_it_to_the_next() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 100).await;
        sql(&shop, "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'died'; END $$;
             CREATE TRIGGER die BEFORE UPDATE ON api_heartbeats FOR EACH ROW EXECUTE FUNCTION die()".to_owned()).await;
        outages::beat(&shop.pool).await.expect_err("it dies");
        assert_eq!(noted(&shop).await, []);
        sql(&shop, "DROP TRIGGER die ON api_heartbeats".to_owned()).await;
        beat(&shop).await;
        beat(&shop).await;
        assert_noted(&shop, &[(Some(100), 200)]).await;
    });
}

#[test]
fn while_one_of_two_apis_lives_there_is_no_outage() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        outages::end_beat(&shop.pool).await.expect("the other one ends");
        let event_id = due(&shop, "evt_1").await;
        assert_eq!(judge(&shop, event_id).await, None, "it may have been the last one");
        let_pass(&shop, 4).await;
        beat(&shop).await;
        assert_eq!(judge(&shop, event_id).await, Some(None));
        assert_eq!(noted(&shop).await, []);
    });
}

#[test]
fn an_outage_in_the_grace_of_another_gives_its_own_grace_to_both() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 200).await;
        let first = due(&shop, "evt_1").await;
        beat(&shop).await;
        let_pass(&shop, 190).await;
        let second = due(&shop, "evt_2").await;
        let_pass(&shop, 15).await;
        for event_id in [first, second] {
            assert_eq!(judge(&shop, event_id).await, None, "the second outage lasts");
        }
        beat(&shop).await;
        assert_noted(&shop, &[(Some(200), 610), (Some(205), 410)]).await;
        let_pass(&shop, 206).await;
        beat(&shop).await;
        // The gap of these 206 s is the third, and began before the second's grace ended.
        assert_eq!(judge(&shop, first).await, None);
        sql(&shop, "UPDATE outages SET judged_at = ended_at".to_owned()).await;
        assert!(judge(&shop, second).await.is_some());
    });
}

#[test]
fn an_api_that_never_returns_is_waited_for_six_hours_after_that_was_noticed() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 100_000).await;
        let event_id = due(&shop, "evt_1").await;
        let_pass(&shop, 50_000).await;
        assert_eq!(judge(&shop, event_id).await, None, "a laptop slept, and its worker woke first");
        outages::note_gap(&shop.pool).await.expect("noted");
        outages::note_gap(&shop.pool).await.expect("noted once");
        assert_noted(&shop, &[(None, 150_000 + 6 * 3_600)]).await;
        let_pass(&shop, 6 * 3_600 - 10).await;
        assert_eq!(judge(&shop, event_id).await, None);
        let_pass(&shop, 11).await;
        let later = due(&shop, "evt_2").await;
        assert_judged_later(&shop, event_id, 50_000 + 6 * 3_600).await;
        assert_eq!(judge(&shop, later).await, Some(None));
        beat(&shop).await;
        assert_noted(&shop, &[(Some(171_601), 171_601 + 1_800)]).await;
    });
}

async fn overdue(shop: &Shop) -> Vec<EventId> {
    list_overdue(&shop.pool, Duration::from_mins(2), 10).await.expect("a list")
}

#[test]
fn the_sweep_and_the_health_checks_leave_alone_what_waits_for_an_outage() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let before = due(&shop, "evt_1").await;
        shop.execute(
            "UPDATE payment_events SET timeout_at = now() - interval '1 s' WHERE id = $1",
            before,
        )
        .await;
        let_pass(&shop, 500).await;
        let during = due(&shop, "evt_2").await;
        let_pass(&shop, 500).await;
        outages::note_gap(&shop.pool).await.expect("noted");
        sql(&shop, "DELETE FROM outbox".to_owned()).await;
        for after in ["while it lasts", "in its grace"] {
            assert_eq!(overdue(&shop).await, [before], "{after}");
            assert_eq!(list_forgotten(&shop.pool, 10).await.expect("a list"), [before], "{after}");
            let health = store::health::read_work(&shop.pool).await.expect("a health");
            assert_eq!(health.overdue_events, 1, "{after}");
            beat(&shop).await;
        }
        let_pass(&shop, 1_000 + 125).await;
        assert_eq!(overdue(&shop).await, [before, during]);
        let health = store::health::read_work(&shop.pool).await.expect("a health");
        assert_eq!(health.overdue_events, 2);
    });
}

#[test]
fn the_sweep_comes_to_its_end_while_an_outage_in_the_grace_of_another_lasts() {
    run(async {
        let shop = Shop::open().await;
        let running = shop.reprocessing("evt_1").await;
        shop.attempt(running, AnswerVerdict::Delivered).await;
        beat(&shop).await;
        let_pass(&shop, 200).await;
        let event_id = due(&shop, "evt_2").await;
        sql(&shop, "UPDATE reprocesses SET result_due_at = now()".to_owned()).await;
        beat(&shop).await;
        // The grace of the 200 s is over, and the API has been away since it began.
        let_pass(&shop, 400).await;
        assert_eq!(overdue(&shop).await, [event_id]);
        let unanswered = reprocesses::list_unanswered(&shop.pool, 10).await.expect("a list");
        assert_eq!(unanswered, [(running.event_id, running.replay_id)]);
        let sweep = engine::sweep::sweep(&shop.pool);
        tokio::time::timeout(Duration::from_mins(1), sweep).await.expect("an end");
        assert_eq!(judge(&shop, event_id).await, None, "the second outage lasts");
        let story = shop.story(running.event_id).await;
        assert!(!story.contains("reprocess: no_result"), "{story}");
        let restarts: i64 =
            sqlx::query_scalar("SELECT count(*) FROM outbox WHERE wish = 'restart'")
                .fetch_one(&shop.pool)
                .await
                .expect("a count");
        assert_eq!(restarts, 0);
    });
}

#[test]
fn the_result_of_a_callback_is_waited_for_in_the_same_way() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        let replay_id = shop.reprocess(event_id).await;
        shop.attempt(RunningReprocess { event_id, replay_id }, AnswerVerdict::Delivered).await;
        beat(&shop).await;
        let_pass(&shop, 100).await;
        shop.execute("UPDATE reprocesses SET result_due_at = now() WHERE event_id = $1", event_id)
            .await;
        let end = async || {
            let mut tx = shop.begin().await;
            end_reprocess_if_due(&mut tx, event_id, replay_id).await.expect("a database");
            pool::commit(tx).await.expect("a commit");
            shop.story(event_id).await.contains("reprocess: no_result")
        };
        assert!(!end().await, "the API is away");
        let_pass(&shop, 100).await;
        outages::note_gap(&shop.pool).await.expect("noted");
        assert_eq!(reprocesses::list_unanswered(&shop.pool, 10).await.expect("a list"), []);
        beat(&shop).await;
        assert!(!end().await, "its grace goes on");
        sql(&shop, "UPDATE outages SET judged_at = clock_timestamp()".to_owned()).await;
        assert!(end().await);
    });
}

#[test]
fn a_failure_reported_in_a_grace_is_a_failure_and_needs_no_grace() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 100).await;
        let event_id = due(&shop, "evt_1").await;
        beat(&shop).await;
        shop.report(event_id, json!({"status": "failed"})).await;
        assert_eq!(judge(&shop, event_id).await, Some(None));
    });
}

#[test]
fn outages_are_forgotten_after_a_quarter_of_a_year() {
    run(async {
        let shop = Shop::open().await;
        beat(&shop).await;
        let_pass(&shop, 100).await;
        beat(&shop).await;
        outages::delete_old(&shop.pool).await.expect("deleted");
        assert_eq!(noted(&shop).await.len(), 1);
        let_pass(&shop, 91 * 86_400).await;
        outages::delete_old(&shop.pool).await.expect("deleted");
        assert_eq!(noted(&shop).await, []);
    });
}
