//! What receipts and list pages wait for while retention deletes what is due.
//!
//! Fills the database of `dev` as `loadtest seed` does, with a million events of fourteen months, and has every project
//! keep twelve. Then receipts come and lists are opened at a modest pace: for a while with nothing else, for comparison, and
//! then while `retention run` goes on. It runs twice, since months leave once their indexes are vacuumed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio_util::sync::CancellationToken;

use crate::app::TIMEOUT_MINUTES;
use crate::http::Http;
use crate::load::{self, Measured, Timing};
use crate::parts::pages;
use crate::report::{Figure, Findings, Line, Threshold};
use crate::say;
use crate::seed::{self, Size};
use crate::session::Session;
use crate::statements::{Statement, StatementWatch, Statements};

const EVENTS: u32 = 1_000_000;
const INCIDENTS: u32 = 20_000;
/// Fourteen months.
const DAYS: u32 = 425;
const KEEP: &str = "UPDATE projects SET retention_months = 12";
/// As Postgres does by itself, later.
const VACUUM: &str = "VACUUM payment_events, results, audit_entries";
const RECEIPTS_PER_SECOND: f64 = 20.0;
const PAGES_PER_SECOND: f64 = 5.0;
/// How many times as long as a load the time is that there is nothing else: enough pages for a p95.
const RESTS: u32 = 6;
const LISTS: [&str; 5] = ["/incidents", "/incidents?state=all", "/events", "/causes", "/audit"];
const LOAD: &str = "receipts while retention runs";
/// Milliseconds.
const UNNOTICED: Threshold = Threshold::AtMost(100.0);
/// Milliseconds, of the p95.
const QUICK: Threshold = Threshold::AtMost(50.0);

/// What was measured beside something.
struct Beside {
    receipts: Measured,
    pages: Measured,
    statements: Statements,
}

/// What `retention run --json` says.
#[derive(Deserialize)]
struct RunReport {
    rules: Vec<RuleReport>,
}

#[derive(Deserialize)]
struct RuleReport {
    rule: String,
    total: i64,
    rows: Vec<IgnoredAny>,
}

/// What left.
#[derive(Debug, Default, PartialEq, Eq)]
struct Deleted {
    rows: i64,
    months: usize,
}

/// Fills the database, looks at the load alone, and then at the load beside retention.
pub async fn measure(session: &Session) -> anyhow::Result<Findings> {
    let [events, incidents] = [EVENTS, INCIDENTS].map(|count| session.options.scaled(count));
    let url = &session.dev.ready.database_url;
    seed::fill(url, Size { events, incidents, unresolved: 0, days: DAYS }).await?;
    sqlx::query(KEEP).execute(&session.pool).await?;
    let pool = store::pool::connect_lazily(url, 1)?;
    let (_, token) = pages::sign_in(&pool).await?;
    pool.close().await;
    let cookie = format!("__Host-sendpromptly={token}");
    say("receipts and lists at a modest pace");
    let Timing { warm_up, lasting } = session.options.timing();
    let resting = async {
        tokio::time::sleep(RESTS * (warm_up + lasting)).await;
        Ok(())
    };
    let ((), before) = beside(session, &cookie, resting).await?;
    say("the same while retention runs");
    let begin = Instant::now();
    let (deleted, meanwhile) = beside(session, &cookie, delete_all(session)).await?;
    anyhow::ensure!(deleted.rows > 0, "nothing was due");
    let mut figures = meanwhile.figures("while retention runs", [UNNOTICED, QUICK]);
    figures.extend(before.figures("without retention", [Threshold::None; 2]));
    let note = format!("{} rows, {} months of tables", deleted.rows, deleted.months);
    let batch = meanwhile.statements.batch.milliseconds;
    figures.push(Figure::new("longest batch of retention", batch, "ms", Threshold::None));
    let took = begin.elapsed().as_secs_f64();
    let took = Figure::new("retention of two months of fourteen", took, "s", Threshold::None);
    figures.push(took.noting(note));
    Ok(Findings { figures, lines: Line::of_load(LOAD, &meanwhile.receipts).into() })
}

/// Does something while receipts come, lists are opened and statements are watched.
async fn beside<T>(
    session: &Session,
    cookie: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, Beside)> {
    let stop = CancellationToken::new();
    let watch = StatementWatch::start(session.pool.clone());
    let work = async {
        let done = work.await;
        stop.cancel();
        done
    };
    let (done, receipts, pages) =
        tokio::join!(work, send_receipts(session, &stop), open_lists(session, cookie, &stop));
    let statements = watch.finish().await?;
    Ok((done?, Beside { receipts: receipts?, pages: pages?, statements }))
}

async fn send_receipts(session: &Session, stop: &CancellationToken) -> anyhow::Result<Measured> {
    let app = session.app.clone();
    load::open_until(RECEIPTS_PER_SECOND, Timing::UNLIMITED, stop, move || {
        let app = app.clone();
        async move { app.receipt(TIMEOUT_MINUTES).await.map(|_| ()) }
    })
    .await
}

/// One list after the other.
async fn open_lists(
    session: &Session,
    cookie: &str,
    stop: &CancellationToken,
) -> anyhow::Result<Measured> {
    let http = Http::new(session.dev.ready.url.clone());
    let (cookie, turn) = (cookie.to_owned(), AtomicUsize::new(0));
    load::open_until(PAGES_PER_SECOND, Timing::UNLIMITED, stop, move || {
        let path = LISTS[turn.fetch_add(1, Ordering::Relaxed) % LISTS.len()];
        let (http, cookie) = (http.clone(), cookie.clone());
        async move {
            let (status, _) = http.get(path, &cookie).await?;
            anyhow::ensure!(status.is_success(), "{path} responded {status}");
            Ok(())
        }
    })
    .await
}

async fn delete_all(session: &Session) -> anyhow::Result<Deleted> {
    let run = async || session.dev.administer::<RunReport>(&["retention", "run"]).await;
    let mut deleted = Deleted::default();
    deleted.add(&run().await?);
    sqlx::query(VACUUM).execute(&session.pool).await?;
    deleted.add(&run().await?);
    Ok(deleted)
}

impl Deleted {
    /// No row leaves with a month: what is said of it is that it left.
    fn add(&mut self, report: &RunReport) {
        for RuleReport { rule, total, rows } in &report.rules {
            self.rows += total;
            self.months += if rule == "partitions" { rows.len() } else { 0 };
        }
    }
}

impl Beside {
    /// The longest of each, and the p95 of pages, which has a target of its own.
    fn figures(&self, when: &str, [longest, p95]: [Threshold; 2]) -> Vec<Figure> {
        let Self { receipts, pages, statements } = self;
        let of_statement = |name: &str, statement: &Statement| {
            let figure =
                Figure::new(format!("{name} {when}"), statement.milliseconds, "ms", longest);
            figure.noting(&statement.text)
        };
        let receipt = receipts.latencies.percentile(100.0);
        let receipt = Figure::new(format!("slowest receipt {when}"), receipt, "ms", longest);
        let page = pages.latencies.percentile(95.0);
        let page = Figure::new(format!("list pages {when}, p95"), page, "ms", p95);
        vec![
            of_statement("slowest statement", &statements.slowest),
            of_statement("longest wait for a lock", &statements.locked_out),
            receipt.noting(format!("{}{}", receipts.latencies, receipts.rejections)),
            page.noting(format!("{}{}", pages.latencies, pages.rejections)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_months_of_both_runs_are_added_up() {
        let run = r#"{ "dry_run": false, "rules": [
            { "rule": "events", "total": 7, "rows": [{ "table": "results", "month": "2025-09", "rows": 7 }], "error": null },
            { "rule": "partitions", "total": 0, "rows": [{ "table": "results_2025_09", "month": "2025-09", "rows": 0 }] }] }"#;
        let run: RunReport = serde_json::from_str(run).expect("a report");
        let mut deleted = Deleted::default();
        deleted.add(&run);
        deleted.add(&run);
        assert_eq!(deleted, Deleted { rows: 14, months: 2 });
    }
}
