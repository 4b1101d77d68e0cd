//! Gathers what one alert says, in its state when the alert is sent.

use domain::alert::{AlertEvidence, AlertFacts, AlertKind, LastResponse};
use domain::audit::{Action, AuditEvent};
use domain::ids::ReplayId;
use domain::incident::{IncidentState, Resolution};
use domain::reprocess::ReprocessState;
use domain::timeline::actor_name;
use store::alerts::Alert;
use store::events::PaymentEvent;
use store::incidents::Incident;
use store::projects::Project;
use store::{
    StoreError, attempts, events, incidents, policy_plans, projects, proposals, reprocesses,
    timeline,
};
use time::OffsetDateTime;

use crate::deps::Deps;

pub(super) async fn gather(deps: &Deps, alert: &Alert) -> Result<AlertFacts, StoreError> {
    let missing = || StoreError::Missing("incidents, payment_events or projects");
    let incident =
        incidents::find_incident(&deps.pool, alert.incident_id).await?.ok_or_else(missing)?;
    let event = events::find_event(&deps.pool, alert.event_id).await?.ok_or_else(missing)?;
    let project =
        projects::find_project(&deps.pool, event.project_id).await?.ok_or_else(missing)?;
    let incident_url = deps.incident_url(incident.id);
    let resolved_by = resolved_by(deps, &incident).await?;
    let automatic = is_automatic(deps, &incident).await?;
    let facts = common_facts(alert, incident, event, project, incident_url);
    let evidence = evidence(deps, alert).await?;
    let facts = AlertFacts { resolved_by, automatic, evidence, ..facts };
    let Some(replay_id) = alert.failed_reprocess() else {
        return Ok(facts);
    };
    let (reprocess_ending, last_answer) = repair(deps, replay_id).await?;
    Ok(AlertFacts { reprocess_ending, last_answer, ..facts })
}

/// What every alert says.
fn common_facts(
    alert: &Alert,
    incident: Incident,
    event: PaymentEvent,
    project: Project,
    incident_url: String,
) -> AlertFacts {
    let failed = alert.failed_reprocess();
    let waits = if failed.is_some() { project.timeout_minutes } else { event.timeout_minutes };
    AlertFacts {
        kind: alert.kind,
        automatic: false,
        test_message: false,
        project_id: project.id,
        project_name: project.name,
        mode: project.mode,
        provider: event.provider,
        event_type: event.event_type,
        effect_type: event.effect_type,
        internal_reference: event.internal_reference,
        provider_event_id: event.provider_event_id,
        amount: event.amount,
        effect_key: event.effect_key,
        shopify_shop_domain: event.shopify_shop_domain,
        incident_id: incident.id,
        event_id: event.id,
        replay_id: failed,
        reason: incident.reason,
        error: incident.error,
        occurred_at: event.occurred_at,
        received_at: event.received_at,
        timeout_at: event.timeout_at,
        outage_grace_seconds: incident.outage_grace_seconds,
        opened_at: incident.opened_at,
        happened_at: alert.created_at,
        told_at: Some(OffsetDateTime::now_utc()),
        resolution: incident.resolution,
        resolved_by: None,
        reprocess_ending: None,
        timeout_minutes: waits,
        last_answer: None,
        evidence: None,
        incident_url,
    }
}

/// Who resolved it, if an operator did.
async fn resolved_by(deps: &Deps, incident: &Incident) -> Result<Option<String>, StoreError> {
    if incident.resolution != Some(Resolution::Manual) {
        return Ok(None);
    }
    let is = |event: &AuditEvent| event.kind() == Some(Action::IncidentResolved);
    let entry = timeline::find_latest(&deps.pool, incident.event_id, is).await?;
    Ok(entry.map(|entry| actor_name(&entry.actor)))
}

/// What an extension found last, where people are told that an incident opened. What it finds after
/// that is on the timeline.
async fn evidence(deps: &Deps, alert: &Alert) -> Result<Option<AlertEvidence>, StoreError> {
    if alert.kind != AlertKind::IncidentOpened {
        return Ok(None);
    }
    let newest = proposals::list_proposals(&deps.pool, alert.event_id).await?.into_iter().next();
    Ok(newest.map(|proposal| AlertEvidence {
        extension: proposal.name,
        call_id: proposal.call_id,
        note: proposal.note,
        entries: proposal.evidence,
    }))
}

/// Whether the project's policy reprocesses it, or will.
async fn is_automatic(deps: &Deps, incident: &Incident) -> Result<bool, StoreError> {
    if incident.state == IncidentState::Reprocessing {
        let all = reprocesses::list_for_incident(&deps.pool, incident.id).await?;
        return Ok(all.iter().any(|it| it.is_automatic() && it.state.is_running()));
    }
    let plan = policy_plans::find_plan(&deps.pool, incident.event_id).await?;
    Ok(plan.is_some_and(|plan| plan.try_at.is_some()))
}

/// How a reprocess ended, and what the app's endpoint said last.
async fn repair(
    deps: &Deps,
    replay_id: ReplayId,
) -> Result<(Option<ReprocessState>, Option<LastResponse>), StoreError> {
    let reprocess = reprocesses::find_reprocess(&deps.pool, replay_id).await?;
    let attempts = attempts::list_for_reprocess(&deps.pool, replay_id).await?;
    let last_answer = attempts.into_iter().next_back().map(|attempt| LastResponse {
        status: attempt.status.and_then(|status| u16::try_from(status).ok()),
        excerpt: match attempt.redirect_to {
            Some(target) => format!("redirects to {target}"),
            None => attempt.answer.or(attempt.error).unwrap_or_default(),
        },
    });
    Ok((reprocess.map(|reprocess| reprocess.state), last_answer))
}
