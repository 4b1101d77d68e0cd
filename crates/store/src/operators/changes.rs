//! Changing who an operator is, with the guard over the last admin.

use domain::destination::SlackUserId;
use domain::ids::OperatorId;
use domain::operator::Role;
use domain::project::Mode;
use sqlx::PgExecutor;

use super::{Login, Operator, find_operator};
use crate::error::expect_one;
use crate::{PgConnection, StoreError, operator_tokens, sessions};

/// What became of a change.
#[derive(Debug, Clone)]
pub enum OperatorChange {
    /// It is done; who they were before.
    Done(Operator),
    /// No admin would be left.
    LastAdmin,
    /// There is no such operator, or they were removed.
    Unknown,
}

/// Replaces a password by somebody who knew it. `false` if the operator was removed or has another password since, so that
/// of two who know the same one the first decides.
pub async fn change_password(
    db: impl PgExecutor<'_>,
    known: &Login,
    password_hash: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE operators SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND removed_at IS NULL",
        known.id.as_uuid(),
        known.password_hash,
        password_hash,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes an operator known in Slack by this id, or by none. `false` if another operator has it, or there is no such
/// operator. Of two who take an id concurrently the second one fails by the index, and nothing of it stays.
pub async fn change_slack_user(
    db: impl PgExecutor<'_>,
    id: OperatorId,
    user: Option<&SlackUserId>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE operators SET slack_user_id = $2 WHERE id = $1 AND removed_at IS NULL
             AND NOT EXISTS (SELECT FROM operators o WHERE o.slack_user_id = $2 AND o.id <> $1 AND o.removed_at IS NULL)",
        id.as_uuid(),
        user.map(SlackUserId::as_str),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps which projects an operator looks at.
pub async fn choose_view(
    db: impl PgExecutor<'_>,
    id: OperatorId,
    mode: Mode,
) -> Result<(), StoreError> {
    sqlx::query!("UPDATE operators SET view_mode = $2 WHERE id = $1", id.as_uuid(), mode.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// Gives an operator another role, from their next request on.
pub async fn change_role(
    tx: &mut PgConnection,
    id: OperatorId,
    role: Role,
) -> Result<OperatorChange, StoreError> {
    let before = match lock(tx, id, role.may_administer()).await? {
        OperatorChange::Done(before) => before,
        rejected => return Ok(rejected),
    };
    let done = sqlx::query!(
        "UPDATE operators SET role = $2 WHERE id = $1 AND removed_at IS NULL",
        id.as_uuid(),
        role.as_str(),
    )
    .execute(tx)
    .await?;
    expect_one("operators", done.rows_affected())?;
    Ok(OperatorChange::Done(before))
}

/// Removes an operator, ends their sessions and revokes their tokens.
pub async fn remove_operator(
    tx: &mut PgConnection,
    id: OperatorId,
) -> Result<OperatorChange, StoreError> {
    let before = match lock(tx, id, false).await? {
        OperatorChange::Done(before) => before,
        rejected => return Ok(rejected),
    };
    let done = sqlx::query!(
        "UPDATE operators SET removed_at = now() WHERE id = $1 AND removed_at IS NULL",
        id.as_uuid(),
    )
    .execute(&mut *tx)
    .await?;
    expect_one("operators", done.rows_affected())?;
    sessions::end_sessions_of(&mut *tx, id, None).await?;
    operator_tokens::revoke_tokens_of(tx, id).await?;
    Ok(OperatorChange::Done(before))
}

/// Locks every admin and the operator, always in the same order, and judges a change that leaves
/// them an admin or not.
async fn lock(
    tx: &mut PgConnection,
    id: OperatorId,
    stays_admin: bool,
) -> Result<OperatorChange, StoreError> {
    let admins = sqlx::query_scalar!(
        "SELECT id FROM operators WHERE removed_at IS NULL AND (role = 'admin' OR id = $1)
         ORDER BY id FOR NO KEY UPDATE",
        id.as_uuid(),
    )
    .fetch_all(&mut *tx)
    .await?;
    let Some(before) = find_operator(&mut *tx, id).await? else {
        return Ok(OperatorChange::Unknown);
    };
    let others = admins.iter().filter(|admin| **admin != id).count();
    if before.role.may_administer() && !stays_admin && others == 0 {
        return Ok(OperatorChange::LastAdmin);
    }
    Ok(OperatorChange::Done(before))
}
