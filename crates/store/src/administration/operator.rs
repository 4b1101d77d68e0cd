//! Who may sign in. An entry names the operator by address, which outlives the row's role and name.

use domain::audit::detail::{OperatorDetail, PasswordDetail, RoleChangeDetail, SlackUserDetail};
use domain::audit::{Actor, AuditEvent};
use domain::destination::SlackUserId;
use domain::ids::{OperatorId, SessionId};
use domain::operator::Role;

use crate::audit::{self, Subject};
use crate::operators::{self, Login, OperatorChange};
use crate::{Insertion, PgConnection, StoreError, owners, saved_filters, sessions};

/// Lets an operator sign in; `Existing` if the address is taken, and nothing is changed then.
pub async fn add_operator(
    tx: &mut PgConnection,
    actor: &Actor,
    email: &str,
    role: Role,
    password_hash: &str,
) -> Result<Insertion<OperatorId>, StoreError> {
    let inserted = operators::insert_operator(tx, email, role, password_hash).await?;
    if let Insertion::Inserted(id) = inserted {
        let detail = OperatorDetail { operator_id: id, email: email.to_owned(), role };
        let added = AuditEvent::OperatorAdded(detail);
        audit::record(tx, actor, Subject::default(), &added).await?;
    }
    Ok(inserted)
}

/// Gives an operator another role, from their next request on. Whoever may not act any more gives back their incidents.
/// The same role again writes nothing.
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
        if before.role.may_act() && !role.may_act() {
            owners::release_all_of(tx, id, &before.email, actor).await?;
        }
        let (email, from) = (before.email.clone(), before.role);
        let detail = RoleChangeDetail { operator_id: id, email, from, to: role };
        let changed = AuditEvent::OperatorRoleChanged(detail);
        audit::record(tx, actor, Subject::default(), &changed).await?;
    }
    Ok(change)
}

/// What became of a change of who an operator is in Slack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlackUserChange {
    Done,
    /// Another operator has this id.
    Taken,
    /// There is no such operator, or they were removed.
    Unknown,
}

/// Makes an operator known in Slack by this id, or by none. The same one again writes nothing.
pub async fn change_slack_user(
    tx: &mut PgConnection,
    actor: &Actor,
    id: OperatorId,
    user: Option<&SlackUserId>,
) -> Result<SlackUserChange, StoreError> {
    let Some(before) = operators::find_operator(&mut *tx, id).await? else {
        return Ok(SlackUserChange::Unknown);
    };
    let slack_user_id = user.map(|user| user.as_str().to_owned());
    if before.slack_user_id == slack_user_id {
        return Ok(SlackUserChange::Done);
    }
    if !operators::change_slack_user(&mut *tx, id, user).await? {
        return Ok(SlackUserChange::Taken);
    }
    let detail = SlackUserDetail { operator_id: id, email: before.email, slack_user_id };
    let changed = AuditEvent::OperatorSlackUserChanged(detail);
    audit::record(tx, actor, Subject::default(), &changed).await?;
    Ok(SlackUserChange::Done)
}

/// Removes an operator, ends their sessions, revokes their tokens and gives back their incidents. Filters that they shared
/// stay.
pub async fn remove_operator(
    tx: &mut PgConnection,
    actor: &Actor,
    id: OperatorId,
) -> Result<OperatorChange, StoreError> {
    let change = operators::remove_operator(tx, id).await?;
    if let OperatorChange::Done(before) = &change {
        owners::release_all_of(tx, id, &before.email, actor).await?;
        saved_filters::delete_own_of(tx, id).await?;
        let (email, role) = (before.email.clone(), before.role);
        let removed = AuditEvent::OperatorRemoved(OperatorDetail { operator_id: id, email, role });
        audit::record(tx, actor, Subject::default(), &removed).await?;
    }
    Ok(change)
}

/// Replaces a password that was typed, and ends every session that began with it but `keep`; how many
/// those were. `None` if the operator was removed or got another password since it was checked.
pub async fn change_password(
    tx: &mut PgConnection,
    actor: &Actor,
    known: &Login,
    password_hash: &str,
    keep: Option<SessionId>,
) -> Result<Option<u64>, StoreError> {
    if !operators::change_password(&mut *tx, known, password_hash).await? {
        return Ok(None);
    }
    let ended = sessions::end_sessions_of(&mut *tx, known.id, keep).await?;
    let (operator_id, email) = (known.id, known.email.clone());
    let detail = PasswordDetail { operator_id, email, sessions_ended: ended };
    let changed = AuditEvent::OperatorPasswordChanged(detail);
    audit::record(tx, actor, Subject::default(), &changed).await?;
    Ok(Some(ended))
}
