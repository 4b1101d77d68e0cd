//! A project's rules for alerts, and its maintenance windows.

use domain::alert_rules::{AlertRules, InvalidRules};
use domain::audit::detail::{AlertRulesDetail, MaintenanceDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{MaintenanceId, ProjectId};
use domain::maintenance::WindowLength;

use crate::audit::{self, Subject};
use crate::maintenance::{self, MaintenanceWindow};
use crate::{ChangeError, PgConnection, StoreError, alert_rules, cause_waits, projects};

/// Sets the rules of a project, over those that there were. `Some(false)` if they were so already, and nothing is
/// written then; `None` if there is no such project. Steps that stay as they are may be all that is left of the
/// destinations: the others may have been removed since.
///
/// # Errors
/// When they do not fit together or the database fails.
pub async fn set_rules(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    rules: &AlertRules,
) -> Result<Option<bool>, ChangeError<InvalidRules>> {
    if projects::lock_project(&mut *tx, project_id).await?.is_none() {
        return Ok(None);
    }
    let before = alert_rules::find_rules(&mut *tx, project_id).await?;
    if before == *rules {
        return Ok(Some(false));
    }
    let wrong = match rules.check() {
        None if before.escalate_to != rules.escalate_to => {
            alert_rules::check_steps(&mut *tx, project_id, &rules.escalate_to).await?
        }
        wrong => wrong,
    };
    if let Some(wrong) = wrong {
        return Err(ChangeError::Rejected(wrong));
    }
    // Before what was told so far may be forgotten.
    cause_waits::change_steps(&mut *tx, project_id, &before.escalate_to, &rules.escalate_to)
        .await?;
    alert_rules::save_rules(&mut *tx, project_id, rules).await?;
    let changed = AuditEvent::AlertRulesChanged(AlertRulesDetail { rules: rules.clone() });
    audit::record(tx, actor, Subject::project(project_id), &changed).await?;
    Ok(Some(true))
}

/// Begins a maintenance window: alerts of the project wait until it ends.
pub async fn start_maintenance(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    length: WindowLength,
    reason: Option<&str>,
) -> Result<MaintenanceWindow, StoreError> {
    let by = actor.to_string();
    let window = maintenance::insert_window(&mut *tx, project_id, &by, length, reason).await?;
    let started = AuditEvent::MaintenanceStarted(detail(&window));
    audit::record(tx, actor, Subject::project(project_id), &started).await?;
    Ok(window)
}

/// Ends the windows of a project that last, or the one that is named. Returns those that did; of none nothing is written.
pub async fn end_maintenance(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    id: Option<MaintenanceId>,
) -> Result<Vec<MaintenanceWindow>, StoreError> {
    let ended = maintenance::end_windows(&mut *tx, project_id, id, &actor.to_string()).await?;
    for window in &ended {
        let ended = AuditEvent::MaintenanceEnded(detail(window));
        audit::record(&mut *tx, actor, Subject::project(project_id), &ended).await?;
    }
    Ok(ended)
}

fn detail(window: &MaintenanceWindow) -> MaintenanceDetail {
    MaintenanceDetail {
        maintenance_id: window.id,
        ends_at: window.ends_at,
        note: window.reason.clone(),
    }
}
