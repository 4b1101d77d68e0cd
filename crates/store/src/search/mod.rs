//! The lists that operators look through: incidents, events, the audit.
//!
//! Each takes the same time whatever it is filtered by and however much there is. For that, an
//! index begins with every column that a list is filtered by, and ends with the id, which sorts by
//! time. Rows that agree in all those columns are of one *kind* and one ordered stretch of the
//! index. There are dozens of kinds and millions of rows. A search hops from kind to kind, one
//! probe each, keeps those that the filter wants, takes a page from the end of each one's stretch,
//! and merges them: it reads at most a page of each kind, and never a row that is not wanted. The
//! stretches are compared and ordered by the whole key on purpose: no other index can serve that,
//! and while a page is read ([`reading`]) Postgres may not sort or walk a table instead.
//!
//! A search finds ids; the rows are then read by their keys. Nothing here changes anything, and a
//! row that changes between the two is shown as it is then.

mod at_risk;
pub mod audit;
mod audit_ids;
mod audit_search;
pub mod causes;
mod event_ids;
mod event_search;
pub mod events;
pub mod filter;
mod finder;
pub mod hours;
mod incident_ids;
mod incident_search;
pub mod incidents;
mod keyset;
mod lookup;
pub mod overview;
mod owned_ids;
pub mod reading;
pub mod similar;
mod term;
pub mod unresolved;
mod words;

use std::collections::BTreeMap;

use domain::ids::ProjectId;
use domain::project::Mode;

use crate::{PgConnection, StoreError, projects};
pub(crate) use keyset::floor_id;
pub use keyset::{Cursor, Sort};

/// How many rows a page shows unless something else is asked for.
pub const PAGE: i64 = 50;

/// The names and modes of all projects; there is a handful.
async fn project_names(
    db: &mut PgConnection,
) -> Result<BTreeMap<ProjectId, (String, Mode)>, StoreError> {
    let all = projects::list_projects(db).await?;
    Ok(all.into_iter().map(|project| (project.id, (project.name, project.mode))).collect())
}

/// The names of what figures are about: one project, or those of a mode, or of both, that are not archived.
async fn counted_names(
    db: &mut PgConnection,
    project_id: Option<ProjectId>,
    mode: Option<Mode>,
) -> Result<BTreeMap<ProjectId, String>, StoreError> {
    let mut all = projects::list_in_use(db, project_id).await?;
    all.retain(|one| project_id.is_none_or(|id| id == one.id));
    all.retain(|one| mode.is_none_or(|mode| mode == one.mode));
    Ok(all.into_iter().map(|project| (project.id, project.name)).collect())
}
