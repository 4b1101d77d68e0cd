//! What the pages work with: what every handler has, and what the console alone needs.

use std::ops::Deref;
use std::sync::Arc;

use crate::settings::ConsoleSettings;

/// What the pages work with. Cheap to clone.
#[derive(Clone)]
pub struct ConsoleState {
    /// What every handler works with.
    pub shared: web::state::AppState,
    /// What the console needs from outside.
    pub console: Arc<ConsoleSettings>,
}

impl Deref for ConsoleState {
    type Target = web::state::AppState;

    fn deref(&self) -> &Self::Target {
        &self.shared
    }
}
