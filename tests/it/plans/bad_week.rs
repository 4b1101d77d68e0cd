//! What the bench measures pages on: months that have partitions, and at their end a week in which much fails.

use e2e::run;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::SCRIPT;

const MONTHS: &str = include_str!("../../../crates/loadtest/src/months.sql");
const DIVIDE: &str = "SELECT pg_temp.divide_since(relation, 425) FROM (SELECT DISTINCT relation FROM list_partitions()) AS divided";
const SIZE: &str = "
    SELECT set_config('seed.events', '20000', true), set_config('seed.incidents', '400', true),
        set_config('seed.unresolved', '200', true), set_config('seed.days', '425', true)";

/// A database as the bench fills it, by the connection that filled it.
async fn fill(url: &str) -> PgConnection {
    let mut filling = PgConnection::connect(url).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(format!("{MONTHS} {DIVIDE}")))
        .execute(&mut filling)
        .await
        .expect("partitions");
    sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {SIZE}; {SCRIPT} COMMIT")))
        .execute(&mut filling)
        .await
        .expect("a seeded database");
    filling
}

async fn count(db: &mut PgConnection, of: &'static str) -> i64 {
    sqlx::query_scalar(of).fetch_one(db).await.expect("a count")
}

#[test]
fn a_bad_week_leaves_incidents_of_many_causes_after_months_that_have_partitions() {
    run(async {
        let engines = e2e::engines::shared().await.expect("engines");
        let database = engines.create_database().await.expect("a database");
        let mut db = fill(&database.url).await;
        let waiting = "SELECT count(*) FROM incidents WHERE state <> 'resolved'
            AND received_at > now() - interval '7 days' AND amount_value > 0";
        let waiting = count(&mut db, waiting).await;
        assert!((180..=220).contains(&waiting), "{waiting}");
        let older = "SELECT count(*) FROM incidents WHERE state <> 'resolved'
            AND received_at <= now() - interval '30 days'";
        assert_eq!(count(&mut db, older).await, 0);
        let causes =
            "SELECT count(DISTINCT (project_id, reason, cause_code, event_type, effect_type))
            FROM incidents WHERE state <> 'resolved'";
        assert!(count(&mut db, causes).await > 25);
        let months = "SELECT count(DISTINCT tableoid) FROM payment_events";
        assert!(count(&mut db, months).await >= 14);
        let first = "SELECT count(*) FROM partitions.payment_events_first";
        assert_eq!(count(&mut db, first).await, 0);
    });
}
