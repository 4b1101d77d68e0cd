//! Destinations: where alerts go. URLs are sealed; only their host is readable.
//!
//! What is sealed of each kind but Slack's has a name of its kind. A worker of a release that does not
//! know the kind cannot open it, and leaves the message for us.

mod new;
mod target;

use domain::extension::QueueName;
use domain::ids::{DestinationId, ProjectId};
use domain::project::Mode;
use domain::signature::SigningSecret;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::new::{EnteredFields, EntryRules, NewDestination, read_label};
use self::target::StoredTarget;
pub use self::target::Target;
use crate::destination_secrets::{self, Rotation};
use crate::seal::{Cell, MasterKey};
use crate::{Insertion, PgConnection, StoreError, destination_health};

/// A destination as shown to people.
#[derive(Debug, Clone)]
pub struct Destination {
    pub id: DestinationId,
    pub project_id: ProjectId,
    /// A [`domain::destination::DestinationKind`], or one of a newer release.
    pub kind: String,
    /// The address, the host of the URL, or the activity.
    pub address: String,
    /// The task queue of an activity.
    pub queue: Option<QueueName>,
    /// What people call it: its label, or its address.
    pub label: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Since when it is broken: it said twice, ten minutes apart, that the recipient does not
    /// exist.
    pub broken_at: Option<OffsetDateTime>,
    /// Until when nothing is sent there, because it did not take a message.
    pub retry_at: Option<OffsetDateTime>,
    /// Since when it takes nothing: from the first message that it did not take to the next one that
    /// it takes.
    pub failing_since: Option<OffsetDateTime>,
    /// How many attempts have failed since then.
    pub failures: i32,
    /// The last response of those, verbatim.
    pub last_failure: Option<String>,
    /// Whether it gets each incident by itself; otherwise messages about causes stand for most.
    pub every_incident: bool,
}

/// Reads destinations that were not removed; which of them the caller says.
macro_rules! query_destinations {
    ($tail:literal, $argument:expr) => {
        sqlx::query_as!(
            Destination,
            r#"SELECT id, project_id, kind, address, queue, coalesce(label, address) AS "label!", created_at, broken_at,
                   retry_at, failing_since, failures, last_failure,
                   coalesce(every_incident, kind IN ('webhook', 'activity')) AS "every_incident!"
               FROM destinations WHERE removed_at IS NULL AND "# + $tail,
            $argument
        )
    };
}

/// Adds a destination; `Existing` if the project notifies this mail address or this activity already,
/// and nothing is changed then. Of a URL only the host could be compared, and that is the same for
/// many.
pub async fn insert_destination(
    db: &mut PgConnection,
    key: &MasterKey,
    project_id: ProjectId,
    new: &NewDestination,
) -> Result<Insertion<DestinationId>, StoreError> {
    let NewDestination { target, shown, label, every_incident } = new;
    let id = DestinationId::from_uuid(Uuid::now_v7());
    let cell = Cell::destination_url(project_id, target.kind(), id);
    let seal = |text: String| key.seal(&cell, text.as_bytes());
    let sealed = target.to_sealed().map(seal).transpose()?;
    let added = sqlx::query!(
        "INSERT INTO destinations (id, project_id, kind, address, sealed, label, queue, every_incident, paced_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        id.as_uuid(),
        project_id.as_uuid(),
        target.kind(),
        shown,
        sealed,
        label.as_deref(),
        target.queue().map(QueueName::as_str),
        *every_incident,
        target.paced_by(),
    )
    .execute(&mut *db)
    .await?;
    if added.rows_affected() == 1 {
        for secret in target.secrets().iter().rev() {
            destination_secrets::insert_secret(&mut *db, key, project_id, id, secret).await?;
        }
        return Ok(Insertion::Inserted(id));
    }
    let existing = find_same(db, project_id, new).await?;
    existing.map(Insertion::Existing).ok_or(StoreError::Missing("destinations"))
}

/// The destination that leads where this one would. A statement of its own, because only a later one
/// sees a row that was added in the meantime.
async fn find_same(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    new: &NewDestination,
) -> Result<Option<DestinationId>, StoreError> {
    let existing = sqlx::query_scalar!(
        "SELECT id FROM destinations WHERE project_id = $1 AND removed_at IS NULL AND kind = $3
             AND ((kind = 'email' AND lower(address) = lower($2))
                  OR (kind = 'activity' AND address = $2 AND queue = $4))",
        project_id.as_uuid(),
        new.shown,
        new.target.kind(),
        new.target.queue().map(QueueName::as_str),
    )
    .fetch_optional(db)
    .await?;
    Ok(existing)
}

/// The destinations of a project, or of all, oldest first.
pub async fn list_destinations(
    db: impl PgExecutor<'_>,
    project_id: Option<ProjectId>,
) -> Result<Vec<Destination>, StoreError> {
    let destinations = query_destinations!(
        "($1::uuid IS NULL OR project_id = $1) ORDER BY id",
        project_id.map(ProjectId::as_uuid)
    );
    Ok(destinations.fetch_all(db).await?)
}

/// A destination, unless it was removed.
pub async fn find_destination(
    db: impl PgExecutor<'_>,
    id: DestinationId,
) -> Result<Option<Destination>, StoreError> {
    Ok(query_destinations!("id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// What the destinations of these projects are called, removed ones too: timelines name them for
/// ever.
pub async fn list_names(
    db: impl PgExecutor<'_>,
    project_ids: &[ProjectId],
) -> Result<Vec<(DestinationId, String)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, coalesce(label, address) AS "label!" FROM destinations WHERE project_id = ANY($1)"#,
        project_ids as &[ProjectId],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.label)).collect())
}

/// Labels the Slack destinations that a release without labels added, so that they can be
/// distinguished. One that does not open with this key stays as it is. Returns how many were
/// labelled.
pub async fn label_slack_destinations(
    db: &mut PgConnection,
    key: &MasterKey,
) -> Result<usize, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, project_id, sealed AS "sealed!" FROM destinations WHERE kind = 'slack' AND label IS NULL"#
    )
    .fetch_all(&mut *db)
    .await?;
    let mut labelled = 0;
    for row in rows {
        let cell = Cell::destination_url(row.project_id, "slack", row.id);
        let Ok(url) = key.open_text(&cell, &row.sealed) else { continue };
        let Some(label) = Target::Slack(url).default_label() else { continue };
        sqlx::query!(
            "UPDATE destinations SET label = $2 WHERE id = $1 AND label IS NULL",
            row.id.as_uuid(),
            label,
        )
        .execute(&mut *db)
        .await?;
        labelled += 1;
    }
    Ok(labelled)
}

/// What a destination was called, and is called now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    pub project_id: ProjectId,
    pub from: String,
    pub to: String,
}

/// Changes what people call a destination; without a label it has its kind's default again. `None` if
/// there is no such one.
///
/// # Errors
/// When the URL does not open.
pub async fn update_label(
    tx: &mut PgConnection,
    key: &MasterKey,
    id: DestinationId,
    label: Option<&str>,
) -> Result<Option<Renaming>, StoreError> {
    // The lock makes each of two who rename it concurrently start from what the other left.
    let locked = sqlx::query!(
        "SELECT project_id, kind, address, sealed, queue, label FROM destinations
         WHERE id = $1 AND removed_at IS NULL FOR NO KEY UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = locked else { return Ok(None) };
    let label = if let Some(label) = label {
        Some(label.to_owned())
    } else {
        let cell = Cell::destination_url(row.project_id, &row.kind, id);
        let opened = row.sealed.map(|sealed| key.open_text(&cell, &sealed)).transpose()?;
        let (kind, address, queue) = (row.kind, row.address.clone(), row.queue);
        StoredTarget { kind, address, opened, queue }.read()?.default_label()
    };
    let from = row.label.unwrap_or_else(|| row.address.clone());
    let to = label.clone().unwrap_or(row.address);
    if from != to {
        sqlx::query!("UPDATE destinations SET label = $2 WHERE id = $1", id.as_uuid(), label)
            .execute(tx)
            .await?;
    }
    Ok(Some(Renaming { project_id: row.project_id, from, to }))
}

/// Says whether a destination gets each incident by itself; its project, `None` if there is no such
/// one or it does so already.
pub async fn update_every_incident(
    db: impl PgExecutor<'_>,
    id: DestinationId,
    every_incident: bool,
) -> Result<Option<ProjectId>, StoreError> {
    let project_id = sqlx::query_scalar!(
        "UPDATE destinations SET every_incident = $2 WHERE id = $1 AND removed_at IS NULL
             AND coalesce(every_incident, kind IN ('webhook', 'activity')) <> $2 RETURNING project_id",
        id.as_uuid(),
        every_incident,
    )
    .fetch_optional(db)
    .await?;
    Ok(project_id)
}

/// Where a destination's messages go, and what decides whether they may.
#[derive(Debug, Clone)]
pub struct SavedTarget {
    pub id: DestinationId,
    pub project_id: ProjectId,
    /// The project's mode.
    pub mode: Mode,
    /// Where it is.
    pub target: Target,
    /// When it was read, by the database's clock: what a signature is dated with.
    pub at: OffsetDateTime,
}

/// A destination ready to send to; `None` if it was removed.
///
/// # Errors
/// When the URL does not open.
pub async fn find_target(
    db: &mut PgConnection,
    key: &MasterKey,
    id: DestinationId,
) -> Result<Option<SavedTarget>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT d.project_id, p.mode, d.kind, d.address, d.sealed, d.queue, d.paced_by, clock_timestamp() AS "at!"
           FROM destinations d JOIN projects p ON p.id = d.project_id WHERE d.id = $1 AND d.removed_at IS NULL"#,
        id.as_uuid(),
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let project_id = row.project_id;
    let cell = Cell::destination_url(project_id, &row.kind, id);
    let opened = row.sealed.map(|sealed| key.open_text(&cell, &sealed)).transpose()?;
    let (kind, address, queue) = (row.kind, row.address, row.queue);
    let mut target = StoredTarget { kind, address, opened, queue }.read()?;
    if let (None, Some(address)) = (row.paced_by, target.paced_by()) {
        destination_health::note_address(&mut *db, id, address).await?;
    }
    if let Target::Webhook { secrets, .. } = &mut target {
        *secrets = destination_secrets::list_valid_secrets(db, key, project_id, id).await?;
    }
    Ok(Some(SavedTarget { id, project_id, mode: row.mode, target, at: row.at }))
}

/// Makes a secret a webhook's current one, and gives its project. `None` if there is no such
/// destination, or it is no webhook.
pub async fn rotate_secret(
    tx: &mut PgConnection,
    key: &MasterKey,
    id: DestinationId,
    secret: &SigningSecret,
) -> Result<Option<(ProjectId, Rotation)>, StoreError> {
    let project_id = sqlx::query_scalar!(
        "SELECT project_id FROM destinations WHERE id = $1 AND kind = 'webhook' AND removed_at IS NULL
         FOR NO KEY UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(project_id) = project_id else { return Ok(None) };
    let rotation = destination_secrets::rotate_secret(tx, key, project_id, id, secret).await?;
    Ok(Some((project_id, rotation)))
}

/// Removes a destination; its project, or `None` if there is no such one.
pub async fn remove_destination(
    db: impl PgExecutor<'_>,
    id: DestinationId,
) -> Result<Option<ProjectId>, StoreError> {
    let project = sqlx::query_scalar!(
        "UPDATE destinations SET removed_at = now() WHERE id = $1 AND removed_at IS NULL RETURNING project_id",
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(project)
}
