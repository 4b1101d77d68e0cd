//! Trials of extensions: one call that changes nothing. The calling itself lives with the
//! activities and the client of Temporal, which neither the API nor the console knows: the process
//! that starts the service provides it.

use std::pin::Pin;
use std::sync::Arc;

use domain::audit::Actor;
use domain::extension::CallOutcome;
use domain::ids::{EventId, ExtensionId};
use serde_json::Value;

use crate::error::Cause;

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What was answered, as it came: JSON, or the beginning of what is none. `null` where nothing
    /// was.
    pub answer: Value,
    /// Whether it is an answer as the contract says.
    pub valid: bool,
    /// What it would have counted as.
    pub would_count_as: CallOutcome,
    pub latency_ms: i64,
    /// Why there is no valid answer, as a sentence.
    pub problem: Option<String>,
    /// What of a valid answer would be changed to keep it.
    pub adjusted: Vec<String>,
}

/// A trial under way; `None` if there is no such extension, or event of its project, any more.
pub type Trying = Pin<Box<dyn Future<Output = Result<Option<Trial>, Cause>> + Send>>;

/// Tries an extension with an event, or with an example.
pub type TryExtension = Arc<dyn Fn(ExtensionId, Option<EventId>, Actor) -> Trying + Send + Sync>;
