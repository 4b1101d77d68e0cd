//! What is looked for every minute to be forgotten is found without going through what stays.

use std::collections::BTreeMap;

use e2e::run;
use sqlx::AssertSqlSafe;
use store::{
    PgPool, StoreError, alert_holds, cause_threads, comments, mentions, notices, reminders,
    slack_presses, snoozes, watch_checks,
};

use super::months::one_connection;
use crate::store::shop::Shop;

/// Ten thousand rows of each, none of them old enough to leave. Of notices there are all kinds but those about results,
/// which are looked for.
const ROWS: &str = "
    CREATE TEMP TABLE one AS SELECT n, d.id AS destination_id, d.project_id, now() - n * interval '4 minutes' AS past
    FROM generate_series(1, 10000) AS n CROSS JOIN (SELECT id, project_id FROM destinations LIMIT 1) AS d;
    INSERT INTO operators (id, email, role, password_hash)
    VALUES ('00000000-0000-7000-8000-0000000000d0', 'dora@cometcart.test', 'operator', '');
    INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until, state, created_at, finished_at)
    SELECT destination_id, (ARRAY['destination_broken', 'policy_stopped', 'extension_silent', 'receipts_silent', 'receipts_resumed',
        'cause_updated', 'cause_ended', 'alerts_digest'])[1 + n % 8], past::date, project_id, gen_random_uuid(), past, past, 'delivered', past, past
    FROM one;
    INSERT INTO cause_threads (id, project_id, destination_id, cause, root_incident_id, root_kind, first_incident_id, next_message, ended_at)
    SELECT gen_random_uuid(), project_id, destination_id, gen_random_uuid(), gen_random_uuid(), 'incident_opened', gen_random_uuid(),
        gen_random_uuid(), past FROM one;
    INSERT INTO alert_holds (id, project_id, destination_id, reason, began_at, ended_at)
    SELECT gen_random_uuid(), project_id, destination_id, 'quiet_hours', past, past FROM one;
    INSERT INTO snoozes (id, project_id, event_id, incident_id, until, snoozed_by, ended_at, ended_by)
    SELECT gen_random_uuid(), project_id, gen_random_uuid(), gen_random_uuid(), past, 'cli:dora', past, 'time' FROM one;
    INSERT INTO reminders (id, project_id, reason, created_at) SELECT gen_random_uuid(), project_id, 'reminder', past FROM one;
    INSERT INTO cause_comments (entry_id, project_id, cause, created_at)
    SELECT gen_random_uuid(), project_id, gen_random_uuid(), past FROM one;
    INSERT INTO mentions (entry_id, operator_id, project_id, cause, state, created_at)
    SELECT entry_id, '00000000-0000-7000-8000-0000000000d0', project_id, cause, 'delivered', created_at FROM cause_comments;
    INSERT INTO slack_presses (destination_id, user_id, pressed_at, created_at)
    SELECT destination_id, 'U1', n::text, now() - n * interval '8 seconds' FROM one;
    INSERT INTO watch_checks (event_id, checked_at) SELECT gen_random_uuid(), now() - n * interval '8 seconds' FROM one;
    ANALYZE notices, cause_threads, alert_holds, snoozes, reminders, cause_comments, mentions, slack_presses, watch_checks;";

const TABLES: [&str; 9] = [
    "notices",
    "cause_threads",
    "alert_holds",
    "snoozes",
    "reminders",
    "cause_comments",
    "mentions",
    "slack_presses",
    "watch_checks",
];

/// How many rows or entries of indexes were read of each of the tables so far.
async fn rows_read(pool: &PgPool) -> BTreeMap<String, i64> {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.expect("a flush");
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT t.relname::text, (coalesce(t.seq_tup_read, 0)
             + (SELECT coalesce(sum(i.idx_tup_read), 0) FROM pg_stat_user_indexes i WHERE i.relid = t.relid))::bigint
         FROM pg_stat_user_tables t WHERE t.relname = ANY ($1)",
    )
    .bind(TABLES.as_slice())
    .fetch_all(pool)
    .await
    .expect("statistics");
    assert_eq!(rows.len(), TABLES.len(), "{rows:?}");
    rows.into_iter().collect()
}

/// What the sweeps of one minute look for in these tables.
async fn look_for_what_is_over(pool: &PgPool) -> Result<(), StoreError> {
    notices::enqueue_notices(pool).await?;
    notices::delete_old(pool).await?;
    cause_threads::delete_old(pool).await?;
    alert_holds::delete_old(pool).await?;
    snoozes::delete_old(pool).await?;
    reminders::delete_old(pool).await?;
    slack_presses::delete_old(pool).await?;
    comments::delete_old(pool).await?;
    mentions::delete_old(pool).await?;
    watch_checks::delete_old(pool).await
}

async fn filled() -> Shop {
    let mut shop = Shop::open().await;
    shop.pool = one_connection(&shop.pool).await;
    sqlx::raw_sql(ROWS).execute(&shop.pool).await.expect("rows");
    shop
}

#[test]
fn what_is_not_over_is_not_read_every_minute() {
    run(async {
        let shop = filled().await;
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let set = format!("SET plan_cache_mode = {mode}");
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&shop.pool).await.expect("a setting");
            let before = rows_read(&shop.pool).await;
            look_for_what_is_over(&shop.pool).await.expect("a look");
            let after = rows_read(&shop.pool).await;
            for (table, read) in after {
                let read = read - before[&table];
                assert!(read < 1_000, "{read} rows of {table} ({mode})");
            }
        }
    });
}

#[test]
fn of_comments_that_are_over_some_leave_at_a_time_and_the_others_stay() {
    run(async {
        let shop = filled().await;
        let age = "UPDATE cause_comments SET created_at = now() - interval '13 months'
             WHERE entry_id IN (SELECT entry_id FROM cause_comments LIMIT 1500)";
        sqlx::raw_sql(age).execute(&shop.pool).await.expect("a change");
        for wanted in [1_000, 500, 0] {
            let gone = comments::delete_old(&shop.pool).await.expect("deleted");
            assert_eq!(gone, wanted);
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM cause_comments")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!(left, 8_500);
    });
}
