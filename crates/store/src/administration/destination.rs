//! Destinations of alerts.

use domain::audit::detail::{
    AddedDestinationDetail, AlertDetail, DestinationDetail, EveryIncidentDetail,
    RenamedDestinationDetail, SecretDetail, TestDetail,
};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{DestinationId, ProjectId};
use domain::signature::SigningSecret;

use crate::audit::{self, Subject};
use crate::destination_secrets::Rotation;
use crate::destinations::{self, NewDestination, Renaming};
use crate::seal::MasterKey;
use crate::{
    Insertion, PgConnection, StoreError, alert_rules, cause_waits, destination_health, notices,
};

/// How a test message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestOutcome<'a> {
    /// It went through; the other side's response.
    Delivered(&'a str),
    /// It did not, which says nothing of the next message; the other side's response.
    Rejected(&'a str),
    /// The other side said that the recipient does not exist.
    Gone(&'a str),
}

/// Sends a project's alerts to one more place; `Existing` if they go there already, and nothing is
/// written then.
pub async fn add_destination(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    project_id: ProjectId,
    new: &NewDestination,
) -> Result<Insertion<DestinationId>, StoreError> {
    let added = destinations::insert_destination(&mut *tx, key, project_id, new).await?;
    let Insertion::Inserted(id) = added else { return Ok(added) };
    let (kind, address) = (new.target.kind().to_owned(), new.shown.clone());
    let detail = AddedDestinationDetail { destination_id: id, kind, address };
    let added_event = AuditEvent::DestinationAdded(detail);
    audit::record(tx, actor, Subject::project(project_id), &added_event).await?;
    Ok(added)
}

/// Changes what people call a destination; without a label it has its default again. `None` if
/// there is no such one. Nothing is written if it is called so already.
pub async fn rename_destination(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    id: DestinationId,
    label: Option<&str>,
) -> Result<Option<Renaming>, StoreError> {
    let Some(renaming) = destinations::update_label(tx, key, id, label).await? else {
        return Ok(None);
    };
    if renaming.from != renaming.to {
        let Renaming { project_id, from, to } = renaming.clone();
        let detail = RenamedDestinationDetail { destination_id: id, from, to };
        let renamed = AuditEvent::DestinationRenamed(detail);
        audit::record(tx, actor, Subject::project(project_id), &renamed).await?;
    }
    Ok(Some(renaming))
}

/// Says whether a destination gets each incident by itself. Nothing is written if it does so already.
pub async fn set_every_incident(
    tx: &mut PgConnection,
    actor: &Actor,
    id: DestinationId,
    every_incident: bool,
) -> Result<(), StoreError> {
    let changed = destinations::update_every_incident(&mut *tx, id, every_incident).await?;
    let Some(project_id) = changed else { return Ok(()) };
    let detail = EveryIncidentDetail { destination_id: id, every_incident };
    let updated = AuditEvent::DestinationUpdated(detail);
    audit::record(tx, actor, Subject::project(project_id), &updated).await
}

/// Makes a secret a webhook's current one; the older ones go on signing for a day. `None` if there
/// is no such destination, or it is no webhook, and nothing is written then.
pub async fn rotate_secret(
    tx: &mut PgConnection,
    actor: &Actor,
    key: &MasterKey,
    id: DestinationId,
    secret: &SigningSecret,
) -> Result<Option<Rotation>, StoreError> {
    let rotated = destinations::rotate_secret(&mut *tx, key, id, secret).await?;
    let Some((project_id, rotation)) = rotated else { return Ok(None) };
    let detail = SecretDetail { secret_id: rotation.id, destination_id: Some(id) };
    let event = AuditEvent::SecretRotated(detail);
    audit::record(tx, actor, Subject::project(project_id), &event).await?;
    Ok(Some(rotation))
}

/// Removes a destination; its project, or `None` if there is no such one.
pub async fn remove_destination(
    tx: &mut PgConnection,
    actor: &Actor,
    id: DestinationId,
) -> Result<Option<ProjectId>, StoreError> {
    let steps = alert_rules::list_steps_with(&mut *tx, id).await?;
    let Some(project_id) = destinations::remove_destination(&mut *tx, id).await? else {
        return Ok(None);
    };
    if steps.contains(&id) {
        let left: Vec<_> = steps.iter().copied().filter(|step| *step != id).collect();
        cause_waits::change_steps(&mut *tx, project_id, &steps, &left).await?;
    }
    let removed = AuditEvent::DestinationRemoved(DestinationDetail { destination_id: id });
    audit::record(tx, actor, Subject::project(project_id), &removed).await?;
    Ok(Some(project_id))
}

/// Keeps how a test message ended. One that went through makes a broken destination work again; one
/// whose recipient does not exist counts as an alert's response does.
pub async fn note_test(
    tx: &mut PgConnection,
    actor: &Actor,
    project_id: ProjectId,
    id: DestinationId,
    outcome: TestOutcome<'_>,
) -> Result<(), StoreError> {
    let subject = Subject::project(project_id);
    let (delivered, answer) = match outcome {
        TestOutcome::Delivered(answer) => {
            destination_health::note_success(&mut *tx, id).await?;
            (true, answer)
        }
        TestOutcome::Rejected(answer) => {
            destination_health::note_rejected_test(&mut *tx, id, answer).await?;
            (false, answer)
        }
        TestOutcome::Gone(answer) => {
            if destination_health::note_gone(&mut *tx, id, None, answer).await? {
                let why = Some(answer.to_owned());
                let detail = AlertDetail { alert: None, destination_id: id, attempts: None, why };
                let broken = AuditEvent::DestinationBroken(detail);
                audit::record(&mut *tx, &Actor::System, subject, &broken).await?;
                notices::enqueue_broken(&mut *tx, project_id, id).await?;
            }
            (false, answer)
        }
    };
    let detail = TestDetail { destination_id: id, delivered, answer: answer.to_owned() };
    audit::record(tx, actor, subject, &AuditEvent::DestinationTested(detail)).await
}
