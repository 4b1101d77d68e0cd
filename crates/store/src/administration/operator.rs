//! Who may sign in. An entry names the operator by address, which outlives the row's role and name.

use domain::audit::{Action, Actor};
use domain::ids::{OperatorId, SessionId};
use domain::operator::Role;
use serde_json::json;

use crate::audit::{self, Subject};
use crate::operators::{self, Operator, OperatorChange};
use crate::{Insertion, PgConnection, StoreError, sessions};

/// Lets somebody sign in; `Existing` if the address is taken, and nothing is changed then.
///
/// # Errors
/// When the database fails.
pub async fn add_operator(
    tx: &mut PgConnection,
    actor: &Actor,
    email: &str,
    role: Role,
    password_hash: &str,
) -> Result<Insertion<OperatorId>, StoreError> {
    let inserted = operators::insert_operator(tx, email, role, password_hash).await?;
    if let Insertion::Inserted(id) = inserted {
        let detail = json!({ "operator_id": id, "email": email, "role": role });
        audit::insert_entry(tx, actor, Action::OperatorAdded, Subject::default(), detail).await?;
    }
    Ok(inserted)
}

/// Gives an operator another role, from their next request on. The same role again writes nothing.
///
/// # Errors
/// When the database fails.
pub async fn change_role(
    tx: &mut PgConnection,
    actor: &Actor,
    id: OperatorId,
    role: Role,
) -> Result<OperatorChange, StoreError> {
    let change = operators::change_role(tx, id, role).await?;
    if let OperatorChange::Done(before) = &change
        && before.role != role
    {
        let detail =
            json!({ "operator_id": id, "email": before.email, "from": before.role, "to": role });
        let action = Action::OperatorRoleChanged;
        audit::insert_entry(tx, actor, action, Subject::default(), detail).await?;
    }
    Ok(change)
}

/// Removes an operator, ends their sessions and revokes their tokens.
///
/// # Errors
/// When the database fails.
pub async fn remove_operator(
    tx: &mut PgConnection,
    actor: &Actor,
    id: OperatorId,
) -> Result<OperatorChange, StoreError> {
    let change = operators::remove_operator(tx, id).await?;
    if let OperatorChange::Done(before) = &change {
        let detail = json!({ "operator_id": id, "email": before.email, "role": before.role });
        audit::insert_entry(tx, actor, Action::OperatorRemoved, Subject::default(), detail).await?;
    }
    Ok(change)
}

/// Replaces a password, and ends every session that began with the old one but `keep`; how many those
/// were. `None` if there is no such operator.
///
/// # Errors
/// When the database fails.
pub async fn change_password(
    tx: &mut PgConnection,
    actor: &Actor,
    id: OperatorId,
    password_hash: &str,
    keep: Option<SessionId>,
) -> Result<Option<u64>, StoreError> {
    let Some(Operator { email, .. }) = operators::find_operator(&mut *tx, id).await? else {
        return Ok(None);
    };
    if !operators::change_password(&mut *tx, id, password_hash).await? {
        return Ok(None);
    }
    let ended = sessions::end_sessions_of(&mut *tx, id, keep).await?;
    let detail = json!({ "operator_id": id, "email": email, "sessions_ended": ended });
    let action = Action::OperatorPasswordChanged;
    audit::insert_entry(tx, actor, action, Subject::default(), detail).await?;
    Ok(Some(ended))
}
