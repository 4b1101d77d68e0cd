//! What the database reports to the watch: its event's state and what comes next.
//!
//! The watch never decides from the content of signals. After each of them it asks the store, which
//! returns a [`WatchState`], computed under the event's row lock on the database's clock. Durations
//! are relative, so the clocks of Temporal and Postgres need not agree.
//!
//! The activity's result may come from a worker of another release. What this one does not know in
//! it changes nothing for the watch but that it asks again later: see [`OrUnknown`] and
//! [`NextStep::Unknown`].

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::event::Effect;
use crate::ids::{AlertId, CallId, IncidentId, ReplayId};
use crate::incident::IncidentState;
use crate::or_unknown::OrUnknown;
use crate::reprocess::ReprocessState;

/// The state of an event, and what the watch does next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchState {
    /// What became of the effect.
    pub effect: OrUnknown<Effect>,
    /// The incident, if there is one.
    #[serde(default)]
    pub incident: Option<IncidentView>,
    /// The latest reprocess, if there was one.
    #[serde(default)]
    pub reprocess: Option<ReprocessView>,
    /// Alerts that are not delivered yet.
    #[serde(default)]
    pub alerts: Vec<AlertId>,
    /// Calls of extensions that have not ended. Which of them are on their way is the watch's to
    /// know; a watch that begins again makes them again, under the same ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
    /// What comes next.
    pub next: NextStep,
}

/// A call of an extension, ready to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub call_id: CallId,
    /// What people call the extension.
    pub name: String,
    /// Milliseconds until an answer is waited for no more, retries included.
    pub budget_ms: u64,
    /// Milliseconds that may pass between two heartbeats; absent for one that sends none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
    pub target: AskTarget,
}

/// How an extension is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AskTarget {
    /// As an activity of the team's own worker.
    Activity {
        activity: String,
        queue: String,
        /// A [`crate::extension::ExtensionInput`].
        input: serde_json::Value,
    },
    /// Over HTTPS, by a worker of ours that has slots of its own for it.
    Https,
    /// In a way that another release knows: that one asks.
    #[serde(other)]
    Unknown,
}

/// The incident as the watch sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    pub incident_id: IncidentId,
    pub state: OrUnknown<IncidentState>,
    /// Its page in the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The latest reprocess as the watch sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReprocessView {
    pub replay_id: ReplayId,
    pub state: OrUnknown<ReprocessState>,
    /// How many callback attempts were made.
    #[serde(default)]
    pub attempts: u32,
    /// While its callback is under way: when the next attempt is due, by the database's clock.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// What the watch does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum NextStep {
    /// Nothing is left to do.
    Finish,
    /// No result yet: wait for one, at most this long.
    WaitForResult {
        /// Milliseconds until the deadline.
        wait_ms: u64,
    },
    /// The incident waits for people, or for a late success.
    WaitForPeople,
    /// An extension may do the work again, at most this long.
    WaitForExtension {
        replay_id: ReplayId,
        /// Milliseconds until somebody else is asked.
        wait_ms: u64,
    },
    /// Ask the app to do the work again.
    SendCallback { replay_id: ReplayId },
    /// The callback was delivered: wait for its result, at most this long.
    WaitForRepair {
        replay_id: ReplayId,
        /// Milliseconds until the reprocess counts as unanswered.
        wait_ms: u64,
    },
    /// A step that another release knows: listen to people, and ask again soon. A release that adds
    /// a step keeps this behaviour behind `ctx.patched`, because histories may hold it.
    #[serde(other)]
    Unknown,
}

/// What the next step depends on.
#[derive(Debug, Clone, Copy)]
pub struct NextStepInput {
    /// What became of the effect.
    pub effect: Effect,
    /// The incident's state, if there is one.
    pub incident: Option<IncidentState>,
    /// The running reprocess, and its state.
    pub running: Option<(ReplayId, ReprocessState)>,
    /// When it is judged that no result came: of the event while it is pending, then of a delivered
    /// callback.
    pub judged_at: Option<OffsetDateTime>,
    /// Until when the running reprocess is an extension's.
    pub asked_until: Option<OffsetDateTime>,
}

impl NextStep {
    /// Decides what comes next, on the database's clock.
    #[must_use]
    pub fn decide(at: NextStepInput, now: OffsetDateTime) -> Self {
        let wait_ms =
            |due: OffsetDateTime| Self::millis(Duration::try_from(due - now).unwrap_or_default());
        let judged_in_ms = at.judged_at.map_or(0, wait_ms);
        match (at.effect, at.incident, at.running) {
            (Effect::Succeeded | Effect::Superseded, _, _)
            | (_, Some(IncidentState::Resolved), _) => Self::Finish,
            (Effect::Pending, _, _) => Self::WaitForResult { wait_ms: judged_in_ms },
            (_, _, Some((replay_id, ReprocessState::AwaitingResult))) if at.judged_at.is_some() => {
                Self::WaitForRepair { replay_id, wait_ms: judged_in_ms }
            }
            (_, _, Some((replay_id, state))) if state.is_running() => match at.asked_until {
                Some(until) => Self::WaitForExtension { replay_id, wait_ms: wait_ms(until) },
                None => Self::SendCallback { replay_id },
            },
            (Effect::Failed | Effect::Missing, _, _) => Self::WaitForPeople,
        }
    }

    /// A wait in the form in which it travels, never shorter than asked.
    #[must_use]
    pub fn millis(wait: Duration) -> u64 {
        u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:32:09 UTC);

    #[test]
    fn each_situation_has_one_next_step() {
        let replay_id = ReplayId::from_uuid(Uuid::nil());
        let due = NOW + time::Duration::milliseconds(1_500);
        let at = |effect, incident, running| NextStepInput {
            effect,
            incident,
            running,
            judged_at: Some(due),
            asked_until: None,
        };
        let open = Some(IncidentState::Open);
        let running = |state| Some((replay_id, state));
        for (situation, step) in [
            (at(Effect::Pending, None, None), NextStep::WaitForResult { wait_ms: 1_500 }),
            (at(Effect::Succeeded, None, None), NextStep::Finish),
            (at(Effect::Superseded, None, None), NextStep::Finish),
            (at(Effect::Missing, Some(IncidentState::Resolved), None), NextStep::Finish),
            (at(Effect::Missing, open, None), NextStep::WaitForPeople),
            (at(Effect::Failed, open, running(ReprocessState::Failed)), NextStep::WaitForPeople),
            (
                at(Effect::Failed, open, running(ReprocessState::Requested)),
                NextStep::SendCallback { replay_id },
            ),
            (
                NextStepInput {
                    asked_until: Some(due),
                    ..at(Effect::Failed, open, running(ReprocessState::Requested))
                },
                NextStep::WaitForExtension { replay_id, wait_ms: 1_500 },
            ),
            (
                at(Effect::Failed, open, running(ReprocessState::Delivering)),
                NextStep::SendCallback { replay_id },
            ),
            (
                at(Effect::Failed, open, running(ReprocessState::AwaitingResult)),
                NextStep::WaitForRepair { replay_id, wait_ms: 1_500 },
            ),
        ] {
            assert_eq!(NextStep::decide(situation, NOW), step, "{situation:?}");
        }
    }

    #[test]
    fn an_answer_of_another_release_is_read_whatever_stands_in_it() {
        let json = serde_json::json!({
            "effect": "superseded_by_law",
            "incident": { "incident_id": "inc_00000000000000000000000001", "state": "escalated" },
            "reprocess": { "replay_id": "rpl_00000000000000000000000001", "state": "verifying", "attempts": 2 },
            "alerts": [],
            "asks": [{
                "call_id": "cal_00000000000000000000000001", "name": "x", "budget_ms": 1,
                "target": { "kind": "nexus", "endpoint": "y" },
            }],
            "next": { "do": "verify_result", "replay_id": "rpl_00000000000000000000000001", "wait_ms": 5 },
            "owner": { "team": "billing" },
        });
        let read: WatchState = serde_json::from_value(json).expect("read");
        assert_eq!(read.next, NextStep::Unknown);
        assert_eq!(read.asks[0].target, AskTarget::Unknown);
        assert_eq!(read.effect.to_string(), "superseded_by_law");
        assert_eq!(read.incident.expect("an incident").state.to_string(), "escalated");
        assert_eq!(read.reprocess.expect("a reprocess").state.to_string(), "verifying");
    }

    #[test]
    fn a_passed_deadline_waits_no_more_and_a_part_of_a_millisecond_counts_whole() {
        assert_eq!(NextStep::millis(Duration::ZERO), 0);
        assert_eq!(NextStep::millis(Duration::from_nanos(1)), 1);
        let late = NextStepInput {
            effect: Effect::Pending,
            incident: None,
            running: None,
            judged_at: Some(NOW),
            asked_until: None,
        };
        assert_eq!(
            NextStep::decide(late, NOW + time::Duration::SECOND),
            NextStep::WaitForResult { wait_ms: 0 }
        );
    }
}
