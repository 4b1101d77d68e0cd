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
