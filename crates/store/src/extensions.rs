//! Extensions as they are registered. One of kind `https` has a secret of its own, sealed.
//!
//! A registration holds for events received after it, so that one that is being tried out does not
//! change what was promised for older events; a pause and a removal hold immediately.

use std::time::Duration;

use domain::extension::{
    ExtensionKind, ExtensionTarget, Fallback, NewExtension, Point, QueueName, Trust,
};
use domain::ids::{ExtensionId, ProjectId};
use domain::signature::SigningSecret;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::events::PaymentEvent;
use crate::seal::{Cell, MasterKey};
use crate::signing_secrets::open_secret;
use crate::{Insertion, PgConnection, StoreError};

/// A registered extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    pub id: ExtensionId,
    pub project_id: ProjectId,
    pub point: Point,
    pub target: ExtensionTarget,
    pub trust: Trust,
    /// How long it may take to answer.
    pub budget_seconds: i32,
    /// How long it may be silent while it works, if it is an activity that sends heartbeats.
    pub heartbeat_seconds: Option<i32>,
    /// Only at [`Point::Reprocess`].
    pub fallback: Option<Fallback>,
    /// Calls above so many a second are not made.
    pub calls_per_second: i32,
    pub created_at: OffsetDateTime,
    /// Who registered it, as the audit writes actors.
    pub created_by: String,
    /// Since when it is not asked.
    pub paused_at: Option<OffsetDateTime>,
    /// How many calls had no answer since the last one that had.
    pub unanswered_in_a_row: i32,
}

impl Extension {
    /// What people and the audit call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.target.name()
    }

    /// How long it may take to answer.
    #[must_use]
    pub fn budget(&self) -> Duration {
        Duration::from_secs(self.budget_seconds.unsigned_abs().into())
    }

    /// How long it may be silent while it works, if it sends heartbeats.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat_seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs().into()))
    }

    /// Whether it is asked about an event that came then.
    #[must_use]
    pub fn is_asked_about(&self, received_at: OffsetDateTime) -> bool {
        self.paused_at.is_none() && self.created_at <= received_at
    }
}

struct StoredExtension {
    id: ExtensionId,
    project_id: ProjectId,
    point: Point,
    kind: ExtensionKind,
    activity: Option<domain::extension::ActivityName>,
    queue: Option<QueueName>,
    url: Option<String>,
    trust: Trust,
    budget_seconds: i32,
    heartbeat_seconds: Option<i32>,
    fallback: Option<Fallback>,
    calls_per_second: i32,
    created_at: OffsetDateTime,
    created_by: String,
    paused_at: Option<OffsetDateTime>,
    unanswered_in_a_row: i32,
}

impl TryFrom<StoredExtension> for Extension {
    type Error = StoreError;

    fn try_from(row: StoredExtension) -> Result<Self, StoreError> {
        let target = match (row.kind, row.activity, row.queue, row.url) {
            (ExtensionKind::Activity, Some(activity), Some(queue), _) => {
                ExtensionTarget::Activity { activity, queue }
            }
            (ExtensionKind::Https, _, _, Some(url)) => ExtensionTarget::Https { url },
            // `extensions_target_check` lets no such row in.
            _ => return Err(StoreError::Missing("extensions")),
        };
        Ok(Self {
            id: row.id,
            project_id: row.project_id,
            point: row.point,
            target,
            trust: row.trust,
            budget_seconds: row.budget_seconds,
            heartbeat_seconds: row.heartbeat_seconds,
            fallback: row.fallback,
            calls_per_second: row.calls_per_second,
            created_at: row.created_at,
            created_by: row.created_by,
            paused_at: row.paused_at,
            unanswered_in_a_row: row.unanswered_in_a_row,
        })
    }
}

/// Reads whole extensions that were not removed; the rest of the condition is the caller's.
macro_rules! query_extensions {
    ($tail:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            StoredExtension,
            "SELECT id, project_id, point, kind, activity, queue, url, trust, budget_seconds,
                 heartbeat_seconds, fallback, calls_per_second, created_at, created_by, paused_at, unanswered_in_a_row
             FROM extensions WHERE removed_at IS NULL AND " + $tail,
            $($argument),+
        )
    };
}

/// Registers an extension; `Existing` if the project has the same one at this point, and nothing is
/// changed then. One over HTTPS signs with `secret`.
///
/// # Errors
/// When one over HTTPS comes without a secret.
pub async fn insert_extension(
    db: &mut PgConnection,
    key: &MasterKey,
    project_id: ProjectId,
    created_by: &str,
    new: &NewExtension,
    secret: Option<&SigningSecret>,
) -> Result<Insertion<ExtensionId>, StoreError> {
    let id = ExtensionId::from_uuid(Uuid::now_v7());
    let sealed = match (&new.target, secret) {
        (ExtensionTarget::Https { .. }, Some(secret)) => {
            Some(key.seal(&Cell::extension_secret(project_id, id), secret.reveal().as_bytes())?)
        }
        _ => None,
    };
    let added = sqlx::query!(
        "INSERT INTO extensions (id, project_id, point, kind, activity, queue, url, sealed, trust, budget_seconds,
             heartbeat_seconds, fallback, calls_per_second, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
        id.as_uuid(),
        project_id.as_uuid(),
        new.point.as_str(),
        new.target.kind().as_str(),
        new.target.activity(),
        new.target.queue(),
        new.target.url(),
        sealed,
        new.trust.as_str(),
        new.budget_seconds,
        new.heartbeat_seconds,
        new.fallback.map(Fallback::as_str),
        new.calls_per_second,
        created_by,
    )
    .execute(&mut *db)
    .await?;
    if added.rows_affected() == 1 {
        return Ok(Insertion::Inserted(id));
    }
    let existing = find_same(db, project_id, new).await?;
    existing.map(Insertion::Existing).ok_or(StoreError::Missing("extensions"))
}

/// The same extension at the same point. A statement of its own, because only a later one sees a
/// row that was added in the meantime.
async fn find_same(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    new: &NewExtension,
) -> Result<Option<ExtensionId>, StoreError> {
    let existing = sqlx::query_scalar!(
        "SELECT id FROM extensions WHERE removed_at IS NULL AND project_id = $1 AND point = $2
             AND activity IS NOT DISTINCT FROM $3 AND queue IS NOT DISTINCT FROM $4 AND url IS NOT DISTINCT FROM $5",
        project_id.as_uuid(),
        new.point.as_str(),
        new.target.activity(),
        new.target.queue(),
        new.target.url(),
    )
    .fetch_optional(db)
    .await?;
    Ok(existing)
}

/// The extensions of a project, or of all, oldest first.
pub async fn list_extensions(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<Vec<Extension>, StoreError> {
    let rows = query_extensions!(
        "($1::uuid IS NULL OR project_id = $1) ORDER BY id",
        project_id.map(ProjectId::as_uuid)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Extension::try_from).collect()
}

/// An extension, unless it was removed.
pub async fn find_extension(
    db: impl PgExecutor<'_>,
    id: ExtensionId,
) -> Result<Option<Extension>, StoreError> {
    let row = query_extensions!("id = $1", id.as_uuid()).fetch_optional(db).await?;
    row.map(Extension::try_from).transpose()
}

/// The extensions that are asked about an event at a point, oldest first: registered when the event
/// was received, and neither paused nor removed.
pub async fn list_for_event(
    db: impl PgExecutor<'_>,
    event: &PaymentEvent,
    point: Point,
) -> Result<Vec<Extension>, StoreError> {
    let rows = query_extensions!(
        "project_id = $1 AND point = $2 AND created_at <= $3 AND paused_at IS NULL ORDER BY id",
        event.project_id.as_uuid(),
        point.as_str(),
        event.received_at
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Extension::try_from).collect()
}

/// An extension that is asked before an incident would open, as far as its watches must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    pub project_id: ProjectId,
    pub budget_seconds: i32,
    pub created_at: OffsetDateTime,
}

impl Probe {
    /// How long before the deadline of an event it is asked; `None` if it is not asked about it.
    #[must_use]
    pub fn lead(&self, event: &PaymentEvent) -> Option<Duration> {
        let is_asked = self.project_id == event.project_id && self.created_at <= event.received_at;
        let budget = Duration::from_secs(self.budget_seconds.unsigned_abs().into());
        is_asked.then(|| domain::extension::lead(budget, event.timeout_at - event.received_at))
    }
}

/// The extensions of these projects that are asked before an incident would open, paused ones too:
/// one may go on before it is asked.
pub async fn list_probes(
    db: impl PgExecutor<'_>,
    project_ids: &[ProjectId],
) -> Result<Vec<Probe>, StoreError> {
    let probes = sqlx::query_as!(
        Probe,
        "SELECT project_id, budget_seconds, created_at FROM extensions
         WHERE project_id = ANY($1) AND point = 'before_incident' AND removed_at IS NULL",
        project_ids as &[ProjectId],
    )
    .fetch_all(db)
    .await?;
    Ok(probes)
}

/// What extensions are called, removed ones too: timelines name them for ever.
pub async fn list_names(
    db: impl PgExecutor<'_>,
    project_ids: &[ProjectId],
) -> Result<Vec<(ExtensionId, String)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, activity, url FROM extensions WHERE project_id = ANY($1)",
        project_ids as &[ProjectId],
    )
    .fetch_all(db)
    .await?;
    let name = |activity: Option<domain::extension::ActivityName>, url: Option<String>| {
        let url = || ExtensionTarget::Https { url: url.unwrap_or_default() }.name();
        activity.map_or_else(url, |activity| activity.to_string())
    };
    Ok(rows.into_iter().map(|row| (row.id, name(row.activity, row.url))).collect())
}

/// How many extensions a project has; the caller holds its lock.
pub async fn count_extensions(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM extensions WHERE project_id = $1 AND removed_at IS NULL"#,
        project_id.as_uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// The secret that signs the requests to an extension over HTTPS; `None` for one of another kind,
/// or one that was removed.
///
/// # Errors
/// When the secret does not open.
pub async fn find_secret(
    db: impl PgExecutor<'_>,
    key: &MasterKey,
    id: ExtensionId,
) -> Result<Option<SigningSecret>, StoreError> {
    let row = sqlx::query!(
        "SELECT project_id, sealed FROM extensions WHERE id = $1 AND removed_at IS NULL",
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let Some(sealed) = row.sealed else { return Ok(None) };
    Ok(Some(open_secret(key, &Cell::extension_secret(row.project_id, id), &sealed)?))
}

/// Lets an extension not be asked until it is resumed; a fresh start when it is. `false` if it was
/// so already, or there is no such one.
pub async fn set_paused(
    db: impl PgExecutor<'_>,
    id: ExtensionId,
    paused: bool,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE extensions SET paused_at = CASE WHEN $2 THEN now() END,
             unanswered_in_a_row = CASE WHEN $2 THEN unanswered_in_a_row ELSE 0 END
         WHERE id = $1 AND removed_at IS NULL AND (paused_at IS NULL) = $2",
        id.as_uuid(),
        paused,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes an extension; `false` if there is no such one. Its calls stay.
pub async fn remove_extension(
    db: impl PgExecutor<'_>,
    id: ExtensionId,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE extensions SET removed_at = now() WHERE id = $1 AND removed_at IS NULL",
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts one more call without an answer, or begins again after one that had one. How many there
/// are in a row now. An extension that answers is not written to, so that its row is not where all
/// of its calls wait for each other.
pub(crate) async fn note_answer(
    db: impl PgExecutor<'_>,
    id: ExtensionId,
    answered: bool,
) -> Result<i32, StoreError> {
    let count = sqlx::query_scalar!(
        "UPDATE extensions SET unanswered_in_a_row = CASE WHEN $2 THEN 0 ELSE unanswered_in_a_row + 1 END
         WHERE id = $1 AND (NOT $2 OR unanswered_in_a_row > 0) RETURNING unanswered_in_a_row",
        id.as_uuid(),
        answered,
    )
    .fetch_optional(db)
    .await?;
    Ok(count.unwrap_or(0))
}
