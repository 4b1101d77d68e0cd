//! The outbox: claims, back-off, parking, and how long messages wait.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::EventId;
use domain::outbox::OutboxMessage;
use e2e::run;
use serde_json::json;
use store::health::read_work;
use store::outbox::{self, ClaimedMessage, FailedMessage, Rejected};
use store::transitions::acknowledge::{AcknowledgeRequest, acknowledge_incident};
use store::watch_probes::{self, Fault};
use store::{PgPool, pool};
use uuid::Uuid;

use super::shop::{Shop, bob};

async fn message(pool: &PgPool) -> EventId {
    let event_id = EventId::from_uuid(Uuid::now_v7());
    outbox::enqueue(pool, event_id, &OutboxMessage::Start).await.expect("a message");
    event_id
}

/// The events of the messages that are needed within so many seconds.
async fn claim_within(pool: &PgPool, seconds: u64) -> Vec<EventId> {
    let within = Some(Duration::from_secs(seconds));
    let claimed = outbox::claim_due(pool, within, 10).await.expect("a claim");
    claimed.into_iter().map(|message| message.event_id).collect()
}

async fn claim(pool: &PgPool, limit: i64) -> Vec<ClaimedMessage> {
    outbox::claim_due(pool, None, limit).await.expect("a claim")
}

async fn execute(pool: &PgPool, sql: &'static str) {
    sqlx::query(sql).execute(pool).await.expect("a statement");
}

/// Seconds until the only message is due.
async fn due_in(pool: &PgPool) -> f64 {
    sqlx::query_scalar(
        "SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8 FROM outbox",
    )
    .fetch_one(pool)
    .await
    .expect("a message")
}

#[test]
fn two_claimers_never_get_the_same_message_and_nobody_waits() {
    run(async {
        let shop = Shop::open().await;
        for _ in 0..10 {
            message(&shop.pool).await;
        }
        let mut alice = shop.begin().await;
        let held: Vec<Uuid> =
            sqlx::query_scalar("SELECT id FROM outbox ORDER BY due_by, id LIMIT 6 FOR UPDATE")
                .fetch_all(&mut *alice)
                .await
                .expect("messages");
        let first = claim(&shop.pool, 10).await;
        alice.rollback().await.expect("a rollback");
        let second = claim(&shop.pool, 10).await;
        assert_eq!((first.len(), second.len()), (4, 6));
        let freed: Vec<_> = second.iter().map(|message| message.id.as_uuid()).collect();
        assert_eq!(freed, held, "what was rolled back is free again, oldest first");
    });
}

#[test]
fn many_claimers_at_once_share_the_messages_out() {
    run(async {
        let shop = Shop::open().await;
        for _ in 0..200 {
            message(&shop.pool).await;
        }
        let claimers = (0..8).map(|_| {
            let pool = shop.pool.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let messages = claim(&pool, 7).await;
                    if messages.is_empty() {
                        return mine;
                    }
                    mine.extend(messages.into_iter().map(|message| message.id));
                }
            })
        });
        let shares = futures::future::join_all(claimers).await;
        let ids: Vec<_> = shares.into_iter().flat_map(|share| share.expect("a claimer")).collect();
        assert_eq!(ids.len(), 200);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 200);
    });
}

#[test]
fn a_message_that_nobody_can_read_keeps_no_other_from_being_claimed() {
    run(async {
        let shop = Shop::open().await;
        message(&shop.pool).await;
        execute(&shop.pool, "ALTER TABLE outbox DROP CONSTRAINT outbox_wish_check").await;
        execute(&shop.pool, "UPDATE outbox SET wish = 'sing'").await;
        let event_id = message(&shop.pool).await;
        let claimed = claim(&shop.pool, 10).await;
        assert_eq!(claimed.iter().map(|message| message.event_id).collect::<Vec<_>>(), [event_id]);
        outbox::delete_relayed(&shop.pool, &[claimed[0].id]).await.expect("deleted");
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (1, 0), "it waits");
    });
}

#[test]
fn a_claim_holds_for_30_seconds_and_runs_out() {
    run(async {
        let shop = Shop::open().await;
        let event_id = message(&shop.pool).await;
        let first = claim(&shop.pool, 10).await;
        assert_eq!((first[0].attempts, first[0].event_id), (1, event_id));
        assert!(claim(&shop.pool, 10).await.is_empty());
        let due = due_in(&shop.pool).await;
        assert!((25.0..=30.0).contains(&due), "{due}");
        execute(&shop.pool, "UPDATE outbox SET next_attempt_at = now() - interval '1 ms'").await;
        let second = claim(&shop.pool, 10).await;
        assert_eq!((second[0].attempts, second[0].id), (2, first[0].id));
        outbox::delete_relayed(&shop.pool, &[first[0].id]).await.expect("deleted");
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (0, 0));
    });
}

#[test]
fn an_events_messages_are_claimed_together_and_in_their_order() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.take("evt_2").await;
        shop.reprocess(event_id).await;
        shop.succeed(event_id).await;
        let messages = claim(&shop.pool, 1).await;
        let kinds: Vec<_> = messages.iter().map(|message| message.kind.as_str()).collect();
        assert_eq!(kinds, ["start", "reprocess", "result"]);
        assert!(messages.iter().all(|message| message.event_id == event_id));
        assert!(outbox::has_messages(&shop.pool, event_id).await.expect("a response"));
    });
}

#[test]
fn results_and_near_deadlines_are_claimed_before_watches_that_have_time() {
    run(async {
        let shop = Shop::open().await;
        for id in ["evt_1", "evt_2", "evt_3", "evt_4"] {
            shop.take(id).await;
        }
        let reported = shop.take("evt_5").await;
        claim(&shop.pool, 10).await;
        execute(&shop.pool, "UPDATE outbox SET next_attempt_at = now()").await;
        shop.succeed(reported).await;
        let soon = shop.take("evt_6").await;
        shop.execute(
            "UPDATE outbox SET due_by = now() + interval '10 seconds' WHERE event_id = $1",
            soon,
        )
        .await;
        let sooner = claim_within(&shop.pool, 20).await;
        assert_eq!(sooner, [soon], "nobody waits for the end of a watch");
        let soon = claim_within(&shop.pool, 60).await;
        assert_eq!(soon, [reported, reported], "a result takes the start of its watch along");
        assert_eq!(claim(&shop.pool, 10).await.len(), 4, "the others have time");
    });
}

#[test]
fn the_first_incident_of_a_cause_goes_ahead_of_a_flood_of_another() {
    run(async {
        let shop = Shop::open().await;
        let flood = shop.take("evt_1").await;
        shop.fail(flood).await;
        claim(&shop.pool, 10).await;
        for id in ["evt_2", "evt_3"] {
            let event_id = shop.take(id).await;
            shop.fail(event_id).await;
        }
        execute(&shop.pool, "UPDATE outbox SET due_by = due_by - interval '2 minutes'").await;
        let alone = shop.take("evt_4").await;
        let error = json!({ "status": "failed", "error_code": "out_of_stock" });
        shop.report(alone, error).await;
        assert_eq!(claim(&shop.pool, 1).await[0].event_id, alone);
        let next = claim(&shop.pool, 1).await[0].event_id;
        assert_ne!(next, alone, "what it went ahead of comes next");
    });
}

#[test]
fn a_claim_that_is_given_up_was_no_attempt() {
    run(async {
        let shop = Shop::open().await;
        message(&shop.pool).await;
        let claimed = claim(&shop.pool, 1).await.remove(0);
        assert!(claim(&shop.pool, 1).await.is_empty());
        outbox::release(&shop.pool, &[claimed.id]).await.expect("given up");
        assert_eq!(claim(&shop.pool, 1).await.remove(0).attempts, 1);
    });
}

fn failed(message: &ClaimedMessage, behind: &[ClaimedMessage]) -> FailedMessage {
    let behind = behind.iter().map(|message| message.id).collect();
    FailedMessage { id: message.id, error: "Temporal is away".to_owned(), behind }
}

#[test]
fn what_follows_a_message_that_fails_is_put_off_with_it() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.missed("evt_1").await;
        shop.reprocess(event_id).await;
        shop.succeed(event_id).await;
        let claimed = claim(&shop.pool, 1).await;
        let failed = [failed(&claimed[0], &claimed[1..])];
        outbox::reschedule(&shop.pool, &failed).await.expect("put off");
        let passed = "UPDATE outbox SET next_attempt_at = next_attempt_at - interval '2 seconds'";
        execute(&shop.pool, passed).await;
        let kinds: Vec<_> = claim(&shop.pool, 1).await.iter().map(|it| it.kind.as_str()).collect();
        assert_eq!(kinds, ["start", "reprocess", "result"], "no longer, and in their order");
        let errors = sqlx::query_scalar("SELECT count(last_error) FROM outbox");
        let errors: i64 = errors.fetch_one(&shop.pool).await.expect("a count");
        assert_eq!(errors, 1, "the others were not tried");
    });
}

#[test]
fn a_message_that_fails_is_put_off_further_each_time() {
    run(async {
        let shop = Shop::open().await;
        message(&shop.pool).await;
        for (attempt, planned) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 32.0, 32.0].iter().enumerate() {
            execute(&shop.pool, "UPDATE outbox SET next_attempt_at = now()").await;
            let claimed = claim(&shop.pool, 1).await.remove(0);
            let failed = [failed(&claimed, &[])];
            outbox::reschedule(&shop.pool, &failed).await.expect("put off");
            let due = due_in(&shop.pool).await;
            let allowed = planned * 0.5 - 0.5..=planned * 1.5;
            assert!(allowed.contains(&due), "attempt {attempt}: {due} s, not {allowed:?}");
        }
        let error: String = sqlx::query_scalar("SELECT last_error FROM outbox")
            .fetch_one(&shop.pool)
            .await
            .expect("a message");
        assert_eq!(error, "Temporal is away");
    });
}

#[test]
fn a_message_that_is_rejected_is_parked_and_has_one_more_chance_every_hour() {
    run(async {
        let shop = Shop::open().await;
        message(&shop.pool).await;
        let claimed = claim(&shop.pool, 1).await.remove(0);
        let reject = async || outbox::reject(&shop.pool, claimed.id, "why").await.expect("a count");
        for _ in 0..9 {
            assert_eq!(reject().await, Rejected::TriedAgain);
        }
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (1, 0));
        assert_eq!(reject().await, Rejected::Parked);
        execute(&shop.pool, "UPDATE outbox SET next_attempt_at = now()").await;
        assert!(claim(&shop.pool, 10).await.is_empty());
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (0, 1));
        outbox::unpark_old(&shop.pool).await.expect("looked");
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (0, 1));
        execute(&shop.pool, "UPDATE outbox SET parked_at = now() - interval '61 minutes'").await;
        outbox::unpark_old(&shop.pool).await.expect("unparked");
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (1, 0));
        assert_eq!(claim(&shop.pool, 10).await[0].attempts, 1, "the count starts again");
        assert_eq!(reject().await, Rejected::ParkedAgain);
        assert_eq!(outbox::count_waiting(&shop.pool).await.expect("counts"), (0, 1));
    });
}

#[test]
fn a_message_that_was_put_off_before_the_clock_was_set_back_is_due() {
    run(async {
        let shop = Shop::open().await;
        message(&shop.pool).await;
        assert_eq!(claim(&shop.pool, 1).await.len(), 1);
        assert!(claim(&shop.pool, 1).await.is_empty(), "it is claimed");
        let set_back = "UPDATE outbox SET next_attempt_at = next_attempt_at + interval '3 hours'";
        execute(&shop.pool, set_back).await;
        assert_eq!(claim(&shop.pool, 1).await.len(), 1);
        assert!(claim(&shop.pool, 1).await.is_empty(), "it is claimed again");
    });
}

/// Writes the start of a watch that has an hour, so many seconds ago.
async fn message_of(pool: &PgPool, seconds_ago: i32) -> EventId {
    let event_id = message(pool).await;
    let sql = "UPDATE outbox SET created_at = now() - make_interval(secs => $2),
        due_by = now() - make_interval(secs => $2) + interval '1 hour' WHERE event_id = $1";
    let aged = sqlx::query(sql).bind(event_id.as_uuid()).bind(f64::from(seconds_ago)).execute(pool);
    aged.await.expect("a message");
    event_id
}

#[test]
fn the_age_of_what_waits_is_that_of_the_oldest_whoever_wrote_it() {
    run(async {
        let shop = Shop::open().await;
        let waits_for = async || {
            let seconds = read_work(&shop.pool).await.expect("a health").waiting_for;
            seconds.map(|seconds| seconds / 100 * 100)
        };
        assert_eq!(waits_for().await, None);
        let parked = message_of(&shop.pool, 900).await;
        shop.execute("UPDATE outbox SET parked_at = now() WHERE event_id = $1", parked).await;
        assert_eq!(waits_for().await, None, "a parked one does not wait");
        message_of(&shop.pool, 500).await;
        message_of(&shop.pool, 100).await;
        assert_eq!(waits_for().await, Some(500), "the smallest id");
        execute(
            &shop.pool,
            "INSERT INTO outbox (id, event_id, wish, payload, created_at, due_by)
             SELECT 'ffffffff-ffff-4fff-bfff-ffffffffffff', gen_random_uuid(), 'restart', '{}', at, at
             FROM (SELECT now() - interval '700 seconds' AS at) AS written",
        )
        .await;
        assert_eq!(waits_for().await, Some(700), "one that an operator inserted");
    });
}

#[test]
fn what_has_time_may_wait_and_what_temporal_should_have_may_not() {
    run(async {
        let shop = Shop::open().await;
        let needed_for = async || {
            let seconds = read_work(&shop.pool).await.expect("a health").needed_for;
            seconds.map(|seconds| seconds / 100 * 100)
        };
        let judge = async || watch_probes::judge(&shop.pool).await.expect("a database");
        message_of(&shop.pool, 900).await;
        assert_eq!((needed_for().await, judge().await), (None, None), "its deadline is far");
        execute(
            &shop.pool,
            "UPDATE outbox SET last_error = 'away', next_attempt_at = now() + interval '20 seconds'",
        )
        .await;
        assert_eq!(needed_for().await, Some(900), "Temporal does not take it");
        execute(&shop.pool, "UPDATE outbox SET next_attempt_at = now()").await;
        assert_eq!(needed_for().await, None, "it was held back since");
        execute(&shop.pool, "UPDATE outbox SET due_by = now() + interval '50 seconds'").await;
        assert_eq!((needed_for().await, judge().await), (Some(0), None), "since a moment ago");
        execute(&shop.pool, "UPDATE outbox SET due_by = now() - interval '150 seconds'").await;
        assert_eq!(needed_for().await, Some(200), "since a minute before its deadline");
        assert_eq!(judge().await, Some(Fault::MessagesWait));
    });
}

/// The messages of an event as they are stored, with the ids that differ each time left out.
async fn rows(shop: &Shop, event_id: EventId) -> String {
    let rows: Vec<String> = sqlx::query_scalar(
        r"SELECT concat_ws(' ', wish, regexp_replace(payload::text, '_[0-9A-Z]{26}', '_…'))
          FROM outbox WHERE event_id = $1 ORDER BY id",
    )
    .bind(event_id.as_uuid())
    .fetch_all(&shop.pool)
    .await
    .expect("rows");
    rows.join("\n")
}

#[test]
fn rows_are_those_that_other_releases_write_and_read() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_1").await;
        shop.fail(event_id).await;
        let mut tx = shop.begin().await;
        acknowledge_incident(
            &mut tx,
            event_id,
            AcknowledgeRequest { actor: &bob(), note: None, bulk_id: None },
        )
        .await
        .expect("open");
        pool::commit(tx).await.expect("a commit");
        shop.reprocess(event_id).await;
        shop.resolve(event_id).await;
        insta::assert_snapshot!(rows(&shop, event_id).await, @r#"
        start {}
        result {"status": "failed", "result_id": "res_…"}
        acknowledged {}
        reprocess {"replay_id": "rpl_…"}
        resolve {"recorded": true}
        "#);

        let superseded = shop.take("evt_2").await;
        shop.report(superseded, json!({ "status": "superseded" })).await;
        insta::assert_snapshot!(rows(&shop, superseded).await, @r#"
        start {}
        result {"status": "superseded", "result_id": "res_…"}
        "#);

        let forgotten = shop.take("evt_4").await;
        shop.execute("DELETE FROM outbox WHERE event_id = $1", forgotten).await;
        shop.execute(
            "UPDATE payment_events SET timeout_at = now() - interval '1 hour' WHERE id = $1",
            forgotten,
        )
        .await;
        engine::sweep::sweep(&shop.pool).await;
        insta::assert_snapshot!(rows(&shop, forgotten).await, @"restart {}");
    });
}
