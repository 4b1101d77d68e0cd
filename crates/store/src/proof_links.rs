//! Proof links: read-only pages of one incident. Only the SHA-256 of the token is here.
//!
//! A link that has expired, was revoked or never was is the same nothing, so that a guess learns
//! nothing from the response.

use domain::ids::{EventId, IncidentId, ProjectId, ProofLinkId};
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::incidents::Incident;

/// A link as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofLink {
    pub id: ProofLinkId,
    /// Who made it, as the audit names them.
    pub created_by: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Until when it opens.
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    /// How often it was opened.
    pub views: i64,
    /// When it was last opened.
    pub last_viewed_at: Option<OffsetDateTime>,
}

/// What a link shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedLink {
    pub link_id: ProofLinkId,
    pub project_id: ProjectId,
    /// The event whose timeline is shown.
    pub event_id: EventId,
    pub incident_id: IncidentId,
    /// Until when the link opens.
    pub expires_at: OffsetDateTime,
}

/// Adds a link to an incident that opens for `days` days; `domain::proof` says how many they may
/// be.
///
/// # Errors
/// When the days are not from 1 to 365.
pub async fn insert_link(
    db: impl PgExecutor<'_>,
    incident: &Incident,
    token_hash: &[u8; 32],
    created_by: &str,
    days: i32,
) -> Result<ProofLinkId, StoreError> {
    let id = ProofLinkId::from_uuid(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO proof_links (id, incident_id, project_id, event_id, token_hash, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(days => $7))",
        id.as_uuid(),
        incident.id.as_uuid(),
        incident.project_id.as_uuid(),
        incident.event_id.as_uuid(),
        token_hash.as_slice(),
        created_by,
        days,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// The links of an incident, those that no longer open too, newest first.
pub async fn list_links(
    db: impl PgExecutor<'_>,
    incident_id: IncidentId,
) -> Result<Vec<ProofLink>, StoreError> {
    let links = sqlx::query_as!(
        ProofLink,
        "SELECT id, created_by, created_at, expires_at, revoked_at, views, last_viewed_at
         FROM proof_links WHERE incident_id = $1 ORDER BY id DESC",
        incident_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(links)
}

/// Revokes a link of this incident for good. `false` if it has no such link that still opens.
pub async fn revoke_link(
    db: impl PgExecutor<'_>,
    incident_id: IncidentId,
    id: ProofLinkId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE proof_links SET revoked_at = now()
         WHERE id = $2 AND incident_id = $1 AND revoked_at IS NULL AND expires_at > now()",
        incident_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a link opens, without a view; `None` if it opens nothing.
pub async fn find_link(
    db: impl PgExecutor<'_>,
    token_hash: &[u8; 32],
) -> Result<Option<OpenedLink>, StoreError> {
    let opened = sqlx::query_as!(
        OpenedLink,
        "SELECT id AS link_id, project_id, event_id, incident_id, expires_at FROM proof_links
         WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > now()",
        token_hash.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    Ok(opened)
}

/// Opens a link and counts the view; `None` if it opens nothing.
pub async fn open_link(
    db: impl PgExecutor<'_>,
    token_hash: &[u8; 32],
) -> Result<Option<OpenedLink>, StoreError> {
    let opened = sqlx::query_as!(
        OpenedLink,
        "UPDATE proof_links SET views = views + 1, last_viewed_at = now()
         WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > now()
         RETURNING id AS link_id, project_id, event_id, incident_id, expires_at",
        token_hash.as_slice(),
    )
    .fetch_optional(db)
    .await?;
    Ok(opened)
}
