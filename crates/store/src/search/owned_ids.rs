//! Which incidents of one owner, or of none, a search finds.
//!
//! What an operator owns, and what nobody does, has an index of its own that ends with the id; what else a search narrows by
//! is looked up row by row. So much is read as one person owns, or as is not resolved.

use domain::catalogue::EffectType;
use domain::ids::{CauseId, IncidentId, OperatorId, ProjectId};
use domain::incident::Reason;
use domain::project::Mode;
use uuid::Uuid;

use super::incident_search::{IncidentSearch, OwnerFilter};
use super::keyset::{KeysetScan, in_direction};
use crate::{PgConnection, StoreError};

/// The next incidents of a state whose owner is as the condition says; `$1` of it is `owner`.
macro_rules! ids_of {
    ($condition:tt, $order:tt, $owner:expr, $search:expr, $scan:expr, $state:expr) => {
        sqlx::query_scalar!(
            "SELECT i.id FROM incidents i JOIN projects p ON p.id = i.project_id
             WHERE "
                + $condition
                + " AND i.state = $2 AND i.id > $3 AND i.id < $4
               AND ($5::uuid IS NULL AND p.archived_at IS NULL OR p.id = $5) AND ($6::text IS NULL OR p.mode = $6)
               AND ($7::text IS NULL OR i.reason = $7) AND ($8::text IS NULL OR i.event_type = $8)
               AND ($9::text IS NULL OR i.effect_type = $9) AND ($10::uuid IS NULL OR i.cause = $10)
             ORDER BY i.id "
                + $order
                + " LIMIT $11",
            $owner,
            $state,
            $scan.above.as_uuid(),
            $scan.below.as_uuid(),
            $search.project_id.map(ProjectId::as_uuid),
            $search.mode.map(Mode::as_str),
            $search.reason.map(Reason::as_str),
            $search.event_type,
            $search.effect_type.as_ref().map(EffectType::as_str),
            $search.cause_id.map(CauseId::as_uuid),
            $scan.rows(),
        )
    };
}

impl IncidentSearch {
    /// The operator whose incidents are searched for.
    pub(super) fn owner_id(&self) -> Option<OperatorId> {
        match self.owner {
            Some(OwnerFilter::Of(id)) => Some(id),
            Some(OwnerFilter::Unowned) | None => None,
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
                OwnerFilter::Unowned => self.find_unowned(&mut *db, scan, &state).await?,
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
                ids_of!("i.owner = $1", $order, Some(owner.as_uuid()), self, scan, state)
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
                ids_of!(
                    "i.owner IS NULL AND i.state <> 'resolved' AND $1::uuid IS NULL",
                    $order,
                    None::<Uuid>,
                    self,
                    scan,
                    state
                )
            };
        }
        Ok(in_direction!(scan.direction, query, db)?)
    }
}
