//! What a watch is given: the event's state, and where people see its incident.

use domain::ids::EventId;
use domain::watch::{IncidentView, WatchState};
use store::{PgConnection, StoreError, event_state};

use crate::deps::Deps;

/// Reads the state in the transaction of what has changed it.
pub(crate) async fn read(
    deps: &Deps,
    tx: &mut PgConnection,
    event_id: EventId,
) -> Result<WatchState, StoreError> {
    let state = event_state::read_for_watch(tx, event_id).await?;
    let incident = state.incident.map(|incident| {
        let url = Some(deps.incident_url(incident.incident_id));
        IncidentView { url, ..incident }
    });
    Ok(WatchState { incident, ..state })
}
