//! Which incidents of one owner, or of none, a search finds.
//!
//! What an operator owns, and what nobody does, has an index of its own that ends with the id; what else a search narrows by
//! is looked up row by row. So much is read as one person owns, or as is not resolved.

use domain::catalogue::EffectType;
use domain::ids::{CauseId, IncidentId, OperatorId, ProjectId};
use domain::incident::Reason;
use domain::project::Mode;

use super::incident_search::{IncidentSearch, OwnerFilter};
use super::keyset::{KeysetScan, in_direction};
use crate::{PgConnection, StoreError};

impl IncidentSearch {
    /// The operator whose incidents are searched for.
    pub(super) fn owner_id(&self) -> Option<OperatorId> {
        match self.owner {
            Some(OwnerFilter::Of(id)) => Some(id),
            Some(OwnerFilter::Nobody) | None => None,
        }
    }

    /// The next incidents, state by state.
    pub(super) async fn find_of_owner(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
        owner: OwnerFilter,
    ) -> Result<Vec<IncidentId>, StoreError> {
        let mut found = Vec::new();
        for state in self.state.states() {
            found.extend(match owner {
                OwnerFilter::Of(id) => self.find_owned(&mut *db, scan, id, &state).await?,
                OwnerFilter::Nobody => self.find_unowned(&mut *db, scan, &state).await?,
            });
        }
        scan.sort(&mut found);
        found.truncate(usize::try_from(scan.rows()).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn find_owned(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
        owner: OperatorId,
        state: &str,
    ) -> Result<Vec<IncidentId>, StoreError> {
        macro_rules! query {
            ($order:tt) => {
                sqlx::query_scalar!(
                    "SELECT i.id FROM incidents i JOIN projects p ON p.id = i.project_id
                     WHERE i.owner = $1 AND i.state = $2 AND i.id > $3 AND i.id < $4
                       AND ($5::uuid IS NULL AND p.archived_at IS NULL OR p.id = $5) AND ($6::text IS NULL OR p.mode = $6)
                       AND ($7::text IS NULL OR i.reason = $7) AND ($8::text IS NULL OR i.event_type = $8)
                       AND ($9::text IS NULL OR i.effect_type = $9) AND ($10::uuid IS NULL OR i.cause = $10)
                     ORDER BY i.id "
                        + $order
                        + " LIMIT $11",
                    owner.as_uuid(),
                    state,
                    scan.above.as_uuid(),
                    scan.below.as_uuid(),
                    self.project_id.map(ProjectId::as_uuid),
                    self.mode.map(Mode::as_str),
                    self.reason.map(Reason::as_str),
                    self.event_type,
                    self.effect_type.as_ref().map(EffectType::as_str),
                    self.cause_id.map(CauseId::as_uuid),
                    scan.rows(),
                )
            };
        }
        Ok(in_direction!(scan.direction, query, db)?)
    }

    async fn find_unowned(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
        state: &str,
    ) -> Result<Vec<IncidentId>, StoreError> {
        macro_rules! query {
            ($order:tt) => {
                sqlx::query_scalar!(
                    "SELECT i.id FROM incidents i JOIN projects p ON p.id = i.project_id
                     WHERE i.owner IS NULL AND i.state <> 'resolved' AND i.state = $1 AND i.id > $2 AND i.id < $3
                       AND ($4::uuid IS NULL AND p.archived_at IS NULL OR p.id = $4) AND ($5::text IS NULL OR p.mode = $5)
                       AND ($6::text IS NULL OR i.reason = $6) AND ($7::text IS NULL OR i.event_type = $7)
                       AND ($8::text IS NULL OR i.effect_type = $8) AND ($9::uuid IS NULL OR i.cause = $9)
                     ORDER BY i.id "
                        + $order
                        + " LIMIT $10",
                    state,
                    scan.above.as_uuid(),
                    scan.below.as_uuid(),
                    self.project_id.map(ProjectId::as_uuid),
                    self.mode.map(Mode::as_str),
                    self.reason.map(Reason::as_str),
                    self.event_type,
                    self.effect_type.as_ref().map(EffectType::as_str),
                    self.cause_id.map(CauseId::as_uuid),
                    scan.rows(),
                )
            };
        }
        Ok(in_direction!(scan.direction, query, db)?)
    }
}
