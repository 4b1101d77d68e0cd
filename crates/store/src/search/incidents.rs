//! Searching incidents, and counting those that are not resolved.

use std::collections::BTreeMap;

use domain::catalogue::{EffectType, Provider};
use domain::ids::{EventId, IncidentId, ProjectId, ReplayId};
use domain::incident::Reason;
use domain::project::Mode;
use domain::reprocess::ReprocessState;
use time::OffsetDateTime;

pub use super::incident_search::{IncidentSearch, OwnerFilter, StateFilter};
use super::keyset::KeysetScan;
use super::{Cursor, Sort, finder, project_names, reading};
use crate::events::{self, PaymentEvent};
use crate::incidents::{self, Incident};
use crate::page::{MAX_PAGE, Page};
use crate::reprocesses::{self, Latest};
use crate::snoozes::{self, Snooze};
use crate::{PgConnection, PgPool, StoreError, audit};

/// One incident of a list.
#[derive(Debug, Clone)]
pub struct IncidentRow {
    pub incident: Incident,
    pub event_id: EventId,
    pub project_id: ProjectId,
    pub project_name: String,
    /// Whether its project watches real money.
    pub mode: Mode,
    /// Who took the money.
    pub provider: Provider,
    /// The provider's id of the event.
    pub provider_event_id: String,
    /// The provider's event type.
    pub event_type: String,
    /// The effect that is due.
    pub effect_type: EffectType,
    /// The app's reference.
    pub internal_reference: String,
    /// When the receipt was committed.
    pub received_at: OffsetDateTime,
    /// How long the app had to report, in minutes.
    pub timeout_minutes: i32,
    /// The reprocess that runs, its state, and how many attempts it made.
    pub running: Option<(ReplayId, ReprocessState, i64)>,
    /// The last attempt of the latest reprocess.
    pub last_attempt: Option<LastAttempt>,
    /// Who acknowledged it last, as in the audit.
    pub acknowledged_by: Option<String>,
    /// Whether people are told of it again, and when.
    pub snooze: Option<Snooze>,
}

/// The last attempt of a callback.
#[derive(Debug, Clone)]
pub struct LastAttempt {
    /// When it began.
    pub at: OffsetDateTime,
    /// What became of its reprocess.
    pub reprocess: ReprocessState,
    pub status: Option<i32>,
    /// The class of the error, where there was no response.
    pub error: Option<String>,
}

/// How many of all that match are looked for at a time. What finds a word finds 500 each time, and would find 300 of them
/// again for the next page.
const AT_A_TIME: i64 = 1_000;

/// One page of the incidents that match.
pub async fn search_incidents(
    db: &PgPool,
    search: &IncidentSearch,
) -> Result<Page<IncidentRow>, StoreError> {
    let (from, until) = (search.opened_after, search.opened_before);
    let scan = KeysetScan::through_time(search.sort, search.cursor, from, until, search.limit);
    let mut tx = reading::begin(db).await?;
    let found = finder::find(&mut tx, search, &scan).await?;
    let rows = read_rows(&mut tx, &found.keys).await?;
    tx.commit().await?;
    Ok(found.page(rows, |id| id))
}

/// The incidents that match, the oldest first and `most` of them at most, by their projects.
pub async fn list_matching(
    db: &PgPool,
    search: &IncidentSearch,
    most: usize,
) -> Result<BTreeMap<ProjectId, Vec<IncidentId>>, StoreError> {
    let (from, until) = (search.opened_after, search.opened_before);
    let (mut ids, mut cursor) = (Vec::new(), None);
    let mut tx = reading::begin(db).await?;
    loop {
        let scan = KeysetScan::through_time(Sort::Oldest, cursor, from, until, MAX_PAGE);
        let scan = scan.at_a_time(AT_A_TIME);
        let found = finder::find(&mut tx, search, &scan).await?;
        ids.extend(found.keys);
        cursor = found.next.map(Cursor::After);
        if cursor.is_none() || ids.len() >= most {
            break;
        }
    }
    tx.commit().await?;
    ids.truncate(most);
    group_by_project(db, &ids).await
}

/// Incidents by their projects, in the order of their ids. One that is not there is left out.
pub async fn group_by_project(
    db: &PgPool,
    ids: &[IncidentId],
) -> Result<BTreeMap<ProjectId, Vec<IncidentId>>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, project_id FROM incidents WHERE id = ANY($1) ORDER BY id",
        ids as &[IncidentId]
    );
    let mut grouped = BTreeMap::<_, Vec<_>>::new();
    for row in rows.fetch_all(db).await? {
        grouped.entry(row.project_id).or_default().push(row.id);
    }
    Ok(grouped)
}

async fn read_rows(
    db: &mut PgConnection,
    ids: &[IncidentId],
) -> Result<Vec<IncidentRow>, StoreError> {
    let read = incidents::list_by_ids(&mut *db, ids).await?;
    let event_ids: Vec<_> = read.iter().map(|incident| incident.event_id).collect();
    let read_events = events::list_by_ids(&mut *db, &event_ids).await?;
    let acknowledged: Vec<_> =
        read.iter().filter(|one| one.acknowledged_at.is_some()).map(|one| one.event_id).collect();
    let mut people = audit::list_acknowledgers(&mut *db, &acknowledged).await?;
    let mut latest = reprocesses::list_latest(&mut *db, ids).await?;
    let mut snoozed = snoozes::list_open(&mut *db, ids).await?;
    let mut events: BTreeMap<_, _> = read_events.into_iter().map(|one| (one.id, one)).collect();
    let mut incidents: BTreeMap<_, _> = read.into_iter().map(|one| (one.id, one)).collect();
    let projects = project_names(db).await?;
    let rows = ids.iter().filter_map(|id| {
        let incident = incidents.remove(id)?;
        let event = events.remove(&incident.event_id)?;
        let (project_name, mode) = projects.get(&incident.project_id)?.clone();
        let acknowledged_by = people.remove(&incident.event_id);
        let snooze = snoozed.remove(id);
        let row = row(incident, event, project_name, mode, latest.remove(id));
        Some(IncidentRow { acknowledged_by, snooze, ..row })
    });
    Ok(rows.collect())
}

fn row(
    incident: Incident,
    event: PaymentEvent,
    project_name: String,
    mode: Mode,
    latest: Option<Latest>,
) -> IncidentRow {
    let running = latest.as_ref().filter(|latest| latest.state.is_running());
    IncidentRow {
        event_id: event.id,
        project_id: event.project_id,
        project_name,
        mode,
        provider: event.provider,
        provider_event_id: event.provider_event_id,
        event_type: event.event_type,
        effect_type: event.effect_type,
        internal_reference: event.internal_reference,
        received_at: event.received_at,
        timeout_minutes: event.timeout_minutes,
        running: running.map(|latest| (latest.id, latest.state, latest.attempts)),
        last_attempt: latest.and_then(|latest| {
            let at = latest.attempted_at?;
            Some(LastAttempt {
                at,
                reprocess: latest.state,
                status: latest.status,
                error: latest.error,
            })
        }),
        incident,
        acknowledged_by: None,
        snooze: None,
    }
}

/// How many incidents are not resolved, by project and reason, without archived projects.
pub async fn count_unresolved_by_reason(
    db: &PgPool,
) -> Result<Vec<(ProjectId, Reason, i64)>, StoreError> {
    let mut tx = reading::begin(db).await?;
    let rows = sqlx::query!(
        r#"SELECT i.project_id, i.reason, count(*) AS "unresolved!" FROM incidents i JOIN projects p ON p.id = i.project_id
           WHERE i.state <> 'resolved' AND p.archived_at IS NULL
           GROUP BY i.project_id, i.reason ORDER BY i.project_id, i.reason"#,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| (row.project_id, row.reason, row.unresolved)).collect())
}

/// How many incidents are not resolved, in each project that has any.
pub async fn count_unresolved(db: &PgPool) -> Result<BTreeMap<ProjectId, i64>, StoreError> {
    let mut tx = reading::begin(db).await?;
    let rows = sqlx::query!(
        r#"SELECT project_id, count(*) AS "unresolved!" FROM incidents WHERE state <> 'resolved' GROUP BY project_id"#,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| (row.project_id, row.unresolved)).collect())
}
