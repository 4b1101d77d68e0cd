//! Why an operator's action on an incident changes nothing, in the text of the console, the API and
//! the command line.
//!
//! Each text continues a sentence and has no full stop; where another actor was faster it names who
//! and how long ago. What to do about it differs from door to door and is added there.

use std::fmt;

use time::Duration;

use crate::alert::format_duration;
use crate::ids::{CallId, ReplayId};
use crate::timeline::actor_name;

/// Why an operator's action on an incident changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the event has no incident")]
    NoIncident,
    /// By an operator, or by a result.
    #[error("{}", done_before(.0.as_ref(), "resolved the incident", "the incident is already resolved"))]
    Resolved(Option<Earlier>),
    #[error("{}", done_before(.0.as_ref(), "acknowledged the incident", "the incident is already acknowledged"))]
    Acknowledged(Option<Earlier>),
    /// A reprocess runs, of which the id is known unless only the incident's state was read.
    #[error("{}", running(*.0, .1.as_ref()))]
    Reprocessing(Option<ReplayId>, Option<Earlier>),
    #[error("the project has no repair URL")]
    NoRepairUrl,
    /// It is no call about this event, or its answer proposed nothing.
    #[error("call {0} gave no evidence that the effect was applied")]
    NoEvidence(CallId),
}

/// Who was faster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// As the audit has it.
    pub actor: String,
    pub ago: Duration,
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&actor_name(&self.actor))
    }
}

fn done_before(by: Option<&Earlier>, what: &str, otherwise: &str) -> String {
    match by {
        // A result did it, which is no operator's action.
        Some(by) if by.actor != "system" => {
            format!("{by} already {what} {} ago", format_duration(by.ago))
        }
        _ => otherwise.to_owned(),
    }
}

fn running(replay_id: Option<ReplayId>, by: Option<&Earlier>) -> String {
    let which = replay_id.map_or_else(|| "a reprocess".to_owned(), |id| format!("reprocess {id}"));
    match by {
        Some(by) => format!("{by} already started {which} {} ago", format_duration(by.ago)),
        None => format!("{which} is already running"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rejection_says_who_was_faster_and_when_where_that_is_known() {
        let bob = || {
            Some(Earlier { actor: "operator:bob@example.com".into(), ago: Duration::seconds(4) })
        };
        let system = Some(Earlier { actor: "system".into(), ago: Duration::seconds(4) });
        let id: ReplayId = "rpl_00000000000000000000000001".parse().expect("an id");
        let call = "cal_00000000000000000000000001".parse().expect("an id");
        for (rejection, words) in [
            (Rejection::NoIncident, "the event has no incident"),
            (Rejection::NoRepairUrl, "the project has no repair URL"),
            (
                Rejection::NoEvidence(call),
                "call cal_00000000000000000000000001 gave no evidence that the effect was applied",
            ),
            (
                Rejection::Resolved(bob()),
                "bob@example.com already resolved the incident 4 seconds ago",
            ),
            (Rejection::Resolved(system), "the incident is already resolved"),
            (Rejection::Resolved(None), "the incident is already resolved"),
            (
                Rejection::Acknowledged(bob()),
                "bob@example.com already acknowledged the incident 4 seconds ago",
            ),
            (Rejection::Acknowledged(None), "the incident is already acknowledged"),
            (
                Rejection::Reprocessing(Some(id), bob()),
                "bob@example.com already started reprocess rpl_00000000000000000000000001 4 seconds ago",
            ),
            (
                Rejection::Reprocessing(Some(id), None),
                "reprocess rpl_00000000000000000000000001 is already running",
            ),
            (Rejection::Reprocessing(None, None), "a reprocess is already running"),
        ] {
            assert_eq!(rejection.to_string(), words);
        }
    }
}
