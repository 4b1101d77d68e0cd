//! The project: one monitored payment flow.

use crate::text_enum::text_enum;

text_enum! {
    /// Whether a project watches real money.
    Mode { Test = "test", Live = "live" }
}

/// How long a project waits for a result unless it says otherwise.
pub const DEFAULT_TIMEOUT_MINUTES: i32 = 30;
