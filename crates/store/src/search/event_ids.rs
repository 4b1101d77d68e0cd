//! Which events a search finds. Every query here reads a bounded number of rows.

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::ids::{EventId, ProjectId};
use domain::project::Mode;
use uuid::Uuid;

use super::events::EventSearch;
use super::needle::Needle;
use super::walk::{Found, Walk, in_direction};
use super::words::{self, Hits, Scope, Table};
use crate::incidents::find_incident;
use crate::reprocesses::find_reprocess;
use crate::{PgConnection, StoreError};

/// The events of one page.
pub(super) async fn find(
    db: &mut PgConnection,
    search: &EventSearch,
    walk: &Walk<Uuid>,
) -> Result<Found<Uuid>, StoreError> {
    let met = match Needle::parse(search.text.as_deref()) {
        Some(needle) => {
            let hits = find_needle(&mut *db, search, walk, &needle).await?;
            let wanted = keep_wanted(db, search, walk, hits.ids).await?;
            return Ok(Found { capped: hits.capped, ..walk.cut(wanted, hits.stopped_at) });
        }
        None if search.is_unfiltered() => find_any(db, walk).await?,
        None => find_by_kind(db, search, walk).await?,
    };
    Ok(walk.cut(met, None))
}

async fn find_any(db: &mut PgConnection, walk: &Walk<Uuid>) -> Result<Vec<Uuid>, StoreError> {
    macro_rules! query {
        ($order:tt) => {
            sqlx::query_scalar!(
                "SELECT id FROM payment_events WHERE id > $1 AND id < $2 ORDER BY id "
                    + $order
                    + " LIMIT $3",
                walk.above,
                walk.below,
                walk.rows(),
            )
        };
    }
    Ok(in_direction!(walk.direction, query, db)?)
}

#[expect(clippy::too_many_lines, reason = "one question to the database, whose text is most of it")]
async fn find_by_kind(
    db: &mut PgConnection,
    search: &EventSearch,
    walk: &Walk<Uuid>,
) -> Result<Vec<Uuid>, StoreError> {
    let effects: Vec<String> = match search.effect {
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
                       WHERE ($1::uuid IS NULL OR p.id = $1) AND ($2::text IS NULL OR p.mode = $2)
                       UNION ALL
                       SELECT next.* FROM kinds k CROSS JOIN LATERAL (
                           SELECT e.project_id, e.effect, e.event_type, e.effect_type FROM payment_events e
                           WHERE e.project_id = k.project_id AND e.effect = k.effect
                               AND (e.event_type, e.effect_type) > (k.event_type, k.effect_type)
                           ORDER BY e.project_id, e.effect, e.event_type, e.effect_type LIMIT 1) AS next
                   )
                   SELECT found.id AS "id!" FROM kinds k CROSS JOIN LATERAL (
                       SELECT e.id FROM payment_events e
                       WHERE (e.project_id, e.effect, e.event_type, e.effect_type, e.id)
                               > (k.project_id, k.effect, k.event_type, k.effect_type, $6::uuid)
                           AND (e.project_id, e.effect, e.event_type, e.effect_type, e.id)
                               < (k.project_id, k.effect, k.event_type, k.effect_type, $7::uuid)
                       ORDER BY e.project_id "# + $order + ", e.effect " + $order + ", e.event_type " + $order
                + ", e.effect_type " + $order + ", e.id " + $order + r#" LIMIT $8) AS found
                   WHERE ($4::text IS NULL OR k.event_type = $4) AND ($5::text IS NULL OR k.effect_type = $5)
                   ORDER BY found.id "# + $order + " LIMIT $8",
                search.project_id.map(ProjectId::as_uuid),
                search.mode.map(Mode::as_str),
                &effects,
                search.event_type,
                search.effect_type.as_ref().map(EffectType::as_str),
                walk.above,
                walk.below,
                walk.rows(),
            )
        };
    }
    Ok(in_direction!(walk.direction, query, db)?)
}

async fn find_needle(
    db: &mut PgConnection,
    search: &EventSearch,
    walk: &Walk<Uuid>,
    needle: &Needle,
) -> Result<Hits, StoreError> {
    let named = match needle {
        Needle::Words(words) => {
            let scope = Scope { project_id: search.project_id, mode: search.mode };
            return words::find(db, (Table::Events, scope), walk, words).await;
        }
        Needle::Event(id) => Some(*id),
        Needle::Incident(id) => find_incident(db, *id).await?.map(|incident| incident.event_id),
        Needle::Replay(id) => find_reprocess(db, *id).await?.map(|reprocess| reprocess.event_id),
    };
    Ok(Hits { ids: named.into_iter().map(EventId::as_uuid).collect(), ..Hits::default() })
}

/// Those of a few events that the rest of the search wants too, in the order of the walk.
async fn keep_wanted(
    db: &mut PgConnection,
    search: &EventSearch,
    walk: &Walk<Uuid>,
    mut ids: Vec<Uuid>,
) -> Result<Vec<Uuid>, StoreError> {
    ids.retain(|id| walk.passes(*id));
    let mut wanted = sqlx::query_scalar!(
        "SELECT e.id FROM payment_events e JOIN projects p ON p.id = e.project_id
         WHERE e.id = ANY($1) AND ($2::uuid IS NULL OR p.id = $2) AND ($3::text IS NULL OR p.mode = $3)
           AND ($4::text IS NULL OR e.effect = $4) AND ($5::text IS NULL OR e.event_type = $5)
           AND ($6::text IS NULL OR e.effect_type = $6)",
        &ids,
        search.project_id.map(ProjectId::as_uuid),
        search.mode.map(Mode::as_str),
        search.effect.map(Effect::as_str),
        search.event_type,
        search.effect_type.as_ref().map(EffectType::as_str),
    )
    .fetch_all(db)
    .await?;
    walk.sort(&mut wanted);
    Ok(wanted)
}
