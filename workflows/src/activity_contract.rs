//! The activities of the watch: each activity's name, input and output, declared once.
//!
//! The `activities` package implements exactly these; a drift does not compile. Inputs carry ids,
//! never bodies or secrets, because histories are read by many. Fields are only ever added.

use domain::extension::Silence;
use domain::ids::{AlertId, AuditId, BulkId, CallId, EventId, ReplayId, ResultId};
use domain::watch::WatchState;
use serde::{Deserialize, Serialize};
use temporalio_common::ActivityError;
use temporalio_common::data_converters::RawValue;
use temporalio_macros::activity_definitions;

pub use crate::signal_input::InputNotes;

/// The event that an activity is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventInput {
    pub event_id: EventId,
}

/// The reprocess that an activity is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReprocessInput {
    pub event_id: EventId,
    pub replay_id: ReplayId,
}

/// The alert that an activity delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertInput {
    pub alert_id: AlertId,
}

/// A result typed at the `temporal` command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManualResult {
    pub event_id: EventId,
    /// The id that the result gets; the key of this activity.
    pub result_id: ResultId,
    /// The input as it was typed; the store judges it.
    #[serde(default)]
    pub body: serde_json::Value,
    /// What of the input was not understood.
    #[serde(default, skip_serializing_if = "InputNotes::is_empty")]
    pub notes: InputNotes,
}

/// A request to reprocess, entered at the `temporal` command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualReprocess {
    pub event_id: EventId,
    /// The id that the reprocess gets; the key of this activity.
    pub replay_id: ReplayId,
    /// Who asks.
    #[serde(default)]
    pub requested_by: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// What of the input was not understood.
    #[serde(default, skip_serializing_if = "InputNotes::is_empty")]
    pub notes: InputNotes,
}

/// A resolution typed at the `temporal` command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualResolution {
    pub event_id: EventId,
    /// The id of the entry that a rejection leaves behind.
    #[serde(default)]
    pub entry_id: Option<AuditId>,
    /// Who resolves.
    #[serde(default)]
    pub resolved_by: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// What of the input was not understood.
    #[serde(default, skip_serializing_if = "InputNotes::is_empty")]
    pub notes: InputNotes,
}

/// A reprocess whose callback ended in Temporal before it was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndeliveredReprocess {
    pub event_id: EventId,
    pub replay_id: ReplayId,
    /// What ended it.
    #[serde(default)]
    pub why: String,
}

/// Extensions that are to be asked before an incident opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskInput {
    pub event_id: EventId,
    /// Those whose time begins at least so many milliseconds before the deadline.
    pub lead_ms: u64,
}

/// A call of an extension over HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointInput {
    pub call_id: CallId,
}

/// How a call of an extension ended: with an answer, or without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedCall {
    pub event_id: EventId,
    pub call_id: CallId,
    /// What was answered, as it came; at most [`domain::extension::MAX_ANSWER_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// The probe's activity is about no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProbeInput {}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeOutcome {
    /// `called`; `silent`, where a check failed; `failed`, where the service did not take the call.
    pub ended: String,
}

/// The bulk reprocess that an activity, or a run, is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkInput {
    pub bulk_id: BulkId,
}

/// What a person signalled to a bulk reprocess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteerInput {
    pub bulk_id: BulkId,
    /// `pause`, `resume` or `cancel`.
    pub steering: String,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
}

/// How far a bulk reprocess is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkStep {
    /// `running`, `paused`, `canceled` or `done`; `gone` where the database does not know it.
    pub state: String,
    /// When the next step is due, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    pub waiting: i64,
    pub started: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub skipped: i64,
}

/// Reading and changing the state of an event. Each one returns the state afterwards.
pub struct Records;

#[activity_definitions]
impl Records {
    /// Opens the incident if the deadline passed in silence, by the database's clock.
    #[activity(name = "open_incident_if_due")]
    pub fn open_incident_if_due(_: EventInput) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Reads the event's state.
    #[activity(name = "read_standing")]
    pub fn read_standing(_: EventInput) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Records a result that was entered manually, or why it was rejected.
    #[activity(name = "record_result")]
    pub fn record_result(_: ManualResult) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Starts a reprocess that was requested manually, or records why it was rejected.
    #[activity(name = "request_reprocess")]
    pub fn request_reprocess(_: ManualReprocess) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Resolves the incident manually, or records why that was rejected.
    #[activity(name = "resolve_incident")]
    pub fn resolve_incident(_: ManualResolution) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Ends the reprocess as unanswered if its result is overdue, by the database's clock.
    #[activity(name = "end_reprocess_if_due")]
    pub fn end_reprocess_if_due(_: ReprocessInput) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Ends the reprocess as undelivered because its callback was ended in Temporal.
    #[activity(name = "end_undelivered_reprocess")]
    pub fn end_undelivered_reprocess(_: UndeliveredReprocess) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }
}

/// Asking extensions.
pub struct Extensions;

#[activity_definitions]
impl Extensions {
    /// Writes the calls that are due before an incident opens. The state lists those to be made.
    #[activity(name = "ask_extensions")]
    pub fn ask_extensions(_: AskInput) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }

    /// Records how a call ended, and has the answer judged.
    #[activity(name = "record_answer")]
    pub fn record_answer(_: EndedCall) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }
}

/// Asking extensions over HTTPS. These run on [`crate::names::endpoint_queue`], so that an endpoint
/// that hangs holds no slot that something else needs.
pub struct Endpoints;

#[activity_definitions]
impl Endpoints {
    /// Asks an endpoint once. Gives the body of its response; the type of a failure is a
    /// [`Silence`] as text.
    #[activity(name = "ask_endpoint")]
    pub fn ask_endpoint(_: EndpointInput) -> Result<RawValue, ActivityError> {
        unimplemented!()
    }
}

/// Talking to the app.
pub struct Callbacks;

#[activity_definitions]
impl Callbacks {
    /// Asks the app to do the work again: one attempt, retried on the contract's schedule until it
    /// is delivered, stopped or used up.
    #[activity(name = "send_callback")]
    pub fn send_callback(_: ReprocessInput) -> Result<WatchState, ActivityError> {
        unimplemented!()
    }
}

/// Notifying people.
pub struct Alerts;

#[activity_definitions]
impl Alerts {
    /// Delivers one alert to one destination, retried for 24 hours.
    #[activity(name = "deliver_alert")]
    pub fn deliver_alert(_: AlertInput) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// Reprocessing many incidents.
pub struct BulkReprocesses;

#[activity_definitions]
impl BulkReprocesses {
    /// Keeps what ended, judges, and starts what may start.
    #[activity(name = "step_bulk")]
    pub fn step_bulk(_: BulkInput) -> Result<BulkStep, ActivityError> {
        unimplemented!()
    }

    /// Pauses, resumes or cancels what a person signalled; where that cannot be, nothing changes.
    #[activity(name = "steer_bulk")]
    pub fn steer_bulk(_: SteerInput) -> Result<(), ActivityError> {
        unimplemented!()
    }
}

/// Showing that all works.
pub struct Probes;

#[activity_definitions]
impl Probes {
    /// Sees that the database, the outbox, deadlines and the senders of alerts work, and then calls the
    /// dead-man URL.
    #[activity(name = "call_dead_man")]
    pub fn call_dead_man(_: ProbeInput) -> Result<ProbeOutcome, ActivityError> {
        unimplemented!()
    }
}

/// Nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListRulesInput {}

/// The rules of retention, by their names, in the order in which they are applied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleList {
    pub rules: Vec<String>,
}

/// The rule that an activity applies, by its name: another release may know others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInput {
    pub rule: String,
}

/// What a rule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleApplied {
    /// Rows that went.
    pub deleted: i64,
}

/// Deleting what is kept no longer.
pub struct Retentions;

#[activity_definitions]
impl Retentions {
    /// Names the rules that this worker knows.
    #[activity(name = "list_rules")]
    pub fn list_rules(_: ListRulesInput) -> Result<RuleList, ActivityError> {
        unimplemented!()
    }

    /// Deletes what is due by one rule, batch by batch, with heartbeats.
    #[activity(name = "apply_rule")]
    pub fn apply_rule(_: RuleInput) -> Result<RuleApplied, ActivityError> {
        unimplemented!()
    }
}

/// The definitions under the names that their implementations refer to.
pub mod definition {
    pub use super::alerts::DeliverAlert;
    pub use super::bulk_reprocesses::{SteerBulk, StepBulk};
    pub use super::callbacks::SendCallback;
    pub use super::endpoints::AskEndpoint;
    pub use super::extensions::{AskExtensions, RecordAnswer};
    pub use super::probes::CallDeadMan;
    pub use super::records::{
        EndReprocessIfDue, EndUndeliveredReprocess, OpenIncidentIfDue, ReadStanding, RecordResult,
        RequestReprocess, ResolveIncident,
    };
    pub use super::retentions::{ApplyRule, ListRules};
}
