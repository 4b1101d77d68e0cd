//! Adding links: to what is new in the order of its time, and to what was passed over.
//!
//! Two cursors are kept with the links, in their transaction. The first follows new entries. The second goes through all of
//! them again and again, a little at a time, and finds what the first has passed: entries that a restore, a stopped
//! process or a clock that was set back brought behind it.

use std::collections::BTreeMap;

use domain::audit::chain::{ChainedEntry, Link, beginning};
use domain::audit::texts::TEXT_KEYS;
use domain::ids::{AuditId, EventId, IncidentId, ProjectId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Head, find_heads, micros, project_of};
use crate::pool::transaction;
use crate::{PgConnection, PgPool, StoreError, column};

/// A place among the entries, in the order of their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    at: OffsetDateTime,
    id: Uuid,
}

/// What is before every entry.
const BEGINNING: Place = Place { at: OffsetDateTime::UNIX_EPOCH, id: Uuid::nil() };

struct Cursors {
    linked: Place,
    swept: Place,
}

/// What became of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkedBatch {
    /// How many entries were looked at.
    pub entries: usize,
    /// How many got a link.
    pub links: usize,
    /// Where the chains end that grew.
    pub heads: Vec<Head>,
}

/// Links the next entries from before this time. None where another process is at it.
///
/// # Errors
/// When the database fails; nothing is linked then.
pub async fn link_new(
    pool: &PgPool,
    until: OffsetDateTime,
    most: i64,
) -> Result<Option<LinkedBatch>, StoreError> {
    transaction(pool, async |tx| {
        let Some(mut cursors) = lock(tx).await? else { return Ok(None) };
        let (batch, last) = link_between(tx, cursors.linked, until, most).await?;
        cursors.linked = last.unwrap_or(cursors.linked);
        keep(tx, &cursors).await?;
        Ok(Some(batch))
    })
    .await
}

/// Looks at the next entries that should have a link, from the first again after the last, and links those that have
/// none. None where another process is at it.
///
/// # Errors
/// When the database fails; nothing is linked then.
pub async fn link_missed(pool: &PgPool, most: i64) -> Result<Option<LinkedBatch>, StoreError> {
    transaction(pool, async |tx| {
        let Some(mut cursors) = lock(tx).await? else { return Ok(None) };
        let (batch, last) = link_between(tx, cursors.swept, cursors.linked.at, most).await?;
        cursors.swept = last.unwrap_or(BEGINNING);
        keep(tx, &cursors).await?;
        Ok(Some(batch))
    })
    .await
}

/// Takes the only row, and the lock that keeps retention from taking what is being linked.
async fn lock(tx: &mut PgConnection) -> Result<Option<Cursors>, StoreError> {
    let row = sqlx::query!(
        "SELECT linked_at, linked_id, swept_at, swept_id FROM audit_sealer FOR UPDATE SKIP LOCKED"
    );
    let Some(row) = row.fetch_optional(&mut *tx).await? else { return Ok(None) };
    sqlx::query!("SELECT pg_advisory_xact_lock(7270014)").execute(tx).await?;
    Ok(Some(Cursors {
        linked: Place { at: row.linked_at, id: row.linked_id },
        swept: Place { at: row.swept_at, id: row.swept_id },
    }))
}

async fn keep(tx: &mut PgConnection, cursors: &Cursors) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE audit_sealer SET linked_at = $1, linked_id = $2, swept_at = $3, swept_id = $4, ran_at = clock_timestamp()",
        cursors.linked.at,
        cursors.linked.id,
        cursors.swept.at,
        cursors.swept.id,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Links the first entries after a place; also gives the last of them.
async fn link_between(
    tx: &mut PgConnection,
    after: Place,
    until: OffsetDateTime,
    most: i64,
) -> Result<(LinkedBatch, Option<Place>), StoreError> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.at, EXISTS (SELECT FROM audit_chain c WHERE c.entry_id = e.id) AS "is_linked!"
           FROM (SELECT id, at FROM audit_entries WHERE (at, id) > ($1, $2) AND at < $3 ORDER BY at, id LIMIT $4) AS e
           ORDER BY e.at, e.id"#,
        after.at,
        after.id,
        until,
        most,
    )
    .fetch_all(&mut *tx)
    .await?;
    let last = rows.last().map(|row| Place { at: row.at, id: row.id.as_uuid() });
    let missing: Vec<AuditId> =
        rows.iter().filter(|row| !row.is_linked).map(|row| row.id).collect();
    let mut batch = LinkedBatch { entries: rows.len(), ..LinkedBatch::default() };
    if !missing.is_empty() {
        let entries = read(tx, &missing).await?;
        batch.links = entries.len();
        batch.heads = append(tx, &entries).await?;
    }
    Ok((batch, last))
}

/// The entries in the order of their times. The texts of those from before there were any apart are moved first; where
/// that cannot be done now, because retention is taking the entry, it gets its link later or never.
async fn read(tx: &mut PgConnection, ids: &[AuditId]) -> Result<Vec<ChainedEntry>, StoreError> {
    let ids = column(ids, |id| id.as_uuid());
    sqlx::query_scalar!("SELECT split_audit_texts($1)", &ids).fetch_one(&mut *tx).await?;
    let rows = sqlx::query!(
        r#"SELECT e.id AS "id!", e.at AS "at!", e.actor AS "actor!", e.action AS "action!", e.project_id AS "project_id?",
               e.event_id AS "event_id?", e.incident_id AS "incident_id?", e.detail::text AS "detail!", t.commitment AS "commitment?"
           FROM audit_entries e LEFT JOIN audit_texts t ON t.entry_id = e.id
           WHERE e.id = ANY ($1) AND NOT (e.detail ?| $2 AND audit_text_of(e.action, e.detail) IS NOT NULL)
           ORDER BY e.at, e.id"#,
        &ids,
        &TEXT_KEYS.map(str::to_owned),
    )
    .fetch_all(tx)
    .await?;
    let entries = rows.into_iter().map(|row| ChainedEntry {
        id: row.id.as_uuid(),
        at: micros(row.at),
        actor: row.actor,
        action: row.action,
        project_id: row.project_id.map(ProjectId::as_uuid),
        event_id: row.event_id.map(EventId::as_uuid),
        incident_id: row.incident_id.map(IncidentId::as_uuid),
        detail: row.detail,
        commitment: row.commitment,
    });
    Ok(entries.collect())
}

/// Adds the links; gives where the chains end then.
async fn append(tx: &mut PgConnection, entries: &[ChainedEntry]) -> Result<Vec<Head>, StoreError> {
    let mut scopes = column(entries, |entry| entry.project_id.unwrap_or_default());
    scopes.sort_unstable();
    scopes.dedup();
    let mut ends: BTreeMap<_, _> =
        scopes.iter().map(|scope| (*scope, (0, beginning(*scope).to_vec()))).collect();
    for (scope, sequence, hash) in find_heads(&mut *tx, &scopes).await? {
        ends.insert(scope, (sequence, hash));
    }
    let mut links = Vec::with_capacity(entries.len());
    for entry in entries {
        let end = ends.entry(entry.project_id.unwrap_or_default()).or_default();
        let link = Link::new(end.0 + 1, entry);
        let hash = link.hash(&end.1).to_vec();
        *end = (link.sequence, hash.clone());
        links.push((link, hash));
    }
    insert(tx, &links).await?;
    let heads = ends.into_iter().map(|(scope, (sequence, hash))| Head {
        project_id: project_of(scope),
        sequence,
        hash,
    });
    Ok(heads.collect())
}

async fn insert(tx: &mut PgConnection, links: &[(Link, Vec<u8>)]) -> Result<(), StoreError> {
    let events: Vec<Option<Uuid>> = column(links, |(link, _)| link.event_id);
    let digests: Vec<Vec<u8>> = column(links, |(link, _)| link.digest.clone());
    let hashes: Vec<Vec<u8>> = column(links, |(_, hash)| hash.clone());
    sqlx::query!(
        "INSERT INTO audit_chain (project_id, sequence, entry_id, at, event_id, may_leave, digest, hash)
         SELECT l.scope, l.sequence, l.entry_id, e.at, l.event_id, l.may_leave, l.digest, l.hash
         FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::boolean[], $6::bytea[], $7::bytea[])
             AS l (scope, sequence, entry_id, event_id, may_leave, digest, hash)
         JOIN audit_entries e ON e.id = l.entry_id",
        &column(links, |(link, _)| link.scope),
        &column(links, |(link, _)| link.sequence),
        &column(links, |(link, _)| link.entry_id),
        &events as &[Option<Uuid>],
        &column(links, |(link, _)| link.may_leave),
        &digests,
        &hashes,
    )
    .execute(tx)
    .await?;
    Ok(())
}
