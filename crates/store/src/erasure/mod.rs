//! Erasing a customer: everything that says of an event whom it is about goes, and the event stays.
//!
//! Whoever asks for it commits a row of `erasures` first. From then on it cannot be lost: it goes on in [`step`]s, each
//! a bounded transaction that keeps in the row how far it came, and whoever finds the row goes on with it, after a crash
//! too. Two who do so share the work. The reference is in the row until nothing of it is left.
//!
//! The reference becomes a tombstone, a keyed hash: the same reference has the same one for good. So a receipt that
//! comes again is still known ([`ErasedCustomers`]), and one with a new event is known to be of someone who was erased.
//! Processes learn of an erasure within [`KNOWN_AFTER`]; nothing is overwritten before.
//!
//! What the role may not change is changed by a function of the owner, which works for such a row and on its
//! customer's events alone.

mod begin;
mod bulk_notes;
mod columns;
mod erased_customers;
mod preview;
mod replay;
mod responses;
mod step;
pub mod watches;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::erasure::ErasureState;
use domain::ids::{CustomerHash, ErasureId, ProjectId};
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;

pub use begin::begin;
pub use columns::{COLUMNS, Fate};
pub use erased_customers::ErasedCustomers;
pub(crate) use erased_customers::Returned;
pub use preview::{Preview, SentMessage, list_sent, preview};
pub use replay::{ErasureRecord, Replayed, list_records, replay};
pub use step::{run, step};

use crate::StoreError;

/// After so long every process knows of an erasure, and has begun to write what it took without knowing: also one that could
/// not read its keys again, for as long as it trusts those that it has, and that waited for a connection then.
pub const KNOWN_AFTER: Duration = Duration::from_secs(9);
/// How many erasures of a project are listed.
const MAX_LISTED: i64 = 100;

/// How many rows of each table.
pub type Rows = BTreeMap<String, i64>;

#[derive(Debug, Clone)]
pub struct Erasure {
    pub id: ErasureId,
    pub project_id: ProjectId,
    /// Its text stands in the reference's place.
    pub customer: CustomerHash,
    pub state: ErasureState,
    /// Who asked for it, as in the audit.
    pub requested_by: String,
    pub requested_at: OffsetDateTime,
    /// When the last row was erased.
    pub finished_at: Option<OffsetDateTime>,
    /// What was erased so far.
    pub erased: Rows,
    /// Of how many watches Temporal still holds the reference.
    pub watches_left: i64,
}

/// Reads erasures; what follows `FROM erasures e` is the caller's.
macro_rules! query_erasures {
    ($tail:literal $(, $argument:expr)*) => {
        sqlx::query!(
            r#"SELECT e.id, e.project_id, e.customer, e.state, e.requested_by, e.requested_at, e.finished_at,
                   e.erased AS "erased: Json<Rows>",
                   (SELECT count(*) FROM erased_watches w WHERE w.erasure_id = e.id) AS "watches_left!"
               FROM erasures e "# + $tail
            $(, $argument)*
        )
        .map(|row| Erasure {
            id: row.id,
            project_id: row.project_id,
            customer: row.customer,
            state: row.state,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            finished_at: row.finished_at,
            erased: row.erased.0,
            watches_left: row.watches_left,
        })
    };
}

/// An erasure, by its id.
pub async fn find_erasure(
    db: impl PgExecutor<'_>,
    id: ErasureId,
) -> Result<Option<Erasure>, StoreError> {
    Ok(query_erasures!("WHERE e.id = $1", id.as_uuid()).fetch_optional(db).await?)
}

/// The erasures of a project, the newest first, at most 100.
pub async fn list_erasures(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<Erasure>, StoreError> {
    let erasures = query_erasures!(
        "WHERE e.project_id = $1 ORDER BY e.id DESC LIMIT $2",
        project_id.as_uuid(),
        MAX_LISTED
    );
    Ok(erasures.fetch_all(db).await?)
}

/// Those that nobody has gone on with for a while, the oldest first.
pub async fn list_unfinished(
    db: impl PgExecutor<'_>,
    unseen_for: Duration,
) -> Result<Vec<Erasure>, StoreError> {
    let erasures = query_erasures!(
        "WHERE e.state <> 'done' AND e.stepped_at < now() - make_interval(secs => $1) ORDER BY e.id",
        unseen_for.as_secs_f64()
    );
    Ok(erasures.fetch_all(db).await?)
}

/// The last erasure of a customer before a moment, if there was one.
pub async fn find_last_before(
    db: impl PgExecutor<'_>,
    project_id: ProjectId,
    customer: CustomerHash,
    before: OffsetDateTime,
) -> Result<Option<Erasure>, StoreError> {
    let erasures = query_erasures!(
        "WHERE e.project_id = $1 AND e.customer = $2 AND e.requested_at < $3 ORDER BY e.id DESC LIMIT 1",
        project_id.as_uuid(),
        customer.as_uuid(),
        before
    );
    Ok(erasures.fetch_optional(db).await?)
}
