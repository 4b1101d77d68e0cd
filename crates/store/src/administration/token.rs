//! Operators' own tokens.

use domain::audit::detail::TokenDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{OperatorId, TokenId};
use domain::secret_token::OperatorToken;

use crate::audit::{self, Subject};
use crate::operators::{self, Login};
use crate::{PgConnection, StoreError, operator_tokens};

/// Gives an operator whose password was typed a token. `None` if they were removed or got another password since it was
/// checked: whoever changes a password and revokes the tokens leaves none that was on its way.
pub async fn create_token(
    tx: &mut PgConnection,
    actor: &Actor,
    login: &Login,
    label: &str,
    token: &OperatorToken,
) -> Result<Option<TokenId>, StoreError> {
    if !operators::hold_login(&mut *tx, login).await? {
        return Ok(None);
    }
    let operator_id = login.id;
    let id = operator_tokens::insert_token(&mut *tx, operator_id, label, token).await?;
    let (label, last_four) = (label.to_owned(), token.last_four().to_owned());
    let detail = TokenDetail { operator_id, token_id: id, label, last_four };
    let created = AuditEvent::TokenCreated(detail);
    audit::record(tx, actor, Subject::default(), &created).await?;
    Ok(Some(id))
}

/// Revokes a token of this operator for good. `false` if they have no such valid token, and nothing
/// is written then.
pub async fn revoke_token(
    tx: &mut PgConnection,
    actor: &Actor,
    operator_id: OperatorId,
    id: TokenId,
) -> Result<bool, StoreError> {
    let Some(revoked) = operator_tokens::revoke_token(&mut *tx, operator_id, id).await? else {
        return Ok(false);
    };
    let operator_tokens::RevokedToken { label, last_four } = revoked;
    let detail = TokenDetail { operator_id, token_id: id, label, last_four };
    let revoked = AuditEvent::TokenRevoked(detail);
    audit::record(tx, actor, Subject::default(), &revoked).await?;
    Ok(true)
}

/// Revokes every token of an operator, with an entry for each; how many.
pub async fn revoke_tokens(
    tx: &mut PgConnection,
    actor: &Actor,
    operator_id: OperatorId,
) -> Result<u64, StoreError> {
    let mut revoked = 0;
    for token in operator_tokens::list_tokens(&mut *tx, operator_id).await? {
        let is_valid = token.revoked_at.is_none();
        revoked += u64::from(is_valid && revoke_token(tx, actor, operator_id, token.id).await?);
    }
    Ok(revoked)
}
