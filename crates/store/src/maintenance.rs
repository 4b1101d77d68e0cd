//! Maintenance windows of a project. Several may last at the same time, as those of two deploy scripts: people are told again after
//! the last one.

use domain::ids::{MaintenanceId, ProjectId};
use domain::maintenance::WindowLength;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{PgConnection, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceWindow {
    pub id: MaintenanceId,
    pub project_id: ProjectId,
    /// What it is for.
    pub reason: Option<String>,
    pub started_by: String,
    pub started_at: OffsetDateTime,
    /// When it ends by itself.
    pub ends_at: OffsetDateTime,
    /// When an operator ended it before.
    pub ended_at: Option<OffsetDateTime>,
    pub ended_by: Option<String>,
}

impl MaintenanceWindow {
    /// Whether it lasts at a moment.
    #[must_use]
    pub fn is_running(&self, now: OffsetDateTime) -> bool {
        self.ended_at.is_none() && now < self.ends_at
    }
}

/// The newest windows of a project, at most `limit`.
pub async fn list_newest(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    limit: i64,
) -> Result<Vec<MaintenanceWindow>, StoreError> {
    let windows = sqlx::query_as!(
        MaintenanceWindow,
        "SELECT id, project_id, reason, started_by, started_at, ends_at, ended_at, ended_by
         FROM maintenance_windows WHERE project_id = $1 ORDER BY id DESC LIMIT $2",
        project_id.as_uuid(),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(windows)
}

/// Adds a window that begins now.
pub(crate) async fn insert_window(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    started_by: &str,
    length: WindowLength,
    reason: Option<&str>,
) -> Result<MaintenanceWindow, StoreError> {
    let window = sqlx::query_as!(
        MaintenanceWindow,
        "INSERT INTO maintenance_windows (id, project_id, reason, started_by, ends_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(mins => $5))
         RETURNING id, project_id, reason, started_by, started_at, ends_at, ended_at, ended_by",
        Uuid::now_v7(),
        project_id.as_uuid(),
        reason,
        started_by,
        length.minutes(),
    )
    .fetch_one(db)
    .await?;
    Ok(window)
}

/// Ends the windows of a project that last, or one of them. Returns those that did.
pub(crate) async fn end_windows(
    tx: &mut PgConnection,
    project_id: ProjectId,
    id: Option<MaintenanceId>,
    ended_by: &str,
) -> Result<Vec<MaintenanceWindow>, StoreError> {
    let ended = sqlx::query_as!(
        MaintenanceWindow,
        "UPDATE maintenance_windows SET ended_at = now(), ended_by = $3
         WHERE project_id = $1 AND ended_at IS NULL AND ends_at > now() AND ($2::uuid IS NULL OR id = $2)
         RETURNING id, project_id, reason, started_by, started_at, ends_at, ended_at, ended_by",
        project_id.as_uuid(),
        id.map(MaintenanceId::as_uuid),
        ended_by,
    )
    .fetch_all(tx)
    .await?;
    Ok(ended)
}
