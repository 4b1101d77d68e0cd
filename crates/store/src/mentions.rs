//! Operators who have to be told of a comment, by mail.
//!
//! A row stands between the comment and the mail. It is claimed before each attempt, for longer than a mail server may take,
//! so that several workers send it once; one that dies after it sent has it sent once more after two minutes, with the same
//! message id. What is not taken is tried for a day and then given up, with an entry of the audit.

use domain::audit::detail::GivenUpMentionDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{AuditId, CauseId, IncidentId, OperatorId, ProjectId};
use sqlx::PgExecutor;

use crate::audit::{self, Subject};
use crate::{PgConnection, StoreError};

/// Somebody to be told.
#[derive(Debug, Clone)]
pub struct Mention {
    pub entry_id: AuditId,
    pub operator_id: OperatorId,
    pub project_id: ProjectId,
    pub incident_id: Option<IncidentId>,
    pub cause_id: Option<CauseId>,
    /// Where the mail goes; `None` of an operator who was removed.
    pub email: Option<String>,
    /// Whether a day has passed, so that this attempt is the last one.
    pub last: bool,
}

/// Claims the one that is due longest, for two minutes. No other is claimed with it: it would wait behind this one's mail
/// while its own claim runs out.
pub async fn claim_next(db: impl PgExecutor<'_>) -> Result<Option<Mention>, StoreError> {
    let next = sqlx::query!(
        r#"UPDATE mentions m SET attempts = attempts + 1, due_at = now() + interval '2 minutes'
           WHERE (entry_id, operator_id) = (
               SELECT entry_id, operator_id FROM mentions WHERE state = 'pending' AND due_at <= now()
               ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING m.entry_id AS "entry_id: AuditId", m.operator_id, m.project_id, m.incident_id, m.cause,
               (SELECT email FROM operators o WHERE o.id = m.operator_id AND o.removed_at IS NULL) AS email,
               m.created_at < now() - interval '24 hours' AS "last!""#,
    )
    .fetch_optional(db)
    .await?;
    Ok(next.map(|row| Mention {
        entry_id: row.entry_id,
        operator_id: row.operator_id,
        project_id: row.project_id,
        incident_id: row.incident_id,
        cause_id: row.cause,
        email: row.email,
        last: row.last,
    }))
}

/// Keeps that the mail was taken.
pub async fn note_delivered(db: impl PgExecutor<'_>, mention: &Mention) -> Result<(), StoreError> {
    end(db, mention, "delivered").await
}

/// Keeps that it was not: it is tried again, ever later, but every hour.
pub async fn note_failed(db: impl PgExecutor<'_>, mention: &Mention) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE mentions SET due_at = now() + least(interval '1 hour', interval '30 seconds' * power(2, least(attempts, 10)))
         WHERE entry_id = $1 AND operator_id = $2",
        mention.entry_id.as_uuid(),
        mention.operator_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives up: `email` was not told, and why.
pub async fn give_up(
    tx: &mut PgConnection,
    mention: &Mention,
    email: &str,
    why: &str,
) -> Result<(), StoreError> {
    end(&mut *tx, mention, "given_up").await?;
    let detail = GivenUpMentionDetail { to: email.to_owned(), why: why.to_owned() };
    let subject = Subject {
        project_id: Some(mention.project_id),
        incident_id: mention.incident_id,
        event_id: None,
    };
    audit::record(tx, &Actor::System, subject, &AuditEvent::MentionGivenUp(detail)).await
}

/// Forgets one of which nobody has to be told any more: the operator or the words are gone.
pub async fn drop_moot(db: impl PgExecutor<'_>, mention: &Mention) -> Result<(), StoreError> {
    end(db, mention, "given_up").await
}

async fn end(db: impl PgExecutor<'_>, mention: &Mention, state: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE mentions SET state = $3 WHERE entry_id = $1 AND operator_id = $2",
        mention.entry_id.as_uuid(),
        mention.operator_id.as_uuid(),
        state,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes those that ended a month ago.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "DELETE FROM mentions WHERE state <> 'pending' AND created_at < now() - interval '1 month'"
    );
    Ok(deleted.execute(db).await?.rows_affected())
}
