//! Which events a search finds. Every query here reads a bounded number of rows.

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::ids::{EventId, ProjectId};
use domain::project::Mode;

use super::event_search::EventSearch;
use super::finder::Finder;
use super::keyset::{KeysetScan, in_direction};
use super::lookup::{self, Hits, Scope};
use super::term::SearchTerm;
use crate::incidents::find_incident;
use crate::reprocesses::find_reprocess;
use crate::{PgConnection, StoreError};

impl Finder for EventSearch {
    type Id = EventId;

    fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn is_unfiltered(&self) -> bool {
        self.project_id.is_none()
            && self.mode.is_none()
            && self.effect.is_none()
            && self.event_type.is_none()
            && self.effect_type.is_none()
    }

    async fn find_any(
        &self,
        db: &mut PgConnection,
        scan: &KeysetScan<EventId>,
    ) -> Result<Vec<EventId>, StoreError> {
        macro_rules! query {
            ($order:tt) => {
                sqlx::query_scalar!(
                    "SELECT id FROM payment_events WHERE id > $1 AND id < $2 ORDER BY id "
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
        scan: &KeysetScan<EventId>,
    ) -> Result<Vec<EventId>, StoreError> {
        let effects: Vec<String> = match self.effect {
            Some(effect) => vec![effect.to_string()],
            None => Effect::ALL.iter().map(ToString::to_string).collect(),
        };
        macro_rules! query {
            ($order:tt) => {
                sqlx::query_scalar!(
                    r#"WITH RECURSIVE kinds AS (
                       SELECT first.* FROM projects p CROSS JOIN unnest($3::text[]) AS wanted (effect)
                       CROSS JOIN LATERAL (
                           SELECT e.project_id, e.effect, e.event_type, e.effect_type FROM payment_events e
                           WHERE e.project_id = p.id AND e.effect = wanted.effect
                           ORDER BY e.project_id, e.effect, e.event_type, e.effect_type LIMIT 1) AS first
                       WHERE ($1::uuid IS NULL AND p.archived_at IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                       UNION ALL
                       SELECT next.* FROM kinds k CROSS JOIN LATERAL (
                           SELECT e.project_id, e.effect, e.event_type, e.effect_type FROM payment_events e
                           WHERE e.project_id = k.project_id AND e.effect = k.effect
                               AND (e.event_type, e.effect_type) > (k.event_type, k.effect_type)
                           ORDER BY e.project_id, e.effect, e.event_type, e.effect_type LIMIT 1) AS next
                   )
                   SELECT found.id AS "id!: EventId" FROM kinds k CROSS JOIN LATERAL (
                       SELECT e.id FROM payment_events e
                       WHERE (e.project_id, e.effect, e.event_type, e.effect_type, e.id)
                               > (k.project_id, k.effect, k.event_type, k.effect_type, $6::uuid)
                           AND (e.project_id, e.effect, e.event_type, e.effect_type, e.id)
                               < (k.project_id, k.effect, k.event_type, k.effect_type, $7::uuid)
                       ORDER BY e.project_id "# + $order + ", e.effect " + $order + ", e.event_type " + $order
                    + ", e.effect_type " + $order + ", e.id " + $order + r#" LIMIT $8) AS found
                   WHERE ($4::text IS NULL OR k.event_type = $4) AND ($5::text IS NULL OR k.effect_type = $5)
                   ORDER BY found.id "# + $order + " LIMIT $8",
                    self.project_id.map(ProjectId::as_uuid),
                    self.mode.map(Mode::as_str),
                    &effects,
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
        scan: &KeysetScan<EventId>,
        term: &SearchTerm,
    ) -> Result<Hits<EventId>, StoreError> {
        let named = match term {
            SearchTerm::Text(as_text) => {
                let scope = Scope { project_id: self.project_id, mode: self.mode };
                return lookup::find(db, scope, scan, as_text).await;
            }
            SearchTerm::Event(id) => Some(*id),
            SearchTerm::Incident(id) => {
                find_incident(db, *id).await?.map(|incident| incident.event_id)
            }
            SearchTerm::Replay(id) => {
                find_reprocess(db, *id).await?.map(|reprocess| reprocess.event_id)
            }
        };
        Ok(Hits::complete(named.into_iter().collect()))
    }

    async fn filter_ids(
        &self,
        db: &mut PgConnection,
        ids: &[EventId],
    ) -> Result<Vec<EventId>, StoreError> {
        let wanted = sqlx::query_scalar!(
            "SELECT e.id FROM payment_events e JOIN projects p ON p.id = e.project_id
         WHERE e.id = ANY($1) AND ($2::uuid IS NULL OR p.id = $2) AND ($3::text IS NULL OR p.mode = $3)
           AND ($4::text IS NULL OR e.effect = $4) AND ($5::text IS NULL OR e.event_type = $5)
           AND ($6::text IS NULL OR e.effect_type = $6)",
            ids as &[EventId],
            self.project_id.map(ProjectId::as_uuid),
            self.mode.map(Mode::as_str),
            self.effect.map(Effect::as_str),
            self.event_type,
            self.effect_type.as_ref().map(EffectType::as_str),
        )
        .fetch_all(db)
        .await?;
        Ok(wanted)
    }
}
