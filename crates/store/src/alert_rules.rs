//! How a project's people are told, and whether they are told now.

use domain::alert_rules::{AlertRules, InvalidRules, RuleTime};
use domain::ids::{DestinationId, MaintenanceId, ProjectId};
use domain::maintenance::{Hold, RunningWindow};
use domain::project::Mode;
use domain::quiet_hours::QuietHours;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::{PgConnection, StoreError};

/// The rules of a project; of one that says nothing they are empty. Steps whose destination was removed are left out.
pub async fn find_rules(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<AlertRules, StoreError> {
    let row = sqlx::query!(
        r#"SELECT quiet_hours, remind_every, escalate_after, come_back_after,
               ARRAY(SELECT s.destination_id FROM escalation_steps s JOIN destinations d ON d.id = s.destination_id
                   WHERE s.project_id = r.project_id AND d.removed_at IS NULL ORDER BY s.step) AS "escalate_to!: Vec<DestinationId>"
           FROM alert_rules r WHERE project_id = $1"#,
        project_id.as_uuid()
    )
    .fetch_optional(db)
    .await?;
    let time = |minutes: Option<i32>| minutes.and_then(|minutes| RuleTime::new(minutes).ok());
    Ok(row
        .map(|row| AlertRules {
            quiet_hours: row.quiet_hours,
            remind_every: time(row.remind_every),
            escalate_after: time(row.escalate_after).filter(|_| !row.escalate_to.is_empty()),
            escalate_to: row.escalate_to,
            come_back_after: time(row.come_back_after),
        })
        .unwrap_or_default())
}

/// Whether the steps of an escalation are destinations of the project, and one is left that is told immediately.
pub(crate) async fn check_steps(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    steps: &[DestinationId],
) -> Result<Option<InvalidRules>, StoreError> {
    if steps.is_empty() {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE id = ANY ($2)) AS "steps!", count(*) AS "all!"
           FROM destinations WHERE project_id = $1 AND removed_at IS NULL"#,
        project_id.as_uuid(),
        steps as &[DestinationId],
    )
    .fetch_one(db)
    .await?;
    let wanted = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    Ok(match row.steps {
        known if known < wanted => Some(InvalidRules::Unknown),
        known if known == row.all => Some(InvalidRules::Everyone),
        _ => None,
    })
}

/// The steps of the escalation that a destination is one of, in their order; none of one that is none.
pub(crate) async fn list_steps_with(
    db: impl PgExecutor<'_>,
    id: DestinationId,
) -> Result<Vec<DestinationId>, StoreError> {
    let steps = sqlx::query_scalar!(
        "SELECT s.destination_id FROM escalation_steps s JOIN destinations d ON d.id = s.destination_id
         WHERE s.project_id = (SELECT project_id FROM escalation_steps WHERE destination_id = $1)
           AND d.removed_at IS NULL ORDER BY s.step",
        id.as_uuid(),
    );
    Ok(steps.fetch_all(db).await?)
}

/// Sets the rules of a project, over those that there were. Without any by which people are told again, what was told so
/// far is forgotten.
pub(crate) async fn save_rules(
    tx: &mut PgConnection,
    project_id: ProjectId,
    rules: &AlertRules,
) -> Result<(), StoreError> {
    let minutes = |time: Option<RuleTime>| time.map(RuleTime::minutes);
    sqlx::query!(
        "INSERT INTO alert_rules (project_id, quiet_hours, remind_every, escalate_after, come_back_after)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ON CONSTRAINT alert_rules_pkey DO UPDATE SET quiet_hours = excluded.quiet_hours,
             remind_every = excluded.remind_every, escalate_after = excluded.escalate_after,
             come_back_after = excluded.come_back_after, updated_at = now()",
        project_id.as_uuid(),
        rules.quiet_hours.as_ref().map(QuietHours::to_string),
        minutes(rules.remind_every),
        minutes(rules.escalate_after),
        minutes(rules.come_back_after),
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("DELETE FROM escalation_steps WHERE project_id = $1", project_id.as_uuid())
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "INSERT INTO escalation_steps (project_id, step, destination_id)
         SELECT $1, step::integer, id FROM unnest($2::uuid[]) WITH ORDINALITY AS steps (id, step)",
        project_id.as_uuid(),
        &rules.escalate_to as &[DestinationId],
    )
    .execute(&mut *tx)
    .await?;
    if !rules.tells_again() {
        sqlx::query!("DELETE FROM cause_waits WHERE project_id = $1", project_id.as_uuid())
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// What decides whether a project's people are told, by the database's clock.
struct HoldRow {
    project_id: ProjectId,
    now: OffsetDateTime,
    quiet_hours: Option<QuietHours>,
    window_id: Option<MaintenanceId>,
    ends_at: Option<OffsetDateTime>,
}

impl HoldRow {
    fn decide(&self) -> Option<Hold> {
        let running = self.window_id.zip(self.ends_at);
        let window = running.map(|(id, ends_at)| RunningWindow { id, ends_at });
        Hold::decide(self.quiet_hours.as_ref(), window, self.now)
    }
}

/// Reads that of projects; which ones is the caller's.
macro_rules! query_holds {
    ($which:tt, $argument:expr) => {
        sqlx::query_as!(
            HoldRow,
            r#"SELECT p.id AS project_id, clock_timestamp() AS "now!", r.quiet_hours AS "quiet_hours?: QuietHours",
                   w.id AS "window_id?: MaintenanceId", w.ends_at AS "ends_at?"
               FROM projects p LEFT JOIN alert_rules r ON r.project_id = p.id
                   LEFT JOIN LATERAL (SELECT id, ends_at FROM maintenance_windows
                       WHERE project_id = p.id AND ended_at IS NULL AND ends_at > clock_timestamp()
                       ORDER BY ends_at DESC LIMIT 1) AS w ON true
               WHERE "# + $which,
            $argument
        )
    };
}

/// Whether a project's people are not told now.
pub async fn find_hold(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Option<Hold>, StoreError> {
    let row = query_holds!("p.id = $1", project_id.as_uuid()).fetch_optional(db).await?;
    Ok(row.and_then(|row| row.decide()))
}

/// The projects of a mode whose people are not told now.
pub async fn list_holds(
    db: impl PgExecutor<'_>,
    mode: Mode,
) -> Result<Vec<(ProjectId, Hold)>, StoreError> {
    let rows = query_holds!(
        "p.mode = $1 AND (r.quiet_hours IS NOT NULL OR w.id IS NOT NULL) ORDER BY p.name, p.id",
        mode.as_str()
    );
    let rows = rows.fetch_all(db).await?;
    Ok(rows.iter().filter_map(|row| Some((row.project_id, row.decide()?))).collect())
}
