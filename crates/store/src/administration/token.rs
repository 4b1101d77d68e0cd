//! Operators' own tokens.

use domain::audit::{Action, Actor};
use domain::ids::{OperatorId, TokenId};
use domain::secret_token::OperatorToken;
use serde_json::json;

use crate::audit::{self, Subject};
use crate::{PgConnection, StoreError, operator_tokens};

/// Gives an operator a token.
///
/// # Errors
/// When the database fails.
pub async fn create_token(
    tx: &mut PgConnection,
    actor: &Actor,
    operator_id: OperatorId,
    label: &str,
    token: &OperatorToken,
) -> Result<TokenId, StoreError> {
    let id = operator_tokens::insert_token(&mut *tx, operator_id, label, token).await?;
    let detail = json!({
        "operator_id": operator_id, "token_id": id, "label": label, "last_four": token.last_four(),
    });
    audit::insert_entry(tx, actor, Action::TokenCreated, Subject::default(), detail).await?;
    Ok(id)
}

/// Revokes a token of this operator for good. `false` if they have no such valid token, and nothing is
/// written then.
///
/// # Errors
/// When the database fails.
pub async fn revoke_token(
    tx: &mut PgConnection,
    actor: &Actor,
    operator_id: OperatorId,
    id: TokenId,
) -> Result<bool, StoreError> {
    let Some(revoked) = operator_tokens::revoke_token(&mut *tx, operator_id, id).await? else {
        return Ok(false);
    };
    let detail = json!({
        "operator_id": operator_id, "token_id": id, "label": revoked.label,
        "last_four": revoked.last_four,
    });
    audit::insert_entry(tx, actor, Action::TokenRevoked, Subject::default(), detail).await?;
    Ok(true)
}
