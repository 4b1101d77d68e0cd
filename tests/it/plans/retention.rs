//! A run of retention reads what it deletes about once, also while somebody holds a snapshot of before, as a dump does.

use domain::retention::Rule;
use e2e::run;
use sqlx::AssertSqlSafe;
use store::{PgPool, retention};

use super::months::one_connection;
use crate::store::shop::Shop;

/// So many that most of the batches are as large as batches get.
const ROWS: i64 = 60_000;

/// How many entries the indexes of a table have given.
async fn entries(pool: &PgPool, table: &str) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.expect("a flush");
    sqlx::query_scalar(
        "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = $1",
    )
    .bind(table)
    .fetch_one(pool)
    .await
    .expect("statistics")
}

#[test]
fn a_run_goes_over_nothing_again_that_it_has_deleted() {
    run(async {
        let mut shop = Shop::open().await;
        let fill = format!(
            "INSERT INTO idempotency_keys (project_id, route, key, request_hash, status, body, created_at)
             SELECT '{}', 'receipt', n::text, '', 202, '', now() - interval '8 days' + n * interval '1 millisecond'
             FROM generate_series(1, {ROWS}) AS n; ANALYZE idempotency_keys",
            shop.owner.project_id.as_uuid()
        );
        sqlx::raw_sql(AssertSqlSafe(fill)).execute(&shop.pool).await.expect("keys");
        let mut reader = shop.begin().await;
        // However long the deletion takes.
        let held = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL idle_in_transaction_session_timeout = 0;
                    SELECT count(*) FROM idempotency_keys";
        sqlx::raw_sql(held).execute(&mut *reader).await.expect("a snapshot");
        shop.pool = one_connection(&shop.pool).await;
        let before = entries(&shop.pool, "idempotency_keys").await;
        let gone = retention::delete_due(&shop.pool, Rule::IdempotencyKeys).await.expect("gone");
        assert_eq!(gone.total(), ROWS);
        let read = entries(&shop.pool, "idempotency_keys").await - before;
        assert!((ROWS..3 * ROWS).contains(&read), "{read} entries for {ROWS} rows");
        reader.rollback().await.expect("an end");
    });
}
