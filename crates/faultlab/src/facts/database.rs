//! What the database says, read by its owner.
//!
//! It reads the tables alone, by columns that the last release has too, so that a rolling upgrade can be judged.

use store::PgPool;

use super::{Alert, Audited, Destination, Event, Incident, KeptResult, Reprocess, Rows};

const EVENTS: &str = "
    SELECT id, project_id, provider_event_id, effect, timeout_at, judged_at(timeout_at) AS judged_at
    FROM payment_events";
const INCIDENTS: &str = "SELECT id, event_id, project_id, state, reason, opened_at FROM incidents";
const ALERTS: &str = "SELECT id, incident_id, destination_id, kind, state, attempts FROM alerts";
const REPROCESSES: &str = "SELECT id, event_id, state FROM reprocesses";
const RESULTS: &str = "SELECT event_id, outcome, replay_id FROM results";
const AUDIT: &str = "
    SELECT event_id, action, count(*) AS entries FROM audit_entries
    WHERE event_id IS NOT NULL GROUP BY event_id, action";
const DESTINATIONS: &str = "SELECT id, project_id, kind FROM destinations";
const OUTBOX: &str = "
    SELECT count(*) FILTER (WHERE parked_at IS NULL), count(*) FILTER (WHERE parked_at IS NOT NULL)
    FROM outbox";

/// Reads everything.
pub async fn read(pool: &PgPool) -> anyhow::Result<Rows> {
    Ok(Rows {
        events: sqlx::query_as::<_, Event>(EVENTS).fetch_all(pool).await?,
        incidents: sqlx::query_as::<_, Incident>(INCIDENTS).fetch_all(pool).await?,
        alerts: sqlx::query_as::<_, Alert>(ALERTS).fetch_all(pool).await?,
        reprocesses: sqlx::query_as::<_, Reprocess>(REPROCESSES).fetch_all(pool).await?,
        results: sqlx::query_as::<_, KeptResult>(RESULTS).fetch_all(pool).await?,
        audit: sqlx::query_as::<_, Audited>(AUDIT).fetch_all(pool).await?,
        destinations: sqlx::query_as::<_, Destination>(DESTINATIONS).fetch_all(pool).await?,
        outbox: sqlx::query_as(OUTBOX).fetch_one(pool).await?,
    })
}
