//! How far a run of a rule has come, carried from batch to batch.
//!
//! A batch that looked for what is due from the begin of an index would go again over all that the batches before have
//! deleted: as long as anyone holds an older snapshot, a dump for one, Postgres keeps their entries, and a run would
//! read the square of what it deletes. What a run has passed over because someone held it is left for the next run.

use domain::ids::{EventId, ProjectId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{PgConnection, StoreError, projects};

/// How far a run has come, in the order of what its rule goes by.
#[derive(Debug)]
pub(super) struct Scan {
    /// The moment of the last row that went.
    pub since: OffsetDateTime,
    /// The last session that went.
    pub session: Uuid,
    pub events: ProjectScan<LastEvent>,
    pub snapshots: ProjectScan<LastEvent>,
    /// The moment of the last entry that went.
    pub unclaimed_results: ProjectScan<OffsetDateTime>,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            since: OffsetDateTime::UNIX_EPOCH,
            session: Uuid::nil(),
            events: ProjectScan::default(),
            snapshots: ProjectScan::default(),
            unclaimed_results: ProjectScan::default(),
        }
    }
}

/// The last candidate of a batch: the moment that its rule goes by, and which event it is.
pub(super) type LastEvent = (OffsetDateTime, EventId);

/// How far a run has come that goes from project to project.
#[derive(Debug)]
pub(super) struct ProjectScan<Last> {
    /// The projects that are left, in reverse; `None` before the first batch.
    projects: Option<Vec<ProjectId>>,
    /// The last candidate of the project that it is at.
    pub after: Option<Last>,
}

impl<Last> Default for ProjectScan<Last> {
    fn default() -> Self {
        Self { projects: None, after: None }
    }
}

impl<Last> ProjectScan<Last> {
    /// The project that it is at; `None` after the last one.
    pub(super) async fn project(
        &mut self,
        tx: &mut PgConnection,
    ) -> Result<Option<ProjectId>, StoreError> {
        if self.projects.is_none() {
            let all = projects::list_projects(tx).await?;
            self.projects = Some(all.into_iter().rev().map(|project| project.id).collect());
        }
        Ok(self.projects.as_ref().and_then(|left| left.last()).copied())
    }

    /// Goes on with the next project.
    pub(super) fn leave_project(&mut self) {
        self.projects.get_or_insert_default().pop();
        self.after = None;
    }
}

impl ProjectScan<LastEvent> {
    /// The next events, at most so many, that `list` finds in one project after the last one of it; none when there are no
    /// more in any.
    pub(super) async fn next_events(
        &mut self,
        tx: &mut PgConnection,
        most: i64,
        list: impl AsyncFn(
            &mut PgConnection,
            ProjectId,
            Option<LastEvent>,
            i64,
        ) -> Result<Vec<LastEvent>, StoreError>,
    ) -> Result<Vec<EventId>, StoreError> {
        while let Some(project_id) = self.project(tx).await? {
            let found = list(tx, project_id, self.after, most).await?;
            if let Some(last) = found.last() {
                self.after = Some(*last);
                return Ok(found.into_iter().map(|(_, id)| id).collect());
            }
            self.leave_project();
        }
        Ok(Vec::new())
    }
}
