//! Whether a project's repair endpoint answers as it should, as `doctor` checks it. The probing lives with the commands,
//! which neither the API nor the console knows: the process that starts the service provides it.

use std::pin::Pin;
use std::sync::Arc;

use domain::ids::ProjectId;

use crate::error::Cause;

/// What one check of an endpoint found.
#[derive(Debug, Clone)]
pub struct EndpointCheck {
    /// Whether Reprocess does not work, or not safely, because of it.
    pub failed: bool,
    /// What was found, and what to do about it.
    pub text: String,
}

/// A check under way; nothing of a project that is gone.
pub type CheckingRepair = Pin<Box<dyn Future<Output = Result<Vec<EndpointCheck>, Cause>> + Send>>;

/// Sends probes to a project's repair endpoint. Nothing is changed by them.
pub type CheckRepair = Arc<dyn Fn(ProjectId) -> CheckingRepair + Send + Sync>;
