//! Receipts that are expected and do not come: noticed once, told once, and once more when they come
//! again.

mod learned;
mod settings;

use domain::ids::ProjectId;
use domain::signature::SigningSecret;
use e2e::{Receiver, World, WorldOptions, run};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::destinations::Target;
use store::receipt_hours;
use store::silences::{self, Silence};

const PAID: &str = "invoice.paid";
const REFUNDED: &str = "charge.refunded";

async fn change(world: &World, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(&world.pool).await.expect("a database");
}

async fn expect(world: &World, expected: &str) {
    change(world, &format!("UPDATE projects SET expected_receipts = '{expected}'")).await;
}

/// A receipt that was taken so long ago, and whose effect was applied.
async fn receive(world: &World, event_type: &str, ago: &str) {
    let sql = "INSERT INTO payment_events (id, project_id, api_key_id, provider, provider_event_id, event_type, effect_type,
            internal_reference, occurred_at, effect, received_at, timeout_minutes, timeout_at, settled_at)
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || left(md5(random()::text), 16))::uuid,
            $1, $2, 'stripe', 'evt_' || gen_random_uuid(), $3, 'credit_grant', 'user_456', at, 'succeeded', at, 30,
            at + interval '30 minutes', at
        FROM (SELECT now() - $4::text::interval AS at) AS moment";
    sqlx::query(sql)
        .bind(world.project.id.as_uuid())
        .bind(world.key_id.as_uuid())
        .bind(event_type)
        .bind(ago)
        .execute(&world.pool)
        .await
        .expect("an event");
}

/// So many receipts in each of these hours before this one.
async fn receive_hourly(
    world: &World,
    event_type: &str,
    hours: std::ops::RangeInclusive<i32>,
    receipts: i64,
) {
    let sql = "INSERT INTO receipt_hours (project_id, event_type, hour, receipts)
        SELECT $1, $2, date_trunc('hour', now(), 'UTC') - make_interval(hours => n), $5
        FROM generate_series($3::integer, $4) AS hours (n)";
    sqlx::query(sql)
        .bind(world.project.id.as_uuid())
        .bind(event_type)
        .bind(*hours.start())
        .bind(*hours.end())
        .bind(receipts)
        .execute(&world.pool)
        .await
        .expect("counts");
}

/// What several workers do in a minute. Returns how many messages they sent.
async fn look(world: &World) -> i64 {
    let before = world.notice_attempts().await;
    tokio::join!(world.send_notices(), world.send_notices());
    world.notice_attempts().await - before
}

async fn open(world: &World) -> Vec<Silence> {
    silences::list_open(&world.pool, Some(world.project.id)).await.expect("a list")
}

/// The flows that are silent.
async fn silent(world: &World) -> Vec<Option<String>> {
    open(world).await.into_iter().map(|one| one.event_type).collect()
}

async fn all(world: &World) -> Vec<Silence> {
    silences::list_newest(&world.pool, world.project.id, 100).await.expect("a list")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_missed_expectation_is_told_once_everywhere_and_once_more_when_receipts_come_again() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let slack = world.alert_slack().await;
        let hook = Receiver::start().await.expect("a receiver");
        let secrets = vec![SigningSecret::from_bytes([7; 32])];
        let target = Target::Webhook { url: hook.url().to_owned(), secrets };
        world.add_destination(&target, "127.0.0.1").await;
        expect(&world, "1h").await;
        assert_eq!(look(&world).await, 0, "nothing was ever received");
        receive(&world, PAID, "59 minutes").await;
        assert_eq!(look(&world).await, 0, "not yet");
        change(
            &world,
            "UPDATE payment_events SET received_at = received_at - interval '31 minutes'",
        )
        .await;

        assert_eq!(look(&world).await, 3);
        assert_eq!(look(&world).await, 0, "once");
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("Subject: [CometCart test] No receipts since"), "{}", mails[0]);
        let posted = slack.wait_for(1).await.remove(0);
        let posted = String::from_utf8_lossy(&posted.body).into_owned();
        assert!(posted.contains("at least one every hour"), "{posted}");
        let sent = json_of(&hook, 0).await;
        let silence = open(&world).await.remove(0);
        assert_eq!(sent["type"], "receipts.silent");
        assert_eq!(sent["data"]["silence_id"], json!(silence.id));
        assert_eq!(sent["data"]["event_type"], Value::Null);
        assert_eq!(sent["data"]["expected_hours"], 1);

        let event_id = world.receipt("evt_again").await;
        assert_eq!(look(&world).await, 3);
        assert_eq!(look(&world).await, 0, "once");
        let mails = world.mailbox.wait_for(2).await;
        assert!(mails[1].contains("Receipts come again"), "{}", mails[1]);
        let resumed = json_of(&hook, 1).await;
        assert_eq!(resumed["type"], "receipts.resumed");
        assert_eq!(resumed["data"]["silence_id"], json!(silence.id));
        let event = store::events::find_event(&world.pool, event_id).await.expect("a database");
        let ended = all(&world).await.remove(0);
        assert_eq!(ended.resumed_at, event.map(|event| event.received_at));
        assert_eq!(silent(&world).await, []);
    });
}

async fn json_of(hook: &Receiver, number: usize) -> Value {
    let received = hook.wait_for(number + 1).await;
    serde_json::from_slice(&received[number].body).expect("JSON")
}

#[test]
fn an_event_type_that_kept_to_it_is_noticed_while_others_come() {
    run(async {
        let world = World::start_without_worker().await;
        expect(&world, "2h").await;
        receive_hourly(&world, PAID, 3..=200, 4).await;
        receive(&world, PAID, "3 hours 5 minutes").await;
        receive(&world, REFUNDED, "3 days").await;
        receive(&world, "customer.subscription.updated", "1 minute").await;
        look(&world).await;
        assert_eq!(silent(&world).await, [Some(PAID.to_owned())], "refunds are rare");

        // Now nothing comes at all, which is one more and no third.
        change(
            &world,
            "DELETE FROM payment_events WHERE event_type = 'customer.subscription.updated'",
        )
        .await;
        look(&world).await;
        look(&world).await;
        assert_eq!(silent(&world).await, [None, Some(PAID.to_owned())]);
        receive(&world, REFUNDED, "1 minute").await;
        look(&world).await;
        assert_eq!(silent(&world).await, [Some(PAID.to_owned())]);
        receive(&world, PAID, "1 minute").await;
        look(&world).await;
        assert_eq!(silent(&world).await, []);
        assert!(all(&world).await.iter().all(|one| one.resumed_at.is_some()));
    });
}

#[test]
fn while_our_own_api_is_away_and_in_the_grace_after_that_nothing_is_silent() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        expect(&world, "2h").await;
        receive(&world, PAID, "150 minutes").await;
        let away = "INSERT INTO api_heartbeats (beat_at) VALUES (now() - interval '5 minutes')";
        change(&world, away).await;
        look(&world).await;
        assert_eq!(silent(&world).await, [], "it is away");
        change(
            &world,
            "DELETE FROM api_heartbeats;
             INSERT INTO outages VALUES (now() - interval '20 minutes', now() - interval '5 minutes', now() + interval '10 minutes')",
        )
        .await;
        look(&world).await;
        assert_eq!(silent(&world).await, [], "apps catch up");
        change(&world, "UPDATE outages SET began_at = now() - interval '60 minutes', judged_at = now() - interval '1 minute'").await;
        look(&world).await;
        assert_eq!(silent(&world).await, [], "an hour of it does not count");
        change(&world, "UPDATE outages SET began_at = now() - interval '21 minutes'").await;
        look(&world).await;
        assert_eq!(silent(&world).await, [None]);
    });
}

#[test]
fn whoever_dies_between_a_silence_and_its_messages_leaves_neither() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        expect(&world, "1h").await;
        receive(&world, PAID, "2 hours").await;
        let die = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
             CREATE TRIGGER die BEFORE INSERT ON notices FOR EACH ROW EXECUTE FUNCTION die()";
        change(&world, die).await;
        let judged = silences::judge(&world.pool, world.project.id).await;
        assert!(judged.is_err(), "{judged:?}");
        assert_eq!(all(&world).await, []);
        change(&world, "ALTER TABLE notices DISABLE TRIGGER die").await;
        assert_eq!(look(&world).await, 1);
        change(&world, "ALTER TABLE notices ENABLE TRIGGER die").await;
        receive(&world, PAID, "1 second").await;
        assert!(silences::judge(&world.pool, world.project.id).await.is_err());
        assert_eq!(silent(&world).await, [None], "it lasts until it is said that it does not");
        change(&world, "ALTER TABLE notices DISABLE TRIGGER die").await;
        assert_eq!(look(&world).await, 1);
        assert_eq!(silent(&world).await, []);
        assert_eq!(world.mailbox.wait_for(2).await.len(), 2);
    });
}

#[test]
fn what_ended_before_it_was_told_is_told_as_ended() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        expect(&world, "1h").await;
        receive(&world, PAID, "2 hours").await;
        silences::judge(&world.pool, world.project.id).await.expect("judged");
        receive(&world, PAID, "1 second").await;
        look(&world).await;
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("Receipts come again"), "{}", mails[0]);
        let states = "SELECT kind || ' ' || state FROM notices ORDER BY kind";
        let states: Vec<String> =
            sqlx::query_scalar(states).fetch_all(&world.pool).await.expect("notices");
        assert_eq!(states, ["receipts_resumed delivered", "receipts_silent given_up"]);
    });
}

#[test]
fn a_worker_notices_without_being_asked_and_another_project_is_left_alone() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let other = "INSERT INTO projects (id, name, mode, timeout_minutes, expected_receipts)
                     VALUES (gen_random_uuid(), 'Silent by nature', 'live', 30, '1h') RETURNING id";
        let other = sqlx::query_scalar(other).fetch_one(&world.pool).await.expect("a project");
        change(&world, "UPDATE projects SET expected_receipts = '1h' WHERE name = 'CometCart'")
            .await;
        receive(&world, PAID, "2 hours").await;
        world.start_worker();
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("No receipts since"), "{}", mails[0]);
        let others = silences::list_open(&world.pool, Some(ProjectId::from_uuid(other))).await;
        assert_eq!(others.expect("a list"), []);
    });
}

#[test]
fn receipts_are_counted_once_whoever_counts_them() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for (event_type, ago) in
            [(PAID, "26 hours"), (PAID, "2 hours"), (PAID, "2 hours"), (REFUNDED, "2 hours")]
        {
            receive(&world, event_type, ago).await;
        }
        let earlier = "UPDATE roll_ups SET rolled_until = now() - interval '30 hours' WHERE name = 'receipt_hours'";
        change(&world, earlier).await;
        let count = async || while receipt_hours::roll_up(&world.pool).await.expect("counted") {};
        for _ in 0..3 {
            tokio::join!(count(), count());
        }
        let sums =
            "SELECT event_type || ' ' || sum(receipts) || ' in ' || count(*) FROM receipt_hours
                    GROUP BY event_type ORDER BY event_type";
        let sums: Vec<String> =
            sqlx::query_scalar(sums).fetch_all(&world.pool).await.expect("sums");
        assert_eq!(sums, ["charge.refunded 1 in 1", "invoice.paid 3 in 2"]);
        change(
            &world,
            "UPDATE receipt_hours SET hour = hour - interval '8 weeks' WHERE receipts = 2",
        )
        .await;
        receipt_hours::delete_old(&world.pool).await.expect("forgotten");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM receipt_hours")
            .fetch_one(&world.pool)
            .await
            .expect("a count");
        assert_eq!(left, 2);
    });
}

#[test]
fn an_archived_project_is_not_silent_and_a_restored_one_has_its_whole_time() {
    run(async {
        let world = World::start_without_worker().await;
        expect(&world, "1h").await;
        receive(&world, PAID, "3 hours").await;
        look(&world).await;
        assert_eq!(open(&world).await.len(), 1);
        for (settings, silences) in [
            ("archived_at = now()", 0),
            ("archived_at = NULL, restored_at = now() - interval '58 minutes'", 0),
            ("restored_at = now() - interval '62 minutes'", 1),
        ] {
            change(&world, &format!("UPDATE projects SET {settings}")).await;
            look(&world).await;
            assert_eq!(open(&world).await.len(), silences, "{settings}");
        }
    });
}
