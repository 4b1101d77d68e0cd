//! Proof links. Their entries stand on the incident's timeline.

use domain::audit::{Action, Actor};
use domain::ids::ProofLinkId;
use domain::secret_token::ProofToken;
use serde_json::json;

use crate::audit::{self, Subject};
use crate::incidents::Incident;
use crate::{PgConnection, StoreError, proof_links};

/// Makes a link to an incident that opens for so many days.
///
/// # Errors
/// When the database fails, or the days are not from 1 to 365.
pub async fn create_link(
    tx: &mut PgConnection,
    actor: &Actor,
    incident: &Incident,
    token: &ProofToken,
    days: i32,
) -> Result<ProofLinkId, StoreError> {
    let (hash, made_by) = (token.hash(), actor.to_string());
    let id = proof_links::insert_link(&mut *tx, incident, &hash, &made_by, days).await?;
    let detail = json!({ "proof_link_id": id, "days": days });
    audit::insert_entry(tx, actor, Action::ProofLinkCreated, subject(incident), detail).await?;
    Ok(id)
}

/// Revokes a link of this incident for good. `false` if it has no such link that still opens, and
/// nothing is written then.
///
/// # Errors
/// When the database fails.
pub async fn revoke_link(
    tx: &mut PgConnection,
    actor: &Actor,
    incident: &Incident,
    id: ProofLinkId,
) -> Result<bool, StoreError> {
    if !proof_links::revoke_link(&mut *tx, incident.id, id).await? {
        return Ok(false);
    }
    let detail = json!({ "proof_link_id": id });
    audit::insert_entry(tx, actor, Action::ProofLinkRevoked, subject(incident), detail).await?;
    Ok(true)
}

const fn subject(incident: &Incident) -> Subject {
    Subject::incident(incident.project_id, incident.event_id, incident.id)
}
