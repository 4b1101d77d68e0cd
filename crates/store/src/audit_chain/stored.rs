//! Links as they are stored, each with what there is of its entry.

use domain::audit::chain::{ChainedEntry, Link};
use domain::audit::texts::is_erased;
use domain::ids::{AuditId, EventId, IncidentId, ProjectId};
use domain::retention::DEFAULT_MONTHS;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::micros;
use crate::StoreError;

/// One link.
pub(super) struct StoredLink {
    pub link: Link,
    pub hash: Vec<u8>,
    pub entry: Option<ChainedEntry>,
    pub text: Option<StoredText>,
    /// Where retention took the entry.
    pub departure: Option<Departure>,
}

/// The text of an entry.
pub(super) enum StoredText {
    Kept {
        salt: Vec<u8>,
        text: String,
    },
    /// Whether an entry of the project, of any for an entry about none, names it, and nothing stands there that could be read.
    Erased {
        is_said: bool,
    },
}

/// What speaks against an entry having left by retention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    /// Microseconds since 1970.
    pub at: i64,
    /// Its event is there, or that time is still to come.
    pub is_refuted: bool,
}

/// The fewest months that a project ever kept events for, by its settings and by what the audit says of them, which
/// nobody takes back. Of one that says nothing they are those of before there was a setting.
pub(super) async fn find_fewest_months(
    db: impl PgExecutor<'_>,
    scope: Uuid,
) -> Result<i32, StoreError> {
    let months = sqlx::query_scalar!(
        r#"SELECT least((SELECT retention_months FROM projects WHERE id = $1), coalesce((
               SELECT min(said.months::integer) FROM audit_entries e CROSS JOIN LATERAL (VALUES
                   (e.detail ->> 'retention_months'), (e.detail #>> '{retention_months,from}'),
                   (e.detail #>> '{retention_months,to}')) AS said (months)
               WHERE coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') = $1
                 AND e.action IN ('project.created', 'project.updated') AND said.months ~ '^[0-9]{1,3}$'), $2)) AS "months!""#,
        scope,
        DEFAULT_MONTHS,
    )
    .fetch_one(db)
    .await?;
    Ok(months)
}

/// The next links of a chain.
pub(super) async fn list_after(
    db: impl PgExecutor<'_>,
    scope: Uuid,
    sequence: i64,
    most: i64,
) -> Result<Vec<StoredLink>, StoreError> {
    let rows = sqlx::query_as!(
        LinkRow,
        r#"SELECT c.sequence AS "sequence!", c.entry_id AS "entry_id!", c.at AS "at!", c.event_id AS "event_id?",
               c.may_leave AS "may_leave!", c.digest AS "digest!", c.hash AS "hash!", c.left_at AS "left_at?",
               c.left_at IS NOT NULL AND (c.left_at > clock_timestamp() + interval '5 minutes'
                   OR EXISTS (SELECT FROM payment_events p WHERE p.id = c.event_id)) AS "is_refuted!",
               e.id AS "found_id?: AuditId", e.at AS "found_at?", e.actor AS "actor?", e.action AS "action?",
               e.project_id AS "found_project?: ProjectId", e.event_id AS "found_event?: EventId",
               e.incident_id AS "found_incident?: IncidentId", e.detail::text AS "detail?",
               t.commitment AS "commitment?", t.salt AS "salt?", t.text::text AS "text?",
               EXISTS (SELECT FROM audit_entries r WHERE r.id = t.erased_by AND r.action = 'customer.texts_erased'
                   AND r.detail -> 'entries' ? t.entry_id::text AND (r.project_id = e.project_id OR e.project_id IS NULL)) AS "is_said!"
           FROM audit_chain c LEFT JOIN audit_entries e ON e.id = c.entry_id LEFT JOIN audit_texts t ON t.entry_id = c.entry_id
           WHERE c.project_id = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT $3"#,
        scope,
        sequence,
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| row.read(scope)).collect())
}

struct LinkRow {
    sequence: i64,
    entry_id: Uuid,
    at: time::OffsetDateTime,
    event_id: Option<Uuid>,
    may_leave: bool,
    digest: Vec<u8>,
    hash: Vec<u8>,
    left_at: Option<time::OffsetDateTime>,
    is_refuted: bool,
    found_id: Option<AuditId>,
    found_at: Option<time::OffsetDateTime>,
    actor: Option<String>,
    action: Option<String>,
    found_project: Option<ProjectId>,
    found_event: Option<EventId>,
    found_incident: Option<IncidentId>,
    detail: Option<String>,
    commitment: Option<Vec<u8>>,
    salt: Option<Vec<u8>>,
    text: Option<String>,
    is_said: bool,
}

impl LinkRow {
    fn read(self, scope: Uuid) -> StoredLink {
        let text = match (self.salt, self.text) {
            (Some(salt), Some(text)) => Some(StoredText::Kept { salt, text }),
            (None, Some(text)) => {
                Some(StoredText::Erased { is_said: self.is_said && is_erased(&text) })
            }
            (_, None) => None,
        };
        let departure =
            self.left_at.map(|at| Departure { at: micros(at), is_refuted: self.is_refuted });
        let entry = self.found_id.map(|id| ChainedEntry {
            id: id.as_uuid(),
            at: self.found_at.map(micros).unwrap_or_default(),
            actor: self.actor.unwrap_or_default(),
            action: self.action.unwrap_or_default(),
            project_id: self.found_project.map(ProjectId::as_uuid),
            event_id: self.found_event.map(EventId::as_uuid),
            incident_id: self.found_incident.map(IncidentId::as_uuid),
            detail: self.detail.unwrap_or_default(),
            commitment: self.commitment,
        });
        let link = Link {
            scope,
            sequence: self.sequence,
            entry_id: self.entry_id,
            at: micros(self.at),
            event_id: self.event_id,
            may_leave: self.may_leave,
            digest: self.digest,
        };
        StoredLink { link, hash: self.hash, entry, text, departure }
    }
}
