//! Months are made ahead of time and dropped when next to nothing is left of them, and whatever a clock says, no row is rejected.

use std::time::Instant;

use domain::ids::EventId;
use domain::retention::Rule;
use e2e::run;
use store::partitions::{MadeAhead, list_behind, make_ahead};
use store::retention;
use uuid::Uuid;

use super::audit_chain::as_superuser;
use super::retention::sql;
use super::shop::Shop;

const MONTHS: &str = include_str!("../../harness/months.sql");

/// A shop whose tables were divided this long ago, with a pending event of each month since.
async fn divided_since(months: i32) -> Shop {
    let shop = Shop::open().await;
    let project = shop.owner.project_id.as_uuid();
    let divide = format!(
        "{MONTHS} SELECT pg_temp.divide_since('{months} months');
         SELECT pg_temp.add_event('{project}', now() - m * interval '1 month', m) FROM generate_series(0, {months}) AS m"
    );
    sql(&shop, divide).await;
    shop
}

async fn names(shop: &Shop, table: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT partition FROM list_partitions() WHERE relation = $1")
        .bind(table)
        .fetch_all(&shop.pool)
        .await
        .expect("names")
}

/// Which partition an event is in.
async fn place(shop: &Shop, id: Uuid) -> String {
    sqlx::query_scalar("SELECT relname::text FROM payment_events e JOIN pg_class c ON c.oid = e.tableoid WHERE e.id = $1")
        .bind(id)
        .fetch_one(&shop.pool)
        .await
        .expect("an event")
}

async fn count(shop: &Shop, table: &'static str) -> i64 {
    let sql = match table {
        "payment_events" => "SELECT count(*) FROM payment_events",
        _ => "SELECT count(*) FROM audit_entries",
    };
    sqlx::query_scalar(sql).fetch_one(&shop.pool).await.expect("a count")
}

#[test]
fn two_months_are_made_ahead_and_a_row_of_any_time_has_a_place() {
    run(async {
        let shop = divided_since(3).await;
        let made = make_ahead(&shop.pool).await.expect("a database");
        assert_eq!(made, MadeAhead::default(), "all are there");
        assert_eq!(list_behind(&shop.pool).await.expect("a database"), []);
        let ahead: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM list_partitions() WHERE relation = 'results' AND begins > now() AND ends IS NOT NULL",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("a count");
        assert!((1..=2).contains(&ahead), "{ahead}");
        let now = place(&shop, shop.take("evt_now").await.as_uuid()).await;
        assert!(now.starts_with("payment_events_20"), "{now}");
        for (year, place_of_it) in [(1990, "payment_events_first"), (2200, "payment_events_last")] {
            let project = shop.owner.project_id.as_uuid();
            let add =
                format!("{MONTHS} SELECT pg_temp.add_event('{project}', '{year}-01-01Z', {year})");
            sql(&shop, add).await;
            let id: Uuid =
                sqlx::query_scalar("SELECT id FROM payment_events WHERE provider_event_id = $1")
                    .bind(format!("evt_{year}"))
                    .fetch_one(&shop.pool)
                    .await
                    .expect("an event");
            assert_eq!(place(&shop, id).await, place_of_it);
            shop.succeed(EventId::from_uuid(id)).await;
        }
    });
}

/// As if no worker had run since this month began.
async fn unmake(shop: &Shop, table: &str) {
    let gone = format!(
        "DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT partition FROM list_partitions() WHERE relation = '{table}'
                 AND begins >= partitions.first_of_month(now()) LOOP
                 EXECUTE format('ALTER TABLE {table} DETACH PARTITION partitions.%I', name);
             END LOOP;
             EXECUTE format('ALTER TABLE {table} ATTACH PARTITION partitions.{table}_last
                 FOR VALUES FROM (%s) TO (MAXVALUE)', partitions.bound_at('{table}', 'id', partitions.first_of_month(now())));
             FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'partitions'::regnamespace AND relkind = 'r'
                 AND NOT relispartition LOOP
                 EXECUTE format('DROP TABLE partitions.%I', name);
             END LOOP;
         END $$"
    );
    sql(shop, gone).await;
}

#[test]
fn a_month_that_nobody_made_is_reported_and_made_with_the_rows_that_came_meanwhile() {
    run(async {
        let shop = divided_since(3).await;
        unmake(&shop, "payment_events").await;
        let behind = list_behind(&shop.pool).await.expect("a database");
        assert_eq!(behind.len(), 1);
        assert_eq!(behind[0].table, "payment_events");
        let id = shop.take("evt_1").await;
        assert_eq!(place(&shop, id.as_uuid()).await, "payment_events_last");
        let made = make_ahead(&shop.pool).await.expect("a database").made;
        assert!((2..=3).contains(&made.len()), "this month and those ahead: {made:?}");
        assert_eq!(place(&shop, id.as_uuid()).await, made[0]);
        assert_eq!(list_behind(&shop.pool).await.expect("a database"), []);
        shop.succeed(id).await;
        assert_eq!(make_ahead(&shop.pool).await.expect("a database"), MadeAhead::default());
    });
}

#[test]
fn no_month_is_made_while_the_disk_is_full_of_what_was_moved() {
    run(async {
        let shop = divided_since(3).await;
        unmake(&shop, "audit_entries").await;
        let moved = format!(
            "{MONTHS} INSERT INTO audit_entries (id, actor, action, detail)
             SELECT pg_temp.id_of(now() + interval '4 months', n), 'cli:bob', 'operator.added',
                 jsonb_build_object('long', repeat(md5(n::text), 50)) FROM generate_series(1, 12000) AS n"
        );
        sql(&shop, moved).await;
        as_superuser(&shop, "DELETE FROM audit_entries WHERE detail ? 'long'").await;
        assert_eq!(make_ahead(&shop.pool).await.expect("a database"), MadeAhead::default());
        assert_eq!(list_behind(&shop.pool).await.expect("a database").len(), 1, "it is told");
        sql(&shop, "VACUUM partitions.audit_entries_last".to_owned()).await;
        let made = make_ahead(&shop.pool).await.expect("a database").made;
        assert!((2..=3).contains(&made.len()), "this month and those ahead: {made:?}");
    });
}

#[test]
fn nobody_waits_long_behind_who_makes_or_drops_a_month() {
    run(async {
        let shop = Shop::open().await;
        let waits: Vec<String> = sqlx::query_scalar(
            "SELECT setting FROM pg_proc CROSS JOIN LATERAL unnest(proconfig) AS setting
             WHERE proname IN ('make_partition', 'drop_partition') AND setting LIKE 'lock_timeout=%'",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("settings");
        assert_eq!(waits, ["lock_timeout=40ms", "lock_timeout=40ms"]);
    });
}

#[test]
fn who_waits_for_a_table_keeps_nobody_from_it() {
    run(async {
        let shop = divided_since(3).await;
        let mut reading = shop.begin().await;
        sqlx::query("SELECT FROM payment_events").execute(&mut *reading).await.expect("a read");
        let began = Instant::now();
        let due = retention::count_due(&shop.pool, Rule::Partitions).await.expect("a count");
        let gone = retention::delete_due(&shop.pool, Rule::Partitions).await.expect("deleted");
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
        let of_events = |rows: Vec<retention::MonthRows>| {
            rows.into_iter().filter(|one| one.table.starts_with("payment_events")).count()
        };
        assert!(of_events(due.rows()) > 0);
        assert_eq!(of_events(gone.rows()), 0, "it is left for the next run");
        reading.rollback().await.expect("an end");
        let gone = retention::delete_due(&shop.pool, Rule::Partitions).await.expect("deleted");
        assert_eq!(of_events(gone.rows()), of_events(due.rows()));
    });
}

/// All that is known of every event.
async fn story(shop: &Shop) -> Vec<String> {
    let rows = sqlx::query_scalar("SELECT e::text FROM payment_events e ORDER BY id");
    rows.fetch_all(&shop.pool).await.expect("events")
}

#[test]
fn a_month_of_which_next_to_nothing_is_left_is_dropped_and_what_must_stay_stays() {
    run(async {
        let shop = divided_since(5).await;
        let story = story(&shop).await;
        sql(
            &shop,
            format!(
                "{MONTHS} INSERT INTO audit_entries (id, at, actor, action, detail)
                 SELECT pg_temp.id_of(now() - interval '4 months', n), now() - interval '4 months', 'cli:bob', 'operator.added',
                     '{{\"note\": \"mine\"}}' FROM generate_series(1, 1001) AS n"
            ),
        )
        .await;
        let before = (count(&shop, "payment_events").await, count(&shop, "audit_entries").await);
        let due = retention::count_due(&shop.pool, Rule::Partitions).await.expect("a count");
        assert_eq!(due.total(), 0, "no row leaves");
        let gone = retention::delete_due(&shop.pool, Rule::Partitions).await.expect("deleted");
        assert_eq!(gone, due, "what was said goes");
        let kept = names(&shop, "audit_entries").await;
        let full: String = sqlx::query_scalar(
            "SELECT relname::text FROM audit_entries e JOIN pg_class c ON c.oid = e.tableoid GROUP BY 1 HAVING count(*) > 1000",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("a month");
        assert!(kept.contains(&full), "a thousand rows are no next to nothing: {kept:?}");
        let events = names(&shop, "payment_events").await;
        assert!(events.len() < kept.len() && events.len() >= 5, "{events:?}");
        assert_eq!(
            (count(&shop, "payment_events").await, count(&shop, "audit_entries").await),
            before
        );
        assert_eq!(self::story(&shop).await, story);
        for forbidden in ["DELETE FROM audit_entries", "TRUNCATE partitions.audit_entries_first"] {
            sqlx::query(forbidden).execute(&shop.pool).await.expect_err(forbidden);
        }
    });
}

/// Entries about no event, which stay for good: so many of each of these months, the oldest first.
async fn add_what_stays(shop: &Shop, months: [i32; 3]) {
    let [oldest, middle, newest] = months;
    sql(
        shop,
        format!(
            "{MONTHS} INSERT INTO audit_entries (id, at, actor, action)
             SELECT pg_temp.id_of(moment, n), moment, 'cli:bob', 'operator.added'
             FROM (VALUES (5, {oldest}), (4, {middle}), (3, {newest})) AS t (ago, most)
             CROSS JOIN LATERAL (SELECT now() - ago * interval '1 month' AS moment) AS m
             CROSS JOIN LATERAL generate_series(1, most) AS n"
        ),
    )
    .await;
}

/// Where entries are and how many, but for a few.
async fn crowded(shop: &Shop) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT relname::text, count(*) FROM audit_entries e JOIN pg_class c ON c.oid = e.tableoid
         GROUP BY 1 HAVING count(*) > 500 ORDER BY 1",
    )
    .fetch_all(&shop.pool)
    .await
    .expect("months")
}

#[test]
fn months_leave_however_much_of_the_earlier_ones_had_to_stay() {
    run(async {
        for (months, is_first, together) in
            [([600, 600, 600], true, 1800), ([1001, 600, 600], false, 2201)]
        {
            let shop = divided_since(6).await;
            add_what_stays(&shop, months).await;
            let before = count(&shop, "audit_entries").await;
            let due = retention::count_due(&shop.pool, Rule::Partitions).await.expect("a count");
            let gone = retention::delete_due(&shop.pool, Rule::Partitions).await.expect("deleted");
            assert_eq!(gone, due, "what was said goes");
            let crowded = crowded(&shop).await;
            assert_eq!(crowded.len(), 1, "{crowded:?}");
            let (name, rows) = &crowded[0];
            assert_eq!((name == "audit_entries_first", *rows), (is_first, together), "{name}");
            assert_eq!(count(&shop, "audit_entries").await, before);
            assert_eq!(list_behind(&shop.pool).await.expect("a database"), []);
            sql(&shop, "INSERT INTO audit_entries (id, actor, action) VALUES (gen_random_uuid(), 'cli:bob', 'operator.added')".to_owned()).await;
            sqlx::query("DELETE FROM audit_entries").execute(&shop.pool).await.expect_err("never");
        }
    });
}
