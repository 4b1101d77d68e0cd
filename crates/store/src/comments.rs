//! Comments of people on an incident, or on a cause.
//!
//! A comment is an entry of the audit, so that it is on the timeline, in exports and in the chain, and leaves with its event
//! and at an erasure as the rest does. Whom it mentions is written with it, a row for each, which a worker then mails
//! ([`crate::mentions`]). A cause is no row: which entries are about one is kept beside them.

use domain::audit::detail::CommentDetail;
use domain::audit::{Actor, AuditEvent};
use domain::ids::{AuditId, CauseId, EventId, IncidentId, OperatorId, ProjectId};
use domain::mention::mentioned;
use sqlx::PgExecutor;
use time::OffsetDateTime;

use crate::audit::{self, Subject};
use crate::incidents::Incident;
use crate::{PgConnection, StoreError, column, operators};

/// The most comments of a cause that are listed, the newest.
pub const MAX_LISTED: i64 = 200;

/// What a comment is about.
#[derive(Debug, Clone, Copy)]
pub enum About {
    Incident { project_id: ProjectId, event_id: EventId, incident_id: IncidentId },
    Cause { project_id: ProjectId, cause_id: CauseId },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: AuditId,
    pub at: OffsetDateTime,
    /// Who wrote it, as in the audit.
    pub author: String,
    pub text: String,
    /// The addresses of those who are told of it.
    pub mentioned: Vec<String>,
}

impl About {
    #[must_use]
    pub const fn incident(incident: &Incident) -> Self {
        Self::Incident {
            project_id: incident.project_id,
            event_id: incident.event_id,
            incident_id: incident.id,
        }
    }

    const fn project_id(self) -> ProjectId {
        match self {
            Self::Incident { project_id, .. } | Self::Cause { project_id, .. } => project_id,
        }
    }

    const fn cause_id(self) -> Option<CauseId> {
        match self {
            Self::Incident { .. } => None,
            Self::Cause { cause_id, .. } => Some(cause_id),
        }
    }

    const fn incident_id(self) -> Option<IncidentId> {
        match self {
            Self::Incident { incident_id, .. } => Some(incident_id),
            Self::Cause { .. } => None,
        }
    }

    const fn subject(self) -> Subject {
        match self {
            Self::Incident { project_id, event_id, incident_id } => {
                Subject::incident(project_id, event_id, incident_id)
            }
            Self::Cause { project_id, .. } => Subject::project(project_id),
        }
    }
}

/// Adds a comment, and has those told whom it mentions; not its author.
pub async fn add_comment(
    tx: &mut PgConnection,
    about: About,
    actor: &Actor,
    text: &str,
) -> Result<AuditId, StoreError> {
    let people = operators::list_operators(&mut *tx).await?;
    let is_author = |email: &str| *actor == Actor::Operator(email.to_owned());
    let addresses: Vec<_> = people.iter().map(|one| one.email.as_str()).collect();
    let mut told = mentioned(text, &addresses);
    told.retain(|email| !is_author(email));
    let id = audit::new_id();
    let detail = CommentDetail {
        note: text.to_owned(),
        mentioned: told.iter().map(|email| (*email).to_owned()).collect(),
        cause_id: about.cause_id(),
    };
    let entry = match about {
        About::Incident { .. } => AuditEvent::IncidentCommented(detail),
        About::Cause { .. } => AuditEvent::CauseCommented(detail),
    };
    audit::record_once(&mut *tx, id.as_uuid(), actor, about.subject(), &entry).await?;
    if let Some(cause_id) = about.cause_id() {
        keep_with_cause(tx, id, about.project_id(), cause_id).await?;
    }
    let told: Vec<OperatorId> =
        people.iter().filter(|one| told.contains(&one.email.as_str())).map(|one| one.id).collect();
    tell(tx, id, about, &told).await?;
    Ok(id)
}

async fn keep_with_cause(
    tx: &mut PgConnection,
    id: AuditId,
    project_id: ProjectId,
    cause_id: CauseId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO cause_comments (entry_id, project_id, cause) VALUES ($1, $2, $3)",
        id.as_uuid(),
        project_id.as_uuid(),
        cause_id.as_uuid(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn tell(
    tx: &mut PgConnection,
    id: AuditId,
    about: About,
    operators: &[OperatorId],
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO mentions (entry_id, operator_id, project_id, incident_id, cause)
         SELECT $1, operator_id, $3, $4, $5 FROM unnest($2::uuid[]) AS told (operator_id)",
        id.as_uuid(),
        &column(operators, |operator| operator.as_uuid()),
        about.project_id().as_uuid(),
        about.incident_id().map(IncidentId::as_uuid),
        about.cause_id().map(CauseId::as_uuid),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// One comment, as long as it has words.
pub async fn find_comment(
    db: impl PgExecutor<'_>,
    id: AuditId,
) -> Result<Option<Comment>, StoreError> {
    Ok(list(db, &[id]).await?.pop())
}

/// The comments on a cause, oldest first; of too many the newest.
pub async fn list_of_cause(
    db: &mut PgConnection,
    cause_id: CauseId,
) -> Result<Vec<Comment>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"SELECT entry_id AS "id: AuditId" FROM cause_comments WHERE cause = $1 ORDER BY entry_id DESC LIMIT $2"#,
        cause_id.as_uuid(),
        MAX_LISTED,
    );
    let ids = ids.fetch_all(&mut *db).await?;
    list(db, &ids).await
}

async fn list(db: impl PgExecutor<'_>, ids: &[AuditId]) -> Result<Vec<Comment>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id!: AuditId", at AS "at!", actor AS "actor!", action AS "action!", detail AS "detail!"
           FROM audit_log WHERE id = ANY ($1) ORDER BY id"#,
        ids as &[AuditId],
    )
    .fetch_all(db)
    .await?;
    let comments = rows.into_iter().filter_map(|row| {
        let (AuditEvent::IncidentCommented(of) | AuditEvent::CauseCommented(of)) =
            AuditEvent::read(&row.action, row.detail)
        else {
            return None;
        };
        let CommentDetail { note: text, mentioned, .. } = of;
        Some(Comment { id: row.id, at: row.at, author: row.actor, text, mentioned })
    });
    Ok(comments.collect())
}

/// Forgets which entries were comments on causes, once they are older than their project keeps events: of each project
/// some, the oldest first, since a shorter time may leave very many.
pub async fn delete_old(db: impl PgExecutor<'_>) -> Result<u64, StoreError> {
    let deleted = sqlx::query!(
        "DELETE FROM cause_comments WHERE entry_id = ANY (ARRAY(
             SELECT old.entry_id FROM projects p CROSS JOIN LATERAL (
                 SELECT c.entry_id FROM cause_comments c
                 WHERE c.project_id = p.id AND c.created_at < now() - make_interval(months => p.retention_months)
                 ORDER BY c.created_at LIMIT 1000) AS old))",
    );
    Ok(deleted.execute(db).await?.rows_affected())
}
