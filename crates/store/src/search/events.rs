//! Searching events.

use std::collections::BTreeMap;

use domain::catalogue::EffectType;
use domain::event::Effect;
use domain::ids::{EventId, IncidentId, ProjectId};
use domain::incident::IncidentState;
use domain::project::Mode;
use time::OffsetDateTime;

use super::walk::Walk;
use super::{Cursor, Sort, event_ids, project_names, reading};
use crate::events::{self, PaymentEvent};
use crate::page::Page;
use crate::{PgConnection, PgPool, StoreError, incidents};

/// Which events are looked for. Every filter narrows; the default finds all, newest first.
#[derive(Debug, Clone, Default)]
pub struct EventSearch {
    /// Of one project.
    pub project_id: Option<ProjectId>,
    /// Of projects of this mode.
    pub mode: Option<Mode>,
    /// What became of the effect.
    pub effect: Option<Effect>,
    /// The provider's event type.
    pub event_type: Option<String>,
    /// The effect that is due.
    pub effect_type: Option<EffectType>,
    /// Received at or after this.
    pub received_after: Option<OffsetDateTime>,
    /// Received before this.
    pub received_before: Option<OffsetDateTime>,
    /// What was typed: an event's, incident's or replay's id, else the provider's id or the app's
    /// reference, or how one of those begins.
    pub text: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Where the page lies; the first one if nothing is said.
    pub cursor: Option<Cursor<EventId>>,
    /// How many rows the page has, at most 200; 50 if this is 0.
    pub limit: i64,
}

impl EventSearch {
    /// Whether time is all that narrows.
    pub(super) fn is_unfiltered(&self) -> bool {
        self.project_id.is_none()
            && self.mode.is_none()
            && self.effect.is_none()
            && self.event_type.is_none()
            && self.effect_type.is_none()
    }
}

/// One event of a list.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The event.
    pub event: PaymentEvent,
    /// The name of its project.
    pub project_name: String,
    /// Whether its project watches real money.
    pub mode: Mode,
    /// Its incident, if it has one.
    pub incident: Option<(IncidentId, IncidentState)>,
}

/// One page of the events that are looked for.
///
/// # Errors
/// When the database fails.
pub async fn search_events(
    db: &PgPool,
    search: &EventSearch,
) -> Result<Page<EventRow>, StoreError> {
    let time = (search.received_after, search.received_before);
    let cursor = search.cursor.map(|cursor| cursor.map(EventId::as_uuid));
    let walk = Walk::through_time(search.sort, cursor, time, search.limit);
    let mut tx = reading::begin(db).await?;
    let found = event_ids::find(&mut tx, search, &walk).await?;
    let ids: Vec<_> = found.places.iter().copied().map(EventId::from_uuid).collect();
    let rows = read_rows(&mut tx, &ids).await?;
    tx.commit().await?;
    Ok(found.page(rows, EventId::from_uuid))
}

async fn read_rows(db: &mut PgConnection, ids: &[EventId]) -> Result<Vec<EventRow>, StoreError> {
    let read = events::list_by_ids(&mut *db, ids).await?;
    let mut events: BTreeMap<_, _> = read.into_iter().map(|event| (event.id, event)).collect();
    let of_events = incidents::list_of_events(&mut *db, ids).await?;
    let incidents: BTreeMap<_, _> = of_events
        .into_iter()
        .map(|incident| (incident.event_id, (incident.id, incident.state)))
        .collect();
    let projects = project_names(db).await?;
    let rows = ids.iter().filter_map(|id| {
        let event = events.remove(id)?;
        let (project_name, mode) = projects.get(&event.project_id)?.clone();
        Some(EventRow { incident: incidents.get(id).copied(), event, project_name, mode })
    });
    Ok(rows.collect())
}
