//! The note of a bulk stands at each of its incidents, also at those of other customers. Where it names this one, the
//! tombstone stands instead, as in the bulk itself, by which these incidents are found.

use domain::ids::EventId;

use super::step::Locked;
use crate::{PgConnection, StoreError};

/// Masks the copies of notes that were masked. What a bulk that still runs writes from now on is masked already.
pub(super) async fn mask(tx: &mut PgConnection, locked: &mut Locked) -> Result<(), StoreError> {
    let events = list_changed(tx, locked).await?;
    if events.is_empty() {
        return Ok(());
    }
    // Whoever changes an incident holds its event.
    sqlx::query_scalar!(
        "SELECT id FROM payment_events WHERE id = ANY ($1) ORDER BY id FOR UPDATE",
        &events as &[EventId],
    )
    .fetch_all(&mut *tx)
    .await?;
    let masked = sqlx::query!(
        r#"WITH e AS (SELECT reference, tombstone FROM erasures WHERE id = $1), incident AS (
               UPDATE incidents t SET resolution_note = erased_text(t.resolution_note, e.reference, e.tombstone) FROM e
               WHERE t.event_id = ANY ($2)
                 AND t.resolution_note <> erased_text(t.resolution_note, e.reference, e.tombstone) RETURNING 1
           ), reprocess AS (
               UPDATE reprocesses t SET note = erased_text(t.note, e.reference, e.tombstone) FROM e
               WHERE t.incident_id IN (SELECT i.id FROM incidents i WHERE i.event_id = ANY ($2))
                 AND t.note <> erased_text(t.note, e.reference, e.tombstone) RETURNING 1
           )
           SELECT (SELECT count(*) FROM incident) AS "incidents!", (SELECT count(*) FROM reprocess) AS "reprocesses!""#,
        locked.id.as_uuid(),
        &events as &[EventId],
    )
    .fetch_one(tx)
    .await?;
    locked.add("incidents", masked.incidents.unsigned_abs());
    locked.add("reprocesses", masked.reprocesses.unsigned_abs());
    Ok(())
}

/// The events of bulks in whose note the tombstone stands, in the order in which they are locked.
async fn list_changed(tx: &mut PgConnection, locked: &Locked) -> Result<Vec<EventId>, StoreError> {
    let events = sqlx::query_scalar!(
        r#"SELECT DISTINCT i.event_id AS "event_id!: EventId"
           FROM erasures e JOIN bulk_reprocesses b ON position(e.tombstone IN b.note) > 0 AND (b.project_id = e.project_id
               OR b.set_id IN (SELECT s.set_id FROM bulk_reprocesses s WHERE s.project_id = e.project_id))
           JOIN bulk_reprocess_items i ON i.bulk_id = b.id
           WHERE e.id = $1 ORDER BY 1"#,
        locked.id.as_uuid(),
    );
    Ok(events.fetch_all(tx).await?)
}
