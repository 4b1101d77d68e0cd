//! Projects.

use domain::ids::ProjectId;
use domain::project::{DEFAULT_TIMEOUT_MINUTES, Mode};
use domain::retention::DEFAULT_MONTHS;
use domain::silence::ExpectedReceipts;
use domain::snapshot::SnapshotSettings;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::expect_one;
use crate::{PgConnection, StoreError};

/// One monitored payment flow.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    /// Whether it watches real money.
    pub mode: Mode,
    /// Minutes until silence is an incident.
    pub timeout_minutes: i32,
    /// Months that its events are kept after they ended.
    pub retention_months: i32,
    /// Where callbacks go.
    pub repair_url: Option<String>,
    /// Whether payloads are kept, sealed.
    pub snapshots: bool,
    /// For how many days after the receipt they are.
    pub snapshot_days: i32,
    /// Whether callbacks carry them.
    pub snapshot_in_callback: bool,
    /// When it is a silence that no receipt comes.
    pub expected_receipts: ExpectedReceipts,
    /// The names of the headers that its callbacks carry beside ours, in order.
    pub callback_header_names: Vec<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Since when it takes nothing new and is in no list.
    pub archived_at: Option<OffsetDateTime>,
}

impl Project {
    /// What is wanted of snapshots.
    #[must_use]
    pub const fn snapshot_settings(&self) -> SnapshotSettings {
        SnapshotSettings {
            kept: self.snapshots,
            days: self.snapshot_days,
            in_callback: self.snapshot_in_callback,
        }
    }
}

/// Reads projects; what follows `FROM projects` is the caller's.
macro_rules! query_projects {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Project,
            r#"SELECT id, name, mode, timeout_minutes, retention_months, repair_url, snapshots, snapshot_days,
                   snapshot_in_callback, expected_receipts, created_at, archived_at,
                   ARRAY(SELECT spelling FROM callback_headers WHERE project_id = projects.id
                         ORDER BY callback_headers.name) AS "callback_header_names!"
               FROM projects "# + $tail $(, $argument)*
        )
    };
}

/// What a person decides about a project.
#[derive(Debug, Clone)]
pub struct ProjectSettings {
    pub name: String,
    /// Whether it watches real money; fixed once made.
    pub mode: Mode,
    /// Minutes until silence is an incident.
    pub timeout_minutes: i32,
    /// Months that its events are kept after they ended.
    pub retention_months: i32,
    /// Where callbacks go.
    pub repair_url: Option<String>,
    /// What becomes of payloads.
    pub snapshots: SnapshotSettings,
    /// When it is a silence that no receipt comes.
    pub expected_receipts: ExpectedReceipts,
}

impl ProjectSettings {
    /// What a project begins with that says nothing else.
    #[must_use]
    pub fn new(name: String, mode: Mode) -> Self {
        Self {
            name,
            mode,
            timeout_minutes: DEFAULT_TIMEOUT_MINUTES,
            retention_months: DEFAULT_MONTHS,
            repair_url: None,
            snapshots: SnapshotSettings::default(),
            expected_receipts: ExpectedReceipts::usual(mode),
        }
    }

    /// As they are.
    #[must_use]
    pub fn from_project(project: &Project) -> Self {
        Self {
            name: project.name.clone(),
            mode: project.mode,
            timeout_minutes: project.timeout_minutes,
            retention_months: project.retention_months,
            repair_url: project.repair_url.clone(),
            snapshots: project.snapshot_settings(),
            expected_receipts: project.expected_receipts,
        }
    }
}

/// Adds a project.
pub async fn insert_project(
    db: impl PgExecutor<'_>,
    settings: &ProjectSettings,
) -> Result<ProjectId, StoreError> {
    let id = ProjectId::from_uuid(Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO projects (id, name, mode, timeout_minutes, repair_url, snapshots, snapshot_days, snapshot_in_callback,
             expected_receipts, retention_months)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.as_uuid(),
        settings.name,
        settings.mode.as_str(),
        settings.timeout_minutes,
        settings.repair_url,
        settings.snapshots.kept,
        settings.snapshots.days,
        settings.snapshots.in_callback,
        settings.expected_receipts.to_string(),
        settings.retention_months,
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// Changes what may change; the mode never does, because its keys say it.
///
/// # Errors
/// When there is no such project.
pub async fn update_project(
    db: impl PgExecutor<'_>,
    id: ProjectId,
    settings: &ProjectSettings,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE projects SET name = $2, timeout_minutes = $3, repair_url = $4, snapshots = $5, snapshot_days = $6,
             snapshot_in_callback = $7, expected_receipts = $8, retention_months = $9, updated_at = now()
         WHERE id = $1",
        id.as_uuid(),
        settings.name,
        settings.timeout_minutes,
        settings.repair_url,
        settings.snapshots.kept,
        settings.snapshots.days,
        settings.snapshots.in_callback,
        settings.expected_receipts.to_string(),
        settings.retention_months,
    )
    .execute(db)
    .await?;
    expect_one("projects", done.rows_affected())
}

/// Whether there are projects of real money, and projects of tests, that are not archived.
pub async fn list_modes(db: impl PgExecutor<'_>) -> Result<(bool, bool), StoreError> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM projects WHERE mode = 'live' AND archived_at IS NULL) AS "live!",
               EXISTS (SELECT FROM projects WHERE mode = 'test' AND archived_at IS NULL) AS "test!""#,
    );
    let row = row.fetch_one(db).await?;
    Ok((row.live, row.test))
}

pub async fn find_project(
    db: impl PgExecutor<'_>,
    id: ProjectId,
) -> Result<Option<Project>, StoreError> {
    Ok(query_projects!("WHERE id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// Finds a project and locks its row, so that two people who change it concurrently do not undo
/// each other. Receipts, which only refer to it, do not wait for them.
pub async fn lock_project(
    tx: &mut PgConnection,
    id: ProjectId,
) -> Result<Option<Project>, StoreError> {
    let locked = query_projects!("WHERE id = $1 FOR NO KEY UPDATE", id.as_uuid());
    Ok(locked.fetch_optional(tx).await?)
}

/// All projects, archived ones too, oldest first. An installation has a handful.
pub async fn list_projects(db: impl PgExecutor<'_>) -> Result<Vec<Project>, StoreError> {
    Ok(query_projects!("ORDER BY id").fetch_all(db).await?)
}

/// The projects that are not archived, and the one that is named even so; oldest first.
pub async fn list_in_use(
    db: impl PgExecutor<'_>,
    named: Option<ProjectId>,
) -> Result<Vec<Project>, StoreError> {
    let mut projects = list_projects(db).await?;
    projects.retain(|project| project.archived_at.is_none() || Some(project.id) == named);
    Ok(projects)
}

/// Whether there is an archived project.
pub async fn is_any_archived(db: impl PgExecutor<'_>) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM projects WHERE archived_at IS NOT NULL) AS "any!""#
    );
    Ok(any.fetch_one(db).await?)
}

/// Archives a project or restores it. Its row is locked by the caller, who knows that this changes something.
pub async fn set_archived(
    db: impl PgExecutor<'_>,
    id: ProjectId,
    archived: bool,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "UPDATE projects SET archived_at = CASE WHEN $2 THEN now() END,
             restored_at = CASE WHEN $2 THEN restored_at ELSE now() END, updated_at = now()
         WHERE id = $1",
        id.as_uuid(),
        archived,
    )
    .execute(db)
    .await?;
    expect_one("projects", done.rows_affected())
}
