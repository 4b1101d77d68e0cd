//! Operators. Who was removed may not sign in and is in no list; their row stays for the audit.
//!
//! There is always an admin: the last one can be neither demoted nor removed. A change of an
//! operator locks all admins first, in one order, so that of two concurrent changes the second is
//! judged on what the first one did.

mod changes;

use domain::destination::SlackUserId;
use domain::ids::OperatorId;
use domain::operator::Role;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::changes::{
    OperatorChange, change_password, change_role, change_slack_user, choose_view, remove_operator,
};
use crate::{Insertion, PgConnection, StoreError};

/// An operator as shown to people.
#[derive(Debug, Clone)]
pub struct Operator {
    pub id: OperatorId,
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// By which id they are known in Slack.
    pub slack_user_id: Option<String>,
    /// Since when.
    pub created_at: OffsetDateTime,
}

/// What a sign-in is held against.
#[derive(Clone)]
pub struct Login {
    pub id: OperatorId,
    pub email: String,
    /// What they may do.
    pub role: Role,
    pub password_hash: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({}, {}, {})", self.id, self.email, self.role)
    }
}

/// Adds an operator; `Existing` if the address is taken, and nothing is changed then. The address
/// of an operator who was removed is free.
pub async fn insert_operator(
    db: &mut PgConnection,
    email: &str,
    role: Role,
    password_hash: &str,
) -> Result<Insertion<OperatorId>, StoreError> {
    let added = sqlx::query_scalar!(
        "INSERT INTO operators (id, email, role, password_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) WHERE removed_at IS NULL DO NOTHING RETURNING id",
        Uuid::now_v7(),
        email,
        role.as_str(),
        password_hash,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = added {
        return Ok(Insertion::Inserted(id));
    }
    // A statement of its own, because only a later one sees a row that was added in the meantime.
    let existing = find_login(db, email).await?.ok_or(StoreError::Missing("operators"))?;
    Ok(Insertion::Existing(existing.id))
}

/// What a sign-in under this address is held against; `None` if no operator has it.
pub async fn find_login(db: impl PgExecutor<'_>, email: &str) -> Result<Option<Login>, StoreError> {
    let login = sqlx::query_as!(
        Login,
        "SELECT id, email, role, password_hash FROM operators WHERE email = $1 AND removed_at IS NULL",
        email,
    )
    .fetch_optional(db)
    .await?;
    Ok(login)
}

/// Whether a login still holds: the operator is there and has the same password. Until the
/// transaction ends, neither can change, so a session that begins in it is one that a later change
/// ends.
pub async fn hold_login(tx: &mut PgConnection, login: &Login) -> Result<bool, StoreError> {
    let held = sqlx::query_scalar!(
        "SELECT id FROM operators WHERE id = $1 AND password_hash = $2 AND removed_at IS NULL FOR SHARE",
        login.id.as_uuid(),
        login.password_hash,
    )
    .fetch_optional(tx)
    .await?;
    Ok(held.is_some())
}

/// Finds an operator who was not removed.
pub async fn find_operator(
    db: impl PgExecutor<'_>,
    id: OperatorId,
) -> Result<Option<Operator>, StoreError> {
    let operator = sqlx::query_as!(
        Operator,
        "SELECT id, email, role, slack_user_id, created_at FROM operators WHERE id = $1 AND removed_at IS NULL",
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(operator)
}

/// Who has this id in Slack, and is an operator still.
pub async fn find_slack_user(
    db: impl PgExecutor<'_>,
    user: &SlackUserId,
) -> Result<Option<Operator>, StoreError> {
    let operator = sqlx::query_as!(
        Operator,
        "SELECT id, email, role, slack_user_id, created_at FROM operators WHERE slack_user_id = $1 AND removed_at IS NULL",
        user.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(operator)
}

/// Everyone who may sign in, oldest first.
pub async fn list_operators(db: impl PgExecutor<'_>) -> Result<Vec<Operator>, StoreError> {
    let operators = sqlx::query_as!(
        Operator,
        "SELECT id, email, role, slack_user_id, created_at FROM operators WHERE removed_at IS NULL ORDER BY id",
    )
    .fetch_all(db)
    .await?;
    Ok(operators)
}
