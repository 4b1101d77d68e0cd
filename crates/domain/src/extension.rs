//! Extensions: a team's own activity, or its own HTTPS endpoint, in the flow of an event.
//!
//! An extension gives evidence; what that changes is decided here and under the event's lock, never
//! by the extension. It can make things better earlier and nothing later: whatever it does, or does
//! not do, leaves an event as it would be without it.
//!
//! What goes to an extension is an [`ExtensionInput`], equal on every attempt. What comes back is
//! read by [`ExtensionAnswer::read`]; where nothing readable comes back, [`Unanswered`] says why. The
//! forms of the answers are those that teams use, in `sendpromptly_extension`.

mod answer;
#[cfg(test)]
mod contract_tests;
mod describe;
mod input;
mod not_json;
mod registration;
mod unanswered;

pub use answer::{AnswerError, CallOutcome, ExtensionAnswer, ReadAnswer};
pub use describe::describe_evidence;
pub use input::{ExtensionInput, InputReason, example_input};
pub use registration::{
    ActivityName, DEFAULT_BUDGET_SECONDS, DEFAULT_CALLS_PER_SECOND, ExtensionTarget, ExtensionUrl,
    HEARTBEAT_SECONDS, InvalidActivityName, InvalidQueue, MAX_BUDGET_SECONDS, MAX_CALLS_PER_SECOND,
    MAX_EXTENSIONS, MIN_BUDGET_SECONDS, NewExtension, QueueName,
};
pub use sendpromptly_extension::{
    CONTRACT, Evidence, MAX_ANSWER_BYTES, MAX_EVIDENCE, MAX_EVIDENCE_NAME, MAX_EVIDENCE_VALUE,
    ProbeAnswer, QUEUE_PREFIX, ReprocessAnswer, ReprocessOutcome,
};
pub use unanswered::{Silence, Unanswered};

use std::time::Duration;

use crate::project::Mode;
use crate::text_enum::text_enum;

text_enum! {
    /// Where in the flow an extension is asked.
    Point {
        /// Shortly before an incident would open, because nobody reported.
        BeforeIncident = "before_incident",
        /// Beside an incident that opened.
        AfterFailure = "after_failure",
        /// Instead of the signed callback of a reprocess, or before it.
        Reprocess = "reprocess",
    }
}

impl Point {
    /// Whether an extension that is asked there works for the event's customer, so that a trial with
    /// an event would.
    #[must_use]
    pub const fn does_work(self) -> bool {
        match self {
            Self::BeforeIncident | Self::AfterFailure => false,
            Self::Reprocess => true,
        }
    }
}

/// From so many calls in a row without an answer on a project's destinations hear of it, once a day.
pub const SILENT_AFTER: i32 = 20;

/// How long one attempt at an extension may take, whatever its budget, which is for all of them.
pub const MAX_ATTEMPT: Duration = Duration::from_secs(20);

/// How long before an event's deadline an extension is asked: its budget, but never more than half
/// of the time that the app has. Whole milliseconds, as it travels: the watch and the database
/// compare it.
#[must_use]
pub fn lead(budget: Duration, app_has: time::Duration) -> Duration {
    let lead = budget.min(Duration::try_from(app_has / 2).unwrap_or_default());
    Duration::from_millis(u64::try_from(lead.as_millis()).unwrap_or(u64::MAX))
}

text_enum! {
    /// How far what an extension says is believed.
    Trust {
        /// Its evidence is shown, and a person decides.
        Propose = "propose",
        /// What it says counts as the app's own result.
        Settle = "settle",
    }
}

impl Trust {
    /// Unless a registration says otherwise.
    #[must_use]
    pub const fn default_of(mode: Mode) -> Self {
        match mode {
            Mode::Live => Self::Propose,
            Mode::Test => Self::Settle,
        }
    }
}

text_enum! {
    /// What follows when an extension did not take over a reprocess.
    Fallback {
        /// The signed callback is sent immediately.
        Callback = "callback",
        /// The reprocess ends undelivered.
        None = "none",
    }
}

text_enum! {
    /// How an extension is reached.
    ExtensionKind {
        /// An activity on a task queue of the team's own worker.
        Activity = "activity",
        /// A signed request to the team's own endpoint.
        Https = "https",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_whole_milliseconds_and_half_of_what_the_app_has_at_most() {
        let app_has = time::Duration::microseconds(12_000_003);
        assert_eq!(lead(Duration::from_mins(1), app_has), Duration::from_secs(6));
        assert_eq!(lead(Duration::from_secs(5), app_has), Duration::from_secs(5));
        assert_eq!(lead(Duration::from_secs(5), time::Duration::seconds(-1)), Duration::ZERO);
    }
}
