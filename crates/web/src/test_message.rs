//! Test messages to destinations. The sending itself lives with the activities, which neither the
//! API nor the console knows: the process that starts the service provides it.

use std::pin::Pin;
use std::sync::Arc;

use domain::audit::Actor;
use domain::ids::DestinationId;

use crate::error::Cause;

/// What became of a test message.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Whether the other side took it.
    pub delivered: bool,
    /// The other side's response, verbatim.
    pub response: String,
}

/// A test message under way; `None` if there is no such destination any more.
pub type Testing = Pin<Box<dyn Future<Output = Result<Option<Tested>, Cause>> + Send>>;

/// Sends a test message to a destination.
pub type TestDestination = Arc<dyn Fn(DestinationId, Actor) -> Testing + Send + Sync>;
