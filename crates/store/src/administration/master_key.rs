//! Rotations of the master key, in the audit of the whole installation.
//!
//! Values are sealed again in batches, each a transaction of its own, so these entries stand beside them: one
//! before the first batch, which stays alone if the command is killed, and one after the last.

use std::collections::BTreeMap;

use domain::audit::detail::{MasterKeyDetail, RotatedKeyDetail};
use domain::audit::{Actor, AuditEvent};
use sqlx::PgExecutor;

use crate::StoreError;
use crate::audit::{self, Subject};
use crate::seal::{SealedColumn, SealingKeyId};

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rotation {
    tables: BTreeMap<String, u64>,
    /// How many values did not open, and stayed as they are.
    pub unopened: u64,
}

impl Rotation {
    /// Counts what was sealed again of a column.
    pub fn add(&mut self, column: SealedColumn, resealed: u64) {
        if resealed > 0 {
            *self.tables.entry(column.table().to_owned()).or_default() += resealed;
        }
    }

    /// How many values were sealed again.
    #[must_use]
    pub fn resealed(&self) -> u64 {
        self.tables.values().sum()
    }

    /// How many of them were of this column.
    #[must_use]
    pub fn resealed_of(&self, column: SealedColumn) -> u64 {
        self.tables.get(column.table()).copied().unwrap_or_default()
    }
}

/// Notes that an operator begins to seal everything with this key.
pub async fn note_started(
    db: impl PgExecutor<'_>,
    actor: &Actor,
    key: SealingKeyId,
) -> Result<(), StoreError> {
    let detail = MasterKeyDetail { master_key_id: key.to_string() };
    let started = AuditEvent::MasterKeyRotationStarted(detail);
    audit::record(db, actor, Subject::default(), &started).await
}

/// Notes what was sealed again with this key.
pub async fn note_rotated(
    db: impl PgExecutor<'_>,
    actor: &Actor,
    key: SealingKeyId,
    rotation: &Rotation,
) -> Result<(), StoreError> {
    let rotated = AuditEvent::MasterKeyRotated(RotatedKeyDetail {
        master_key_id: key.to_string(),
        resealed: rotation.tables.clone(),
        unopened: rotation.unopened,
    });
    audit::record(db, actor, Subject::default(), &rotated).await
}
