//! Alerts: one row per message and destination, written in the transaction of what it reports.
//!
//! Each ends as `delivered`, `given_up`, `superseded` (a newer alert of the same incident says more)
//! or `told` (by a message about its cause). Until then it is pending, also while its destination is
//! down or broken, or `folded`: the next message about its cause stands for it.

use domain::alert::AlertKind;
use domain::destination::DestinationKind;
use domain::ids::{AlertId, DestinationId, EventId, IncidentId, ProjectId, ReplayId};
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{PgConnection, StoreError};

/// An alert that is to be delivered.
#[derive(Debug, Clone)]
pub struct Alert {
    pub id: AlertId,
    /// The incident that it is about.
    pub incident_id: IncidentId,
    /// The incident's event.
    pub event_id: EventId,
    /// Where it goes.
    pub destination_id: DestinationId,
    /// What it reports.
    pub kind: AlertKind,
    /// The reprocess that failed, for that kind; of an acknowledgement the one that failed before it.
    pub replay_id: Option<ReplayId>,
    /// When it was written.
    pub created_at: OffsetDateTime,
}

impl Alert {
    /// The reprocess that it reports on.
    #[must_use]
    pub fn failed_reprocess(&self) -> Option<ReplayId> {
        self.replay_id.filter(|_| self.kind == AlertKind::ReprocessFailed)
    }
}

/// An alert as shown to people.
#[derive(Debug, Clone)]
pub struct AlertView {
    /// What it reports.
    pub kind: String,
    /// Where it goes: the destination's label, or its address.
    pub destination: String,
    /// `pending`, `folded`, `delivered`, `told`, `given_up` or `superseded`.
    pub state: String,
    /// How many attempts were made, without one that is under way.
    pub attempts: i32,
    /// What came back last.
    pub last_answer: Option<String>,
    /// When it was written.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// Whether its destination is broken.
    pub broken: bool,
    /// The message about its cause that stands for it.
    pub told_by: Option<AlertId>,
}

/// What an alert is about.
#[derive(Debug, Clone, Copy)]
pub struct IncidentIds {
    pub project_id: ProjectId,
    pub event_id: EventId,
    pub incident_id: IncidentId,
}

/// Writes one alert per destination that is told immediately. One that is broken gets its row too: it goes out when the
/// destination works again. Those of an escalation are told where no other is left.
pub async fn insert_alerts(
    tx: &mut PgConnection,
    ids: IncidentIds,
    kind: AlertKind,
    replay_id: Option<ReplayId>,
) -> Result<(), StoreError> {
    let destinations = sqlx::query_scalar!(
        "WITH here AS (
             SELECT id, NOT EXISTS (SELECT FROM escalation_steps s WHERE s.destination_id = d.id) AS at_once
             FROM destinations d WHERE project_id = $1 AND removed_at IS NULL)
         SELECT id FROM here WHERE at_once OR NOT EXISTS (SELECT FROM here WHERE at_once) ORDER BY id",
        ids.project_id.as_uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    insert_for(tx, ids, kind, replay_id, &destinations).await
}

/// Writes one alert for each destination whose own state follows ours: the incident was acknowledged. Those of an
/// escalation, which have no message of the incident, get none. It may be acknowledged again after each reprocess that
/// failed, so `after`, the last one, tells one acknowledgement from the next.
pub(crate) async fn insert_acknowledgements(
    tx: &mut PgConnection,
    ids: IncidentIds,
    after: Option<ReplayId>,
) -> Result<(), StoreError> {
    let follow = DestinationKind::ALL.iter().filter(|kind| kind.follows_state());
    let kinds: Vec<_> = follow.map(|kind| kind.as_str().to_owned()).collect();
    let destinations = sqlx::query_scalar!(
        "WITH here AS (
             SELECT id, kind, NOT EXISTS (SELECT FROM escalation_steps s WHERE s.destination_id = d.id) AS at_once
             FROM destinations d WHERE project_id = $1 AND removed_at IS NULL)
         SELECT id FROM here WHERE kind = ANY($2) AND (at_once OR NOT EXISTS (SELECT FROM here WHERE at_once)) ORDER BY id",
        ids.project_id.as_uuid(),
        &kinds,
    )
    .fetch_all(&mut *tx)
    .await?;
    insert_for(tx, ids, AlertKind::IncidentAcknowledged, after, &destinations).await
}

async fn insert_for(
    tx: &mut PgConnection,
    ids: IncidentIds,
    kind: AlertKind,
    replay_id: Option<ReplayId>,
    destinations: &[DestinationId],
) -> Result<(), StoreError> {
    if destinations.is_empty() {
        return Ok(());
    }
    let alert_ids = new_ids(&mut *tx, ids.incident_id, destinations.len()).await?;
    sqlx::query!(
        "INSERT INTO alerts (id, incident_id, event_id, destination_id, kind, replay_id)
         SELECT told.id, $3, $4, told.destination_id, $5, $6
         FROM unnest($1::uuid[], $2::uuid[]) AS told (id, destination_id)
         ON CONFLICT ON CONSTRAINT alerts_occasion_key DO NOTHING",
        &alert_ids,
        destinations as &[DestinationId],
        ids.incident_id.as_uuid(),
        ids.event_id.as_uuid(),
        kind.as_str(),
        replay_id.map(ReplayId::as_uuid),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Ids behind those of all alerts of an incident, whose event is locked: they say which alert is the newer one, and whoever
/// wrote the one before may have a clock that is ahead.
async fn new_ids(
    tx: &mut PgConnection,
    incident_id: IncidentId,
    count: usize,
) -> Result<Vec<Uuid>, StoreError> {
    let known =
        sqlx::query_scalar!("SELECT id FROM alerts WHERE incident_id = $1", incident_id.as_uuid())
            .fetch_all(tx)
            .await?;
    let mut last = known.into_iter().map(AlertId::as_uuid).max().unwrap_or_default();
    let ids = (0..count).map(|_| {
        last = Uuid::now_v7().max(Uuid::from_u128(last.as_u128().saturating_add(1)));
        last
    });
    Ok(ids.collect())
}

/// Suppresses the notifications of an incident and its one reprocess, however they end: every alert
/// that could be written is there already, and given up with this reason.
pub async fn mute_incident(
    tx: &mut PgConnection,
    ids: IncidentIds,
    replay_id: ReplayId,
    why: &str,
) -> Result<(), StoreError> {
    for (kind, replay_id) in [
        (AlertKind::IncidentOpened, None),
        (AlertKind::ReprocessFailed, Some(replay_id)),
        (AlertKind::IncidentResolved, None),
    ] {
        insert_alerts(tx, ids, kind, replay_id).await?;
    }
    sqlx::query!(
        "UPDATE alerts SET state = 'given_up', finished_at = now(), last_answer = $2
         WHERE incident_id = $1 AND state = 'pending'",
        ids.incident_id.as_uuid(),
        why,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The alerts of an event that are not delivered yet, oldest first.
pub async fn list_pending(
    db: impl PgExecutor<'_>,
    event_id: EventId,
) -> Result<Vec<AlertId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM alerts WHERE event_id = $1 AND state = 'pending' ORDER BY id",
        event_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

/// The alerts of an incident, oldest first.
pub async fn list_for_incident(
    db: impl PgExecutor<'_>,
    incident_id: IncidentId,
) -> Result<Vec<AlertView>, StoreError> {
    let alerts = sqlx::query_as!(
        AlertView,
        r#"SELECT a.kind AS "kind: String", coalesce(d.label, d.address) AS "destination!", a.state,
               a.attempts - (a.state = 'pending' AND a.unnoted_attempts > 0 AND coalesce(a.leased_until > now(), false))::int AS "attempts!",
               a.last_answer, a.created_at, a.finished_at, d.broken_at IS NOT NULL AS "broken!", a.told_by
         FROM alerts a JOIN destinations d ON d.id = a.destination_id WHERE a.incident_id = $1 ORDER BY a.id"#,
        incident_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(alerts)
}

/// What the provider calls the message of a conversation at a destination, if it said so.
pub async fn find_posted(
    db: impl PgExecutor<'_>,
    destination_id: DestinationId,
    conversation: IncidentId,
) -> Result<Option<String>, StoreError> {
    let posted = sqlx::query_scalar!(
        r#"SELECT posted AS "posted!" FROM alerts
           WHERE incident_id = $1 AND destination_id = $2 AND posted IS NOT NULL ORDER BY id LIMIT 1"#,
        conversation.as_uuid(),
        destination_id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(posted)
}

/// Keeps what the provider calls the message of a conversation: at the first alert of its incident.
pub async fn note_posted(
    db: impl PgExecutor<'_>,
    destination_id: DestinationId,
    conversation: IncidentId,
    posted: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE alerts SET posted = $3 WHERE posted IS DISTINCT FROM $3 AND id = (
             SELECT id FROM alerts WHERE incident_id = $1 AND destination_id = $2 ORDER BY id LIMIT 1)",
        conversation.as_uuid(),
        destination_id.as_uuid(),
        posted,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps what came back of an attempt, which was counted when it began, and lets others send the alert. Returns how
/// many attempts there were.
pub async fn note_attempt(
    db: impl PgExecutor<'_>,
    id: AlertId,
    answer: &str,
) -> Result<i32, StoreError> {
    let attempts = sqlx::query_scalar!(
        "UPDATE alerts SET unnoted_attempts = 0, last_answer = $2, leased_until = NULL
         WHERE id = $1 RETURNING attempts",
        id.as_uuid(),
        answer,
    )
    .fetch_one(db)
    .await?;
    Ok(attempts)
}

/// How an alert ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertEnd {
    /// The destination took it.
    Delivered,
    /// It is not attempted any more.
    GivenUp,
    /// A newer alert of the same incident to the same destination says more.
    Superseded,
}

/// Ends a pending alert. `true` if it was pending until now.
pub async fn finish(
    db: impl PgExecutor<'_>,
    id: AlertId,
    end: AlertEnd,
) -> Result<bool, StoreError> {
    let state = match end {
        AlertEnd::Delivered => "delivered",
        AlertEnd::GivenUp => "given_up",
        AlertEnd::Superseded => "superseded",
    };
    let done = sqlx::query!(
        "UPDATE alerts SET state = $2, finished_at = now() WHERE id = $1 AND state = 'pending'",
        id.as_uuid(),
        state,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
