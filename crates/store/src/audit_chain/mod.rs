//! The chain beside the audit: links are added behind what is committed, and checked.
//!
//! Each project has a chain, and so have the entries of no project. An entry is linked once and never moves. Nothing is
//! linked that a transaction still running could precede: see [`Horizon`]. A batch is one transaction, so a process that
//! dies leaves it whole or not at all, and one process links at a time. Retention marks the links of what it takes and
//! leaves them, so the chain holds over it. What the hashes are over is [`domain::audit::chain`]'s to say.

mod horizon;
mod link;
mod stored;
mod verify;

use domain::audit::chain::Hash;
use domain::ids::ProjectId;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::horizon::{Horizon, has_passed, take_horizon};
pub use self::link::{LinkedBatch, link_missed, link_new};
pub use self::verify::{Finding, Verification, verify_chain, verify_head, verify_unlinked};
use crate::StoreError;

/// Where a chain ends, or once ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// None of the chain of entries about no project.
    pub project_id: Option<ProjectId>,
    /// How many links there are.
    pub sequence: i64,
    /// Of the last one.
    pub hash: Vec<u8>,
}

/// The chain of a project, or of entries about none.
fn scope(project_id: Option<ProjectId>) -> Uuid {
    project_id.map_or_else(Uuid::nil, ProjectId::as_uuid)
}

fn project_of(scope: Uuid) -> Option<ProjectId> {
    Some(scope).filter(|id| !id.is_nil()).map(ProjectId::from_uuid)
}

/// Microseconds since 1970, as precise as Postgres keeps times.
fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

/// Where the chains of these end that have links.
async fn find_heads(
    db: impl PgExecutor<'_>,
    scopes: &[Uuid],
) -> Result<Vec<(Uuid, i64, Vec<u8>)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT p.id AS "scope!", head.sequence, head.hash
           FROM unnest($1::uuid[]) AS p (id) CROSS JOIN LATERAL (
               SELECT sequence, hash FROM audit_chain WHERE project_id = p.id ORDER BY sequence DESC LIMIT 1) AS head"#,
        scopes,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.scope, row.sequence, row.hash)).collect())
}

/// Where the chain of each project ends, and that of no project; without those that have not begun.
pub async fn list_heads(db: &crate::PgPool) -> Result<Vec<Head>, StoreError> {
    let mut scopes: Vec<_> = list_scopes(db).await?.into_iter().map(scope).collect();
    scopes.sort_unstable();
    let heads = find_heads(db, &scopes).await?.into_iter();
    Ok(heads
        .map(|(scope, sequence, hash)| Head { project_id: project_of(scope), sequence, hash })
        .collect())
}

/// Everything that may have a chain: no project, each project, and what has one although it is no project any more. Nothing of
/// ours deletes projects; who does it by hand must not keep a chain from being checked.
pub async fn list_scopes(db: impl PgExecutor<'_>) -> Result<Vec<Option<ProjectId>>, StoreError> {
    let scopes = sqlx::query_scalar!(
        r#"WITH RECURSIVE linked AS (
               (SELECT project_id FROM audit_chain ORDER BY project_id LIMIT 1)
               UNION ALL
               SELECT (SELECT c.project_id FROM audit_chain c WHERE c.project_id > l.project_id ORDER BY c.project_id LIMIT 1)
               FROM linked l WHERE l.project_id IS NOT NULL
           )
           SELECT id AS "scope!: Uuid" FROM projects
           UNION SELECT project_id FROM linked WHERE project_id IS NOT NULL ORDER BY 1"#
    )
    .fetch_all(db)
    .await?;
    let projects = scopes.into_iter().filter_map(project_of).map(Some);
    Ok(std::iter::once(None).chain(projects).collect())
}

/// How old the oldest entry is that has no link although it could have one, in seconds; none where all have.
pub async fn find_waiting(db: impl PgExecutor<'_>) -> Result<Option<i64>, StoreError> {
    let waiting = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM clock_timestamp() - e.at)::bigint
           FROM audit_sealer s CROSS JOIN LATERAL (
               SELECT at FROM audit_entries WHERE (at, id) > (s.linked_at, s.linked_id) ORDER BY at, id LIMIT 1) AS e"#,
    )
    .fetch_optional(db)
    .await?;
    Ok(waiting.flatten())
}

/// Whether what is stored is this hash.
fn is_hash(stored: &[u8], hash: Hash) -> bool {
    stored == hash.as_slice()
}
