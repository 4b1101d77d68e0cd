//! The reprocess: asking the app to do the work again.

use crate::text_enum::text_enum;

text_enum! {
    /// The state of one reprocess.
    ReprocessState {
        Requested = "requested",
        Delivering = "delivering",
        AwaitingResult = "awaiting_result",
        Succeeded = "succeeded",
        Failed = "failed",
        NoResult = "no_result",
        Undelivered = "undelivered",
    }
}

impl ReprocessState {
    /// Whether the reprocess still runs; an incident has at most one that does.
    #[must_use]
    pub const fn is_running(self) -> bool {
        match self {
            Self::Requested | Self::Delivering | Self::AwaitingResult => true,
            Self::Succeeded | Self::Failed | Self::NoResult | Self::Undelivered => false,
        }
    }
}
