//! Policies for automatic reprocesses: set, turned off, and reset where a breaker stopped one.

use domain::audit::detail::{PolicyDetail, PolicyResetDetail};
use domain::audit::{Actor, AuditEvent};
use domain::catalogue::EffectType;
use domain::ids::{CauseId, ProjectId};
use domain::reprocess_policy::{InvalidPolicy, PolicySettings};

use crate::audit::{self, Subject};
use crate::policies;
use crate::{ChangeError, PgConnection, StoreError, declared_names, projects};

/// Why a policy is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRejection {
    #[error("there is no such project")]
    NoProject,
    /// The effect is neither built in nor declared. The text continues a sentence that begins with
    /// the field.
    #[error("{0}")]
    UnknownEffect(String),
    /// Everything that breaks a rule.
    #[error("the policy breaks a rule")]
    Invalid(Vec<InvalidPolicy>),
}

/// Sets the policy of an effect, over the one that there was. `false` if it was so already, and
/// nothing is written then.
///
/// # Errors
/// When a rule forbids it or the database fails.
pub async fn set_policy(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    effect_type: &EffectType,
    settings: &PolicySettings,
) -> Result<bool, ChangeError<PolicyRejection>> {
    // Not its lock: who decides by the policy holds the policy's and may come to need the project's.
    if projects::find_project(&mut *tx, project_id).await?.is_none() {
        return Err(ChangeError::Rejected(PolicyRejection::NoProject));
    }
    let catalogue = declared_names::load_catalogue(&mut *tx, project_id).await?;
    if let Err(why) = catalogue.effect_type(effect_type.as_str()) {
        return Err(ChangeError::Rejected(PolicyRejection::UnknownEffect(why.to_string())));
    }
    let broken = settings.check(effect_type);
    if !broken.is_empty() {
        return Err(ChangeError::Rejected(PolicyRejection::Invalid(broken)));
    }
    let before = policies::lock_policy(&mut *tx, project_id, effect_type).await?;
    if before.is_some_and(|before| before.settings == *settings) {
        return Ok(false);
    }
    write(tx, actor, project_id, effect_type, settings).await?;
    Ok(true)
}

/// Turns the policy of an effect off; its other settings stay. `None` if none was ever set,
/// `Some(false)` if it was off.
pub async fn turn_off(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    effect_type: &EffectType,
) -> Result<Option<bool>, StoreError> {
    let Some(before) = policies::lock_policy(&mut *tx, project_id, effect_type).await? else {
        return Ok(None);
    };
    if !before.settings.enabled {
        return Ok(Some(false));
    }
    let settings = PolicySettings { enabled: false, ..before.settings };
    write(tx, actor, project_id, effect_type, &settings).await?;
    Ok(Some(true))
}

async fn write(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    effect_type: &EffectType,
    settings: &PolicySettings,
) -> Result<(), StoreError> {
    policies::save_policy(&mut *tx, project_id, effect_type, settings).await?;
    let detail = PolicyDetail { effect_type: effect_type.clone(), settings: *settings };
    let changed = AuditEvent::PolicyChanged(detail);
    audit::record(tx, actor, Subject::project(project_id), &changed).await
}

/// Lets a policy go on for one cause, or for all for which it is stopped; counting begins again.
/// Returns the causes; none if it was stopped for none, and nothing is written then.
pub async fn reset_policy(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    effect_type: &EffectType,
    cause_id: Option<CauseId>,
) -> Result<Vec<CauseId>, StoreError> {
    let causes = policies::reset_stops(&mut *tx, project_id, effect_type, cause_id).await?;
    if !causes.is_empty() {
        let effect_type = effect_type.clone();
        let reset = PolicyResetDetail { effect_type, causes: causes.clone() };
        let reset = AuditEvent::PolicyReset(reset);
        audit::record(tx, actor, Subject::project(project_id), &reset).await?;
    }
    Ok(causes)
}
