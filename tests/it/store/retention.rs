//! What is due leaves with every row that belongs to it, and nothing else does.

mod other_rules;
mod owner;

use std::collections::BTreeMap;

use domain::callback::AnswerVerdict;
use domain::ids::EventId;
use domain::retention::Rule;
use domain::secret_token::ProofToken;
use e2e::run;
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::idempotency::SharedOutcome;
use store::proof_links::insert_link;
use store::retention;
use uuid::Uuid;

use super::shared_receipts::{Call, together};
use super::shop::{Shop, bob, receipt_with};

/// Runs SQL that was put together here.
pub async fn sql(shop: &Shop, statements: String) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&shop.pool).await.expect("a database");
}

/// Moves everything about an event into the past. Its messages are dispatched, its alerts delivered.
pub async fn age(shop: &Shop, event_id: EventId, months: i32) {
    let (id, by) = (event_id.as_uuid(), format!("interval '{months} months'"));
    sql(
        shop,
        format!(
            "UPDATE payment_events SET received_at = received_at - {by}, timeout_at = timeout_at - {by},
                 settled_at = settled_at - {by} WHERE id = '{id}';
             UPDATE incidents SET opened_at = opened_at - {by}, resolved_at = resolved_at - {by} WHERE event_id = '{id}';
             UPDATE alerts SET state = 'delivered', finished_at = now() WHERE event_id = '{id}';
             DELETE FROM outbox WHERE event_id = '{id}';"
        ),
    )
    .await;
}

async fn is_there(shop: &Shop, event_id: EventId) -> bool {
    store::events::find_event(&shop.pool, event_id).await.expect("a database").is_some()
}

/// Five events that ended in different ways, with all that can belong to one.
async fn ended(shop: &Shop) -> Vec<EventId> {
    let applied = shop.take("gone_1").await;
    shop.succeed(applied).await;
    let reprocessed = shop.reprocessing("gone_2").await;
    shop.attempt(reprocessed, AnswerVerdict::Retry).await;
    shop.attempt(reprocessed, AnswerVerdict::Delivered).await;
    shop.succeed(reprocessed.event_id).await;
    let resolved = shop.take("gone_3").await;
    shop.fail(resolved).await;
    let incident = shop.incident(resolved).await;
    let hash = ProofToken::from_bytes([1; 32]).hash();
    insert_link(&shop.pool, &incident, &hash, "operator:bob", 7).await.expect("a link");
    shop.resolve(resolved).await;
    let superseded = shop.take("gone_4").await;
    shop.report(superseded, json!({"status": "superseded"})).await;
    let asked = shop.take("gone_5").await;
    shop.succeed(asked).await;
    ask(shop, asked, "now()").await;
    vec![applied, reprocessed.event_id, resolved, superseded, asked]
}

/// An extension that was asked about an event.
async fn ask(shop: &Shop, event_id: EventId, answered_at: &str) {
    let (project, event, ids) =
        (shop.owner.project_id.as_uuid(), event_id.as_uuid(), [Uuid::now_v7(), Uuid::now_v7()]);
    let (answer, outcome) =
        if answered_at == "NULL" { ("NULL", "NULL") } else { ("'{}'", "'alarm'") };
    sql(
        shop,
        format!(
            "INSERT INTO extensions (id, project_id, point, kind, activity, queue, trust, created_by)
             VALUES ('{0}', '{project}', 'before_incident', 'activity', 'probe', 'sendpromptly-ext.{0}', 'propose', 'cli:bob');
             INSERT INTO extension_calls (id, event_id, extension_id, point, answer_by, answered_at, answer, outcome)
             VALUES ('{1}', '{event}', '{0}', 'before_incident', now() + interval '1 minute', {answered_at}, {answer}, {outcome})",
            ids[0], ids[1]
        ),
    )
    .await;
}

/// In which columns of the whole database any of these ids stands, and how often.
async fn traces(shop: &Shop, ids: &[Uuid]) -> BTreeMap<String, i64> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c
         JOIN information_schema.tables t USING (table_schema, table_name)
         WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'uuid'",
    )
    .fetch_all(&shop.pool)
    .await
    .expect("columns");
    let mut traces = BTreeMap::new();
    for (table, column) in columns {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ANY ($1)");
        let counted = sqlx::query_scalar(AssertSqlSafe(sql)).bind(ids);
        let rows: i64 = counted.fetch_one(&shop.pool).await.expect("a count");
        if rows > 0 {
            traces.insert(format!("{table}.{column}"), rows);
        }
    }
    traces
}

/// The ids of these events and of all that belongs to them.
async fn ids_of(shop: &Shop, events: &[EventId]) -> Vec<Uuid> {
    let events: Vec<_> = events.iter().map(|id| id.as_uuid()).collect();
    sqlx::query_scalar(
        "SELECT unnest($1) UNION SELECT id FROM incidents WHERE event_id = ANY ($1)
         UNION SELECT id FROM reprocesses WHERE event_id = ANY ($1) UNION SELECT id FROM alerts WHERE event_id = ANY ($1)
         UNION SELECT id FROM results WHERE event_id = ANY ($1) UNION SELECT id FROM extension_calls WHERE event_id = ANY ($1)",
    )
    .bind(events)
    .fetch_all(&shop.pool)
    .await
    .expect("ids")
}

/// How many rows of all tables hold a text.
async fn rows_with(shop: &Shop, text: &str) -> BTreeMap<String, i64> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&shop.pool)
            .await
            .expect("tables");
    let mut found = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%{text}%'");
        let rows: i64 =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&shop.pool).await.expect("a count");
        if rows > 0 {
            found.insert(table, rows);
        }
    }
    found
}

#[test]
fn what_ended_a_year_ago_leaves_with_every_row_and_a_dry_run_counts_it_before() {
    run(async {
        let shop = Shop::open().await;
        let events = ended(&shop).await;
        for event_id in &events {
            age(&shop, *event_id, 14).await;
        }
        let ids = ids_of(&shop, &events).await;
        let before = traces(&shop, &ids).await;
        assert!(before.len() > 15, "{before:?}");

        let due = retention::count_due(&shop.pool, Rule::Events).await.expect("a count");
        assert_eq!(traces(&shop, &ids).await, before, "a dry run deletes nothing");
        let gone = retention::delete_due(&shop.pool, Rule::Events).await.expect("deleted");
        assert_eq!(gone.rows(), due.rows());
        let tables: Vec<_> = due.rows().into_iter().map(|rows| rows.table).collect();
        let all = "alerts audit_entries callback_attempts event_identities extension_calls incidents payment_events \
                   proof_links reprocesses results";
        assert_eq!(tables.join(" "), all);

        let left = traces(&shop, &ids).await;
        let kept = [("event_keys.event_id", 5), ("expired_events.event_id", 5)];
        assert_eq!(left, kept.map(|(column, rows)| (column.to_owned(), rows)).into());
        assert_eq!(rows_with(&shop, "gone_").await, BTreeMap::new(), "nor any text");
        assert_eq!(shop.delete_due(Rule::Events).await, 0);
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn what_is_pending_open_running_undelivered_or_young_stays_however_old_it_is() {
    run(async {
        let shop = Shop::open().await;
        let mut stays = Vec::new();
        let pending = shop.take("pending").await;
        let open = shop.missed("open").await;
        let running = shop.reprocessing("running").await.event_id;
        for event_id in [pending, open, running] {
            age(&shop, event_id, 200).await;
            stays.push(event_id);
        }
        for name in ["undelivered", "in the outbox", "planned", "asked", "resolved later", "young"]
        {
            let event_id = shop.missed(name).await;
            shop.resolve(event_id).await;
            age(&shop, event_id, if name == "young" { 11 } else { 14 }).await;
            stays.push(event_id);
        }
        let change = async |number: usize, statement: &'static str| {
            shop.execute(statement, stays[number]).await;
        };
        change(3, "UPDATE alerts SET state = 'pending' WHERE event_id = $1").await;
        change(4, "INSERT INTO outbox (id, event_id, wish, payload, parked_at) VALUES (gen_random_uuid(), $1, 'resolve', '{}', now())").await;
        change(5, "INSERT INTO policy_plans (event_id, try_at) VALUES ($1, now())").await;
        ask(&shop, stays[6], "NULL").await;
        change(
            7,
            "UPDATE incidents SET resolved_at = now() - interval '11 months' WHERE event_id = $1",
        )
        .await;
        assert_eq!(
            retention::count_due(&shop.pool, Rule::Events).await.expect("a count").total(),
            0
        );
        assert_eq!(shop.delete_due(Rule::Events).await, 0);
        for (number, event_id) in stays.iter().enumerate() {
            assert!(is_there(&shop, *event_id).await, "number {number}");
        }
        change(
            7,
            "UPDATE incidents SET resolved_at = now() - interval '13 months' WHERE event_id = $1",
        )
        .await;
        assert!(shop.delete_due(Rule::Events).await > 0, "once it ended long ago it leaves");
        assert!(!is_there(&shop, stays[7]).await);
    });
}

#[test]
fn each_project_keeps_its_events_for_as_long_as_it_says() {
    run(async {
        let shop = Shop::open().await;
        let other = super::shared_receipts::project(&shop).await;
        let mut events = Vec::new();
        for (shop, months) in [(&shop, 2), (&shop, 13), (&other, 13), (&other, 83)] {
            let event_id = shop.take(&format!("evt_{months}")).await;
            shop.succeed(event_id).await;
            age(shop, event_id, months).await;
            events.push(event_id);
        }
        let id = other.owner.project_id.as_uuid();
        sql(&shop, format!("UPDATE projects SET retention_months = 84 WHERE id = '{id}'")).await;
        shop.delete_due(Rule::Events).await;
        let mut there = Vec::new();
        for event_id in &events {
            there.push(is_there(&shop, *event_id).await);
        }
        assert_eq!(there, [true, false, true, true]);
        sql(&shop, "UPDATE projects SET retention_months = 1".to_owned()).await;
        shop.delete_due(Rule::Events).await;
        for event_id in &events {
            assert!(!is_there(&shop, *event_id).await);
        }
    });
}

#[test]
fn a_receipt_for_an_event_that_went_is_a_duplicate_for_a_year_more_and_a_new_event_then() {
    run(async {
        let shop = Shop::open().await;
        let receipt = receipt_with("evt_1", &json!({}));
        let first = shop.accept(&receipt).await;
        shop.succeed(first.event_id).await;
        age(&shop, first.event_id, 14).await;
        assert!(shop.delete_due(Rule::Events).await > 0);

        let again = shop.accept(&receipt).await;
        assert_eq!((again.event_id, again.duplicate), (first.event_id, true));
        assert!(first.timeout_at - again.timeout_at > time::Duration::days(400), "as it was");
        let (outcomes, left) =
            together(&shop, &[Call::of("k1", "evt_1"), Call::of("k2", "evt_2")]).await;
        let SharedOutcome::Accepted(response) = &outcomes[0] else { panic!("{outcomes:?}") };
        let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
        let id = first.event_id.as_uuid().to_string();
        assert_eq!((body["id"].as_str(), &body["duplicate"]), (Some(id.as_str()), &json!(true)));
        assert_eq!(left, 0, "nothing is slower because of it");
        assert!(!is_there(&shop, first.event_id).await, "nothing of it comes back");
        let messages = "SELECT count(*) FROM outbox WHERE event_id = $1";
        let messages: i64 = sqlx::query_scalar(messages)
            .bind(first.event_id.as_uuid())
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(messages, 0, "and no watch is opened");

        assert_eq!(shop.delete_due(Rule::Identities).await, 0);
        sql(
            &shop,
            "UPDATE expired_events SET expired_at = now() - interval '12 months 1 second'"
                .to_owned(),
        )
        .await;
        let due = retention::count_due(&shop.pool, Rule::Identities).await.expect("a count");
        let gone = retention::delete_due(&shop.pool, Rule::Identities).await.expect("deleted");
        assert_eq!((gone.rows(), gone.total()), (due.rows(), 2));
        let new = shop.accept(&receipt).await;
        assert_ne!((new.event_id, new.duplicate), (first.event_id, true));
        assert!(!new.duplicate);
    });
}

#[test]
fn an_event_whose_key_cannot_be_computed_leaves_no_key_behind() {
    run(async {
        let shop = Shop::open().await;
        let event_id = shop.take("evt_00000000000000").await;
        shop.succeed(event_id).await;
        shop.execute(
            "UPDATE event_keys SET key = sha256('of a delivery') WHERE event_id = $1",
            event_id,
        )
        .await;
        age(&shop, event_id, 14).await;
        shop.delete_due(Rule::Events).await;
        sql(
            &shop,
            "UPDATE expired_events SET expired_at = now() - interval '13 months'".to_owned(),
        )
        .await;
        shop.delete_due(Rule::Identities).await;
        assert_eq!(traces(&shop, &[event_id.as_uuid()]).await, BTreeMap::new());
    });
}

#[test]
fn what_someone_works_on_is_left_for_the_next_run() {
    run(async {
        let shop = Shop::open().await;
        let (held, free) = (shop.take("held").await, shop.take("free").await);
        for event_id in [held, free] {
            shop.succeed(event_id).await;
            age(&shop, event_id, 14).await;
        }
        let mut tx = shop.begin().await;
        store::events::lock_event(&mut tx, held).await.expect("a database").expect("an event");
        shop.delete_due(Rule::Events).await;
        assert_eq!((is_there(&shop, held).await, is_there(&shop, free).await), (true, false));
        tx.rollback().await.expect("let go");
        shop.delete_due(Rule::Events).await;
        assert!(!is_there(&shop, held).await);
    });
}

#[test]
fn two_who_run_at_the_same_time_share_the_work() {
    run(async {
        let shop = Shop::open().await;
        for number in 0..60 {
            let event_id = shop.take(&format!("evt_{number}")).await;
            shop.succeed(event_id).await;
            age(&shop, event_id, 14).await;
        }
        let (one, other) = tokio::join!(
            retention::delete_due(&shop.pool, Rule::Events),
            retention::delete_due(&shop.pool, Rule::Events)
        );
        let both = one.expect("deleted").total() + other.expect("deleted").total();
        assert_eq!(both, 60 * 5, "an event, its identity, a result and two entries each");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM payment_events")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(left, 0);
    });
}

#[test]
fn many_events_that_are_not_due_make_no_large_batch_of_those_that_are() {
    run(async {
        let shop = Shop::open().await;
        for (name, events) in [("waits", 140), ("due", 40)] {
            for number in 0..events {
                shop.succeed(shop.take(&format!("{name}_{number}")).await).await;
            }
        }
        let by = "interval '14 months'";
        let past = format!(
            "UPDATE payment_events SET received_at = received_at - {by}, timeout_at = timeout_at - {by}, settled_at = settled_at - {by};
             DELETE FROM outbox WHERE event_id IN (SELECT id FROM payment_events WHERE provider_event_id LIKE 'due%')"
        );
        sql(&shop, past).await;
        let mut totals = Vec::new();
        let mut note = |total: i64| totals.push(total);
        let gone =
            retention::run(&shop.pool, Rule::Events, &bob(), &mut note).await.expect("deleted");
        let of_event = gone.total() / 40;
        let first = totals.iter().find(|total| **total > 0).expect("a batch");
        assert!(first / of_event <= 20, "{first} rows at a time, {of_event} of each event");
    });
}
