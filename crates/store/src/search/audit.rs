//! Searching the audit, page by page or all of it for an export.
//!
//! Entries are sorted by their times. An export reads one thousand after the other and keeps
//! nothing, so it costs the same memory whatever its length; what is written in the meantime is
//! newer than its first entry and not in it. Unless all are asked for, it ends after 100,000 entries and says whether
//! there would have been more.

use std::collections::BTreeMap;

use domain::ids::{AuditId, EventId, IncidentId, ProjectId};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::audit_ids::{self, SortKey};
pub use super::audit_search::AuditSearch;
use super::keyset::KeysetScan;
use super::{Cursor, Sort, reading};
use crate::page::Page;
use crate::{PgConnection, PgPool, StoreError};

/// The most entries that one export has.
pub const MAX_EXPORT: usize = 100_000;
/// How many entries an export reads at a time.
const EXPORT_PAGE: i64 = 1_000;

/// Whether a text is the id of something that entries are about.
#[must_use]
pub fn is_subject(text: &str) -> bool {
    text.parse::<ProjectId>().is_ok()
        || text.parse::<EventId>().is_ok()
        || text.parse::<IncidentId>().is_ok()
}

/// One entry.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    pub id: AuditId,
    /// When, by the database's clock.
    pub at: OffsetDateTime,
    pub actor: String,
    /// What, as in `domain::audit::Action`.
    pub action: String,
    /// The project that it is about.
    pub project_id: Option<ProjectId>,
    /// The event that it is about.
    pub event_id: Option<EventId>,
    /// The incident that it is about.
    pub incident_id: Option<IncidentId>,
    /// What more is known, with its text.
    pub detail: Value,
}

/// One page of the entries that match, newest first.
pub async fn search_audit(
    db: &PgPool,
    search: &AuditSearch,
) -> Result<Page<AuditEntry>, StoreError> {
    let mut tx = reading::begin(db).await?;
    let cursor = match search.cursor {
        None => None,
        Some(cursor) => {
            let (Cursor::After(id) | Cursor::Before(id)) = cursor;
            let key = audit_ids::find_place(&mut tx, id).await?;
            key.map(|key| cursor.map(|_| key))
        }
    };
    let (above, below) = bounds(search);
    let scan = KeysetScan::new(Sort::Newest, cursor, above, below, search.limit);
    let found = scan.cut(audit_ids::find(&mut tx, search, &scan).await?, None);
    let rows = read_rows(&mut tx, &found.keys).await?;
    tx.commit().await?;
    Ok(found.page(rows, |(_, id)| id))
}

/// An export that is being read.
#[derive(Debug)]
pub struct AuditExport {
    search: AuditSearch,
    most: usize,
    below: SortKey,
    read: usize,
    ended: bool,
    cut_off: bool,
}

impl AuditExport {
    /// Begins an export; where its search's page lies does not matter.
    #[must_use]
    pub fn new(search: AuditSearch) -> Self {
        Self::of_at_most(MAX_EXPORT, search)
    }

    /// As [`AuditExport::new`], of every entry that there is.
    #[must_use]
    pub fn whole(search: AuditSearch) -> Self {
        Self::of_at_most(usize::MAX, search)
    }

    fn of_at_most(most: usize, search: AuditSearch) -> Self {
        let (_, below) = bounds(&search);
        Self { search, most, below, read: 0, ended: false, cut_off: false }
    }

    /// The next entries, newest first; none at the end.
    pub async fn next(&mut self, db: &PgPool) -> Result<Vec<AuditEntry>, StoreError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let (above, _) = bounds(&self.search);
        let scan = KeysetScan::between(EXPORT_PAGE, above, self.below);
        let mut tx = reading::begin(db).await?;
        let mut keys = audit_ids::find(&mut tx, &self.search, &scan).await?;
        let more = i64::try_from(keys.len()).is_ok_and(|matching| matching >= scan.rows());
        keys.truncate((self.most - self.read).min(usize::try_from(EXPORT_PAGE).unwrap_or(0)));
        self.read += keys.len();
        self.cut_off = more && self.read >= self.most;
        self.ended = !more || self.cut_off;
        if let Some(last) = keys.last() {
            self.below = *last;
        }
        let entries = read_rows(&mut tx, &keys).await?;
        tx.commit().await?;
        Ok(entries)
    }

    /// Whether the export ended before there was nothing more.
    #[must_use]
    pub const fn is_cut_off(&self) -> bool {
        self.cut_off
    }
}

fn bounds(search: &AuditSearch) -> (SortKey, SortKey) {
    // Times that Postgres cannot hold are further away than any entry.
    let (first, last) = (OffsetDateTime::UNIX_EPOCH, datetime!(9999-12-31 00:00 UTC));
    let from = search.from.map_or(first, |from| from.clamp(first, last));
    let to = search.to.map_or(last, |to| to.clamp(first, last));
    let before_any = AuditId::from_uuid(Uuid::nil());
    ((from, before_any), (to, before_any))
}

async fn read_rows(db: &mut PgConnection, keys: &[SortKey]) -> Result<Vec<AuditEntry>, StoreError> {
    let ids: Vec<_> = keys.iter().map(|(_, id)| *id).collect();
    let entries = sqlx::query_as!(
        AuditEntry,
        r#"SELECT id AS "id!", at AS "at!", actor AS "actor!", action AS "action!", project_id, event_id, incident_id,
               detail AS "detail!" FROM audit_log WHERE id = ANY($1)"#,
        &ids as &[AuditId],
    )
    .fetch_all(db)
    .await?;
    let mut entries: BTreeMap<_, _> = entries.into_iter().map(|entry| (entry.id, entry)).collect();
    Ok(ids.iter().filter_map(|id| entries.remove(id)).collect())
}
