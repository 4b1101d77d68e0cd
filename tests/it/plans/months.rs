//! Which partitions are read for a question.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::EventId;
use e2e::run;
use sqlx::AssertSqlSafe;
use store::PgPool;
use store::events::{find_event, list_by_ids};
use store::search::Cursor;
use store::search::events::{EventSearch, search_events};
use uuid::Uuid;

use super::MONTHS;
use crate::store::shop::Shop;

/// How often each partition, or an index of it, was looked into.
async fn looks(pool: &PgPool) -> BTreeMap<String, i64> {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.expect("a flush");
    let looks: Vec<(String, i64)> = sqlx::query_as(
        "SELECT relname::text, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables
         WHERE schemaname = 'partitions'",
    )
    .fetch_all(pool)
    .await
    .expect("statistics");
    looks.into_iter().collect()
}

/// The partitions that a question looked into.
async fn looked_into(pool: &PgPool, question: impl Future<Output = ()>) -> BTreeSet<String> {
    let before = looks(pool).await;
    question.await;
    let after = looks(pool).await;
    let read = after.into_iter().filter(|(name, looks)| before.get(name) != Some(looks));
    read.map(|(name, _)| name).collect()
}

/// A pool of one connection, whose counts are told at once, to the same database.
pub async fn one_connection(pool: &PgPool) -> PgPool {
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(pool)
        .await
        .expect("a name");
    let engines = e2e::engines::shared().await.expect("engines");
    store::pool::connect_lazily(&engines.postgres.url(&name), 1).expect("a pool")
}

/// A shop with four pending events in each of the last five months; gives theirs of so many months ago, the newest first.
async fn shop_of_months() -> Shop {
    let mut shop = Shop::open().await;
    shop.pool = one_connection(&shop.pool).await;
    let project = shop.owner.project_id.as_uuid();
    let fill = format!(
        "{MONTHS} SELECT pg_temp.divide_since('4 months');
         SELECT pg_temp.add_event('{project}', partitions.first_of_month(now()) - m * interval '1 month' + n * interval '1 hour',
             m * 10 + n) FROM generate_series(0, 4) AS m, generate_series(1, 4) AS n"
    );
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&shop.pool).await.expect("events");
    shop
}

async fn of_months_ago(shop: &Shop, months: i64) -> Vec<EventId> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM payment_events WHERE provider_event_id = ANY (ARRAY(
             SELECT 'evt_' || ($1 * 10 + n) FROM generate_series(1, 4) AS n)) ORDER BY id DESC",
    )
    .bind(months)
    .fetch_all(&shop.pool)
    .await
    .expect("events");
    ids.into_iter().map(EventId::from_uuid).collect()
}

/// The names of a table's partitions from the one on that so many months ago began.
async fn since(shop: &Shop, table: &str, months: i32) -> BTreeSet<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT partition FROM list_partitions() WHERE relation = $1
             AND begins >= partitions.first_of_month(now()) - make_interval(months => $2)",
    )
    .bind(table)
    .bind(months)
    .fetch_all(&shop.pool)
    .await
    .expect("names");
    names.into_iter().collect()
}

/// The name of the one that began so many months ago.
async fn month(shop: &Shop, table: &str, months: i32) -> BTreeSet<String> {
    let later = since(shop, table, months - 1).await;
    since(shop, table, months).await.difference(&later).cloned().collect()
}

#[test]
fn a_question_about_one_event_reads_its_month_and_no_other() {
    run(async {
        let shop = shop_of_months().await;
        let (old, older) = (of_months_ago(&shop, 2).await, of_months_ago(&shop, 3).await);
        let its_month = month(&shop, "payment_events", 2).await;
        assert_eq!((old.len(), its_month.len()), (4, 1));
        // Planned for its value, and, from the sixth time on, for any.
        for _ in 0..8 {
            let found = looked_into(&shop.pool, async {
                find_event(&shop.pool, old[0]).await.expect("an event").expect("it is there");
            });
            assert_eq!(found.await, its_month);
        }
        let both = looked_into(&shop.pool, async {
            assert_eq!(
                list_by_ids(&shop.pool, &[old[0], older[0]]).await.expect("events").len(),
                2
            );
        });
        let both_months = &its_month | &month(&shop, "payment_events", 3).await;
        assert_eq!(both.await, both_months);
        let mut settled = looked_into(&shop.pool, async {
            shop.succeed(old[0]).await;
        })
        .await;
        settled.retain(|name| !name.starts_with("audit_entries"));
        assert!(settled.is_superset(&its_month), "{settled:?}");
        settled.retain(|name| !its_month.contains(name));
        assert!(settled.is_subset(&month(&shop, "results", 2).await), "{settled:?}");
    });
}

#[test]
fn a_page_of_events_reads_the_months_that_it_shows() {
    run(async {
        let shop = shop_of_months().await;
        let page = async |cursor| {
            let search = EventSearch { limit: 2, cursor, ..EventSearch::default() };
            let found = async {
                assert_eq!(search_events(&shop.pool, &search).await.expect("a page").data.len(), 2);
            };
            let mut read = looked_into(&shop.pool, found).await;
            read.retain(|name| name.starts_with("payment_events"));
            read
        };
        assert_eq!(page(None).await, since(&shop, "payment_events", 0).await);
        let old = of_months_ago(&shop, 2).await;
        let below = page(Some(Cursor::After(old[0]))).await;
        assert_eq!(below, month(&shop, "payment_events", 2).await);
    });
}
