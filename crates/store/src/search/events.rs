//! Searching events.

use std::collections::BTreeMap;

use domain::ids::EventId;
use domain::project::Mode;

pub use super::event_search::EventSearch;
use super::keyset::KeysetScan;
use super::{finder, project_names, reading};
use crate::events::{self, PaymentEvent};
use crate::incidents::{self, IncidentRef};
use crate::page::Page;
use crate::{PgConnection, PgPool, StoreError};

/// One event of a list.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub event: PaymentEvent,
    pub project_name: String,
    /// Whether its project watches real money.
    pub mode: Mode,
    /// Its incident, if it has one.
    pub incident: Option<IncidentRef>,
}

/// One page of the events that match.
pub async fn search_events(
    db: &PgPool,
    search: &EventSearch,
) -> Result<Page<EventRow>, StoreError> {
    let (from, until) = (search.received_after, search.received_before);
    let scan = KeysetScan::through_time(search.sort, search.cursor, from, until, search.limit);
    let mut tx = reading::begin(db).await?;
    let found = finder::find(&mut tx, search, &scan).await?;
    let rows = read_rows(&mut tx, &found.keys).await?;
    tx.commit().await?;
    Ok(found.page(rows, |id| id))
}

async fn read_rows(db: &mut PgConnection, ids: &[EventId]) -> Result<Vec<EventRow>, StoreError> {
    let read = events::list_by_ids(&mut *db, ids).await?;
    let mut events: BTreeMap<_, _> = read.into_iter().map(|event| (event.id, event)).collect();
    let of_events = incidents::list_for_events(&mut *db, ids).await?;
    let incidents: BTreeMap<_, _> =
        of_events.into_iter().map(|incident| (incident.event_id, incident.reference())).collect();
    let projects = project_names(db).await?;
    let rows = ids.iter().filter_map(|id| {
        let event = events.remove(id)?;
        let (project_name, mode) = projects.get(&event.project_id)?.clone();
        Some(EventRow { incident: incidents.get(id).copied(), event, project_name, mode })
    });
    Ok(rows.collect())
}
