//! Proof links. Their entries are on the incident's timeline.

use domain::audit::detail::ProofLinkDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::ProofLinkId;
use domain::secret_token::ProofToken;

use crate::audit::{self, Subject};
use crate::incidents::Incident;
use crate::{PgConnection, StoreError, proof_links};

/// Makes a link to an incident that opens for so many days.
///
/// # Errors
/// When the days are not from 1 to 365.
pub async fn create_link(
    tx: &mut PgConnection,
    actor: &Actor,
    incident: &Incident,
    token: &ProofToken,
    days: i32,
) -> Result<ProofLinkId, StoreError> {
    let (hash, made_by) = (token.hash(), actor.to_string());
    let id = proof_links::insert_link(&mut *tx, incident, &hash, &made_by, days).await?;
    let detail = ProofLinkDetail { proof_link_id: id, days: Some(days) };
    let created = AuditEvent::ProofLinkCreated(detail);
    audit::record(tx, actor, subject(incident), &created).await?;
    Ok(id)
}

/// Revokes a link of this incident for good. `false` if it has no such link that still opens, and
/// nothing is written then.
pub async fn revoke_link(
    tx: &mut PgConnection,
    actor: &Actor,
    incident: &Incident,
    id: ProofLinkId,
) -> Result<bool, StoreError> {
    if !proof_links::revoke_link(&mut *tx, incident.id, id).await? {
        return Ok(false);
    }
    let detail = ProofLinkDetail { proof_link_id: id, days: None };
    let revoked = AuditEvent::ProofLinkRevoked(detail);
    audit::record(tx, actor, subject(incident), &revoked).await?;
    Ok(true)
}

const fn subject(incident: &Incident) -> Subject {
    Subject::incident(incident.project_id, incident.event_id, incident.id)
}
