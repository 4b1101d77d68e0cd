//! The timeline: the ordered story of one event, read from the audit.

use domain::ids::EventId;
use serde_json::Value;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::StoreError;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct TimelineEntry {
    /// When, by the database's clock.
    pub at: OffsetDateTime,
    /// Who.
    pub actor: String,
    /// What, as in `domain::audit::Action`.
    pub action: String,
    /// What more is known.
    pub detail: Value,
}

/// The most entries that a timeline shows; an event has a dozen.
const MAX_ENTRIES: i64 = 1_000;

/// The story of an event, oldest first. Of one that is too long the end is shown, because that is
/// where it stands.
pub async fn list_of_event(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let mut entries = sqlx::query_as!(
        TimelineEntry,
        "SELECT at, actor, action, detail FROM audit_entries WHERE event_id = $1 ORDER BY at DESC, id DESC LIMIT $2",
        event_id.as_uuid(),
        MAX_ENTRIES,
    )
    .fetch_all(db)
    .await?;
    entries.reverse();
    Ok(entries)
}
