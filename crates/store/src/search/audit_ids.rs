//! Which audit entries a search finds. Every query here reads a bounded number of rows.

use domain::ids::{AuditId, EventId, IncidentId, ProjectId};
use time::OffsetDateTime;

use super::audit_search::AuditSearch;
use super::keyset::{KeysetScan, in_direction};
use crate::incidents::find_incident;
use crate::{PgConnection, StoreError};

/// What entries are sorted by: when, and among those of the same moment by their ids.
pub(super) type SortKey = (OffsetDateTime, AuditId);

/// The most entries of one event that a search reads; an event has a dozen.
const MAX_OF_EVENT: i64 = 10_000;

struct AuditIdRow {
    at: OffsetDateTime,
    id: AuditId,
}

/// What the entries are about.
enum About {
    Anything,
    Project(ProjectId),
    Event(EventId, Option<IncidentId>),
    /// Something that is not there.
    Nothing,
}

/// The entries of one page, in the order of the walk.
pub(super) async fn find(
    db: &mut PgConnection,
    search: &AuditSearch,
    scan: &KeysetScan<SortKey>,
) -> Result<Vec<SortKey>, StoreError> {
    let rows = match about(&mut *db, search).await? {
        About::Nothing => Vec::new(),
        About::Event(event_id, incident_id) => {
            find_for_event(db, search, scan, event_id, incident_id).await?
        }
        About::Project(project_id) => find_by_kind(db, search, scan, Some(project_id)).await?,
        About::Anything if search.actor.is_some() || search.action.is_some() => {
            find_by_kind(db, search, scan, None).await?
        }
        About::Anything => find_any(db, scan).await?,
    };
    Ok(rows.into_iter().map(|row| (row.at, row.id)).collect())
}

/// When an entry was written; `None` if there is no such one.
pub(super) async fn find_place(
    db: &mut PgConnection,
    id: AuditId,
) -> Result<Option<SortKey>, StoreError> {
    let at = sqlx::query_scalar!("SELECT at FROM audit_entries WHERE id = $1", id.as_uuid())
        .fetch_optional(db)
        .await?;
    Ok(at.map(|at| (at, id)))
}

async fn about(db: &mut PgConnection, search: &AuditSearch) -> Result<About, StoreError> {
    let Some(subject) = search.subject.as_deref().map(str::trim).filter(|text| !text.is_empty())
    else {
        return Ok(search.project_id.map_or(About::Anything, About::Project));
    };
    if let Ok(id) = subject.parse::<EventId>() {
        return Ok(About::Event(id, None));
    }
    if let Ok(id) = subject.parse::<IncidentId>() {
        let incident = find_incident(db, id).await?;
        return Ok(incident.map_or(About::Nothing, |it| About::Event(it.event_id, Some(id))));
    }
    let project_id = subject.parse::<ProjectId>().ok();
    let other = search.project_id.is_some_and(|wanted| Some(wanted) != project_id);
    Ok(project_id.filter(|_| !other).map_or(About::Nothing, About::Project))
}

async fn find_any(
    db: &mut PgConnection,
    scan: &KeysetScan<SortKey>,
) -> Result<Vec<AuditIdRow>, StoreError> {
    macro_rules! query {
        ($order:tt) => {
            sqlx::query_as!(
                AuditIdRow,
                "SELECT at, id FROM audit_entries WHERE (at, id) > ($1, $2) AND (at, id) < ($3, $4)
                 ORDER BY at "
                    + $order
                    + ", id "
                    + $order
                    + " LIMIT $5",
                scan.above.0,
                scan.above.1.as_uuid(),
                scan.below.0,
                scan.below.1.as_uuid(),
                scan.rows(),
            )
        };
    }
    Ok(in_direction!(scan.direction, query, db)?)
}

async fn find_for_event(
    db: &mut PgConnection,
    search: &AuditSearch,
    scan: &KeysetScan<SortKey>,
    event_id: EventId,
    incident_id: Option<IncidentId>,
) -> Result<Vec<AuditIdRow>, StoreError> {
    macro_rules! query {
        ($order:tt) => {
            sqlx::query_as!(
                AuditIdRow,
                "WITH entries AS MATERIALIZED (SELECT * FROM audit_entries WHERE event_id = $1 LIMIT $2)
                 SELECT at, id FROM entries
                 WHERE ($3::uuid IS NULL OR incident_id = $3) AND ($4::uuid IS NULL OR project_id = $4)
                   AND ($5::text IS NULL OR actor = $5 OR right($5, 1) = ':' AND starts_with(actor, $5))
                   AND ($6::text IS NULL OR action = $6 OR right($6, 1) = '.' AND starts_with(action, $6))
                   AND (at, id) > ($7::timestamptz, $8::uuid) AND (at, id) < ($9::timestamptz, $10::uuid)
                 ORDER BY at " + $order + ", id " + $order + " LIMIT $11",
                event_id.as_uuid(),
                MAX_OF_EVENT,
                incident_id.map(IncidentId::as_uuid),
                search.project_id.map(ProjectId::as_uuid),
                search.actor,
                search.action,
                scan.above.0,
                scan.above.1.as_uuid(),
                scan.below.0,
                scan.below.1.as_uuid(),
                scan.rows(),
            )
        };
    }
    Ok(in_direction!(scan.direction, query, db)?)
}

#[expect(clippy::too_many_lines, reason = "one question to the database, whose text is most of it")]
async fn find_by_kind(
    db: &mut PgConnection,
    search: &AuditSearch,
    scan: &KeysetScan<SortKey>,
    project_id: Option<ProjectId>,
) -> Result<Vec<AuditIdRow>, StoreError> {
    // One actor is searched for by index; of a group, every actor is read.
    let one_actor = search.actor.as_deref().filter(|actor| !actor.ends_with(':'));
    macro_rules! query {
        ($order:tt) => {
            sqlx::query_as!(
                AuditIdRow,
                r#"WITH RECURSIVE scopes AS (
                       SELECT p.id FROM projects p WHERE $1::uuid IS NULL OR p.id = $1
                       UNION ALL SELECT '00000000-0000-0000-0000-000000000000' WHERE $1 IS NULL
                   ), kinds AS (
                       SELECT s.id AS scope, first.* FROM scopes s CROSS JOIN LATERAL (
                           SELECT e.actor, e.action FROM audit_entries e
                           WHERE coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') = s.id
                               AND e.actor >= coalesce($2::text, '')
                           ORDER BY coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action LIMIT 1) AS first
                       UNION ALL
                       SELECT k.scope, next.* FROM kinds k CROSS JOIN LATERAL (
                           SELECT e.actor, e.action FROM audit_entries e
                           WHERE coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') = k.scope
                               AND (e.actor, e.action) > (k.actor, k.action)
                           ORDER BY coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action LIMIT 1) AS next
                       WHERE $2 IS NULL OR k.actor = $2
                   )
                   SELECT found.at AS "at!", found.id AS "id!" FROM kinds k CROSS JOIN LATERAL (
                       SELECT e.at, e.id FROM audit_entries e
                       WHERE (coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action, e.at, e.id)
                               > (k.scope, k.actor, k.action, $5::timestamptz, $6::uuid)
                           AND (coalesce(e.project_id, '00000000-0000-0000-0000-000000000000'), e.actor, e.action, e.at, e.id)
                               < (k.scope, k.actor, k.action, $7::timestamptz, $8::uuid)
                       ORDER BY coalesce(e.project_id, '00000000-0000-0000-0000-000000000000') "# + $order + ", e.actor " + $order
                + ", e.action " + $order + ", e.at " + $order + ", e.id " + $order + r#" LIMIT $9) AS found
                   WHERE ($3::text IS NULL OR k.actor = $3 OR right($3, 1) = ':' AND starts_with(k.actor, $3))
                     AND ($4::text IS NULL OR k.action = $4 OR right($4, 1) = '.' AND starts_with(k.action, $4))
                   ORDER BY found.at "# + $order + ", found.id " + $order + " LIMIT $9",
                project_id.map(ProjectId::as_uuid),
                one_actor,
                search.actor,
                search.action,
                scan.above.0,
                scan.above.1.as_uuid(),
                scan.below.0,
                scan.below.1.as_uuid(),
                scan.rows(),
            )
        };
    }
    Ok(in_direction!(scan.direction, query, db)?)
}
