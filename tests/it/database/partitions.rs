//! A database of the release before is divided while its api takes receipts and results: none is lost, none waits for long,
//! and not a row is copied.
//!
//! `DIVIDED_EVENTS=1000000` divides a bigger database; the slowest of the callers is then said.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::{eventually, run};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgConnection};
use store::{PgPool, partitions, pool, privileges};
use uuid::Uuid;

use super::direct;
use super::privileges::{create_role, pool_of};
use crate::migrations::empty_database;
use crate::plans::number;
use crate::store::previous_release::ADD;

/// The last migration before the tables are divided.
const BEFORE: i64 = 20_261_202_034_000;
/// So many events are there if nothing else is asked for, each with a result and an entry.
const EVENTS: u32 = 70_000;
/// How long the slowest statement may take on a machine that does other things too. The locks themselves last milliseconds.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Callers that send one event after the other.
const CALLERS: usize = 4;

/// How the release before took a result.
const SETTLE: &str = "WITH result AS (
    INSERT INTO results (id, project_id, event_id, outcome) VALUES ($1, $2, $3, 'success')
    ON CONFLICT ON CONSTRAINT results_pkey DO NOTHING
), entry AS (
    INSERT INTO audit_entries (id, actor, action, project_id, event_id, detail)
    VALUES ($4, 'key:1', 'result.succeeded', $2, $3, '{\"note\": \"theirs\"}')
    ON CONFLICT ON CONSTRAINT audit_entries_pkey DO NOTHING
)
UPDATE payment_events SET effect = 'succeeded', settled_at = now() WHERE id = $3 AND effect = 'pending'";

const MONTHS: &str = include_str!("../../harness/months.sql");
const FILL: &str = include_str!("../../harness/old_events.sql");

/// What callers share.
struct Flow {
    pool: PgPool,
    project_id: Uuid,
    is_over: AtomicBool,
    taken: AtomicUsize,
}

impl Flow {
    /// Takes receipts and their results until it is over; gives their ids and how long the slowest took.
    async fn take(self: Arc<Self>) -> (Vec<Uuid>, Duration) {
        let (mut ids, mut slowest) = (Vec::new(), Duration::ZERO);
        while !self.is_over.load(Ordering::Relaxed) {
            let (id, began) = (Uuid::now_v7(), Instant::now());
            let added = sqlx::query_scalar::<_, Uuid>(ADD).bind(id).bind(self.project_id);
            let added = added.bind(format!("evt_{id}")).bind(Uuid::now_v7()).fetch_one(&self.pool);
            assert_eq!(added.await.expect("a receipt is taken"), id);
            for again in 0..2 {
                let settled = sqlx::query(SETTLE).bind(id).bind(self.project_id).bind(id).bind(id);
                let settled = settled.execute(&self.pool).await.expect("a result is taken");
                assert_eq!(settled.rows_affected(), 1 - again, "once");
            }
            slowest = slowest.max(began.elapsed());
            ids.push(id);
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        (ids, slowest)
    }

    /// Waits until so many more are taken.
    async fn more(&self) {
        let wanted = self.taken.load(Ordering::Relaxed) + 50;
        eventually("receipts to flow", async || {
            (self.taken.load(Ordering::Relaxed) >= wanted).then_some(())
        })
        .await;
    }
}

/// Where the rows of a table are on the disk, whatever its name is.
async fn files(owner: &mut PgConnection, tables: [&str; 3]) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT pg_relation_filenode(name::regclass)::bigint FROM unnest($1::text[]) AS name",
    )
    .bind(tables.map(str::to_owned).to_vec())
    .fetch_all(owner)
    .await
    .expect("tables")
}

fn asked() -> Option<u32> {
    number("DIVIDED_EVENTS")
}

fn events() -> u32 {
    asked().unwrap_or(EVENTS)
}

async fn count(owner: &mut PgConnection, sql: &'static str, ids: &[Uuid]) -> usize {
    let rows: i64 = sqlx::query_scalar(sql).bind(ids).fetch_one(owner).await.expect("a count");
    usize::try_from(rows).expect("a count")
}

/// A database of the release before, full, with a role that has its rights.
async fn full_database(url: &str) -> (PgConnection, String, Uuid) {
    let mut owner = direct(url).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let migrator = Migrator::new(path).await.expect("migrations");
    migrator.run_direct(Some(BEFORE), &mut owner, false).await.expect("the release before");
    let fill = format!("{MONTHS} {FILL}").replace("$EVENTS", &events().to_string());
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&mut owner).await.expect("events");
    let project = sqlx::query_scalar("SELECT id FROM projects").fetch_one(&mut owner).await;
    let role = create_role(&mut owner).await;
    privileges::grant(url, &role).await.expect("its rights");
    (owner, role, project.expect("a project"))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
#[expect(clippy::print_stderr, reason = "the figure is told to who asks for a bigger database")]
fn a_full_database_is_divided_while_receipts_flow_and_none_is_lost() {
    run(async {
        let (_engines, url) = empty_database().await;
        let (mut owner, role, project_id) = full_database(&url).await;
        let before = files(&mut owner, ["payment_events", "results", "audit_entries"]).await;
        let pool = pool_of(&url, &role);
        let flow = Flow {
            pool,
            project_id,
            is_over: AtomicBool::default(),
            taken: AtomicUsize::default(),
        };
        let flow = Arc::new(flow);
        let callers: Vec<_> =
            (0..CALLERS).map(|_| tokio::spawn(Arc::clone(&flow).take())).collect();
        flow.more().await;

        // Whoever migrates at the same time waits for the other.
        let (first, second) = tokio::join!(pool::migrate(&url), pool::migrate(&url));
        first.and(second).expect("migrated");

        flow.more().await;
        flow.is_over.store(true, Ordering::Relaxed);
        let (mut ids, mut slowest) = (Vec::new(), Duration::ZERO);
        for caller in callers {
            let (taken, longest) = caller.await.expect("a caller");
            ids.extend(taken);
            slowest = slowest.max(longest);
        }
        assert!(slowest < TIMEOUT, "{slowest:?}");
        if let Some(events) = asked() {
            eprintln!("{} receipts beside {events} events, the slowest in {slowest:?}", ids.len());
        }
        for (sql, times) in [
            ("SELECT count(*) FROM payment_events WHERE id = ANY ($1) AND effect = 'succeeded'", 1),
            ("SELECT count(*) FROM event_keys WHERE event_id = ANY ($1)", 1),
            ("SELECT count(*) FROM results WHERE event_id = ANY ($1)", 1),
            (
                "SELECT count(*) FROM audit_log WHERE id = ANY ($1) AND detail ->> 'note' = 'theirs'",
                1,
            ),
            ("SELECT count(*) FROM payment_events WHERE id <> ALL ($1)", 0),
        ] {
            let wanted =
                if times == 1 { ids.len() } else { usize::try_from(events()).expect("a number") };
            assert_eq!(count(&mut owner, sql, &ids).await, wanted, "{sql}");
        }
        let firsts = [
            "partitions.payment_events_first",
            "partitions.results_first",
            "partitions.audit_entries_first",
        ];
        assert_eq!(files(&mut owner, firsts).await, before, "the tables are where they were");
        let pool = pool::connect_lazily(&url, 1).expect("a pool");
        assert_eq!(partitions::list_behind(&pool).await.expect("a database"), []);
        let strays = "SELECT count(*) FROM audit_entries WHERE action = 'engine.restarted' AND $1::uuid[] IS NOT NULL";
        assert_eq!(count(&mut owner, strays, &[]).await, 20, "entries under random ids");
        let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut owner).await.expect("no role");
    });
}
