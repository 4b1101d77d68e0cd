//! What handlers work with. Cheap to clone.

use std::sync::Arc;

use engine::{Monitor, Relay};
use store::{MasterKey, PgPool};

use crate::console::settings::ConsoleSettings;
use crate::rate_limit::RateLimit;
use crate::serve::Detached;

/// What handlers work with.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub pool: PgPool,
    /// Seals snapshots.
    pub master_key: MasterKey,
    /// Whether the product does its work, for `/readyz` and the console's head.
    pub health: Arc<Monitor>,
    /// Carries committed wishes over to Temporal.
    pub relay: Relay,
    /// How much each key may send.
    pub limits: Arc<RateLimit>,
    /// What the console needs from outside.
    pub console: Arc<ConsoleSettings>,
    /// Runs commits to their end when a client hangs up.
    pub detached: Detached,
}
