//! What the buttons of a Slack message ask for.

use crate::text_enum::text_enum;

text_enum! {
    /// A button, by its `action_id`.
    SlackOrder {
        Acknowledge = "acknowledge",
        Reprocess = "reprocess",
        /// For an hour.
        Snooze = "snooze",
    }
}

text_enum! {
    /// A button of a message about a cause, by its `action_id`: for all of its incidents that are not resolved.
    SlackCauseOrder {
        AcknowledgeAll = "acknowledge_all",
        /// For an hour.
        SnoozeAll = "snooze_all",
    }
}

/// The `action_id` of the button that opens a page and asks for nothing.
pub const OPEN_PAGE: &str = "open_page";

impl SlackOrder {
    /// What the button says.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledge",
            Self::Reprocess => "Reprocess",
            Self::Snooze => "Snooze for 1 hour",
        }
    }
}

impl SlackCauseOrder {
    /// What the button says.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AcknowledgeAll => "Acknowledge all",
            Self::SnoozeAll => "Snooze for 1 hour",
        }
    }
}
