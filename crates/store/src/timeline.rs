//! The timeline of one event, read from the audit.

use domain::audit::AuditEvent;
use domain::ids::{EventId, ProjectId};
use domain::timeline::{Names, TimelineItem};
use serde_json::Value;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::{PgPool, StoreError, api_keys, destinations};

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct TimelineEntry {
    /// When, by the database's clock.
    pub at: OffsetDateTime,
    pub actor: String,
    /// What, as in `domain::audit::Action`.
    pub action: String,
    /// What more is known, with its text.
    pub detail: Value,
}

impl TimelineEntry {
    /// The entry as the text that people read.
    #[must_use]
    pub fn item(&self, names: &Names) -> TimelineItem {
        let event = AuditEvent::read(&self.action, self.detail.clone());
        TimelineItem::new(self.at, self.actor.clone(), event, names)
    }
}

/// What the keys and destinations of these projects are called.
pub async fn load_names(pool: &PgPool, project_ids: &[ProjectId]) -> Result<Names, StoreError> {
    let keys = api_keys::list_names(pool, project_ids).await?;
    let destinations = destinations::list_names(pool, project_ids).await?;
    Ok(Names { keys: keys.into_iter().collect(), destinations: destinations.into_iter().collect() })
}

/// The most entries that a timeline shows; an event has a dozen.
pub const MAX_ENTRIES: i64 = 1_000;

/// The entries of an event, oldest first. Of one that is too long the end is shown, because that
/// shows the present state.
pub async fn list_for_event(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let mut entries = sqlx::query_as!(
        TimelineEntry,
        r#"SELECT at AS "at!", actor AS "actor!", action AS "action!", detail AS "detail!" FROM audit_log
           WHERE event_id = $1 ORDER BY at DESC, id DESC LIMIT $2"#,
        event_id.as_uuid(),
        MAX_ENTRIES,
    )
    .fetch_all(db)
    .await?;
    entries.reverse();
    Ok(entries)
}

/// The latest entry of an event that is searched for.
pub async fn find_latest(
    db: impl PgExecutor<'_>,
    event_id: EventId,
    is: impl Fn(&AuditEvent) -> bool,
) -> Result<Option<TimelineEntry>, StoreError> {
    let entries = list_for_event(db, event_id).await?;
    let matches =
        |entry: &TimelineEntry| is(&AuditEvent::read(&entry.action, entry.detail.clone()));
    Ok(entries.into_iter().rev().find(matches))
}
