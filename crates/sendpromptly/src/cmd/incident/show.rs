//! `incident show`: the whole timeline of one incident.

use api::v1::responses;
use api_types::events::TimelineEntryResponse;
use api_types::incidents::{AlertResponse, IncidentResponse, SimilarIncidentResponse};
use domain::alert::{heading_opened, heading_repair_failed, heading_resolved, one_line};
use domain::extension::describe_evidence;
use domain::ids::ReplayId;
use domain::incident::IncidentState;
use domain::reprocess::ReprocessState;
use domain::timeline::{Names, describe_ending, describe_outcome};
use serde::Serialize;
use store::alerts::{self, AlertView};
use store::attempts::{self, CallbackAttempt};
use store::events::{self, PaymentEvent};
use store::incidents::Incident;
use store::proposals::{self, Proposal};
use store::reprocesses::{self, Reprocess};
use store::search::similar::{SimilarIncident, list_similar};
use store::timeline::{self, TimelineEntry};
use time::OffsetDateTime;

use crate::Context;
use crate::admin_context::AdminContext;
use crate::failure::no_such;
use crate::output::CommandOutput;
use crate::text::{
    block, format_optional_timestamp, format_timestamp, indented, or_nothing, plain, table,
};
use crate::timeline::render;

pub const HELP: &str = "\
Example:
  sendpromptly incident show inc_01K9QF3Z7M8V2T4B6N0C1D5E9G";

/// Everything that is known of an incident.
struct IncidentDetails {
    incident: Incident,
    event: PaymentEvent,
    reprocesses: Vec<(Reprocess, Vec<CallbackAttempt>)>,
    alerts: Vec<AlertView>,
    timeline: Vec<TimelineEntry>,
    names: Names,
    /// Newest first; none once the incident is resolved.
    proposals: Vec<Proposal>,
    /// How others of its cause ended.
    similar: Vec<SimilarIncident>,
}

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    incident: IncidentResponse,
    reprocesses: Vec<ReprocessOutput>,
    alerts: Vec<AlertResponse>,
    similar: Vec<SimilarIncidentResponse>,
    timeline: Vec<TimelineEntryResponse>,
}

#[derive(Serialize)]
struct ReprocessOutput {
    replay_id: ReplayId,
    state: ReprocessState,
    requested_by: String,
    attempts: Vec<AttemptOutput>,
}

#[derive(Serialize)]
struct AttemptOutput {
    attempt: i32,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    status: Option<i32>,
    error: Option<String>,
    latency_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_to: Option<String>,
}

pub(super) async fn run(id: &str, context: &Context) -> anyhow::Result<CommandOutput> {
    let admin = AdminContext::open(context).await?;
    let details = gather(&admin, id).await?;
    let human = describe(&details);
    CommandOutput::new(&Whole::from(details), human)
}

async fn gather(admin: &AdminContext, id: &str) -> anyhow::Result<IncidentDetails> {
    let incident = admin.incident(id).await?;
    let event_id = incident.event_id;
    let event = events::find_event(&admin.pool, event_id).await?;
    let mut reprocesses = Vec::new();
    for reprocess in reprocesses::list_for_incident(&admin.pool, incident.id).await? {
        let attempts = attempts::list_for_reprocess(&admin.pool, reprocess.id).await?;
        reprocesses.push((reprocess, attempts));
    }
    let mut proposals = Vec::new();
    if incident.state != IncidentState::Resolved {
        proposals = proposals::list_proposals(&admin.pool, event_id).await?;
    }
    Ok(IncidentDetails {
        proposals,
        similar: list_similar(&admin.pool, &incident).await?,
        event: event.ok_or_else(|| no_such("event", event_id))?,
        alerts: alerts::list_for_incident(&admin.pool, incident.id).await?,
        timeline: timeline::list_for_event(&admin.pool, event_id).await?,
        names: timeline::load_names(&admin.pool, &[incident.project_id]).await?,
        incident,
        reprocesses,
    })
}

impl From<IncidentDetails> for Whole {
    fn from(details: IncidentDetails) -> Self {
        Self {
            incident: responses::incident(details.incident),
            reprocesses: details.reprocesses.into_iter().map(ReprocessOutput::from).collect(),
            alerts: details.alerts.into_iter().map(responses::alert).collect(),
            similar: details.similar.into_iter().map(responses::similar_incident).collect(),
            timeline: responses::timeline(details.timeline),
        }
    }
}

impl From<(Reprocess, Vec<CallbackAttempt>)> for ReprocessOutput {
    fn from((reprocess, attempts): (Reprocess, Vec<CallbackAttempt>)) -> Self {
        let attempts = attempts.into_iter().map(|made| AttemptOutput {
            attempt: made.attempt,
            at: made.started_at,
            status: made.status,
            error: made.error,
            latency_ms: made.latency_ms,
            redirect_to: made.redirect_to,
        });
        Self {
            replay_id: reprocess.id,
            state: reprocess.state,
            requested_by: reprocess.requested_by,
            attempts: attempts.collect(),
        }
    }
}

fn describe(details: &IncidentDetails) -> String {
    let mut parts = vec![heading(details), facts(details)];
    if !details.reprocesses.is_empty() {
        parts.push(format!("Reprocesses:\n{}", indented(&reprocess_table(details))));
    }
    if !details.alerts.is_empty() {
        parts.push(format!("Alerts:\n{}", indented(&alert_table(&details.alerts))));
    }
    if !details.similar.is_empty() {
        parts.push(format!("Similar past incidents:\n{}", indented(&similar_list(details))));
    }
    parts.extend(details.proposals.iter().map(|proposal| evidence(&details.incident, proposal)));
    parts.push(format!("Timeline:\n{}", render(&details.timeline, &details.names)));
    parts.join("\n\n")
}

/// The sentence that mails and the console begin with, too.
fn heading(IncidentDetails { incident, event, reprocesses, .. }: &IncidentDetails) -> String {
    let reference = one_line(&event.internal_reference);
    let last = reprocesses.last().map(|(last, _)| last.state).filter(|state| !state.is_running());
    match incident.state {
        IncidentState::Resolved => {
            heading_resolved(&event.effect_type, &reference, incident.resolution)
        }
        IncidentState::Open | IncidentState::Acknowledged if last.is_some() => {
            heading_repair_failed(&event.effect_type, &reference, last)
        }
        IncidentState::Open | IncidentState::Acknowledged | IncidentState::Reprocessing => {
            heading_opened(&event.effect_type, &reference, incident.reason)
        }
    }
}

fn facts(IncidentDetails { incident, event, .. }: &IncidentDetails) -> String {
    let error: Vec<_> = incident.error.parts().collect();
    let resolution = incident.resolution.map(domain::incident::Resolution::as_str);
    block(&[
        ("incident", incident.id.to_string()),
        ("state", incident.state.to_string()),
        ("reason", incident.reason.to_string()),
        ("error", or_nothing((!error.is_empty()).then(|| error.join(": ")).as_deref())),
        ("event", incident.event_id.to_string()),
        ("project", incident.project_id.to_string()),
        ("effect", format!("{}, by {} {}", event.effect_type, event.provider, event.event_type)),
        ("provider event", event.provider_event_id.clone()),
        ("reference", event.internal_reference.clone()),
        ("owner", or_nothing(incident.owner.as_deref())),
        ("amount", or_nothing(event.amount.map(|amount| amount.to_string()).as_deref())),
        ("opened", format_timestamp(incident.opened_at)),
        ("resolved", format_optional_timestamp(incident.resolved_at)),
        ("resolution", or_nothing(resolution)),
    ])
}

/// What an extension found, and how to resolve the incident by it.
fn evidence(incident: &Incident, proposal: &Proposal) -> String {
    let mut lines = Vec::from_iter(proposal.note.as_deref().map(one_line));
    let entries = describe_evidence(&proposal.evidence).into_iter();
    lines.extend(entries.map(|(name, value)| format!("{name}: {value}")));
    lines.push(format!(
        "To resolve it by this evidence: sendpromptly incident resolve {} --evidence {}",
        incident.id, proposal.call_id
    ));
    let found = format!("{} found that it was applied:", one_line(&proposal.name));
    format!("{found}\n{}", indented(&lines.join("\n")))
}

fn reprocess_table(details: &IncidentDetails) -> String {
    let rows = details.reprocesses.iter().map(|(reprocess, attempts)| {
        let last = attempts.last().map(last_answer);
        vec![
            plain(&reprocess.id),
            plain(&reprocess.state),
            plain(&reprocess.requested_by),
            plain(&attempts.len()),
            plain(&or_nothing(last.as_deref())),
        ]
    });
    table(&["REPLAY", "STATE", "REQUESTED BY", "ATTEMPTS", "LAST RESPONSE"], rows.collect())
}

fn last_answer(made: &CallbackAttempt) -> String {
    describe_outcome(made.status, made.redirect_to.as_deref(), made.error.as_deref())
        .unwrap_or_else(|| "under way".to_owned())
}

fn state_of(alert: &AlertView) -> &str {
    match alert.state.as_str() {
        "pending" if alert.broken => "waits for a broken destination",
        "folded" => "to be told together with others",
        "told" => "told together with others",
        state => state,
    }
}

fn alert_table(alerts: &[AlertView]) -> String {
    let rows = alerts.iter().map(|alert| {
        vec![
            plain(&alert.kind),
            plain(&alert.destination),
            plain(&state_of(alert)),
            plain(&alert.attempts),
        ]
    });
    table(&["ALERT", "DESTINATION", "STATE", "ATTEMPTS"], rows.collect())
}

/// A line for each, and its note below it.
fn similar_list(details: &IncidentDetails) -> String {
    let lines = details.similar.iter().flat_map(|it| {
        let took = it.resolved_at - it.opened_at;
        let ended = describe_ending(it.resolution, it.by.as_deref(), took);
        let (reference, at) = (one_line(&it.internal_reference), format_timestamp(it.resolved_at));
        let note = it.note.as_deref().map(|note| format!("  {}", one_line(note)));
        std::iter::once(format!("{}  {reference}  {at}  {ended}", it.id)).chain(note)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
