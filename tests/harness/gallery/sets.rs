//! Sets of bulks, of the gallery's project and of the one for real money: one that was not started, and one of
//! which a project paused by itself.

use domain::ids::{BulkSetId, ProjectId};
use uuid::Uuid;

use super::Texts;
use crate::World;

const PREVIEW: &str = "
    WITH made AS (
        INSERT INTO bulk_reprocesses (id, project_id, set_id, requested_by, note, items, excluded_running, excluded_taking,
            excluded_no_repair_url)
        VALUES (gen_random_uuid(), $1, $3, 'operator:alice@cometcart.test', $4, 2, 1, 1, 0),
               (gen_random_uuid(), $2, $3, 'operator:alice@cometcart.test', $4, 0, 0, 0, 4)
        RETURNING id, items)
    INSERT INTO bulk_reprocess_items (bulk_id, place, incident_id, event_id)
    SELECT made.id, row_number() OVER (ORDER BY i.id), i.id, i.event_id
    FROM made CROSS JOIN (SELECT id, event_id FROM incidents ORDER BY id LIMIT 2) i WHERE made.items > 0";

const PAUSED: &str = "
    WITH made AS (
        INSERT INTO bulk_reprocesses (id, project_id, set_id, requested_by, note, state, why, items, excluded_running,
            excluded_taking, canary, per_minute, stop_percent, started_at, ended_at)
        VALUES (gen_random_uuid(), $1, $3, 'operator:alice@cometcart.test', $4, 'paused', '1 of the first 3 failed', 3, 1, 1,
                3, 30, 20, now(), NULL),
               (gen_random_uuid(), $2, $3, 'operator:alice@cometcart.test', $4, 'done', NULL, 3, 0, 0, 3, 30, 20, now(), now())
        RETURNING id)
    INSERT INTO bulk_reprocess_items (bulk_id, place, incident_id, event_id, state, replay_id, why)
    SELECT made.id, i.place, i.id, i.event_id, (ARRAY['succeeded', 'failed', 'skipped'])[i.place],
        CASE WHEN i.place < 3 THEN gen_random_uuid() END,
        (ARRAY['succeeded', 'no_result', 'the incident is already resolved'])[i.place]
    FROM made CROSS JOIN (
        SELECT id, event_id, row_number() OVER (ORDER BY id)::int AS place FROM incidents ORDER BY id LIMIT 3) i";

/// The one that was not started, and the one that is paused.
pub(super) async fn seed(world: &World, texts: &Texts, live: ProjectId) -> [BulkSetId; 2] {
    let ids = [0, 1].map(|_: i32| BulkSetId::from_uuid(Uuid::now_v7()));
    for (id, sql) in ids.into_iter().zip([PREVIEW, PAUSED]) {
        sqlx::query(sql)
            .bind(world.project.id.as_uuid())
            .bind(live.as_uuid())
            .bind(id.as_uuid())
            .bind(texts.note)
            .execute(&world.pool)
            .await
            .expect("a set");
    }
    ids
}
