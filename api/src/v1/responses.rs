//! What the API says of the rows of the store, for its own routes and for the command line's
//! `--json`.

mod causes;

use std::collections::BTreeMap;

use api_types::audit::AuditEntryResponse;
use api_types::bulk::{BulkItemResponse, BulkPreviewResponse, BulkResponse, EffectCount};
use api_types::comments::CommentResponse;
use api_types::destinations::DestinationResponse;
use api_types::erasures::{ErasureResponse, SentMessageResponse};
use api_types::error::Candidate;
use api_types::events::{EventDetailsResponse, EventResponse, TimelineEntryResponse};
use api_types::extensions::{AddedExtension, ExtensionResponse, TrialResponse};
use api_types::incidents::{
    AlertResponse, IncidentDetailsResponse, IncidentResponse, SimilarIncidentResponse,
};
use api_types::keys::KeyResponse;
use api_types::list::Listed;
use api_types::policies::{PolicyResponse, PolicyStopResponse};
use api_types::projects::ProjectResponse;
use api_types::proof_links::ProofLinkResponse;
use api_types::reprocesses::{AttemptResponse, ReprocessResponse};
use api_types::silences::SilenceResponse;
use domain::bulk::BulkCounts;
use domain::ids::{BulkId, IncidentId};
use store::alerts::AlertView;
use store::api_keys::KeyRow;
use store::attempts::CallbackAttempt;
use store::bulk::{Bulk, BulkItem, Preview};
use store::comments::Comment;
use store::destinations::Destination;
use store::erasure::{self, Erasure, SentMessage};
use store::events::PaymentEvent;
use store::extensions::Extension;
use store::incidents::Incident;
use store::page::Page;
use store::policies::{Policy, PolicyStop};
use store::projects::Project;
use store::proof_links::ProofLink;
use store::reprocesses::Reprocess;
use store::search::audit::AuditEntry;
use store::search::similar::SimilarIncident;
use store::silences::Silence;
use store::timeline::TimelineEntry;
use web::trial::Trial;

pub use self::causes::cause;

/// A page of the store, with the response for each row.
pub fn page<Row, T>(page: Page<Row>, response: impl Fn(Row) -> T) -> Listed<T> {
    let Page { data, next_cursor, .. } = page;
    Listed { data: data.into_iter().map(response).collect(), next_cursor }
}

pub fn project(project: Project) -> ProjectResponse {
    ProjectResponse {
        project_id: project.id,
        name: project.name,
        mode: project.mode,
        timeout_minutes: project.timeout_minutes,
        retention_months: project.retention_months,
        repair_url: project.repair_url,
        snapshots: project.snapshots,
        snapshot_days: project.snapshot_days,
        snapshot_in_callback: project.snapshot_in_callback,
        expected_receipts: project.expected_receipts,
        callback_header_names: project.callback_header_names,
        created_at: project.created_at,
        archived_at: project.archived_at,
    }
}

pub fn silence(silence: Silence) -> SilenceResponse {
    let (expected_hours, usual_per_hour) = silence.usual.parts();
    SilenceResponse {
        silence_id: silence.id,
        event_type: silence.event_type,
        since: silence.since,
        expected_hours,
        usual_per_hour,
        noticed_at: silence.noticed_at,
        ended_at: silence.ended_at,
        resumed_at: silence.resumed_at,
    }
}

/// How many causes are listed for which the policies of a project are stopped.
pub const MAX_STOPS: i64 = 100;

/// A policy, with those of the project's stops that are its own.
pub fn policy(policy: Policy, stops: &[PolicyStop]) -> PolicyResponse {
    let Policy { effect_type, settings, .. } = policy;
    let own = stops.iter().filter(|stop| stop.effect_type == effect_type);
    PolicyResponse {
        auto_reprocess: settings.enabled,
        attempts: settings.attempts,
        delay_seconds: settings.delay_seconds,
        stop_failed: settings.stop_failed,
        stop_of: settings.stop_of,
        stop_customers: settings.stop_customers,
        wait_alerts: settings.wait_alerts,
        allow: settings.may_take.then(|| effect_type.clone()),
        stopped_for: own.map(policy_stop).collect(),
        effect_type,
    }
}

fn policy_stop(stop: &PolicyStop) -> PolicyStopResponse {
    PolicyStopResponse {
        cause_id: stop.cause_id,
        event_type: stop.event_type.clone(),
        reason: stop.reason,
        error_code: stop.error_code.clone(),
        why: stop.why.to_string(),
        stopped_at: stop.stopped_at,
    }
}

pub fn bulk_preview(preview: Preview) -> BulkPreviewResponse {
    let by_effect = preview.by_effect.into_iter();
    BulkPreviewResponse {
        bulk_id: preview.id,
        action: preview.action,
        incidents: preview.items,
        oldest_opened_at: preview.oldest_opened_at,
        newest_opened_at: preview.newest_opened_at,
        by_effect: by_effect
            .map(|(effect, incidents)| EffectCount { effect_type: effect.to_string(), incidents })
            .collect(),
        excluded_running: preview.excluded.running,
        excluded_taking: preview.excluded.taking,
        excluded_resolved: preview.excluded.resolved,
        excluded_acknowledged: preview.excluded.acknowledged,
        left_over: preview.left_over,
    }
}

/// Bulk reprocesses with how far each is.
pub fn bulks(bulks: Vec<Bulk>, counts: &BTreeMap<BulkId, BulkCounts>) -> Listed<BulkResponse> {
    let counts_of = |one: &Bulk| counts.get(&one.id).copied().unwrap_or_default();
    Listed::whole(bulks.into_iter().map(|one| {
        let counts = counts_of(&one);
        bulk(one, counts)
    }))
}

pub fn bulk(bulk: Bulk, counts: BulkCounts) -> BulkResponse {
    let settings = bulk.settings;
    BulkResponse {
        bulk_id: bulk.id,
        action: bulk.action,
        cause_id: bulk.cause_id,
        failures_of: bulk.retry_of,
        set_id: bulk.set_id,
        state: bulk.state,
        why: bulk.why,
        requested_by: bulk.requested_by,
        note: bulk.note,
        canary: settings.map(|settings| settings.canary),
        per_minute: settings.map(|settings| settings.per_minute),
        stop_percent: settings.map(|settings| settings.stop_percent),
        incidents: bulk.items.into(),
        waiting: counts.waiting,
        started: counts.started,
        succeeded: counts.succeeded,
        failed: counts.failed,
        skipped: counts.skipped,
        created_at: bulk.created_at,
        started_at: bulk.started_at,
        ended_at: bulk.ended_at,
    }
}

pub fn bulk_item(item: BulkItem) -> BulkItemResponse {
    BulkItemResponse {
        place: item.place,
        incident_id: item.incident_id,
        event_id: item.event_id,
        internal_reference: item.internal_reference,
        state: item.state,
        replay_id: item.replay_id,
        why: item.why,
    }
}

pub fn comment(comment: Comment) -> CommentResponse {
    let Comment { id, at, author, text, mentioned } = comment;
    CommentResponse { audit_id: id, at, author, text, mentioned }
}

pub fn incident(incident: Incident) -> IncidentResponse {
    IncidentResponse {
        incident_id: incident.id,
        event_id: incident.event_id,
        state: incident.state,
        reason: incident.reason,
        error_code: incident.error.code,
        error_message: incident.error.message,
        resolution: incident.resolution,
        outage_grace_seconds: incident.outage_grace_seconds,
        opened_at: incident.opened_at,
        resolved_at: incident.resolved_at,
        cause_id: incident.cause_id,
        owner: incident.owner,
        amount: incident.amount,
    }
}

pub fn incident_details(
    found: Incident,
    alerts: Vec<AlertView>,
    similar: Vec<SimilarIncident>,
) -> IncidentDetailsResponse {
    IncidentDetailsResponse {
        incident: incident(found),
        alerts: alerts.into_iter().map(alert).collect(),
        similar: similar.into_iter().map(similar_incident).collect(),
    }
}

pub fn similar_incident(found: SimilarIncident) -> SimilarIncidentResponse {
    SimilarIncidentResponse {
        incident_id: found.id,
        internal_reference: found.internal_reference,
        resolution: found.resolution,
        opened_at: found.opened_at,
        resolved_at: found.resolved_at,
        resolved_by: found.by,
        note: found.note,
    }
}

pub fn alert(alert: AlertView) -> AlertResponse {
    let AlertView { kind, destination, state, attempts, told_by, .. } = alert;
    AlertResponse { kind, destination, state, attempts, told_by }
}

pub fn event(event: PaymentEvent, incident_id: Option<IncidentId>) -> EventResponse {
    EventResponse {
        event_id: event.id,
        effect: event.effect,
        provider: event.provider,
        provider_event_id: event.provider_event_id,
        event_type: event.event_type,
        effect_type: event.effect_type,
        internal_reference: event.internal_reference,
        effect_key: event.effect_key,
        amount: event.amount,
        shopify_shop_domain: event.shopify_shop_domain,
        received_at: event.received_at,
        timeout_at: event.timeout_at,
        incident_id,
    }
}

pub fn event_details(
    payment_event: PaymentEvent,
    incident_id: Option<IncidentId>,
    entries: Vec<TimelineEntry>,
) -> EventDetailsResponse {
    EventDetailsResponse { event: event(payment_event, incident_id), timeline: timeline(entries) }
}

pub fn timeline(entries: Vec<TimelineEntry>) -> Vec<TimelineEntryResponse> {
    entries.into_iter().map(timeline_entry).collect()
}

fn timeline_entry(entry: TimelineEntry) -> TimelineEntryResponse {
    let TimelineEntry { at, actor, action, detail } = entry;
    TimelineEntryResponse { at, actor, action, detail }
}

pub(super) fn candidate(event: PaymentEvent) -> Candidate {
    Candidate {
        event_id: event.id,
        provider: event.provider,
        shopify_shop_domain: event.shopify_shop_domain,
        event_type: event.event_type,
        effect_type: event.effect_type,
        internal_reference: event.internal_reference,
        effect_key: event.effect_key,
        effect: event.effect,
    }
}

pub(super) fn reprocess(reprocess: Reprocess, attempts: Vec<CallbackAttempt>) -> ReprocessResponse {
    ReprocessResponse {
        replay_id: reprocess.id,
        state: reprocess.state,
        requested_by: reprocess.requested_by,
        attempts: attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(attempt: CallbackAttempt) -> AttemptResponse {
    let CallbackAttempt { attempt, started_at, status, error, latency_ms, answer, redirect_to } =
        attempt;
    AttemptResponse { attempt, at: started_at, status, error, latency_ms, answer, redirect_to }
}

pub(super) fn erasure(erasure: &Erasure, sent: &[SentMessage]) -> ErasureResponse {
    ErasureResponse {
        erasure_id: Some(erasure.id),
        state: Some(erasure.state),
        tombstone: Some(erasure.customer),
        rows: erasure.erased.clone(),
        watches_left: erasure.watches_left,
        sent: sent.iter().map(sent_message).collect(),
        requested_by: Some(erasure.requested_by.clone()),
        requested_at: Some(erasure.requested_at),
        finished_at: erasure.finished_at,
    }
}

pub(super) fn erasure_preview(preview: &erasure::Preview) -> ErasureResponse {
    ErasureResponse {
        erasure_id: None,
        state: None,
        tombstone: None,
        rows: preview.rows.clone(),
        watches_left: 0,
        sent: preview.sent.iter().map(sent_message).collect(),
        requested_by: None,
        requested_at: None,
        finished_at: None,
    }
}

fn sent_message(sent: &SentMessage) -> SentMessageResponse {
    SentMessageResponse {
        incident_id: sent.incident_id,
        kind: sent.kind.clone(),
        destination: sent.destination.clone(),
        sent_at: sent.sent_at,
    }
}

pub(super) fn key(key: KeyRow) -> KeyResponse {
    let KeyRow { id, label, last_four, created_at, last_used_at, revoked_at, .. } = key;
    KeyResponse { key_id: id, label, last_four, created_at, last_used_at, revoked_at }
}

pub fn destination(destination: Destination) -> DestinationResponse {
    DestinationResponse {
        destination_id: destination.id,
        kind: destination.kind,
        address: destination.address,
        queue: destination.queue.map(|queue| queue.to_string()),
        label: destination.label,
        created_at: destination.created_at,
        broken_at: destination.broken_at,
        failing_since: destination.failing_since,
        failed_attempts: destination.failures,
        last_answer: destination.last_failure,
        every_incident: destination.every_incident,
    }
}

pub fn extension(extension: Extension) -> ExtensionResponse {
    ExtensionResponse {
        extension_id: extension.id,
        project_id: extension.project_id,
        point: extension.point,
        kind: extension.target.kind(),
        activity: extension.target.activity().map(str::to_owned),
        queue: extension.target.queue().map(str::to_owned),
        url: extension.target.url().map(str::to_owned),
        trust: extension.trust,
        budget_seconds: extension.budget_seconds,
        heartbeat_seconds: extension.heartbeat_seconds,
        fallback: extension.fallback,
        calls_per_second: extension.calls_per_second,
        created_at: extension.created_at,
        created_by: extension.created_by,
        paused_at: extension.paused_at,
        unanswered_in_a_row: extension.unanswered_in_a_row,
    }
}

/// `signing_secret` is that of an endpoint, shown this once.
pub fn added_extension(extension: &Extension, signing_secret: Option<String>) -> AddedExtension {
    AddedExtension {
        extension_id: extension.id,
        point: extension.point,
        kind: extension.target.kind(),
        queue: extension.target.queue().map(str::to_owned),
        trust: extension.trust,
        budget_seconds: extension.budget_seconds,
        signing_secret,
    }
}

pub fn trial(trial: Trial) -> TrialResponse {
    TrialResponse {
        answer: trial.answer,
        valid: trial.valid,
        would_count_as: trial.would_count_as.to_string(),
        latency_ms: trial.latency_ms,
        problem: trial.problem,
        adjusted: trial.adjusted,
    }
}

pub(super) fn proof_link(link: ProofLink) -> ProofLinkResponse {
    ProofLinkResponse {
        proof_link_id: link.id,
        created_by: link.created_by,
        created_at: link.created_at,
        expires_at: link.expires_at,
        revoked_at: link.revoked_at,
        views: link.views,
    }
}

pub(super) fn audit_entry(entry: AuditEntry) -> AuditEntryResponse {
    AuditEntryResponse {
        audit_id: entry.id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        event_id: entry.event_id,
        incident_id: entry.incident_id,
        detail: entry.detail,
    }
}

#[cfg(test)]
mod tests {
    use domain::event::Effect;
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_project_names_what_is_absent() {
        let created_at = datetime!(2026-11-21 14:02:09.25 UTC);
        let row = Project { created_at, ..samples::project() };
        assert_eq!(
            serde_json::to_string(&project(row)).expect("JSON"),
            r#"{"project_id":"prj_00000000000000000000000001","name":"CometCart","mode":"test","timeout_minutes":30,"retention_months":12,"repair_url":null,"snapshots":false,"snapshot_days":30,"snapshot_in_callback":false,"expected_receipts":"off","created_at":"2026-11-21T14:02:09.25Z"}"#
        );
    }

    #[test]
    fn an_incident_has_exactly_the_fields_of_the_contract() {
        assert_eq!(
            serde_json::to_string(&incident(samples::incident())).expect("JSON"),
            r#"{"incident_id":"inc_00000000000000000000000001","event_id":"ev_00000000000000000000000001","state":"open","reason":"failed_result","error_code":"account_locked","error_message":null,"resolution":null,"outage_grace_seconds":null,"opened_at":"2026-11-21T14:32:09Z","resolved_at":null,"cause_id":"cau_00000000000000000000000001"}"#
        );
    }

    #[test]
    fn an_event_has_exactly_the_fields_of_the_contract() {
        let row = PaymentEvent {
            effect: Effect::Pending,
            received_at: datetime!(2026-11-21 14:02:09.123456 UTC),
            timeout_at: datetime!(2026-11-21 14:32:09.123456 UTC),
            ..samples::event()
        };
        assert_eq!(
            serde_json::to_string(&event_details(row, None, Vec::new())).expect("JSON"),
            r#"{"event_id":"ev_00000000000000000000000001","effect":"pending","provider":"stripe","provider_event_id":"evt_1","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456","received_at":"2026-11-21T14:02:09.123456Z","timeout_at":"2026-11-21T14:32:09.123456Z","incident_id":null,"timeline":[]}"#
        );
    }

    #[test]
    fn a_timeline_keeps_its_entries_as_they_were_written() {
        let entry = TimelineEntry {
            at: datetime!(2026-11-21 14:02:09 UTC),
            actor: "cli:alice".into(),
            action: "result.failed".into(),
            detail: json!({ "error_code": "locked" }),
        };
        assert_eq!(
            serde_json::to_string(&timeline(vec![entry])).expect("JSON"),
            r#"[{"at":"2026-11-21T14:02:09Z","actor":"cli:alice","action":"result.failed","detail":{"error_code":"locked"}}]"#
        );
    }
}
