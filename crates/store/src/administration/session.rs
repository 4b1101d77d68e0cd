//! Signing in and out, and being locked out.

use domain::audit::detail::{LockOutDetail, SignInDetail, SignOutDetail};
use domain::audit::{Actor, AuditEvent};
use domain::ids::{OperatorId, SessionId};
use time::OffsetDateTime;

use crate::audit::{self, Subject};
use crate::operators::{self, Login};
use crate::sessions::{self, Session};
use crate::{PgConnection, StoreError, sign_ins};

/// Begins a session of an operator whose password was right, and forgets their wrong ones. `None`
/// if they were removed or got another password since it was checked.
pub async fn sign_in(
    tx: &mut PgConnection,
    login: &Login,
    token_hash: &[u8; 32],
    user_agent: Option<&str>,
) -> Result<Option<SessionId>, StoreError> {
    if !operators::hold_login(tx, login).await? {
        return Ok(None);
    }
    sign_ins::clear_failures(&mut *tx, &login.email).await?;
    let id = sessions::insert_session(&mut *tx, login.id, token_hash, user_agent).await?;
    let actor = Actor::Operator(login.email.clone());
    let detail = SignInDetail { operator_id: login.id, session_id: id };
    let signed_in = AuditEvent::OperatorSignedIn(detail);
    audit::record(tx, &actor, Subject::default(), &signed_in).await?;
    Ok(Some(id))
}

/// Ends a session at its owner's request. `false` if it had ended before, and nothing is written
/// then.
pub async fn sign_out(tx: &mut PgConnection, session: &Session) -> Result<bool, StoreError> {
    if !sessions::end_session(&mut *tx, session.id).await? {
        return Ok(false);
    }
    let actor = Actor::Operator(session.email.clone());
    let detail = SignOutDetail::One { operator_id: session.operator_id, session_id: session.id };
    let signed_out = AuditEvent::OperatorSignedOut(detail);
    audit::record(tx, &actor, Subject::default(), &signed_out).await?;
    Ok(true)
}

/// Ends every session of an operator but `except`; how many were valid. The actor may be another
/// person, who takes a lost laptop out of use.
pub async fn sign_out_everywhere(
    tx: &mut PgConnection,
    actor: &Actor,
    operator_id: OperatorId,
    except: Option<SessionId>,
) -> Result<u64, StoreError> {
    let ended = sessions::end_sessions_of(&mut *tx, operator_id, except).await?;
    let whose = operators::find_operator(&mut *tx, operator_id).await?;
    let email = whose.map(|operator| operator.email);
    let detail = SignOutDetail::All { operator_id, email, sessions_ended: ended };
    let signed_out = AuditEvent::OperatorSignedOut(detail);
    audit::record(tx, actor, Subject::default(), &signed_out).await?;
    Ok(ended)
}

/// Keeps that an operator was locked out. Nothing is written for an address that no operator has:
/// anyone may enter one, and the audit is kept for ever. `true` if it was an operator's.
pub async fn note_lock_out(
    tx: &mut PgConnection,
    email: &str,
    until: OffsetDateTime,
) -> Result<bool, StoreError> {
    let Some(login) = operators::find_login(&mut *tx, email).await? else {
        return Ok(false);
    };
    let Login { id, email, .. } = login;
    let detail = LockOutDetail { operator_id: id, email, locked_until: until };
    let locked_out = AuditEvent::OperatorLockedOut(detail);
    audit::record(tx, &Actor::System, Subject::default(), &locked_out).await?;
    Ok(true)
}
