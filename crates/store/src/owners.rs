//! Who sees to an incident: taking it, taking it over, giving it back.
//!
//! Each is one transaction under a lock on the incident, with its audit entry. Who is not told to take over gets an
//! incident that nobody owns, or learns who was faster, as does who takes it over from another operator than the one who
//! owns it by then; what is so already stays so and writes nothing. It changes nothing of what the incident does, and a
//! resolved one keeps its owner.

use domain::audit::detail::{AssignedDetail, ReleasedDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{EventId, IncidentId, OperatorId, ProjectId};
use domain::incident::IncidentState;
use domain::operator::Role;

use crate::audit::{self, Subject};
use crate::{ChangeError, PgConnection, StoreError};

/// Why no other operator owns it now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerRejection {
    #[error("there is no such incident")]
    NoIncident,
    #[error("the incident is already resolved")]
    Resolved,
    /// By this address.
    #[error("{0} owns the incident")]
    Owned(String),
    #[error("nobody owns the incident")]
    Unowned,
    #[error("there is no such operator, or they may not act on incidents")]
    NoOperator,
}

/// Who shall own an incident.
#[derive(Debug, Clone, Copy)]
pub struct Assignment<'a> {
    pub incident_id: IncidentId,
    pub to: OperatorId,
    pub take_over: TakeOver<'a>,
    pub actor: &'a Actor,
}

/// From which operator an incident may be taken. One without an owner always may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeOver<'a> {
    Never,
    /// The operator's with this address, who owned it when its page was opened.
    From(&'a str),
    Always,
}

impl TakeOver<'_> {
    /// From anyone, where that is asked for.
    #[must_use]
    pub const fn if_asked(asked: bool) -> Self {
        if asked { Self::Always } else { Self::Never }
    }

    fn allows(self, owner: &str) -> bool {
        match self {
            Self::Never => false,
            Self::From(seen) => seen == owner,
            Self::Always => true,
        }
    }
}

/// An incident, locked.
struct Owned {
    id: IncidentId,
    event_id: EventId,
    project_id: ProjectId,
    state: IncidentState,
    owner: Option<OperatorId>,
    email: Option<String>,
}

impl Owned {
    fn subject(&self) -> Subject {
        Subject::incident(self.project_id, self.event_id, self.id)
    }
}

/// Gives an incident to an operator.
pub async fn assign(
    tx: &mut PgConnection,
    assignment: Assignment<'_>,
) -> Result<(), ChangeError<OwnerRejection>> {
    let to = find_assignee(&mut *tx, assignment.to).await?;
    let to = to.ok_or(ChangeError::Rejected(OwnerRejection::NoOperator))?;
    let owned = lock(&mut *tx, assignment.incident_id).await?;
    if owned.owner == Some(assignment.to) {
        return Ok(());
    }
    if let Some(email) = owned.email.clone().filter(|email| !assignment.take_over.allows(email)) {
        return Err(ChangeError::Rejected(OwnerRejection::Owned(email)));
    }
    sqlx::query!(
        "UPDATE incidents SET owner = $2 WHERE id = $1",
        owned.id.as_uuid(),
        assignment.to.as_uuid()
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from)?;
    let subject = owned.subject();
    let assigned = AuditEvent::IncidentAssigned(AssignedDetail { to, from: owned.email });
    Ok(audit::record(tx, assignment.actor, subject, &assigned).await?)
}

/// Leaves an incident to whoever takes it, whoever owns it.
pub async fn release(
    tx: &mut PgConnection,
    incident_id: IncidentId,
    actor: &Actor,
) -> Result<(), ChangeError<OwnerRejection>> {
    let owned = lock(&mut *tx, incident_id).await?;
    give_back(tx, &owned, actor).await
}

/// The same, of an incident that this operator still owns: another may have taken it over.
pub async fn release_own(
    tx: &mut PgConnection,
    incident_id: IncidentId,
    operator: OperatorId,
    actor: &Actor,
) -> Result<(), ChangeError<OwnerRejection>> {
    let owned = lock(&mut *tx, incident_id).await?;
    if let Some(email) = owned.email.clone().filter(|_| owned.owner != Some(operator)) {
        return Err(ChangeError::Rejected(OwnerRejection::Owned(email)));
    }
    give_back(tx, &owned, actor).await
}

async fn give_back(
    tx: &mut PgConnection,
    owned: &Owned,
    actor: &Actor,
) -> Result<(), ChangeError<OwnerRejection>> {
    let Some(from) = owned.email.clone() else {
        return Err(ChangeError::Rejected(OwnerRejection::Unowned));
    };
    sqlx::query!("UPDATE incidents SET owner = NULL WHERE id = $1", owned.id.as_uuid())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::from)?;
    let released = AuditEvent::IncidentReleased(ReleasedDetail { from });
    Ok(audit::record(tx, actor, owned.subject(), &released).await?)
}

/// Gives back what an operator owns and what is not resolved.
pub(crate) async fn release_all_of(
    tx: &mut PgConnection,
    operator: OperatorId,
    email: &str,
    actor: &Actor,
) -> Result<(), StoreError> {
    let released = sqlx::query!(
        "UPDATE incidents SET owner = NULL WHERE owner = $1 AND state IN ('open', 'acknowledged', 'reprocessing')
         RETURNING id, event_id, project_id",
        operator.as_uuid(),
    );
    let released = released.fetch_all(&mut *tx).await?.into_iter().map(|row| {
        let detail = ReleasedDetail { from: email.to_owned() };
        let subject = Subject::incident(row.project_id, row.event_id, row.id);
        (subject, AuditEvent::IncidentReleased(detail))
    });
    audit::record_all(tx, actor, &released.collect::<Vec<_>>()).await
}

/// The address of an operator who may act, whom nobody removes until the transaction ends.
async fn find_assignee(
    tx: &mut PgConnection,
    id: OperatorId,
) -> Result<Option<String>, StoreError> {
    let found = sqlx::query!(
        r#"SELECT email, role AS "role: Role" FROM operators WHERE id = $1 AND removed_at IS NULL FOR SHARE"#,
        id.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.filter(|operator| operator.role.may_act()).map(|operator| operator.email))
}

/// Locks an incident. Who waited for the lock gets the incident as it is now; of a joined operator they would get the one
/// that was found before, so the address is asked for by itself.
async fn lock(tx: &mut PgConnection, id: IncidentId) -> Result<Owned, ChangeError<OwnerRejection>> {
    let owned = sqlx::query_as!(
        Owned,
        r#"SELECT i.id, i.event_id, i.project_id, i.state, i.owner,
               (SELECT o.email FROM operators o WHERE o.id = i.owner) AS "email?"
           FROM incidents i WHERE i.id = $1 FOR NO KEY UPDATE"#,
        id.as_uuid(),
    )
    .fetch_optional(tx)
    .await
    .map_err(StoreError::from)?;
    let owned = owned.ok_or(ChangeError::Rejected(OwnerRejection::NoIncident))?;
    if owned.state == IncidentState::Resolved {
        return Err(ChangeError::Rejected(OwnerRejection::Resolved));
    }
    Ok(owned)
}
