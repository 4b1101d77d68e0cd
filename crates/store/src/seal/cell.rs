//! The one place of a sealed value: project, table, column and row.
//!
//! [`SealedColumn`] is the catalogue of all sealed columns. What re-seals, counts and checks goes through
//! it, and a test holds it against the schema, so that none is forgotten when the key changes.

use domain::ids::{DestinationId, EventId, ExtensionId, ProjectId, SecretId, SessionId};
use uuid::Uuid;

use super::{Head, Version};

/// A column of the database whose values are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SealedColumn {
    SigningSecret,
    DestinationUrl,
    DestinationSecret,
    CallbackHeader,
    ExtensionSecret,
    SessionMessage,
    SnapshotKey,
    ReferenceKey,
    Snapshot,
}

impl SealedColumn {
    /// All of them; the one that may hold millions is the last.
    pub const ALL: [Self; 9] = [
        Self::SigningSecret,
        Self::DestinationUrl,
        Self::DestinationSecret,
        Self::CallbackHeader,
        Self::ExtensionSecret,
        Self::SessionMessage,
        Self::SnapshotKey,
        Self::ReferenceKey,
        Self::Snapshot,
    ];

    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::SigningSecret => "signing_secrets",
            Self::DestinationUrl => "destinations",
            Self::DestinationSecret => "destination_secrets",
            Self::CallbackHeader => "callback_headers",
            Self::ExtensionSecret => "extensions",
            Self::SessionMessage => "sessions",
            Self::SnapshotKey => "snapshot_keys",
            Self::ReferenceKey => "reference_keys",
            Self::Snapshot => "payment_events",
        }
    }

    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::SessionMessage => "flash",
            Self::Snapshot => "snapshot",
            _ => "sealed",
        }
    }

    /// What people call its values.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::SigningSecret => "signing secrets",
            Self::DestinationUrl => "URLs and keys of destinations",
            Self::DestinationSecret => "secrets of webhooks",
            Self::CallbackHeader => "callback headers",
            Self::ExtensionSecret => "secrets of extensions",
            Self::SessionMessage => "messages for the next page",
            Self::SnapshotKey => "keys of projects' snapshots",
            Self::ReferenceKey => "keys of projects' hashes",
            Self::Snapshot => "snapshots of older releases",
        }
    }

    /// Whether it grows with the events.
    #[must_use]
    pub const fn is_large(self) -> bool {
        matches!(self, Self::Snapshot)
    }

    /// The column of a table, if it is one of these.
    #[must_use]
    pub fn from_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.table() == table)
    }
}

/// Where one sealed value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// None where it belongs to no project.
    project_id: Option<ProjectId>,
    table: &'static str,
    column: &'static str,
    /// What tells the row apart, and what it is.
    row: Vec<String>,
    /// Its name in envelopes of version 1.
    name: String,
}

impl Cell {
    #[must_use]
    pub fn signing_secret(project_id: ProjectId, id: SecretId) -> Self {
        Self::new(SealedColumn::SigningSecret, Some(project_id), &id)
    }

    /// One kind's is another than each other's, so that none opens as another.
    #[must_use]
    pub fn destination_url(project_id: ProjectId, kind: &str, id: DestinationId) -> Self {
        let cell = Self::new(SealedColumn::DestinationUrl, Some(project_id), &id);
        let name = match kind {
            "slack" => cell.name,
            kind => format!("destinations.sealed.{kind}:{id}"),
        };
        Self { row: vec![id.to_string(), kind.to_owned()], name, ..cell }
    }

    #[must_use]
    pub fn destination_secret(project_id: ProjectId, id: SecretId) -> Self {
        Self::new(SealedColumn::DestinationSecret, Some(project_id), &id)
    }

    /// By the header's name in lower case.
    #[must_use]
    pub fn callback_header(project_id: ProjectId, name: &str) -> Self {
        let cell = Self::new(SealedColumn::CallbackHeader, Some(project_id), &name);
        Self { name: format!("callback_headers.sealed:{project_id}:{name}"), ..cell }
    }

    #[must_use]
    pub fn extension_secret(project_id: ProjectId, id: ExtensionId) -> Self {
        Self::new(SealedColumn::ExtensionSecret, Some(project_id), &id)
    }

    #[must_use]
    pub fn session_message(id: SessionId) -> Self {
        Self::new(SealedColumn::SessionMessage, None, &id)
    }

    #[must_use]
    pub fn snapshot_key(project_id: ProjectId) -> Self {
        Self::new(SealedColumn::SnapshotKey, Some(project_id), &project_id)
    }

    #[must_use]
    pub(crate) fn reference_key(project_id: ProjectId) -> Self {
        Self::new(SealedColumn::ReferenceKey, Some(project_id), &project_id)
    }

    #[must_use]
    pub fn snapshot(project_id: ProjectId, id: EventId) -> Self {
        Self::new(SealedColumn::Snapshot, Some(project_id), &id)
    }

    /// A cookie that a browser keeps for us.
    #[must_use]
    pub fn cookie(name: &'static str) -> Self {
        let full = format!("cookies.{name}");
        Self { project_id: None, table: "cookies", column: name, row: Vec::new(), name: full }
    }

    fn new(column: SealedColumn, project_id: Option<ProjectId>, row: &impl ToString) -> Self {
        let (table, column, row) = (column.table(), column.column(), row.to_string());
        let name = format!("{table}.{column}:{row}");
        Self { project_id, table, column, row: vec![row], name }
    }

    /// Each part with its length before it, so that no two cells have the same bytes.
    pub(super) fn associated_data(&self, head: Head) -> Vec<u8> {
        match head.version {
            Version::One => self.name.clone().into_bytes(),
            Version::Two | Version::Three => {
                let project = self.project_id.map(ProjectId::as_uuid);
                let project = project.as_ref().map_or(&[][..], |id: &Uuid| id.as_bytes());
                let parts =
                    [head.key.as_bytes(), project, self.table.as_bytes(), self.column.as_bytes()];
                let row = self.row.iter().map(String::as_bytes);
                let mut bytes = vec![head.version.byte()];
                for part in parts.into_iter().chain(row) {
                    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                    bytes.extend_from_slice(part);
                }
                bytes
            }
        }
    }
}
