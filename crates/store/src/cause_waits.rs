//! How far people were told again of each cause, and what is to be told next.
//!
//! Once a minute a worker looks at each project whose rules say that people are told again. What is due of its causes is
//! decided by a pure function, under a lock on the project's rules, in one transaction with the messages: several workers
//! write each once, and one that dies half-way leaves what the next look finds. A project that is not told now is left
//! alone; afterwards one message says what would have been due.

use std::collections::BTreeMap;

use domain::alert_rules::{AlertRules, steps_told};
use domain::ids::{CauseId, DestinationId, ProjectId};
use domain::reminder::{Due, ReminderReason, Wait};
use sqlx::PgExecutor;
use time::{Duration, OffsetDateTime};

use crate::pool::{or_skip, transaction};
use crate::reminders::{self, NewReminder};
use crate::{PgConnection, PgPool, StoreError, alert_rules};

/// Writes the messages that are due. Returns how many. A project of which none can be written keeps no other waiting.
pub async fn enqueue_due(pool: &PgPool) -> Result<u64, StoreError> {
    let projects = sqlx::query_scalar!(
        "SELECT project_id FROM alert_rules
         WHERE remind_every IS NOT NULL OR escalate_after IS NOT NULL OR come_back_after IS NOT NULL"
    )
    .fetch_all(pool)
    .await?;
    let mut written = 0;
    for id in projects {
        let advanced = transaction(pool, async |tx| advance(tx, id).await).await;
        written += or_skip(advanced, "remind the people of a project", id)?;
    }
    Ok(written)
}

/// Keeps who was told where the steps of an escalation are others from now on, and ends what services page of it that are
/// no step any more. Nobody looks at the project in the meantime.
pub(crate) async fn change_steps(
    tx: &mut PgConnection,
    project_id: ProjectId,
    before: &[DestinationId],
    after: &[DestinationId],
) -> Result<(), StoreError> {
    sqlx::query!("SELECT FROM alert_rules WHERE project_id = $1 FOR UPDATE", project_id.as_uuid())
        .execute(&mut *tx)
        .await?;
    for (cause, step) in list_escalated(&mut *tx, project_id).await? {
        let told = before.iter().take(usize::try_from(step).unwrap_or_default());
        let dropped: Vec<_> = told.filter(|id| !after.contains(id)).copied().collect();
        end_pages(&mut *tx, project_id, cause, &dropped).await?;
    }
    let told = steps_told(before, after);
    sqlx::query!(
        "UPDATE cause_waits SET step = ($2::integer[])[least(step + 1, cardinality($2::integer[]))],
             wait_step = ($2::integer[])[least(wait_step + 1, cardinality($2::integer[]))]
         WHERE project_id = $1 AND step > 0",
        project_id.as_uuid(),
        &told,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The causes of a project that were escalated, each with the furthest step.
async fn list_escalated(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<(CauseId, i32)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT cause, step FROM cause_waits WHERE project_id = $1 AND step > 0 ORDER BY cause",
        project_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.cause, row.step)).collect())
}

/// Ends what services page of the escalation of a cause: nobody is waited for any more, or they are no step any more. One
/// that is only acknowledged there would page nobody when the cause is escalated again.
async fn end_pages(
    tx: &mut PgConnection,
    project_id: ProjectId,
    cause: CauseId,
    told: &[DestinationId],
) -> Result<u64, StoreError> {
    let paging = sqlx::query_scalar!(
        "SELECT id FROM destinations WHERE id = ANY ($1) AND kind = 'pagerduty' AND removed_at IS NULL ORDER BY id",
        told as &[DestinationId],
    );
    let paging = paging.fetch_all(&mut *tx).await?;
    if paging.is_empty() {
        return Ok(0);
    }
    let new = NewReminder::new(project_id, Some(cause), ReminderReason::Resolved);
    reminders::enqueue(tx, &new, &paging).await?;
    Ok(1)
}

/// A cause with incidents that are not resolved.
#[derive(Default)]
struct UnresolvedCause {
    has_open: bool,
    has_stale: bool,
    waiting_since: Option<OffsetDateTime>,
    told_at: Option<OffsetDateTime>,
    reminders: i32,
    /// The furthest step that was told of the cause.
    step: i32,
    /// The furthest that was told since an operator is waited for.
    wait_step: i32,
    came_back_at: Option<OffsetDateTime>,
}

async fn advance(tx: &mut PgConnection, project_id: ProjectId) -> Result<u64, StoreError> {
    let now = sqlx::query_scalar!(
        r#"SELECT clock_timestamp() AS "now!" FROM alert_rules WHERE project_id = $1 FOR UPDATE"#,
        project_id.as_uuid()
    );
    let Some(now) = now.fetch_optional(&mut *tx).await? else { return Ok(0) };
    if alert_rules::find_hold(&mut *tx, project_id).await?.is_some() {
        return Ok(0);
    }
    let rules = alert_rules::find_rules(&mut *tx, project_id).await?;
    let mut written = end_resolved(&mut *tx, project_id, &rules).await?;
    let stale_before = rules.come_back_after.map(|after| now - after.duration());
    for (id, cause) in list_unresolved(&mut *tx, project_id, stale_before).await? {
        let moment = CauseAtMoment { project_id, cause: id, rules: &rules, now, stale_before };
        written += moment.notify(&mut *tx, cause).await?;
    }
    Ok(written)
}

/// Forgets causes that are over, and says so where it was escalated.
async fn end_resolved(
    tx: &mut PgConnection,
    project_id: ProjectId,
    rules: &AlertRules,
) -> Result<u64, StoreError> {
    let over = sqlx::query!(
        "DELETE FROM cause_waits w WHERE project_id = $1 AND NOT EXISTS (SELECT FROM incidents i
             WHERE i.cause = w.cause AND i.state IN ('open', 'acknowledged', 'reprocessing'))
         RETURNING cause, step",
        project_id.as_uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut written = 0;
    for cause in over.iter().filter(|cause| cause.step > 0) {
        let new = NewReminder::new(project_id, Some(cause.cause), ReminderReason::Resolved);
        let told = steps(rules, cause.step);
        reminders::enqueue(&mut *tx, &new, &rules.escalate_to[..told]).await?;
        written += 1;
    }
    Ok(written)
}

/// How many of the rules' steps that is.
fn steps(rules: &AlertRules, step: i32) -> usize {
    usize::try_from(step).unwrap_or_default().min(rules.escalate_to.len())
}

/// How each cause of a project stands, but for what is snoozed. Whose alerts wait for a policy waits for nobody yet.
async fn list_unresolved(
    tx: &mut PgConnection,
    project_id: ProjectId,
    stale_before: Option<OffsetDateTime>,
) -> Result<BTreeMap<CauseId, UnresolvedCause>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH standing AS (
               SELECT i.cause, count(*) FILTER (WHERE i.state = 'open' AND s.id IS NULL AND p.event_id IS NULL) AS open,
                   count(*) FILTER (WHERE i.state = 'acknowledged' AND i.acknowledged_at <= $2 AND s.id IS NULL) AS stale
               FROM incidents i LEFT JOIN snoozes s ON s.incident_id = i.id AND s.ended_at IS NULL
                   LEFT JOIN policy_plans p ON p.event_id = i.event_id AND p.alerts_at IS NOT NULL
               WHERE i.project_id = $1 AND i.state <> 'resolved' AND i.cause IS NOT NULL GROUP BY i.cause)
           SELECT standing.cause AS "cause!: CauseId", open > 0 AS "has_open!", stale > 0 AS "has_stale!",
               w.waiting_since AS "waiting_since?", w.told_at AS "told_at?", w.reminders AS "reminders?", w.step AS "step?",
               w.wait_step AS "wait_step?", w.came_back_at AS "came_back_at?"
           FROM standing LEFT JOIN cause_waits w ON w.project_id = $1 AND w.cause = standing.cause"#,
        project_id.as_uuid(),
        stale_before,
    )
    .fetch_all(tx)
    .await?;
    let causes = rows.into_iter().map(|row| {
        let cause = UnresolvedCause {
            has_open: row.has_open,
            has_stale: row.has_stale,
            waiting_since: row.waiting_since,
            told_at: row.told_at,
            reminders: row.reminders.unwrap_or_default(),
            step: row.step.unwrap_or_default(),
            wait_step: row.wait_step.unwrap_or_default(),
            came_back_at: row.came_back_at,
        };
        (row.cause, cause)
    });
    Ok(causes.collect())
}

/// One cause of a project at a moment.
struct CauseAtMoment<'a> {
    project_id: ProjectId,
    cause: CauseId,
    rules: &'a AlertRules,
    now: OffsetDateTime,
    stale_before: Option<OffsetDateTime>,
}

impl CauseAtMoment<'_> {
    /// Writes what is due of the cause, and keeps how far it is.
    async fn notify(
        &self,
        tx: &mut PgConnection,
        mut it: UnresolvedCause,
    ) -> Result<u64, StoreError> {
        let due = Due::decide(self.rules, self.wait(&it));
        let is_seen_to = !it.has_open && it.waiting_since.is_some() && it.wait_step > 0;
        self.advance(&mut it, due);
        let told = &self.rules.escalate_to[..steps(self.rules, it.step)];
        let mut written = 0;
        if let Some(reason) = due.open {
            let new = NewReminder { nth: it.reminders, ..self.reminder(reason) };
            reminders::enqueue(&mut *tx, &new, told).await?;
            written += 1;
        }
        if due.came_back {
            let new = NewReminder {
                acknowledged_before: self.stale_before,
                ..self.reminder(ReminderReason::CameBack)
            };
            reminders::enqueue(&mut *tx, &new, told).await?;
            written += 1;
        } else if is_seen_to {
            written += end_pages(&mut *tx, self.project_id, self.cause, told).await?;
        }
        self.save(tx, &it).await?;
        Ok(written)
    }

    const fn reminder(&self, reason: ReminderReason) -> NewReminder {
        NewReminder::new(self.project_id, Some(self.cause), reason)
    }

    fn wait(&self, it: &UnresolvedCause) -> Wait {
        let passed = |at: OffsetDateTime| self.now - at;
        Wait {
            open: it.waiting_since.filter(|_| it.has_open).map(passed),
            since_told: it.told_at.map_or(Duration::ZERO, passed),
            step: steps(self.rules, it.wait_step),
            has_stale: it.has_stale,
            since_came_back: it.came_back_at.map(passed),
        }
    }

    /// What is known once that was told. What has just begun to wait was told by its own alerts.
    fn advance(&self, it: &mut UnresolvedCause, due: Due) {
        match due.open {
            Some(ReminderReason::Escalated) => {
                it.wait_step =
                    i32::try_from(steps(self.rules, it.wait_step) + 1).unwrap_or(i32::MAX);
                it.step = it.step.max(it.wait_step);
                it.waiting_since = it.waiting_since.max(self.began_at_latest(it.wait_step));
            }
            Some(
                ReminderReason::Reminder
                | ReminderReason::CameBack
                | ReminderReason::SnoozeOver
                | ReminderReason::Resolved,
            ) => it.reminders += 1,
            None => {}
        }
        if due.open.is_some() {
            it.told_at = Some(self.now);
        }
        match (it.has_open, it.waiting_since) {
            (true, None) => {
                (it.waiting_since, it.told_at) = (Some(self.now), Some(self.now));
                (it.reminders, it.wait_step) = (0, 0);
            }
            (false, _) => it.waiting_since = None,
            (true, Some(_)) => {}
        }
        if due.came_back {
            it.came_back_at = Some(self.now);
        }
    }

    /// When at the latest a wait began that is escalated to a step now. One that was told late, as after quiet hours, leaves
    /// those who were told their whole time before the next one is.
    fn began_at_latest(&self, step: i32) -> Option<OffsetDateTime> {
        self.rules.escalate_after.map(|after| self.now - after.duration() * step)
    }

    async fn save(&self, tx: &mut PgConnection, it: &UnresolvedCause) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO cause_waits (project_id, cause, waiting_since, told_at, reminders, step, wait_step, came_back_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT ON CONSTRAINT cause_waits_pkey DO UPDATE SET waiting_since = excluded.waiting_since,
                 told_at = excluded.told_at, reminders = excluded.reminders, step = excluded.step,
                 wait_step = excluded.wait_step, came_back_at = excluded.came_back_at",
            self.project_id.as_uuid(),
            self.cause.as_uuid(),
            it.waiting_since,
            it.told_at,
            it.reminders,
            it.step,
            it.wait_step,
            it.came_back_at,
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
