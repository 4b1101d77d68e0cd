//! Projects.

use domain::audit::detail::{Change, NewProjectDetail, ProjectChanges};
use domain::audit::{Actor, AuditEvent};
use domain::ids::ProjectId;
use domain::signature::SigningSecret;
use domain::snapshot::{self, SnapshotSettings};

use crate::audit::{self, Subject};
use crate::projects::{self, Project, ProjectSettings};
use crate::seal::MasterKey;
use crate::{PgConnection, StoreError, signing_secrets, silences};

/// Makes a project and its first signing secret.
pub async fn create_project(
    tx: &mut PgConnection,
    actor: &Actor,
    settings: &ProjectSettings,
    secret: &SigningSecret,
    key: &MasterKey,
) -> Result<ProjectId, StoreError> {
    let id = projects::insert_project(&mut *tx, settings).await?;
    signing_secrets::insert_secret(&mut *tx, key, id, secret).await?;
    let ProjectSettings {
        name,
        mode,
        timeout_minutes,
        retention_months,
        repair_url,
        snapshots,
        expected_receipts,
    } = settings.clone();
    let SnapshotSettings { kept, days, in_callback } = snapshots;
    let detail = NewProjectDetail {
        name,
        mode,
        timeout_minutes,
        repair_url,
        snapshots: kept,
        snapshot_days: Some(days).filter(|days| *days != snapshot::DEFAULT_DAYS),
        snapshot_in_callback: in_callback,
        expected_receipts: Some(expected_receipts),
        retention_months: Some(retention_months),
    };
    let created = AuditEvent::ProjectCreated(detail);
    audit::record(tx, actor, Subject::project(id), &created).await?;
    Ok(id)
}

/// Changes a project's settings; its mode stays. Where other receipts are expected from now on, its
/// silences end. `Some(false)` if they were so before, and nothing
/// is written then; `None` if there is no such project.
pub async fn update_project(
    tx: &mut PgConnection,
    actor: &Actor,
    id: ProjectId,
    settings: &ProjectSettings,
) -> Result<Option<bool>, StoreError> {
    let Some(before) = projects::lock_project(tx, id).await? else {
        return Ok(None);
    };
    let changes = changes(&before, settings);
    if changes == ProjectChanges::default() {
        return Ok(Some(false));
    }
    projects::update_project(&mut *tx, id, settings).await?;
    if changes.expected_receipts.is_some() {
        silences::withdraw(&mut *tx, id).await?;
    }
    let updated = AuditEvent::ProjectUpdated(changes);
    audit::record(tx, actor, Subject::project(id), &updated).await?;
    Ok(Some(true))
}

/// What the audit keeps: each changed setting, before and after.
fn changes(before: &Project, after: &ProjectSettings) -> ProjectChanges {
    let ProjectSettings {
        name,
        timeout_minutes,
        retention_months,
        repair_url,
        snapshots,
        expected_receipts,
        mode: _,
    } = after.clone();
    ProjectChanges {
        name: Change::between(before.name.clone(), name),
        timeout_minutes: Change::between(before.timeout_minutes, timeout_minutes),
        retention_months: Change::between(before.retention_months, retention_months),
        repair_url: Change::between(before.repair_url.clone(), repair_url),
        snapshots: Change::between(before.snapshots, snapshots.kept),
        snapshot_days: Change::between(before.snapshot_days, snapshots.days),
        snapshot_in_callback: Change::between(before.snapshot_in_callback, snapshots.in_callback),
        expected_receipts: Change::between(before.expected_receipts, expected_receipts),
        callback_headers: None,
    }
}
