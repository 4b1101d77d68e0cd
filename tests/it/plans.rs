//! No list reads a growing table from end to end, whatever it is filtered by.
//!
//! On a database as it is after months, every question that a page asks is asked as pages ask it,
//! and what is asked again and again without a page as the product asks it, once planned for its own
//! values and once for any. Postgres then says how many rows of each table and index were read, and
//! how it would plan each statement that ran.
//!
//! Its tables are divided since fourteen months, of which the last three hold rows; of a table that is divided the reading of
//! all partitions is counted, and questions about one event, or about the newest ones, read no partition but theirs.
//!
//! `SEEDED_EVENTS=1000000` asks a bigger database, `LISTS_P95_MS=50` also wants every response
//! within so many milliseconds, and `WITHOUT_INDEX=…` leaves an index out, to see that this is
//! noticed.

mod bad_week;
mod forgetting;
mod months;
mod newest;
mod questions;
mod reading;
mod retention;
mod statements;

use std::fmt::Write as _;
use std::time::Instant;

use e2e::run;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{PgPool, figures, incident_hours, pool};

use questions::Question;
use reading::Plans;

const SCRIPT: &str = include_str!("../../crates/loadtest/src/seed.sql");

const MONTHS: &str = include_str!("../harness/months.sql");

/// A bad day: nothing was dispatched since the first event, now and then Temporal rejected a
/// message, the newest events are overdue, and one cause opened every incident, each of which a
/// policy will see to. None of the messages is needed within a moment.
const BAD_DAY: &str = "
    INSERT INTO outbox (id, event_id, wish, payload, created_at, due_by, parked_at)
    SELECT id, id, 'start', '{}', received_at, now() + interval '1 day',
        CASE WHEN row_number() OVER (ORDER BY id) % 1000 = 0 THEN now() END
    FROM payment_events;
    UPDATE payment_events SET effect = 'pending', settled_at = NULL, timeout_at = now() - interval '1 hour'
    WHERE id IN (SELECT e.id FROM payment_events e
        WHERE NOT EXISTS (SELECT FROM incidents WHERE event_id = e.id) ORDER BY e.id DESC LIMIT 1500);
    UPDATE incidents SET cause = '00000000-0000-8000-8000-000000000001';
    UPDATE reprocesses SET cause = '00000000-0000-8000-8000-000000000001';
    INSERT INTO policy_plans (event_id, try_at, alerts_at)
    SELECT event_id, now() + interval '1 hour', now() + interval '2 hours' FROM incidents;";

/// A thousand events whose project keeps snapshots.
const SNAPSHOTS: &str = "
    UPDATE payment_events SET snapshot = '\\x03' WHERE id IN (SELECT id FROM payment_events ORDER BY id LIMIT 1000)";

/// What a variable asks for, of a run that measures.
pub fn number(name: &str) -> Option<u32> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Fills a database and gives the one connection to it that everything is asked through. It is
/// filled through another one, which waits as long as it takes.
async fn seed(url: &str) -> PgPool {
    let mut filling = PgConnection::connect(url).await.expect("a connection");
    let events = number("SEEDED_EVENTS").unwrap_or(100_000);
    let incidents = (events / 50).max(4_000);
    let mut sql = format!(
        "SET statement_timeout = 0; {MONTHS} SELECT pg_temp.divide_since('14 months'); BEGIN; SELECT set_config('seed.events', '{events}', true),
         set_config('seed.incidents', '{incidents}', true); {SCRIPT} {BAD_DAY} COMMIT; ANALYZE;"
    );
    if let Ok(index) = std::env::var("WITHOUT_INDEX") {
        write!(sql, "DROP INDEX {index};").expect("text");
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut filling).await.expect("a seeded database");
    sqlx::raw_sql(SNAPSHOTS).execute(&mut filling).await.expect("snapshots");
    let vacuum = sqlx::raw_sql("VACUUM ANALYZE incidents, reprocesses");
    vacuum.execute(&mut filling).await.expect("no rows of before the bad day");
    drop(filling);
    let pool = pool::connect_lazily(url, 1).expect("a pool");
    while figures::roll_up(&pool).await.expect("figures") {}
    while incident_hours::roll_up(&pool).await.expect("hours") {}
    pool
}

/// Asks until the slow end is known; gives it in milliseconds.
async fn time(pool: &PgPool, question: &Question) -> u128 {
    let mut times = Vec::new();
    for _ in 0..40 {
        let begin = Instant::now();
        question.ask(pool).await;
        times.push(begin.elapsed().as_millis());
    }
    times.sort_unstable();
    times[37]
}

#[test]
fn no_question_of_a_list_reads_a_growing_table_from_end_to_end() {
    run(async {
        let engines = e2e::engines::shared().await.expect("engines");
        let database = engines.create_database().await.expect("a database");
        let pool = seed(&database.url).await;
        let mut questions = questions::all(&pool).await;
        questions.extend(newest::all(&pool).await);
        questions.extend(statements::all(&pool).await);
        // What was asked so far is this story's own.
        let (mut wrong, mut plans) = (String::new(), Plans::of_what_follows(&pool).await);
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let set = format!("SET plan_cache_mode = {mode}");
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&pool).await.expect("a setting");
            for question in &questions {
                let before = reading::rows_read(&pool).await;
                let answered = question.ask(&pool).await;
                let read = reading::since(&before, &reading::rows_read(&pool).await);
                if !question.allows(&read) {
                    writeln!(wrong, "{} ({mode}): {answered} rows of {read:?}", question.name)
                        .expect("text");
                }
                for plan in plans.find_bad(&pool).await {
                    writeln!(wrong, "\n{plan}").expect("text");
                }
            }
        }
        assert!(plans.count() > 90, "only {} statements ran", plans.count());
        if let Some(most) = number("LISTS_P95_MS") {
            sqlx::raw_sql("RESET plan_cache_mode").execute(&pool).await.expect("a setting");
            for question in &questions {
                let p95 = time(&pool, question).await;
                if p95 > u128::from(most) {
                    writeln!(wrong, "{}: p95 {p95} ms", question.name).expect("text");
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}
