//! What Postgres says of the rows that it read and of the plans that it has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::AssertSqlSafe;
use store::search::reading::FOLLOW_INDEXES;
use store::{PgConnection, PgPool};

/// The tables that grow for ever, and the outbox, which grows while Temporal is away.
const GROWING: [&str; 9] = [
    "payment_events",
    "event_identities",
    "results",
    "incidents",
    "reprocesses",
    "callback_attempts",
    "alerts",
    "audit_entries",
    "outbox",
];

/// How much of a table was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// How often it, or a partition of it that is full, was read from end to end.
    pub scans: i64,
    /// Entries that its indexes gave.
    pub entries: i64,
    /// Rows that were fetched by them.
    pub fetched: i64,
}

pub type Read = BTreeMap<String, Rows>;

/// How much of each growing table this connection and all others have read so far.
pub async fn rows_read(pool: &PgPool) -> Read {
    // Counts are kept back for a while unless they are requested. The views of them cost several times as much.
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.expect("a flush");
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT coalesce(whole.relname, c.relname)::text,
             coalesce(sum(pg_stat_get_numscans(c.oid)) FILTER (WHERE part.inhrelid IS NULL OR c.reltuples > 5000), 0)::bigint,
             coalesce(sum(pg_stat_get_tuples_fetched(c.oid) + (SELECT sum(pg_stat_get_tuples_fetched(indexrelid)) FROM pg_index WHERE indrelid = c.oid)), 0)::bigint,
             coalesce(sum((SELECT sum(pg_stat_get_tuples_returned(indexrelid)) FROM pg_index WHERE indrelid = c.oid)), 0)::bigint
         FROM pg_class c LEFT JOIN pg_inherits part ON part.inhrelid = c.oid LEFT JOIN pg_class whole ON whole.oid = part.inhparent
         WHERE c.relkind = 'r' AND coalesce(whole.relname, c.relname) = ANY($1) GROUP BY 1",
    )
    .bind(GROWING.as_slice())
    .fetch_all(pool)
    .await
    .expect("statistics");
    assert_eq!(rows.len(), GROWING.len());
    let rows = rows.into_iter();
    rows.map(|(table, scans, fetched, entries)| (table, Rows { scans, entries, fetched })).collect()
}

/// What was read between two counts; tables that were left alone are left out.
pub fn since(before: &Read, after: &Read) -> Read {
    let read = after.iter().map(|(table, after)| {
        let before = before[table];
        let rows = Rows {
            scans: after.scans - before.scans,
            entries: after.entries - before.entries,
            fetched: after.fetched - before.fetched,
        };
        (table.clone(), rows)
    });
    read.filter(|(_, rows)| *rows != Rows::default()).collect()
}

/// The statements whose plans were looked at. A connection keeps a hundred of them, so they are looked at after each question.
#[derive(Debug)]
pub struct Plans {
    full: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Plans {
    /// None so far; of what is asked by then none counts as bad.
    pub async fn of_what_follows(pool: &PgPool) -> Self {
        let mut plans = Self { full: full_tables(pool).await, seen: BTreeSet::new() };
        plans.find_bad(pool).await;
        plans
    }

    /// Statements of this connection, none twice, that would read a growing table from end to end, for values that the
    /// planner does not know.
    pub async fn find_bad(&mut self, pool: &PgPool) -> Vec<String> {
        let begin =
            format!("BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; {FOLLOW_INDEXES}");
        let mut tx = pool.begin_with(AssertSqlSafe(begin)).await.expect("a transaction");
        let mut bad = Vec::new();
        for (name, statement, parameters) in prepared(&mut tx).await {
            if !self.seen.insert(statement.clone()) {
                continue;
            }
            let plan = explain(&mut tx, &name, parameters).await;
            if reads_everything(&plan, &self.full) {
                let plan = serde_json::to_string_pretty(&plan).expect("json");
                bad.push(format!("{statement}\n{plan}"));
            }
        }
        bad
    }

    /// How many were looked at.
    pub fn count(&self) -> usize {
        self.seen.len()
    }
}

/// Name, text and number of parameters of each statement that is prepared. Asking adds none, which would push another out.
async fn prepared(tx: &mut PgConnection) -> Vec<(String, String, i32)> {
    sqlx::query_as(
        "SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements
         WHERE statement ~ '(FROM|JOIN) ' AND statement !~ 'pg_' ORDER BY prepare_time",
    )
    .persistent(false)
    .fetch_all(tx)
    .await
    .expect("statements")
}

async fn explain(tx: &mut PgConnection, name: &str, parameters: i32) -> Value {
    let nothing = vec!["NULL"; usize::try_from(parameters).expect("a number")].join(", ");
    let values = if nothing.is_empty() { nothing } else { format!("({nothing})") };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}{values}");
    sqlx::query_scalar(AssertSqlSafe(explain))
        .persistent(false)
        .fetch_one(tx)
        .await
        .expect("a plan")
}

/// The growing tables that are not divided, and the partitions of the others that are full. The planner reads one that it
/// knows to be empty from end to end, which costs nothing.
async fn full_tables(pool: &PgPool) -> BTreeSet<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c
         LEFT JOIN pg_inherits part ON part.inhrelid = c.oid LEFT JOIN pg_class whole ON whole.oid = part.inhparent
         WHERE c.relkind = 'r' AND coalesce(whole.relname, c.relname) = ANY($1)
             AND (part.inhrelid IS NULL OR c.reltuples > 5000)",
    )
    .bind(GROWING.as_slice())
    .persistent(false)
    .fetch_all(pool)
    .await
    .expect("tables");
    tables.into_iter().collect()
}

/// Whether any node of a plan goes through a growing table without an index.
fn reads_everything(plan: &Value, full: &BTreeSet<String>) -> bool {
    match plan {
        Value::Object(node) => {
            let is = |key: &str, value: &str| node.get(key).and_then(Value::as_str) == Some(value);
            let scans = is("Node Type", "Seq Scan");
            let name = node.get("Relation Name").and_then(Value::as_str).unwrap_or_default();
            (scans && full.contains(name))
                || node.values().any(|inner| reads_everything(inner, full))
        }
        Value::Array(nodes) => nodes.iter().any(|inner| reads_everything(inner, full)),
        _ => false,
    }
}
