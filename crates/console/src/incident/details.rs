//! Everything that is known of one incident.

use domain::extension::Point;
use domain::ids::IncidentId;
use domain::maintenance::Hold;
use store::alerts::{self, AlertView};
use store::events::{self, PaymentEvent};
use store::incidents::{self, Incident};
use store::projects::{self, Project};
use store::proof_links::{self, ProofLink};
use store::proposals::{self, Proposal};
use store::reprocesses::{self, Reprocess};
use store::snoozes::{self, Snooze};
use store::{StoreError, alert_rules, audit, extensions};
use time::OffsetDateTime;
use web::error::ApiError;

use super::siblings::Siblings;
use crate::state::ConsoleState;
use crate::timeline_view::{self, Running, TimelineItemView};

#[derive(Debug)]
pub(super) struct IncidentDetails {
    pub(super) now: OffsetDateTime,
    pub(super) incident: Incident,
    pub(super) event: PaymentEvent,
    pub(super) project: Project,
    /// Oldest first.
    pub(super) reprocesses: Vec<Reprocess>,
    pub(super) running: Option<Running>,
    pub(super) alerts: Vec<AlertView>,
    pub(super) timeline: Vec<TimelineItemView>,
    pub(super) links: Vec<ProofLink>,
    /// What extensions found, newest first.
    pub(super) proposals: Vec<Proposal>,
    /// Whether an extension does reprocesses of this event.
    pub(super) repaired_by_extension: bool,
    /// Why the project's people are not told of anything now.
    pub(super) hold: Option<Hold>,
    /// Until when people are not told of it again.
    pub(super) snooze: Option<Snooze>,
    /// What it has in common with others.
    pub(super) siblings: Option<Siblings>,
    /// Who acknowledged it last, as in the audit.
    pub(super) acknowledged_by: Option<String>,
}

impl IncidentDetails {
    /// Reads everything. What changes in the meantime is seen at the next load.
    pub(super) async fn read(state: &ConsoleState, incident: Incident) -> Result<Self, ApiError> {
        let (pool, now) = (&state.pool, OffsetDateTime::now_utc());
        let (id, event_id) = (incident.id, incident.event_id);
        let event = events::find_event(pool, event_id).await?;
        let event = event.ok_or(StoreError::Missing("payment_events"))?;
        let project = projects::find_project(pool, event.project_id).await?;
        let reprocesses = reprocesses::list_for_incident(pool, id).await?;
        let running = Running::find_among(pool, &reprocesses).await?;
        let repairing = extensions::list_for_event(pool, &event, Point::Reprocess).await?;
        let mut people = audit::list_acknowledgers(pool, &[event_id]).await?;
        Ok(Self {
            now,
            timeline: timeline_view::load(pool, &event, running.as_ref(), now).await?,
            alerts: alerts::list_for_incident(pool, id).await?,
            links: proof_links::list_links(pool, id).await?,
            proposals: proposals::list_proposals(pool, event_id).await?,
            project: project.ok_or(StoreError::Missing("projects"))?,
            hold: alert_rules::find_hold(pool, event.project_id).await?,
            snooze: snoozes::find_open(pool, id).await?,
            siblings: Siblings::read(pool, &incident).await?,
            repaired_by_extension: !repairing.is_empty(),
            acknowledged_by: people.remove(&event_id),
            incident,
            event,
            reprocesses,
            running,
        })
    }
}

/// The incident that an address names.
pub(crate) async fn find(state: &ConsoleState, id: &str) -> Result<Incident, ApiError> {
    let nothing = || ApiError::not_found("There is no such incident.");
    let id: IncidentId = id.parse().map_err(|_| nothing())?;
    incidents::find_incident(&state.pool, id).await?.ok_or_else(nothing)
}
