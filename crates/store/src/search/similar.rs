//! How incidents of the same cause ended before: what those who look at the next one go by.

use std::collections::BTreeMap;

use domain::audit::Action;
use domain::ids::{CauseId, EventId, IncidentId};
use domain::incident::Resolution;
use time::OffsetDateTime;

use crate::incidents::Incident;
use crate::{PgPool, StoreError, audit};

/// How many are listed.
const LISTED: i64 = 5;

/// A resolved incident of the same cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimilarIncident {
    pub id: IncidentId,
    pub internal_reference: String,
    pub resolution: Resolution,
    pub opened_at: OffsetDateTime,
    pub resolved_at: OffsetDateTime,
    /// Who resolved it by hand, or asked for the reprocess that did, as in the audit.
    pub by: Option<String>,
    /// What whoever resolved it by hand said.
    pub note: Option<String>,
}

/// The newest five resolved incidents of an incident's cause, without itself, the newest first; none of one whose cause is
/// not known.
pub async fn list_similar(
    pool: &PgPool,
    incident: &Incident,
) -> Result<Vec<SimilarIncident>, StoreError> {
    let Some(cause_id) = incident.cause_id else { return Ok(Vec::new()) };
    let found = find_resolved(pool, cause_id, incident.id).await?;
    let manual = found.iter().filter(|(_, it)| it.resolution == Resolution::Manual);
    let manual: Vec<_> = manual.map(|(event_id, _)| *event_id).collect();
    let mut people = if manual.is_empty() {
        BTreeMap::new()
    } else {
        audit::list_actors(pool, &manual, Action::IncidentResolved).await?
    };
    let named = found
        .into_iter()
        .map(|(event_id, it)| SimilarIncident { by: people.remove(&event_id).or(it.by), ..it });
    Ok(named.collect())
}

/// Those, with who asked for the reprocess that resolved them. They are compared by the whole key, so that Postgres finds
/// them by that index whatever it thinks of the cause.
async fn find_resolved(
    pool: &PgPool,
    cause_id: CauseId,
    except: IncidentId,
) -> Result<Vec<(EventId, SimilarIncident)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT i.id, i.event_id, i.internal_reference AS "internal_reference!", i.resolution AS "resolution!: Resolution",
               i.resolution_note, i.opened_at, i.resolved_at AS "resolved_at!",
               (SELECT r.requested_by FROM reprocesses r WHERE r.incident_id = i.id AND i.resolution = 'reprocessed'
                ORDER BY r.requested_at DESC LIMIT 1) AS requested_by
           FROM incidents i
           WHERE (i.cause, i.state, i.id) >= ($1, 'resolved', '00000000-0000-0000-0000-000000000000'::uuid)
             AND (i.cause, i.state, i.id) <= ($1, 'resolved', 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AND i.id <> $2
           ORDER BY i.cause DESC, i.state DESC, i.id DESC LIMIT $3"#,
        cause_id.as_uuid(),
        except.as_uuid(),
        LISTED,
    )
    .fetch_all(pool)
    .await?;
    let found = rows.into_iter().map(|row| {
        let similar = SimilarIncident {
            id: row.id,
            internal_reference: row.internal_reference,
            resolution: row.resolution,
            opened_at: row.opened_at,
            resolved_at: row.resolved_at,
            by: row.requested_by,
            note: row.resolution_note,
        };
        (row.event_id, similar)
    });
    Ok(found.collect())
}
