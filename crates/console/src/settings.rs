//! What the console needs from outside, given by the process that starts the service.

use std::fmt;

use web::repair_check::CheckRepair;

use crate::overview_cache::OverviewCache;
use crate::password_queue::PasswordQueue;
use crate::same_origin::FormOrigins;
use crate::test_shop::TestShop;

/// What the console needs from outside.
#[derive(Clone)]
pub struct ConsoleSettings {
    /// Where forms may come from.
    pub origins: FormOrigins,
    /// Temporal's own web interface, with its namespace.
    pub temporal_ui: Option<TemporalUi>,
    /// Checks passwords, a few at a time.
    pub passwords: PasswordQueue,
    /// Remembers how well the last days went.
    pub overview_cache: OverviewCache,
    /// Checks a project's repair endpoint.
    pub check_repair: CheckRepair,
    /// The document of the automation API, as its page for people is made of it.
    pub api_document: fn() -> serde_json::Result<serde_json::Value>,
    /// The built-in test shop, where it is on.
    pub test_shop: Option<TestShop>,
}

impl fmt::Debug for ConsoleSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSettings").field("origins", &self.origins).finish_non_exhaustive()
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
