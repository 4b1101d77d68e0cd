//! Deletes what is kept no longer ([`domain::retention`]), a batch at a time.
//!
//! A batch is a transaction of its own, small enough to be over within [`TARGET`]: it grows and shrinks with the time
//! that the last one took, and the next one follows after a pause three times as long. Whatever is decided about an event
//! in the meantime goes first: rows that someone holds are left for the next run. What the role may not delete is
//! deleted by functions of the owner, which decide for themselves what is due, so nothing here can make them delete
//! anything else. A process that dies leaves whole batches deleted and the rest for whoever runs the rule next;
//! two who run one rule share the work.

mod alert_texts;
mod claimed_results;
mod early_results;
mod events;
mod idempotency_keys;
mod identities;
mod macros;
mod pace;
mod partitions;
pub mod pause;
mod proof_links;
pub mod runs;
mod scan;
mod sessions;
mod sign_in_failures;
mod snapshots;
mod unclaimed_results;

use std::collections::BTreeMap;
use std::time::Instant;

use domain::audit::Actor;
use domain::retention::Rule;
use time::{Date, OffsetDateTime};

use crate::pool::Transaction;
use crate::{PgPool, StoreError};

use pace::Pace;
pub use pace::TARGET;
use scan::Scan;

/// Rows of one table that belong to one month: that of the moment from which they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthRows {
    pub table: String,
    /// Its first day, in UTC.
    pub month: Date,
    pub rows: i64,
}

/// What a batch deleted of one month, in the order of what its rule goes by.
struct GoneRows {
    table: String,
    month: Date,
    rows: i64,
    /// The latest moment of them; `None` of a table that the rule does not go by.
    last: Option<OffsetDateTime>,
}

/// What one batch did.
struct Batch {
    gone: Vec<MonthRows>,
    /// Whether nothing is left that is due and not held by someone.
    is_last: bool,
    /// Whether about as much went as may: only then does the time that it took say how much the next one may take.
    is_full: bool,
}

impl Batch {
    /// A batch that may have `most` rows of what the rule is about.
    fn of_at_most(most: i64, gone: Vec<MonthRows>, table: &str) -> Self {
        let went = count_of(table, &gone);
        Self { is_last: went < most, is_full: went >= most, gone }
    }

    /// The same of a batch that began at a moment; the next one begins at the last that went.
    fn since(since: &mut OffsetDateTime, most: i64, gone: Vec<GoneRows>, table: &str) -> Self {
        *since = gone.iter().filter_map(|rows| rows.last).fold(*since, OffsetDateTime::max);
        let rows = gone.into_iter().map(|GoneRows { table, month, rows, last: _ }| MonthRows {
            table,
            month,
            rows,
        });
        Self::of_at_most(most, rows.collect(), table)
    }
}

/// How many of these rows are of one table.
fn count_of(table: &str, rows: &[MonthRows]) -> i64 {
    rows.iter().filter(|rows| rows.table == table).map(|rows| rows.rows).sum()
}

/// Rows by table and month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(String, Date), i64>);

impl Tally {
    fn add(&mut self, rows: Vec<MonthRows>) {
        for MonthRows { table, month, rows } in rows {
            *self.0.entry((table, month)).or_default() += rows;
        }
    }

    /// All rows together.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// By table, then by month.
    #[must_use]
    pub fn rows(&self) -> Vec<MonthRows> {
        let rows = self.0.iter().map(|((table, month), rows)| MonthRows {
            table: table.clone(),
            month: *month,
            rows: *rows,
        });
        rows.collect()
    }
}

/// Counts what a rule would delete now, and deletes nothing.
pub async fn count_due(pool: &PgPool, rule: Rule) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    match rule {
        Rule::Events => return events::count_due(pool).await,
        Rule::Identities => tally.add(identities::count_due(pool).await?),
        Rule::UnclaimedResults => tally.add(unclaimed_results::count_due(pool).await?),
        Rule::EarlyResults => tally.add(early_results::count_due(pool).await?),
        Rule::ClaimedResults => tally.add(claimed_results::count_due(pool).await?),
        Rule::IdempotencyKeys => tally.add(idempotency_keys::count_due(pool).await?),
        Rule::Sessions => tally.add(sessions::count_due(pool).await?),
        Rule::SignInFailures => tally.add(sign_in_failures::count_due(pool).await?),
        Rule::ProofLinks => tally.add(proof_links::count_due(pool).await?),
        Rule::Snapshots => tally.add(snapshots::count_due(pool).await?),
        Rule::AlertTexts => tally.add(alert_texts::count_due(pool).await?),
        Rule::Runs => tally.add(runs::count_due(pool).await?),
        Rule::Partitions => tally.add(partitions::count_due(pool).await?),
    }
    Ok(tally)
}

/// Deletes what is due by a rule.
///
/// # Errors
/// When the database fails. What was deleted until then stays deleted.
pub async fn delete_due(pool: &PgPool, rule: Rule) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    delete_batches(pool, rule, &mut tally, None, &mut |_| ()).await?;
    Ok(tally)
}

/// The same, with a row of the run that others can watch. `beat` is called with all that is deleted after each batch.
///
/// # Errors
/// When the database fails. What was deleted until then stays deleted, and the row of the run says how much it was.
pub async fn run(
    pool: &PgPool,
    rule: Rule,
    by: &Actor,
    beat: &mut (dyn FnMut(i64) + Send),
) -> Result<Tally, StoreError> {
    let mut progress = runs::begin(pool, rule, by).await?;
    let mut tally = Tally::default();
    let deleted = delete_batches(pool, rule, &mut tally, Some(&mut progress), beat).await;
    let error = deleted.as_ref().err().map(ToString::to_string);
    let ended = progress.end(pool, tally.total(), error.as_deref()).await;
    deleted?;
    ended?;
    Ok(tally)
}

async fn delete_batches(
    pool: &PgPool,
    rule: Rule,
    tally: &mut Tally,
    mut progress: Option<&mut runs::Progress>,
    beat: &mut (dyn FnMut(i64) + Send),
) -> Result<(), StoreError> {
    let (mut pace, mut scan) = (Pace::default(), Scan::default());
    loop {
        let began = Instant::now();
        let batch = delete_batch(pool, rule, &mut scan, pace.size()).await?;
        let (took, is_full) = (began.elapsed(), batch.is_full);
        tally.add(batch.gone);
        beat(tally.total());
        if batch.is_last {
            return Ok(());
        }
        if let Some(progress) = progress.as_deref_mut() {
            progress.note(pool, tally.total()).await?;
        }
        tokio::time::sleep(pace.after(took, is_full)).await;
    }
}

async fn delete_batch(
    pool: &PgPool,
    rule: Rule,
    scan: &mut Scan,
    most: i64,
) -> Result<Batch, StoreError> {
    let since = &mut scan.since;
    match rule {
        Rule::Events => events::delete_batch(pool, &mut scan.events, most).await,
        Rule::Identities => identities::delete_batch(pool, since, most).await,
        Rule::UnclaimedResults => {
            unclaimed_results::delete_batch(pool, &mut scan.unclaimed_results, most).await
        }
        Rule::EarlyResults => early_results::delete_batch(pool, since, most).await,
        Rule::ClaimedResults => claimed_results::delete_batch(pool, since, most).await,
        Rule::IdempotencyKeys => idempotency_keys::delete_batch(pool, since, most).await,
        Rule::Sessions => sessions::delete_batch(pool, &mut scan.session, most).await,
        Rule::SignInFailures => sign_in_failures::delete_batch(pool, since, most).await,
        Rule::ProofLinks => proof_links::delete_batch(pool, since, most).await,
        Rule::Snapshots => snapshots::delete_batch(pool, &mut scan.snapshots, most).await,
        Rule::AlertTexts => alert_texts::delete_batch(pool, since, most).await,
        Rule::Runs => runs::delete_batch(pool, since, most).await,
        Rule::Partitions => partitions::delete_batch(pool).await,
    }
}

/// Begins a batch. It need not be on disk before the next one: what a crash undoes is due again.
async fn begin_batch(pool: &PgPool) -> Result<Transaction, StoreError> {
    Ok(pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off").await?)
}

/// Begins to count. Counting follows the indexes as deleting does.
async fn begin_count(pool: &PgPool) -> Result<Transaction, StoreError> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off; \
                 SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";
    Ok(pool.begin_with(begin).await?)
}
