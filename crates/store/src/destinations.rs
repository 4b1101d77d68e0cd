//! Destinations: where alerts go. URLs are sealed; only their host is readable.
//!
//! A webhook's URL is sealed under another name than Slack's. A worker of the release before takes
//! every sealed URL for Slack's; this one it cannot open, and it leaves the message for us.

use domain::alert::{SlackUrl, SlackUrlError, WebhookUrl, WebhookUrlError};
use domain::extension::{ActivityName, InvalidActivityName, QueueName};
use domain::identifier::InvalidIdentifier;
use domain::ids::{DestinationId, ProjectId};
use domain::operator::{MalformedEmail, parse_email};
use domain::project::{Mode, check_name};
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::destination_secrets::{self, Rotation};
use crate::seal::{Cell, MasterKey, SealError};
use crate::{Insertion, PgConnection, StoreError};

/// Where one alert goes, ready to send.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    Email(String),
    /// A Slack incoming webhook, which is a secret.
    Slack(String),
    /// An endpoint that takes signed JSON.
    Webhook {
        /// Its URL, which is a secret.
        url: String,
        /// What signs, newest first.
        secrets: Vec<SigningSecret>,
    },
    /// A team's own activity on a task queue of its own.
    Activity {
        activity: ActivityName,
        queue: QueueName,
    },
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Email(address) => write!(f, "Email({address})"),
            Self::Slack(_) => f.write_str("Slack(…)"),
            Self::Webhook { .. } => f.write_str("Webhook(…)"),
            Self::Activity { activity, queue } => write!(f, "Activity({activity} on {queue})"),
        }
    }
}

impl Target {
    /// The kind's text, as in the database and the API.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Slack(_) => "slack",
            Self::Webhook { .. } => "webhook",
            Self::Activity { .. } => "activity",
        }
    }

    /// What signs at present, for a webhook.
    #[must_use]
    pub fn current_secret(&self) -> Option<&SigningSecret> {
        match self {
            Self::Email(_) | Self::Slack(_) | Self::Activity { .. } => None,
            Self::Webhook { secrets, .. } => secrets.first(),
        }
    }

    const fn queue(&self) -> Option<&QueueName> {
        match self {
            Self::Email(_) | Self::Slack(_) | Self::Webhook { .. } => None,
            Self::Activity { queue, .. } => Some(queue),
        }
    }
}

/// A destination as it was entered, and what people see of it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDestination {
    /// Where alerts go.
    pub target: Target,
    /// The address, or the host of the URL.
    pub shown: String,
    /// What people call it, if not by `shown`.
    pub label: Option<String>,
}

impl NewDestination {
    /// An e-mail address.
    ///
    /// # Errors
    /// When the text is none.
    pub fn email(text: &str) -> Result<Self, MalformedEmail> {
        let address = parse_email(text)?;
        Ok(Self { target: Target::Email(address.clone()), shown: address, label: None })
    }

    /// The URL of a Slack incoming webhook.
    ///
    /// # Errors
    /// When the text is none, or leads where alerts may not go.
    pub fn slack(text: &str, mode: Mode, allow: &AllowedNetworks) -> Result<Self, SlackUrlError> {
        let url = SlackUrl::parse(text, mode, allow)?;
        let (shown, label) = (url.host().to_owned(), Some(url.default_label()));
        Ok(Self { target: Target::Slack(url.as_url().to_string()), shown, label })
    }

    /// An endpoint that takes JSON, signed with this secret.
    ///
    /// # Errors
    /// When the text is no URL, or leads where alerts may not go.
    pub fn webhook(
        text: &str,
        secret: SigningSecret,
        mode: Mode,
        allow: &AllowedNetworks,
    ) -> Result<Self, WebhookUrlError> {
        let url = WebhookUrl::parse(text, mode, allow)?;
        let (shown, label) = (url.host().to_owned(), Some(url.default_label()));
        let target = Target::Webhook { url: url.as_url().to_string(), secrets: vec![secret] };
        Ok(Self { target, shown, label })
    }

    /// An activity that a team's own worker offers on this task queue.
    #[must_use]
    pub fn activity(activity: ActivityName, queue: QueueName) -> Self {
        let shown = activity.to_string();
        Self { target: Target::Activity { activity, queue }, shown, label: None }
    }

    /// Gives it the label that an operator chose; an empty one leaves the default.
    ///
    /// # Errors
    /// The reason, ready to be shown beside the field's name.
    pub fn with_label(self, label: Option<&str>) -> Result<Self, InvalidIdentifier> {
        let label = label.map_or(Ok(None), read_label)?;
        Ok(Self { label: label.or(self.label), ..self })
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.shown)
    }
}

/// The label that an operator typed; none if it is blank, which means the default.
///
/// # Errors
/// The reason, ready to be shown beside the field's name.
pub fn read_label(text: &str) -> Result<Option<String>, InvalidIdentifier> {
    let label = text.trim();
    if label.is_empty() {
        return Ok(None);
    }
    check_name(label).map(|()| Some(label.to_owned()))
}

/// A destination as shown to people.
#[derive(Debug, Clone)]
pub struct Destination {
    pub id: DestinationId,
    pub project_id: ProjectId,
    /// `email`, `slack`, `webhook` or `activity`.
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

/// Adds a destination; `Existing` if the project notifies this mail address or this activity already,
/// and nothing is changed then. Of a URL only the host could be compared, and that is the same for
/// many.
pub async fn insert_destination(
    db: &mut PgConnection,
    key: &MasterKey,
    project_id: ProjectId,
    new: &NewDestination,
) -> Result<Insertion<DestinationId>, StoreError> {
    let NewDestination { target, shown, label } = new;
    let id = DestinationId::from_uuid(Uuid::now_v7());
    let (url, secrets) = match target {
        Target::Email(_) | Target::Activity { .. } => (None, &[][..]),
        Target::Slack(url) => (Some(url), &[][..]),
        Target::Webhook { url, secrets } => (Some(url), &secrets[..]),
    };
    let cell = Cell::destination_url(project_id, target.kind(), id);
    let seal = |url: &String| key.seal(&cell, url.as_bytes());
    let sealed = url.map(seal).transpose()?;
    let added = sqlx::query!(
        "INSERT INTO destinations (id, project_id, kind, address, sealed, label, queue)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        id.as_uuid(),
        project_id.as_uuid(),
        target.kind(),
        shown,
        sealed,
        label.as_deref(),
        target.queue().map(QueueName::as_str),
    )
    .execute(&mut *db)
    .await?;
    if added.rows_affected() == 1 {
        for secret in secrets.iter().rev() {
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
    let destinations = sqlx::query_as!(
        Destination,
        r#"SELECT id, project_id, kind, address, queue, coalesce(label, address) AS "label!", created_at, broken_at,
             retry_at, failing_since, failures, last_failure,
             coalesce(every_incident, kind IN ('webhook', 'activity')) AS "every_incident!"
         FROM destinations WHERE removed_at IS NULL AND ($1::uuid IS NULL OR project_id = $1) ORDER BY id"#,
        project_id.map(ProjectId::as_uuid),
    )
    .fetch_all(db)
    .await?;
    Ok(destinations)
}

/// A destination, unless it was removed.
pub async fn find_destination(
    db: impl PgExecutor<'_>,
    id: DestinationId,
) -> Result<Option<Destination>, StoreError> {
    let destination = sqlx::query_as!(
        Destination,
        r#"SELECT id, project_id, kind, address, queue, coalesce(label, address) AS "label!", created_at, broken_at,
             retry_at, failing_since, failures, last_failure,
             coalesce(every_incident, kind IN ('webhook', 'activity')) AS "every_incident!"
         FROM destinations WHERE id = $1 AND removed_at IS NULL"#,
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(destination)
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
        let Ok(Some(label)) = default_label(key, "slack", &cell, &row.sealed) else { continue };
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

/// Changes what people call a destination; without a label it goes by its address, by the end of
/// its Slack URL, by the webhook's host, or by its activity. `None` if there is no such one.
///
/// # Errors
/// When the database fails or the URL does not open.
pub async fn update_label(
    tx: &mut PgConnection,
    key: &MasterKey,
    id: DestinationId,
    label: Option<&str>,
) -> Result<Option<Renaming>, StoreError> {
    // The lock makes each of two who rename it concurrently start from what the other left.
    let locked = sqlx::query!(
        "SELECT project_id, kind, address, sealed, label FROM destinations WHERE id = $1 AND removed_at IS NULL
         FOR NO KEY UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = locked else { return Ok(None) };
    let label = match (label, row.sealed) {
        (Some(label), _) => Some(label.to_owned()),
        (None, Some(sealed)) => {
            let cell = Cell::destination_url(row.project_id, &row.kind, id);
            default_label(key, &row.kind, &cell, &sealed)?
        }
        (None, None) => None,
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
/// When the database fails or the URL does not open.
pub async fn find_target(
    db: &mut PgConnection,
    key: &MasterKey,
    id: DestinationId,
) -> Result<Option<SavedTarget>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT d.project_id, p.mode, d.kind, d.address, d.sealed, d.queue, clock_timestamp() AS "at!"
           FROM destinations d JOIN projects p ON p.id = d.project_id WHERE d.id = $1 AND d.removed_at IS NULL"#,
        id.as_uuid(),
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let inconsistent = |source: Box<dyn std::error::Error + Send + Sync>| {
        StoreError::Inconsistent { column: "2".to_owned(), source }
    };
    let project_id = row.project_id;
    let open =
        |kind, sealed: &[u8]| key.open_text(&Cell::destination_url(project_id, kind, id), sealed);
    let target = match (row.kind.as_str(), row.sealed, row.queue) {
        ("email", None, None) => Target::Email(row.address),
        ("activity", None, Some(queue)) => {
            let activity = row
                .address
                .parse()
                .map_err(|error: InvalidActivityName| inconsistent(error.into()))?;
            Target::Activity { activity, queue }
        }
        ("slack", Some(sealed), None) => Target::Slack(open("slack", &sealed)?),
        ("webhook", Some(sealed), None) => Target::Webhook {
            url: open("webhook", &sealed)?,
            secrets: destination_secrets::list_valid_secrets(db, key, project_id, id).await?,
        },
        (kind, ..) => {
            return Err(inconsistent(format!("{kind:?} is no kind of destination").into()));
        }
    };
    Ok(Some(SavedTarget { project_id, mode: row.mode, target, at: row.at }))
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

/// What a destination with a URL is called unless an operator says otherwise.
fn default_label(
    key: &MasterKey,
    kind: &str,
    cell: &Cell,
    sealed: &[u8],
) -> Result<Option<String>, SealError> {
    let url = key.open_text(cell, sealed)?;
    Ok(match kind {
        "webhook" => WebhookUrl::from_stored(&url).map(|url| url.default_label()),
        _ => SlackUrl::from_stored(&url).map(|url| url.default_label()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_lower_case() {
        let new = NewDestination::email("Bob@Example.com").expect("an address");
        assert_eq!(new.target, Target::Email("bob@example.com".into()));
        assert_eq!(new.shown, "bob@example.com");
        assert_eq!(NewDestination::email("bob"), Err(MalformedEmail));
    }

    #[test]
    fn only_the_host_of_a_slack_url_is_shown() {
        let url = "https://hooks.slack.com/services/T0/B0/secret";
        let allow = AllowedNetworks::none();
        let new = NewDestination::slack(url, Mode::Live, &allow).expect("a URL");
        assert_eq!(new.target, Target::Slack(url.into()));
        assert_eq!(new.shown, "hooks.slack.com");
        assert!(!format!("{new:?}").contains("secret"));
        let plain = "http://hooks.slack.com/secret";
        assert!(NewDestination::slack(plain, Mode::Test, &allow).is_err());
    }

    #[test]
    fn only_the_host_of_a_webhook_is_shown() {
        let (url, allow) = ("https://alerts.example.com/in?key=secret", AllowedNetworks::none());
        let secret = SigningSecret::from_bytes([7; 32]);
        let new = NewDestination::webhook(url, secret, Mode::Live, &allow).expect("a URL");
        assert_eq!(
            (new.shown.as_str(), new.name()),
            ("alerts.example.com", "Webhook at alerts.example.com")
        );
        assert!(!format!("{new:?}").contains("secret"), "{new:?}");
    }
}
