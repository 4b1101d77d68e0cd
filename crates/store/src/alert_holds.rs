//! What is held back from destinations while their project's people are not told, and the digest at the end.
//!
//! An alert that is claimed in that time is not sent: it is folded, and names the destination's open hold as that which
//! will tell it. When telling goes on, the hold is ended under the destination's lock, by which claims follow one
//! another, in one transaction with what tells its alerts: the digest, a notice under the hold's id, where the
//! destination is told of causes; the alerts themselves, pending again, where it gets each incident or, as PagerDuty,
//! follows our state. So no alert is between the two, a process that dies anywhere leaves either an open hold or a notice
//! that waits, and several workers write one digest. It stands for the messages about causes too that were due
//! meanwhile, so that one message tells all; a message that was there before and can be edited is edited beside that.

use domain::audit::detail::HeldDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{DestinationId, ProjectId};
use domain::maintenance::Hold;
use domain::notice::NoticeKind;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::alerts::Alert;
use crate::audit::{self, Subject};
use crate::cause_threads::Placement;
use crate::pool::{or_skip, transaction};
use crate::{PgConnection, PgPool, StoreError, alert_rules};

/// Holds an alert back, while its destination is locked. One that a message about its cause stands for stays so: the
/// digest takes that message's place.
pub(crate) async fn hold_back(
    tx: &mut PgConnection,
    alert: &Alert,
    project_id: ProjectId,
    hold: &Hold,
    placement: Placement,
) -> Result<(), StoreError> {
    let id = open(&mut *tx, alert.destination_id, project_id, hold).await?;
    if let Placement::Alone { .. } = placement {
        sqlx::query!(
            "UPDATE alerts SET state = 'folded', told_by = $2, leased_until = NULL WHERE id = $1 AND state = 'pending'",
            alert.id.as_uuid(),
            id,
        )
        .execute(&mut *tx)
        .await?;
    }
    let detail = HeldDetail {
        alert: alert.kind,
        destination_id: alert.destination_id,
        held_by: hold.reason,
        maintenance_id: hold.maintenance_id,
        until: hold.until,
    };
    let subject = Subject::incident(project_id, alert.event_id, alert.incident_id);
    audit::record(tx, &Actor::System, subject, &AuditEvent::AlertHeld(detail)).await
}

/// The open hold of a destination whose row is locked; it is opened if there is none.
async fn open(
    tx: &mut PgConnection,
    destination_id: DestinationId,
    project_id: ProjectId,
    hold: &Hold,
) -> Result<Uuid, StoreError> {
    let id = sqlx::query_scalar!(
        r#"INSERT INTO alert_holds AS h (id, project_id, destination_id, reason, maintenance_id) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (destination_id) WHERE ended_at IS NULL DO UPDATE SET destination_id = h.destination_id
           RETURNING id AS "id: Uuid""#,
        Uuid::now_v7(),
        project_id.as_uuid(),
        destination_id.as_uuid(),
        hold.reason.as_str(),
        hold.maintenance_id.map(domain::ids::MaintenanceId::as_uuid),
    )
    .fetch_one(tx)
    .await?;
    Ok(id)
}

/// Ends the holds whose project is told again. Returns how many digests were written. One that cannot be ended keeps no
/// other from its end.
pub async fn end_due(pool: &PgPool) -> Result<u64, StoreError> {
    let open = sqlx::query!(
        "SELECT id, destination_id, project_id FROM alert_holds WHERE ended_at IS NULL"
    )
    .fetch_all(pool)
    .await?;
    let mut written = 0;
    for hold in open {
        let ended = end_if_told(pool, hold.id, hold.destination_id, hold.project_id).await;
        written += u64::from(or_skip(ended, "end what was held back from", hold.destination_id)?);
    }
    Ok(written)
}

/// Locks nothing while the project is not told.
async fn end_if_told(
    pool: &PgPool,
    id: Uuid,
    destination_id: DestinationId,
    project_id: ProjectId,
) -> Result<bool, StoreError> {
    if alert_rules::find_hold(pool, project_id).await?.is_some() {
        return Ok(false);
    }
    transaction(pool, async |tx| end(tx, id, destination_id, project_id).await).await
}

/// Ends a hold, unless another process did or telling waits again. `true` if a digest was written.
async fn end(
    tx: &mut PgConnection,
    id: Uuid,
    destination_id: DestinationId,
    project_id: ProjectId,
) -> Result<bool, StoreError> {
    let is_released = sqlx::query_scalar!(
        r#"SELECT kind = 'pagerduty' OR coalesce(every_incident, kind IN ('webhook', 'activity')) AS "is_released!"
           FROM destinations WHERE id = $1 FOR NO KEY UPDATE"#,
        destination_id.as_uuid(),
    )
    .fetch_one(&mut *tx)
    .await?;
    if alert_rules::find_hold(&mut *tx, project_id).await?.is_some() {
        return Ok(false);
    }
    let ended = sqlx::query!(
        "UPDATE alert_holds SET ended_at = clock_timestamp() WHERE id = $1 AND ended_at IS NULL",
        id
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    if is_released {
        release(tx, id).await?;
        return Ok(false);
    }
    absorb(&mut *tx, id, destination_id).await?;
    write_digest(tx, id).await?;
    Ok(true)
}

/// Lets the alerts go out by themselves.
async fn release(tx: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE alerts SET state = 'pending', told_by = NULL, released_at = now() WHERE told_by = $1 AND state = 'folded'",
        id
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Lets the digest stand for the messages about causes that are due or were not sent yet, and ends what is over. Where a
/// message from before is edited, one more is due of what happened: a digest edits none, and its buttons would stay.
async fn absorb(
    tx: &mut PgConnection,
    id: Uuid,
    destination_id: DestinationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH unsent AS (
             UPDATE notices SET state = 'superseded', finished_at = now() WHERE id IN (
                 SELECT id FROM notices WHERE destination_id = $2 AND cause_thread_id IS NOT NULL AND state = 'pending'
                   AND due_at <= clock_timestamp() FOR NO KEY UPDATE SKIP LOCKED)
             RETURNING id
         ), running AS (
             SELECT t.id, t.next_message, EXISTS (SELECT FROM alerts a WHERE a.incident_id = t.first_incident_id
                     AND a.destination_id = $2 AND a.posted IS NOT NULL)
                 AND (t.has_news OR EXISTS (SELECT FROM alerts a WHERE a.incident_id = t.first_incident_id
                     AND a.destination_id = $2 AND a.told_by = $1)
                     OR EXISTS (SELECT FROM alerts a WHERE a.id = t.acknowledged_by AND a.told_by = $1)) AS is_edited
             FROM cause_threads t WHERE t.destination_id = $2 AND t.ended_at IS NULL FOR UPDATE
         ), told AS (
             UPDATE cause_threads t SET told = t.incidents, has_news = running.is_edited, told_at = clock_timestamp(),
                 next_message = gen_random_uuid(),
                 ended_at = CASE WHEN NOT running.is_edited AND NOT EXISTS (SELECT FROM incidents i WHERE i.cause = t.cause
                     AND i.state IN ('open', 'acknowledged', 'reprocessing')) THEN clock_timestamp() END
             FROM running WHERE t.id = running.id RETURNING running.next_message
         )
         UPDATE alerts SET told_by = $1 WHERE state = 'folded'
             AND (told_by IN (SELECT id FROM unsent) OR told_by IN (SELECT next_message FROM told))",
        id,
        destination_id.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_digest(db: impl PgExecutor<'_>, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO notices (id, destination_id, kind, day, project_id, about_id, since, until)
         SELECT id, destination_id, $2, (now() AT TIME ZONE 'UTC')::date, project_id, id, began_at, ended_at
         FROM alert_holds WHERE id = $1",
        id,
        NoticeKind::AlertsDigest.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what ended long ago, when its notice has left too.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM alert_holds WHERE ended_at < now() - interval '90 days'")
        .execute(db)
        .await?;
    Ok(())
}
