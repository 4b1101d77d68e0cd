//! All values that a master key sealed, wherever they are: how many each key sealed, and sealing them again.
//!
//! A snapshot is sealed with its project's key, which is one of these values; those that releases before sealed
//! with a master key are, and are sealed again with their project's. What is never opened any more is left out, and soon
//! overwritten: secrets that have expired, and those of what was removed.
//!
//! A value is opened, sealed with the newest key, and written where the old one still is: whoever changed it in
//! the meantime wins. A batch is one statement, so a process that dies leaves each value whole, old or new, and
//! the next run goes on with what is left; nothing else is kept of how far it came. Several runs at a time do no
//! harm. A value that does not open stays as it is and is reported.

mod forget;
mod list;
mod replace;

use sqlx::PgExecutor;

pub use self::forget::forget_unused;
pub use self::list::Cursor;
use self::list::StoredValue;
use crate::pool::transaction;
use crate::seal::{Head, MasterKey, SealError, SealedColumn, SealingKeyId, Version};
use crate::snapshot_keys::{self, SnapshotKeys};
use crate::{PgPool, StoreError};

/// So many values are sealed again by one statement; of snapshots they may have 4 MiB.
const BATCH: i64 = 64;

/// How many values of a column have the same head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedCount {
    pub column: SealedColumn,
    /// None where it cannot be read.
    pub head: Option<Head>,
    pub values: i64,
}

/// Counts the values that a master key sealed; without the large columns it costs next to nothing.
pub async fn count(
    db: impl PgExecutor<'_>,
    with_large: bool,
) -> Result<Vec<SealedCount>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT held AS "held!", head AS "head!", count(*) AS "values!" FROM (
               SELECT 'signing_secrets' AS held, substring(sealed FROM 1 FOR 5) AS head FROM signing_secrets
               WHERE expires_at IS NULL OR expires_at > now()
               UNION ALL SELECT 'destinations', substring(sealed FROM 1 FOR 5) FROM destinations
               WHERE sealed IS NOT NULL AND removed_at IS NULL
               UNION ALL SELECT 'destination_secrets', substring(s.sealed FROM 1 FOR 5) FROM destination_secrets s
               JOIN destinations d ON d.id = s.destination_id
               WHERE d.removed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
               UNION ALL SELECT 'callback_headers', substring(sealed FROM 1 FOR 5) FROM callback_headers
               UNION ALL SELECT 'extensions', substring(sealed FROM 1 FOR 5) FROM extensions
               WHERE sealed IS NOT NULL AND removed_at IS NULL
               UNION ALL SELECT 'sessions', substring(flash FROM 1 FOR 5) FROM sessions WHERE flash IS NOT NULL
               UNION ALL SELECT 'snapshot_keys', substring(sealed FROM 1 FOR 5) FROM snapshot_keys
               UNION ALL SELECT 'reference_keys', substring(sealed FROM 1 FOR 5) FROM reference_keys
               UNION ALL SELECT 'payment_events', substring(snapshot FROM 1 FOR 5) FROM payment_events
               WHERE $1 AND snapshot IS NOT NULL AND substring(snapshot FROM 1 FOR 1) <> '\x03') AS sealed
           GROUP BY held, head ORDER BY held, head"#,
        with_large,
    )
    .fetch_all(db)
    .await?;
    let counts = rows.into_iter().filter_map(|row| {
        let column = SealedColumn::from_table(&row.held)?;
        Some(SealedCount { column, head: Head::read(&row.head).ok(), values: row.values })
    });
    Ok(counts.collect())
}

/// Which values are sealed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those of another key than the newest.
    OtherKeys,
    /// Those, and those in another form of envelope than this, in which all are then.
    OtherKeysAndForms(Version),
}

impl Selection {
    const fn version(self) -> Version {
        match self {
            Self::OtherKeys => Version::Two,
            Self::OtherKeysAndForms(version) => version,
        }
    }

    fn holds(self, column: SealedColumn, head: Head, newest: SealingKeyId) -> bool {
        column == SealedColumn::Snapshot
            || head.key != newest
            || matches!(self, Self::OtherKeysAndForms(version) if head.version != version)
    }
}

/// A value that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    pub column: SealedColumn,
    /// The row, as the database has it.
    pub row: String,
    pub error: SealError,
}

/// What became of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    pub resealed: u64,
    pub unopened: Vec<Unopened>,
    /// Where the next batch begins; none after the last one.
    pub next: Option<Cursor>,
}

/// Seals the next values of a column again.
///
/// # Errors
/// When the database fails; nothing of the batch is written then.
pub async fn reseal_batch(
    pool: &PgPool,
    key: &MasterKey,
    column: SealedColumn,
    selection: Selection,
    after: &Cursor,
) -> Result<Batch, StoreError> {
    let found = list::list(pool, column, after, BATCH).await?;
    let mut batch = Batch::default();
    if i64::try_from(found.len()).is_ok_and(|found| found == BATCH) {
        batch.next = found.last().map(StoredValue::cursor);
    }
    let keys = snapshot_keys_of(pool, key, column, &found).await?;
    let mut changed = Vec::new();
    for value in found {
        match reseal(key, &keys, selection, column, &value) {
            Ok(None) => {}
            Ok(Some(sealed)) => changed.push((value, sealed)),
            Err(error) => batch.unopened.push(Unopened { column, row: value.name_of_row(), error }),
        }
    }
    if !changed.is_empty() {
        batch.resealed = replace::replace(pool, column, &changed).await?;
    }
    Ok(batch)
}

/// The keys of the projects whose snapshots these are; none in any other column.
async fn snapshot_keys_of(
    pool: &PgPool,
    key: &MasterKey,
    column: SealedColumn,
    values: &[StoredValue],
) -> Result<SnapshotKeys, StoreError> {
    if column != SealedColumn::Snapshot {
        return Ok(SnapshotKeys::new());
    }
    let projects: Vec<_> = values.iter().map(StoredValue::project_id).collect();
    transaction(pool, async |tx| snapshot_keys::ensure(tx, key, projects).await).await
}

/// The value sealed again; none where it is as it should be.
fn reseal(
    key: &MasterKey,
    keys: &SnapshotKeys,
    selection: Selection,
    column: SealedColumn,
    value: &StoredValue,
) -> Result<Option<Vec<u8>>, SealError> {
    if !selection.holds(column, Head::read(&value.sealed)?, key.newest()) {
        return Ok(None);
    }
    let cell = value.cell(column);
    let opened = key.open(&cell, &value.sealed)?;
    match keys.get(&value.project_id()) {
        Some(own) => own.as_ref().map_err(Clone::clone)?.seal(&cell, &opened).map(Some),
        None => key.seal_as(selection.version(), &cell, &opened).map(Some),
    }
}
