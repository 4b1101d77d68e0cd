//! Operators.

use domain::ids::OperatorId;
use domain::operator::Role;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::read_text;
use crate::{Insertion, StoreError};

/// An operator as shown to people.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Their id.
    pub id: OperatorId,
    /// Their address.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub created_at: OffsetDateTime,
}

/// Adds an operator; `Existing` if the address is taken, and nothing is changed then.
///
/// # Errors
/// When the database fails.
pub async fn insert_operator(
    db: impl PgExecutor<'_>,
    email: &str,
    role: Role,
    password_hash: &str,
) -> Result<Insertion<OperatorId>, StoreError> {
    let id = Uuid::now_v7();
    let row = sqlx::query!(
        r#"WITH added AS (
               INSERT INTO operators (id, email, role, password_hash) VALUES ($1, $2, $3, $4)
               ON CONFLICT ON CONSTRAINT operators_email_key DO NOTHING RETURNING id
           )
           SELECT id AS "id!", true AS "added!" FROM added
           UNION ALL SELECT id, false FROM operators WHERE email = $2 AND NOT EXISTS (SELECT FROM added)"#,
        id,
        email,
        role.as_str(),
        password_hash,
    )
    .fetch_one(db)
    .await?;
    let id = OperatorId::from_uuid(row.id);
    Ok(if row.added { Insertion::Inserted(id) } else { Insertion::Existing(id) })
}

/// All operators, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_operators(db: impl PgExecutor<'_>) -> Result<Vec<Operator>, StoreError> {
    let rows = sqlx::query!("SELECT id, email, role, created_at FROM operators ORDER BY id")
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Operator {
                role: read_text("operators", "role", row.id, &row.role)?,
                id: OperatorId::from_uuid(row.id),
                email: row.email,
                created_at: row.created_at,
            })
        })
        .collect()
}
