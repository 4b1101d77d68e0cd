//! What the console needs from outside, given by whoever starts the service.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use domain::audit::Actor;
use domain::ids::DestinationId;
use domain::repair_url::AllowedNetworks;

use crate::auth::password_queue::PasswordQueue;
use crate::console::incidents::week::Weeks;
use crate::console::same_origin::FormOrigins;
use crate::error::Cause;

/// What became of a test message.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Whether the other side took it.
    pub delivered: bool,
    /// What the other side said, in its own words.
    pub answer: String,
}

/// A test message under way; `None` if there is no such destination any more.
pub type Testing = Pin<Box<dyn Future<Output = Result<Option<Tested>, Cause>> + Send>>;

/// Sends a test message to a destination. The sending itself lives with the activities, which the
/// API does not know.
pub type TestDestination = Arc<dyn Fn(DestinationId, Actor) -> Testing + Send + Sync>;

/// What the console needs from outside.
#[derive(Clone)]
pub struct ConsoleSettings {
    /// What links begin with, without a slash at the end.
    pub public_url: String,
    /// Where forms may come from.
    pub origins: FormOrigins,
    /// Temporal's own web interface, with its namespace.
    pub temporal_ui: Option<TemporalUi>,
    /// Private networks and hosts that callbacks may reach.
    pub allow: AllowedNetworks,
    /// Sends test messages, in the name of who asked for it.
    pub test_destination: TestDestination,
    /// Checks passwords, a few at a time.
    pub passwords: PasswordQueue,
    /// Remembers how well the last days went.
    pub weeks: Weeks,
}

impl fmt::Debug for ConsoleSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSettings")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// Temporal's own web interface.
#[derive(Debug, Clone)]
pub struct TemporalUi {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The namespace that the workflows are in.
    pub namespace: String,
}
