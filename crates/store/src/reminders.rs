//! Messages that tell people again: of a cause that nobody acknowledges, of what was acknowledged and stands, of snoozes
//! that are over. One message is about all of the incidents, as they stand when it is sent.

use domain::audit::detail::RemindedDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{AlertId, CauseId, DestinationId, ProjectId};
use domain::money::{Amount, Currency};
use domain::notice::{MAX_NAMED, NamedIncident, NoticeKind, WaitingFacts};
use domain::reminder::ReminderReason;
use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::{self, Subject};
use crate::notices::Notice;
use crate::pool::begin_by_index;
use crate::search::causes::find_cause;
use crate::{PgConnection, PgPool, StoreError};

/// A message that is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewReminder {
    pub project_id: ProjectId,
    pub cause: Option<CauseId>,
    pub reason: ReminderReason,
    pub nth: i32,
    /// It is about what was acknowledged until then.
    pub acknowledged_before: Option<OffsetDateTime>,
}

impl NewReminder {
    pub(crate) const fn new(
        project_id: ProjectId,
        cause: Option<CauseId>,
        reason: ReminderReason,
    ) -> Self {
        Self { project_id, cause, reason, nth: 1, acknowledged_before: None }
    }
}

/// Writes a message for the destinations that are told immediately and for these, to which it was escalated; that what was
/// escalated is resolved for these alone. PagerDuty reminds by itself of what it was told immediately. Where no destination is
/// left that is told immediately, all are, as they are of alerts. Those that are broken are left out, but for what ends a page.
pub(crate) async fn enqueue(
    tx: &mut PgConnection,
    new: &NewReminder,
    escalated: &[DestinationId],
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO reminders (id, project_id, cause, reason, nth, acknowledged_before) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        new.project_id.as_uuid(),
        new.cause.map(CauseId::as_uuid),
        new.reason.as_str(),
        new.nth,
        new.acknowledged_before,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "WITH here AS (
             SELECT id, project_id, kind, broken_at,
                 NOT EXISTS (SELECT FROM escalation_steps s WHERE s.destination_id = d.id) AS at_once
             FROM destinations d WHERE project_id = $1 AND removed_at IS NULL)
         INSERT INTO notices (destination_id, kind, day, project_id, about_id, since, until)
         SELECT id, $3, (now() AT TIME ZONE 'UTC')::date, project_id, $2, now(), now() FROM here
         WHERE (broken_at IS NULL OR $5 AND kind = 'pagerduty') AND (id = ANY ($4) OR (NOT $5 AND kind <> 'pagerduty'
             AND (at_once OR NOT EXISTS (SELECT FROM here WHERE at_once))))",
        new.project_id.as_uuid(),
        id,
        NoticeKind::IncidentsWaiting.as_str(),
        escalated as &[DestinationId],
        new.reason == ReminderReason::Resolved,
    )
    .execute(tx)
    .await?;
    Ok(id)
}

/// Reads of the incidents that a message is about, `waiting`, as they stand now; nothing reminds of those whose alerts wait
/// for a policy.
macro_rules! query_waiting {
    ($query:ident!($($into:path,)? $tail:literal, $($argument:expr),+)) => {
        sqlx::$query!(
            $($into,)?
            r#"WITH r AS (SELECT id, cause, reason, acknowledged_before FROM reminders WHERE id = $1), waiting AS (
                   SELECT i.id FROM r JOIN incidents i ON i.cause = r.cause AND i.state = 'open'
                   WHERE r.reason IN ('reminder', 'escalated')
                     AND NOT EXISTS (SELECT FROM snoozes s WHERE s.incident_id = i.id AND s.ended_at IS NULL)
                     AND NOT EXISTS (SELECT FROM policy_plans p WHERE p.event_id = i.event_id AND p.alerts_at IS NOT NULL)
                   UNION ALL SELECT i.id FROM r JOIN incidents i ON i.cause = r.cause AND i.state = 'acknowledged'
                       AND i.acknowledged_at <= r.acknowledged_before
                   WHERE r.reason = 'came_back'
                     AND NOT EXISTS (SELECT FROM snoozes s WHERE s.incident_id = i.id AND s.ended_at IS NULL)
                   UNION ALL SELECT i.id FROM r JOIN snoozes s ON s.reminder_id = r.id
                       JOIN incidents i ON i.id = s.incident_id AND i.state <> 'resolved')
               "# + $tail,
            $($argument),+
        )
    };
}

/// What a message says now; `None` where nobody needs to be told any more. The page is the caller's to add.
pub async fn gather(pool: &PgPool, id: Uuid) -> Result<Option<WaitingFacts>, StoreError> {
    let mut tx = begin_by_index(pool).await?;
    let reminder = sqlx::query!("SELECT cause, reason, nth FROM reminders WHERE id = $1", id);
    let Some(reminder) = reminder.fetch_optional(&mut *tx).await? else { return Ok(None) };
    let row = query_waiting!(query!(
        r#"SELECT count(*) AS "incidents!", count(DISTINCT i.internal_reference) AS "customers!",
               min(i.opened_at) AS oldest_opened_at, clock_timestamp() AS "now!"
           FROM waiting JOIN incidents i ON i.id = waiting.id"#,
        id
    ));
    let row = row.fetch_one(&mut *tx).await?;
    if row.incidents == 0 && reminder.reason != ReminderReason::Resolved {
        return Ok(None);
    }
    let cause = match reminder.cause {
        Some(cause) => find_cause(&mut *tx, cause).await?,
        None => None,
    };
    let newest = list_newest(&mut *tx, id).await?;
    let at_risk = sum_at_risk(&mut *tx, id).await?;
    tx.commit().await?;
    Ok(Some(WaitingFacts {
        reason: reminder.reason,
        nth: reminder.nth,
        cause,
        incidents: row.incidents,
        customers: row.customers,
        at_risk,
        age: row.oldest_opened_at.map_or(Duration::ZERO, |at| row.now - at),
        oldest_opened_at: row.oldest_opened_at,
        newest,
        incidents_url: String::new(),
    }))
}

/// What was paid for them.
async fn sum_at_risk(db: impl PgExecutor<'_>, id: Uuid) -> Result<Vec<Amount>, StoreError> {
    let sums = query_waiting!(query_as!(
        Amount,
        r#"SELECT sum(i.amount_value)::bigint AS "value!", i.amount_currency AS "currency!: Currency"
           FROM waiting JOIN incidents i ON i.id = waiting.id WHERE i.amount_currency IS NOT NULL
           GROUP BY i.amount_currency ORDER BY sum(i.amount_value) DESC, i.amount_currency"#,
        id
    ));
    Ok(sums.fetch_all(db).await?)
}

async fn list_newest(db: impl PgExecutor<'_>, id: Uuid) -> Result<Vec<NamedIncident>, StoreError> {
    let rows = query_waiting!(query!(
        r#"SELECT i.id, i.event_id, i.internal_reference AS "internal_reference!"
           FROM waiting JOIN incidents i ON i.id = waiting.id ORDER BY i.opened_at DESC, i.id DESC LIMIT $2"#,
        id,
        i64::try_from(MAX_NAMED).unwrap_or(i64::MAX)
    ));
    let named = rows.fetch_all(db).await?.into_iter().map(|row| NamedIncident {
        incident_id: row.id,
        event_id: row.event_id,
        internal_reference: row.internal_reference,
    });
    Ok(named.collect())
}

/// Says on the timelines of the incidents that a message names that it told people again.
pub async fn note_told(tx: &mut PgConnection, notice: &Notice) -> Result<(), StoreError> {
    let Some(id) = notice.about else { return Ok(()) };
    let reason = sqlx::query_scalar!("SELECT reason FROM reminders WHERE id = $1", id);
    let Some(reminder) = reason.fetch_optional(&mut *tx).await? else { return Ok(()) };
    let told_by = AlertId::from_uuid(notice.id);
    let detail = RemindedDetail { reminder, destination_id: notice.destination_id, told_by };
    let event = AuditEvent::IncidentReminded(detail);
    let named = list_newest(&mut *tx, id).await?;
    let entries = named.iter().map(|one| {
        let subject = Subject::incident(notice.project_id, one.event_id, one.incident_id);
        (subject, event.clone())
    });
    audit::record_all(tx, &Actor::System, &entries.collect::<Vec<_>>()).await
}

/// Forgets messages of long ago, when their notices have left too.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM reminders WHERE created_at < now() - interval '90 days'")
        .execute(db)
        .await?;
    Ok(())
}
