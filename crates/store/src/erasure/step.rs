//! One step of an erasure, a transaction of its own: the row of the erasure is locked, a bounded number of rows is
//! erased, and how far that came is written into the row. A step that fails or is cut off has changed nothing.

use std::collections::BTreeMap;

use domain::audit::detail::ErasedDetail;
use domain::audit::{Actor, AuditEvent};
use domain::erasure::ErasureState;
use domain::ids::{CustomerHash, ErasureId, EventId, ProjectId};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Erasure, KNOWN_AFTER, Rows, bulk_notes, find_erasure, responses};
use crate::audit::{self, Subject};
use crate::pool::transaction;
use crate::seal::MasterKey;
use crate::{PgConnection, PgPool, StoreError, backfill, column, reference_keys};

/// So many events are erased in one step.
const EVENTS: i64 = 100;

/// An erasure that is under way, locked.
pub(super) struct Locked {
    pub id: ErasureId,
    pub project_id: ProjectId,
    pub customer: CustomerHash,
    pub reference: String,
    state: ErasureState,
    requested_by: String,
    last_event: Option<Uuid>,
    pub last_route: Option<String>,
    pub last_key: Option<String>,
    erased: Json<Rows>,
}

impl Locked {
    pub(super) fn add(&mut self, table: &str, rows: u64) {
        if rows > 0 {
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            *self.erased.0.entry(table.to_owned()).or_default() += rows;
        }
    }
}

/// Goes on with an erasure until it is done; `beat` is called after each step.
///
/// # Errors
/// When the key of the project's hashes does not open. What was erased stays so, and the next
/// call goes on with the rest.
pub async fn run(
    pool: &PgPool,
    master_key: &MasterKey,
    id: ErasureId,
    beat: &mut (dyn FnMut(&Erasure) + Send),
) -> Result<Erasure, StoreError> {
    tokio::time::sleep(known_in(pool, id).await?).await;
    loop {
        let erasure = step(pool, master_key, id).await?;
        beat(&erasure);
        if erasure.state == ErasureState::Done {
            return Ok(erasure);
        }
    }
}

/// How long it still takes until every process knows of it.
async fn known_in(pool: &PgPool, id: ErasureId) -> Result<std::time::Duration, StoreError> {
    let age = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM now() - requested_at)::double precision AS "age!" FROM erasures WHERE id = $1"#,
        id.as_uuid(),
    )
    .fetch_optional(pool)
    .await?;
    let age = std::time::Duration::try_from_secs_f64(age.unwrap_or_default()).unwrap_or_default();
    Ok(KNOWN_AFTER.saturating_sub(age))
}

/// Erases the next rows; how far it is then. One that is done stays as it is.
///
/// # Errors
/// When there is none, the database fails, or the key of the project's hashes does not open.
pub async fn step(
    pool: &PgPool,
    master_key: &MasterKey,
    id: ErasureId,
) -> Result<Erasure, StoreError> {
    transaction(pool, async |tx| {
        if let Some(mut locked) = lock(tx, id).await? {
            locked.state = match locked.state {
                ErasureState::Events => erase_events(tx, master_key, &mut locked).await?,
                ErasureState::Responses => responses::erase(tx, &mut locked).await?,
                ErasureState::Rest => erase_rest(tx, &mut locked).await?,
                ErasureState::Texts => erase_texts(tx, &mut locked).await?,
                ErasureState::Done => ErasureState::Done,
            };
            save(tx, &locked).await?;
        }
        find_erasure(tx, id).await?.ok_or(StoreError::Missing("erasures"))
    })
    .await
}

async fn lock(tx: &mut PgConnection, id: ErasureId) -> Result<Option<Locked>, StoreError> {
    let locked = sqlx::query_as!(
        Locked,
        r#"SELECT id, project_id, customer, reference AS "reference!", state, requested_by, last_event, last_route, last_key,
               erased AS "erased: Json<Rows>"
           FROM erasures WHERE id = $1 AND state <> 'done' FOR UPDATE"#,
        id.as_uuid(),
    )
    .fetch_optional(tx)
    .await?;
    Ok(locked)
}

async fn save(tx: &mut PgConnection, locked: &Locked) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE erasures SET state = $2, last_event = $3, last_route = $4, last_key = $5, erased = $6, stepped_at = now(),
             reference = CASE WHEN $2 <> 'done' THEN reference END, finished_at = CASE WHEN $2 = 'done' THEN now() END
         WHERE id = $1",
        locked.id.as_uuid(),
        locked.state.as_str(),
        locked.last_event,
        locked.last_route,
        locked.last_key,
        Json(&locked.erased.0) as _,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// An event of the customer.
struct Candidate {
    id: EventId,
    /// Whether it still has the reference, and its keys say so.
    is_named: bool,
}

async fn erase_events(
    tx: &mut PgConnection,
    master_key: &MasterKey,
    locked: &mut Locked,
) -> Result<ErasureState, StoreError> {
    let found = list_events(tx, locked).await?;
    let Some(last) = found.last() else {
        locked.last_event = None;
        return Ok(ErasureState::Responses);
    };
    locked.last_event = Some(last.id.as_uuid());
    let named: Vec<_> = found.iter().filter(|event| event.is_named).map(|event| event.id).collect();
    backfill::key_ahead(tx, &named).await?;
    let keys = list_keys(tx, &named).await?;
    let by = reference_keys::ensure(tx, master_key, locked.project_id).await?;
    let hashed = keys.iter().map(|key| by.rehash(key).to_vec()).collect::<Vec<_>>();
    let erased = sqlx::query!(
        r#"SELECT erased AS "table!", quantity AS "rows!" FROM erase_events($1, $2, $3, $4)"#,
        locked.id.as_uuid(),
        &column(&found, |event| event.id.as_uuid()),
        &keys,
        &hashed,
    )
    .fetch_all(tx)
    .await?;
    for row in erased {
        locked.add(&row.table, row.rows.unsigned_abs());
    }
    Ok(ErasureState::Events)
}

/// The next events of the customer. Those that came since are new data.
async fn list_events(tx: &mut PgConnection, locked: &Locked) -> Result<Vec<Candidate>, StoreError> {
    let found = sqlx::query_as!(
        Candidate,
        r#"SELECT v.id, v.internal_reference = e.reference AND e.reference <> e.tombstone AS "is_named!"
           FROM erasures e JOIN payment_events v ON v.project_id = e.project_id
             AND v.internal_reference IN (e.reference, e.tombstone)
           WHERE e.id = $1 AND v.id > $2 AND v.received_at < e.requested_at + make_interval(secs => $3)
           ORDER BY v.id LIMIT $4"#,
        locked.id.as_uuid(),
        locked.last_event.unwrap_or_default(),
        KNOWN_AFTER.as_secs_f64(),
        EVENTS,
    )
    .fetch_all(tx)
    .await?;
    Ok(found)
}

async fn list_keys(tx: &mut PgConnection, ids: &[EventId]) -> Result<Vec<Vec<u8>>, StoreError> {
    let keys = sqlx::query_scalar!(
        "SELECT key FROM event_keys WHERE event_id = ANY ($1)",
        ids as &[EventId]
    );
    Ok(keys.fetch_all(tx).await?)
}

async fn erase_rest(
    tx: &mut PgConnection,
    locked: &mut Locked,
) -> Result<ErasureState, StoreError> {
    if is_named(tx, locked).await? {
        return Ok(ErasureState::Events);
    }
    let (project_id, reference) = (locked.project_id, locked.reference.clone());
    let early = sqlx::query!(
        "DELETE FROM early_results WHERE project_id = $1 AND internal_reference = $2",
        project_id.as_uuid(),
        reference,
    );
    let early = early.execute(&mut *tx).await?.rows_affected();
    locked.add("early_results", early);
    mask(tx, locked).await?;
    bulk_notes::mask(tx, locked).await?;
    let erased: BTreeMap<_, _> =
        locked.erased.0.iter().map(|(table, rows)| (table.clone(), rows.unsigned_abs())).collect();
    let entry = AuditEvent::CustomerErased(ErasedDetail {
        erasure_id: locked.id,
        tombstone: locked.customer,
        erased,
    });
    let actor = Actor::read(&locked.requested_by);
    audit::record_once(tx, locked.id.as_uuid(), &actor, Subject::project(project_id), &entry)
        .await?;
    Ok(ErasureState::Texts)
}

/// Whether an event still has the reference, be it behind hundreds that have the tombstone: of a receipt whose
/// transaction began before and ended since.
async fn is_named(tx: &mut PgConnection, locked: &Locked) -> Result<bool, StoreError> {
    let is_named = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM erasures e JOIN payment_events v ON v.project_id = e.project_id AND v.internal_reference = e.reference
               WHERE e.id = $1 AND e.reference <> e.tombstone
                 AND v.received_at < e.requested_at + make_interval(secs => $2)) AS "is_named!""#,
        locked.id.as_uuid(),
        KNOWN_AFTER.as_secs_f64(),
    )
    .fetch_one(tx)
    .await?;
    Ok(is_named)
}

/// What entries of the audit say of the customer, on behalf of the one that says who was erased.
async fn erase_texts(
    tx: &mut PgConnection,
    locked: &mut Locked,
) -> Result<ErasureState, StoreError> {
    let found = list_events(tx, locked).await?;
    let erased = sqlx::query_scalar!(
        r#"SELECT erase_audit_texts($1, $2, $3) AS "erased!""#,
        locked.id.as_uuid(),
        locked.reference,
        &column(&found, |event| event.id.as_uuid()),
    )
    .fetch_one(&mut *tx)
    .await?;
    locked.add("audit_texts", erased.unsigned_abs());
    locked.last_event = found.last().map(|event| event.id.as_uuid());
    if locked.last_event.is_some() {
        return Ok(ErasureState::Texts);
    }
    Ok(if is_named(tx, locked).await? { ErasureState::Events } else { ErasureState::Done })
}

/// What is about several customers keeps its words, but for the one that names this customer. Saved filters that look for
/// them are of no project, and go.
async fn mask(tx: &mut PgConnection, locked: &mut Locked) -> Result<(), StoreError> {
    let masked = sqlx::query!(
        r#"WITH e AS (SELECT project_id, reference, tombstone FROM erasures WHERE id = $1), bulk AS (
               UPDATE bulk_reprocesses t SET note = erased_text(t.note, e.reference, e.tombstone) FROM e
               WHERE (t.project_id = e.project_id
                   OR t.set_id IN (SELECT s.set_id FROM bulk_reprocesses s WHERE s.project_id = e.project_id))
                 AND t.note <> erased_text(t.note, e.reference, e.tombstone) RETURNING 1
           ), destination AS (
               UPDATE destinations t SET last_failure = erased_text(t.last_failure, e.reference, e.tombstone) FROM e
               WHERE t.project_id = e.project_id
                 AND t.last_failure <> erased_text(t.last_failure, e.reference, e.tombstone) RETURNING 1
           ), notice AS (
               UPDATE notices t SET last_answer = erased_text(t.last_answer, e.reference, e.tombstone) FROM e
               WHERE t.project_id = e.project_id
                 AND t.last_answer <> erased_text(t.last_answer, e.reference, e.tombstone) RETURNING 1
           ), maintenance AS (
               UPDATE maintenance_windows t SET reason = erased_text(t.reason, e.reference, e.tombstone) FROM e
               WHERE t.project_id = e.project_id AND t.reason <> erased_text(t.reason, e.reference, e.tombstone) RETURNING 1
           ), filter AS (
               DELETE FROM saved_filters t USING e WHERE t.name <> erased_text(t.name, e.reference, e.tombstone)
                 OR t.filter ->> 'q' <> erased_text(t.filter ->> 'q', e.reference, e.tombstone) RETURNING 1
           )
           SELECT (SELECT count(*) FROM maintenance) AS "maintenance!", (SELECT count(*) FROM bulk) AS "bulk!", (SELECT count(*) FROM destination) AS "destinations!",
               (SELECT count(*) FROM notice) AS "notices!", (SELECT count(*) FROM filter) AS "filters!""#,
        locked.id.as_uuid(),
    )
    .fetch_one(tx)
    .await?;
    locked.add("bulk_reprocesses", masked.bulk.unsigned_abs());
    locked.add("destinations", masked.destinations.unsigned_abs());
    locked.add("maintenance_windows", masked.maintenance.unsigned_abs());
    locked.add("notices", masked.notices.unsigned_abs());
    locked.add("saved_filters", masked.filters.unsigned_abs());
    Ok(())
}
