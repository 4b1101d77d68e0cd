//! Which incidents a search finds. Every query here reads a bounded number of rows.

use domain::catalogue::EffectType;
use domain::ids::{CauseId, IncidentId, OperatorId, ProjectId};
use domain::incident::Reason;
use domain::project::Mode;

use super::causes::find_cause;
use super::finder::Finder;
use super::incident_search::{IncidentSearch, OwnerFilter, StateFilter};
use super::keyset::{KeysetScan, in_direction};
use super::lookup::{self, Hits, Scope};
use super::term::{SearchTerm, names_one};
use super::words;
use crate::incidents::find_for_event;
use crate::reprocesses::find_reprocess;
use crate::{PgConnection, StoreError, projects};

impl Finder for IncidentSearch {
    type Id = IncidentId;

    fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn is_unfiltered(&self) -> bool {
        self.state == StateFilter::All
            && self.project_id.is_none()
            && self.mode.is_none()
            && self.cause_id.is_none()
            && self.owner.is_none()
            && self.reason.is_none()
            && self.event_type.is_none()
            && self.effect_type.is_none()
    }

    async fn find_any(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
    ) -> Result<Vec<IncidentId>, StoreError> {
        macro_rules! query {
            ($order:tt) => {
                sqlx::query_scalar!(
                    "SELECT id FROM incidents WHERE id > $1 AND id < $2 ORDER BY id "
                        + $order
                        + " LIMIT $3",
                    scan.above.as_uuid(),
                    scan.below.as_uuid(),
                    scan.rows(),
                )
            };
        }
        Ok(in_direction!(scan.direction, query, db)?)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one question to the database, whose text is most of it"
    )]
    async fn find_by_kind(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
    ) -> Result<Vec<IncidentId>, StoreError> {
        if let Some(owner) = self.owner {
            return self.find_of_owner(db, scan, owner).await;
        }
        if let Some(cause_id) = self.cause_id {
            return self.find_of_cause(db, scan, cause_id).await;
        }
        macro_rules! query {
            ($order:tt) => {
                sqlx::query_scalar!(
                    r#"WITH RECURSIVE kinds AS (
                       SELECT first.* FROM projects p CROSS JOIN unnest($3::text[]) AS wanted (state)
                       CROSS JOIN LATERAL (
                           SELECT i.project_id, i.state, i.reason, i.event_type, i.effect_type FROM incidents i
                           WHERE i.project_id = p.id AND i.state = wanted.state
                           ORDER BY i.project_id, i.state, i.reason, i.event_type, i.effect_type LIMIT 1) AS first
                       WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                       UNION ALL
                       SELECT next.* FROM kinds k CROSS JOIN LATERAL (
                           SELECT i.project_id, i.state, i.reason, i.event_type, i.effect_type FROM incidents i
                           WHERE i.project_id = k.project_id AND i.state = k.state
                               AND (i.reason, i.event_type, i.effect_type) > (k.reason, k.event_type, k.effect_type)
                           ORDER BY i.project_id, i.state, i.reason, i.event_type, i.effect_type LIMIT 1) AS next
                   )
                   SELECT found.id AS "id!: IncidentId" FROM kinds k CROSS JOIN LATERAL (
                       SELECT i.id FROM incidents i
                       WHERE (i.project_id, i.state, i.reason, i.event_type, i.effect_type, i.id)
                               > (k.project_id, k.state, k.reason, k.event_type, k.effect_type, $7::uuid)
                           AND (i.project_id, i.state, i.reason, i.event_type, i.effect_type, i.id)
                               < (k.project_id, k.state, k.reason, k.event_type, k.effect_type, $8::uuid)
                       ORDER BY i.project_id "# + $order + ", i.state " + $order + ", i.reason " + $order
                    + ", i.event_type " + $order + ", i.effect_type " + $order + ", i.id " + $order + r#" LIMIT $9) AS found
                   WHERE ($4::text IS NULL OR k.reason = $4) AND ($5::text IS NULL OR k.event_type = $5)
                     AND ($6::text IS NULL OR k.effect_type = $6)
                   ORDER BY found.id "# + $order + " LIMIT $9",
                    self.project_id.map(ProjectId::as_uuid),
                    self.mode.map(Mode::as_str),
                    &self.state.states(),
                    self.reason.map(Reason::as_str),
                    self.event_type,
                    self.effect_type.as_ref().map(EffectType::as_str),
                    scan.above.as_uuid(),
                    scan.below.as_uuid(),
                    scan.rows(),
                )
            };
        }
        Ok(in_direction!(scan.direction, query, db)?)
    }

    async fn find_term(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
        term: &SearchTerm,
    ) -> Result<Hits<IncidentId>, StoreError> {
        let named = match term {
            SearchTerm::Text(as_text) => return self.find_text(db, scan, as_text).await,
            SearchTerm::Event(id) => find_for_event(db, *id).await?.map(|incident| incident.id),
            SearchTerm::Incident(id) => Some(*id),
            SearchTerm::Replay(id) => {
                find_reprocess(db, *id).await?.map(|reprocess| reprocess.incident_id)
            }
        };
        Ok(Hits::complete(named.into_iter().collect()))
    }

    async fn filter_ids(
        &self,
        db: &mut PgConnection,
        ids: &[IncidentId],
    ) -> Result<Vec<IncidentId>, StoreError> {
        let wanted = sqlx::query_scalar!(
            "SELECT i.id FROM incidents i JOIN projects p ON p.id = i.project_id
         WHERE i.id = ANY($1) AND ($2::uuid IS NULL OR p.id = $2) AND ($3::text IS NULL OR p.mode = $3)
           AND i.state = ANY($4) AND ($5::text IS NULL OR i.reason = $5)
           AND ($6::text IS NULL OR i.event_type = $6) AND ($7::text IS NULL OR i.effect_type = $7)
           AND ($8::uuid IS NULL OR i.cause = $8) AND ($9::uuid IS NULL OR i.owner = $9)
           AND (NOT $10 OR i.owner IS NULL AND i.state <> 'resolved')",
            ids as &[IncidentId],
            self.project_id.map(ProjectId::as_uuid),
            self.mode.map(Mode::as_str),
            &self.state.states(),
            self.reason.map(Reason::as_str),
            self.event_type,
            self.effect_type.as_ref().map(EffectType::as_str),
            self.cause_id.map(CauseId::as_uuid),
            self.owner_id().map(OperatorId::as_uuid),
            self.owner == Some(OwnerFilter::Unowned),
        )
        .fetch_all(db)
        .await?;
        Ok(wanted)
    }
}

impl IncidentSearch {
    /// What is or begins with this text, and what has its words: neither hides the other, whatever became of it. Only
    /// the whole of an id that is known means that one alone, so that `user_1` is not `user_12`.
    async fn find_text(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
        as_text: &str,
    ) -> Result<Hits<IncidentId>, StoreError> {
        let scope = Scope { project_id: self.project_id, mode: self.mode };
        let named = lookup::find(&mut *db, scope, scan, as_text).await?;
        if named.exact && names_one(as_text) {
            return Ok(named);
        }
        let worded = words::find(db, scope, scan, as_text).await?;
        Ok(named.and(worded, scan.direction))
    }

    /// The next incidents of one cause, state by state. All of them agree in everything else that a
    /// search narrows by, so that one of them says whether any is wanted.
    async fn find_of_cause(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<IncidentId>,
        cause_id: CauseId,
    ) -> Result<Vec<IncidentId>, StoreError> {
        let mut found = Vec::new();
        if !self.wants_cause(db, cause_id).await? {
            return Ok(found);
        }
        macro_rules! query {
            ($state:expr, $order:tt) => {
                sqlx::query_scalar!(
                    "SELECT id FROM incidents WHERE cause = $1 AND state = $2 AND id > $3 AND id < $4 ORDER BY id "
                        + $order
                        + " LIMIT $5",
                    cause_id.as_uuid(),
                    $state,
                    scan.above.as_uuid(),
                    scan.below.as_uuid(),
                    scan.rows(),
                )
            };
        }
        for state in self.state.states() {
            macro_rules! of_state {
                ($order:tt) => {
                    query!(state, $order)
                };
            }
            let ids: Vec<IncidentId> = in_direction!(scan.direction, of_state, &mut *db)?;
            found.extend(ids);
        }
        scan.sort(&mut found);
        found.truncate(usize::try_from(scan.rows()).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// Whether what the incidents of a cause have in common is what is searched for.
    async fn wants_cause(
        &self,
        db: &mut PgConnection,
        cause_id: CauseId,
    ) -> Result<bool, StoreError> {
        let Some(cause) = find_cause(&mut *db, cause_id).await? else { return Ok(false) };
        let mode = match self.mode {
            None => true,
            Some(mode) => projects::find_project(db, cause.project_id)
                .await?
                .is_some_and(|project| project.mode == mode),
        };
        Ok(mode
            && self.project_id.is_none_or(|id| id == cause.project_id)
            && self.reason.is_none_or(|reason| reason == cause.reason)
            && self.event_type.as_ref().is_none_or(|name| *name == cause.event_type)
            && self.effect_type.as_ref().is_none_or(|effect| *effect == cause.effect_type))
    }
}
