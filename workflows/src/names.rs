//! Names that live longer than a deployment: they are in histories, queries and runbooks.

use domain::ids::{BulkId, EventId};
use temporalio_common::search_attributes::SearchAttributeKey;

/// The task queue of every workflow and activity.
pub const TASK_QUEUE: &str = "sendpromptly";

/// The task queue of calls to extensions over HTTPS. It is none that an extension can be registered
/// for: theirs go on with a dot.
#[must_use]
pub fn endpoint_queue(task_queue: &str) -> String {
    format!("{task_queue}-extensions")
}

/// The id of the workflow whose memo says which database a task queue belongs to.
#[must_use]
pub fn environment_id(task_queue: &str) -> String {
    if task_queue == TASK_QUEUE {
        "sendpromptly-environment".to_owned()
    } else {
        format!("sendpromptly-environment/{task_queue}")
    }
}

/// The id of the watch over one event.
#[must_use]
pub fn workflow_id(event: EventId) -> String {
    format!("effect-watch/{event}")
}

/// The id of the workflow of a bulk reprocess.
#[must_use]
pub fn bulk_workflow_id(id: BulkId) -> String {
    format!("bulk-reprocess/{id}")
}

/// The id of the probe that shows that all works.
#[must_use]
pub fn probe_id(task_queue: &str) -> String {
    if task_queue == TASK_QUEUE {
        "watch-probe".to_owned()
    } else {
        format!("watch-probe/{task_queue}")
    }
}

/// The id of the schedule that deletes what is kept no longer, hour by hour.
#[must_use]
pub fn retention_schedule_id(task_queue: &str) -> String {
    if task_queue == TASK_QUEUE {
        "sendpromptly-retention".to_owned()
    } else {
        format!("sendpromptly-retention/{task_queue}")
    }
}

/// What the ids of its runs begin with; the server adds the time.
#[must_use]
pub fn retention_id(task_queue: &str) -> String {
    if task_queue == TASK_QUEUE {
        "retention".to_owned()
    } else {
        format!("retention/{task_queue}")
    }
}

/// Search attributes, so that a workflow is found by what people know of the event.
pub mod search_attribute {
    use super::SearchAttributeKey;

    pub const PROJECT_ID: SearchAttributeKey<String> = SearchAttributeKey::keyword("SpProjectId");
    /// The provider's id of the event.
    pub const PROVIDER_EVENT_ID: SearchAttributeKey<String> =
        SearchAttributeKey::keyword("SpProviderEventId");
    /// The app's own reference.
    pub const INTERNAL_REFERENCE: SearchAttributeKey<String> =
        SearchAttributeKey::keyword("SpInternalReference");
    /// The effect that is due.
    pub const EFFECT_TYPE: SearchAttributeKey<String> = SearchAttributeKey::keyword("SpEffectType");
    /// The state of the watch: `pending`, or the incident's state.
    pub const STATE: SearchAttributeKey<String> = SearchAttributeKey::keyword("SpState");

    /// The names of all of them, for the set-up of a namespace.
    pub const ALL: [&str; 5] =
        ["SpProjectId", "SpProviderEventId", "SpInternalReference", "SpEffectType", "SpState"];
}
