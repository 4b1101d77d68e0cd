//! Every decision about money and time, as pure functions.
//!
//! The store reads an event's state under its row lock, asks here what may happen, and writes
//! exactly that in the same transaction. So two racing requests are judged one after the other,
//! each on what the other committed, and there is one place to read what the product decides.

use std::time::Duration;

use time::OffsetDateTime;

use crate::effect_result::Outcome;
use crate::event::Effect;
use crate::extension::CallOutcome;
use crate::ids::ReplayId;
use crate::incident::{IncidentState, Resolution};
use crate::rejection::Rejection;
use crate::reprocess::ReprocessState;

/// The state of an event at the moment of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventState {
    pub effect: Effect,
    /// The incident's state, if there is one.
    pub incident: Option<IncidentState>,
    /// The reprocess that runs, if one does.
    pub running: Option<ReplayId>,
    /// Whether any reprocess was ever requested.
    pub reprocessed_before: bool,
}

/// What a reported result changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultVerdict {
    /// The first success: the effect is applied. An unresolved incident resolves with it.
    Succeed {
        /// How the incident ends; `None` where there is none, or it was resolved before.
        resolution: Option<Resolution>,
        /// The reprocess that this success ends.
        ends: Option<ReplayId>,
    },
    /// No effect is due any more. An unresolved incident resolves with it.
    Supersede {
        /// How the incident ends; `None` where there is none, or it was resolved before.
        resolution: Option<Resolution>,
        /// The reprocess that this ends.
        ends: Option<ReplayId>,
    },
    /// The first result of the event, and it is a failure: an incident opens immediately.
    OpenIncident,
    /// The running reprocess failed: the incident falls back to open and people are notified.
    FailReprocess(ReplayId),
    /// Another failure of what is known to be broken: error and timeline are refreshed.
    Refresh,
    /// Something else after a final outcome: kept on the timeline, changes nothing.
    Contradict,
    /// The final outcome once more: kept on the timeline, changes nothing.
    Repeat,
}

/// Judges a reported result. `replay_id` is the reprocess that the app says it reports on.
#[must_use]
pub fn judge_result(
    at: EventState,
    outcome: Outcome,
    replay_id: Option<ReplayId>,
) -> ResultVerdict {
    match (outcome, at.effect) {
        (Outcome::Succeeded, Effect::Succeeded) | (Outcome::Superseded, Effect::Superseded) => {
            ResultVerdict::Repeat
        }
        (Outcome::Failed, Effect::Succeeded | Effect::Superseded)
        | (Outcome::Superseded, Effect::Succeeded) => ResultVerdict::Contradict,
        (
            Outcome::Succeeded,
            Effect::Pending | Effect::Failed | Effect::Missing | Effect::Superseded,
        ) => ResultVerdict::Succeed {
            resolution: resolution_by_success(at, replay_id),
            ends: at.running,
        },
        (Outcome::Superseded, Effect::Pending | Effect::Failed | Effect::Missing) => {
            let unresolved = at.incident.is_some_and(|state| state != IncidentState::Resolved);
            ResultVerdict::Supersede {
                resolution: unresolved.then_some(Resolution::Superseded),
                ends: at.running,
            }
        }
        (Outcome::Failed, Effect::Pending) => ResultVerdict::OpenIncident,
        (Outcome::Failed, Effect::Failed | Effect::Missing) => match at.running {
            Some(running) if replay_id == Some(running) => ResultVerdict::FailReprocess(running),
            _ => ResultVerdict::Refresh,
        },
    }
}

/// How a success ends the incident, if one is unresolved.
fn resolution_by_success(at: EventState, replay_id: Option<ReplayId>) -> Option<Resolution> {
    match at.incident? {
        IncidentState::Resolved => None,
        IncidentState::Open | IncidentState::Acknowledged | IncidentState::Reprocessing => {
            let by_reprocess =
                at.running.is_some() || (replay_id.is_some() && at.reprocessed_before);
            Some(if by_reprocess { Resolution::Reprocessed } else { Resolution::LateSuccess })
        }
    }
}

/// What an extension's answer counts as. `said` is that by itself: [`CallOutcome::Settled`] only
/// where the extension is trusted so far.
///
/// An answer about what is decided changes nothing, and so does one that was not asked for any
/// more. Work that was done counts whatever became of its reprocess; that it was not, only while
/// the reprocess waits for this answer.
#[must_use]
pub fn judge_answer(
    at: EventState,
    said: CallOutcome,
    is_asked: bool,
    reprocess_waits: bool,
) -> CallOutcome {
    let decided = matches!(at.effect, Effect::Succeeded | Effect::Superseded)
        || at.incident == Some(IncidentState::Resolved);
    let too_late = !reprocess_waits
        && matches!(said, CallOutcome::Accepted | CallOutcome::Failed | CallOutcome::Declined);
    if decided || too_late || !is_asked { CallOutcome::Ignored } else { said }
}

/// What silence means at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceVerdict {
    /// A result of the event came before: nothing opens because of silence.
    ResultReceived,
    /// The deadline is still ahead, by this much.
    NotDue(Duration),
    /// The deadline passed without a result: an incident opens.
    OpenIncident,
}

/// Judges the silence about an event, on the database's clock.
#[must_use]
pub fn judge_silence(
    effect: Effect,
    due_at: OffsetDateTime,
    now: OffsetDateTime,
) -> SilenceVerdict {
    match (effect, remaining(due_at, now)) {
        (Effect::Succeeded | Effect::Failed | Effect::Missing | Effect::Superseded, _) => {
            SilenceVerdict::ResultReceived
        }
        (Effect::Pending, Some(wait)) => SilenceVerdict::NotDue(wait),
        (Effect::Pending, None) => SilenceVerdict::OpenIncident,
    }
}

/// Judges a request to reprocess in a project that has a repair URL.
///
/// # Errors
/// The reason why it may not start now.
pub fn judge_reprocess(at: EventState) -> Result<(), Rejection> {
    match (at.incident, at.running) {
        (None, _) => Err(Rejection::NoIncident),
        (Some(IncidentState::Resolved), _) => Err(Rejection::Resolved(None)),
        (Some(_), Some(running)) => Err(Rejection::Reprocessing(Some(running), None)),
        (Some(_), None) => Ok(()),
    }
}

/// Judges a request to acknowledge: only what is open waits for an operator to say "I see it".
///
/// # Errors
/// The reason why there is nothing to acknowledge now.
pub fn judge_acknowledge(at: EventState) -> Result<(), Rejection> {
    match at.incident {
        None => Err(Rejection::NoIncident),
        Some(IncidentState::Open) => Ok(()),
        Some(IncidentState::Acknowledged) => Err(Rejection::Acknowledged(None)),
        Some(IncidentState::Reprocessing) => Err(Rejection::Reprocessing(None, None)),
        Some(IncidentState::Resolved) => Err(Rejection::Resolved(None)),
    }
}

/// What silence after a delivered callback means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackSilence {
    /// The reprocess ended in another way.
    Ended,
    /// The app may still report, for this long.
    NotDue(Duration),
    /// The app said nothing: the reprocess ends as `no_result`.
    NoResult,
}

/// Judges the silence after a delivered callback, on the database's clock.
#[must_use]
pub fn judge_callback_silence(
    state: ReprocessState,
    result_due_at: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> CallbackSilence {
    match (state, result_due_at) {
        (ReprocessState::AwaitingResult, Some(due_at)) => {
            remaining(due_at, now).map_or(CallbackSilence::NoResult, CallbackSilence::NotDue)
        }
        _ => CallbackSilence::Ended,
    }
}

fn remaining(due_at: OffsetDateTime, now: OffsetDateTime) -> Option<Duration> {
    Duration::try_from(due_at - now).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:32:09 UTC);

    fn replay(n: u128) -> ReplayId {
        ReplayId::from_uuid(Uuid::from_u128(n))
    }

    fn state(
        effect: Effect,
        incident: Option<IncidentState>,
        running: Option<ReplayId>,
    ) -> EventState {
        EventState { effect, incident, running, reprocessed_before: running.is_some() }
    }

    #[test]
    fn a_success_in_time_settles_without_an_incident() {
        let at = state(Effect::Pending, None, None);
        let verdict = judge_result(at, Outcome::Succeeded, None);
        assert_eq!(verdict, ResultVerdict::Succeed { resolution: None, ends: None });
    }

    #[test]
    fn a_late_success_resolves_and_says_how() {
        let late = state(Effect::Missing, Some(IncidentState::Open), None);
        let repaired = state(Effect::Failed, Some(IncidentState::Reprocessing), Some(replay(1)));
        let manual = state(Effect::Failed, Some(IncidentState::Resolved), None);
        let after_silence = EventState { reprocessed_before: true, ..late };
        for (at, replay_id, resolution) in [
            (late, None, Some(Resolution::LateSuccess)),
            (late, Some(replay(9)), Some(Resolution::LateSuccess)),
            (after_silence, Some(replay(1)), Some(Resolution::Reprocessed)),
            (after_silence, None, Some(Resolution::LateSuccess)),
            (repaired, None, Some(Resolution::Reprocessed)),
            (repaired, Some(replay(1)), Some(Resolution::Reprocessed)),
            (manual, None, None),
        ] {
            let verdict = judge_result(at, Outcome::Succeeded, replay_id);
            assert_eq!(verdict, ResultVerdict::Succeed { resolution, ends: at.running }, "{at:?}");
        }
    }

    #[test]
    fn a_superseded_event_needs_no_incident_and_gives_way_to_success_only() {
        let superseded = |at| judge_result(at, Outcome::Superseded, None);
        let pending = state(Effect::Pending, None, None);
        assert_eq!(superseded(pending), ResultVerdict::Supersede { resolution: None, ends: None });
        let open = state(Effect::Missing, Some(IncidentState::Reprocessing), Some(replay(1)));
        let resolution = Some(Resolution::Superseded);
        assert_eq!(superseded(open), ResultVerdict::Supersede { resolution, ends: open.running });
        let done = state(Effect::Superseded, Some(IncidentState::Resolved), None);
        assert_eq!(superseded(done), ResultVerdict::Repeat);
        assert_eq!(judge_result(done, Outcome::Failed, None), ResultVerdict::Contradict);
        let won = ResultVerdict::Succeed { resolution: None, ends: None };
        assert_eq!(judge_result(done, Outcome::Succeeded, None), won);
        let applied = state(Effect::Succeeded, None, None);
        assert_eq!(superseded(applied), ResultVerdict::Contradict);
    }

    #[test]
    fn only_the_running_replay_id_fails_a_reprocess() {
        let at = state(Effect::Missing, Some(IncidentState::Reprocessing), Some(replay(1)));
        for (replay_id, verdict) in [
            (Some(replay(1)), ResultVerdict::FailReprocess(replay(1))),
            (Some(replay(2)), ResultVerdict::Refresh),
            (None, ResultVerdict::Refresh),
        ] {
            assert_eq!(judge_result(at, Outcome::Failed, replay_id), verdict);
        }
    }

    #[test]
    fn silence_is_judged_on_the_deadline() {
        let second = time::Duration::SECOND;
        for (effect, due_at, verdict) in [
            (Effect::Pending, NOW + second, SilenceVerdict::NotDue(Duration::from_secs(1))),
            (Effect::Pending, NOW, SilenceVerdict::OpenIncident),
            (Effect::Pending, NOW - second, SilenceVerdict::OpenIncident),
            (Effect::Succeeded, NOW - second, SilenceVerdict::ResultReceived),
            (Effect::Failed, NOW - second, SilenceVerdict::ResultReceived),
            (Effect::Missing, NOW - second, SilenceVerdict::ResultReceived),
        ] {
            assert_eq!(judge_silence(effect, due_at, NOW), verdict);
        }
    }

    #[test]
    fn an_answer_about_what_is_decided_changes_nothing() {
        let open = Some(IncidentState::Open);
        for at in [state(Effect::Pending, None, None), state(Effect::Missing, open, None)] {
            for said in CallOutcome::ALL {
                assert_eq!(judge_answer(at, *said, true, true), *said);
                assert_eq!(judge_answer(at, *said, false, true), CallOutcome::Ignored);
            }
        }
        for at in [
            state(Effect::Succeeded, None, None),
            state(Effect::Superseded, None, None),
            state(Effect::Missing, Some(IncidentState::Resolved), None),
        ] {
            assert_eq!(judge_answer(at, CallOutcome::Settled, true, true), CallOutcome::Ignored);
        }
        let over = state(Effect::Missing, open, None);
        assert_eq!(judge_answer(over, CallOutcome::Applied, true, false), CallOutcome::Applied);
        for said in [CallOutcome::Accepted, CallOutcome::Failed, CallOutcome::Declined] {
            assert_eq!(judge_answer(over, said, true, false), CallOutcome::Ignored);
        }
    }

    #[test]
    fn one_reprocess_at_a_time() {
        let open = state(Effect::Missing, Some(IncidentState::Acknowledged), None);
        assert_eq!(judge_reprocess(open), Ok(()));
        let running = state(Effect::Missing, Some(IncidentState::Reprocessing), Some(replay(1)));
        assert_eq!(judge_reprocess(running), Err(Rejection::Reprocessing(Some(replay(1)), None)));
        let none = state(Effect::Pending, None, None);
        assert_eq!(judge_reprocess(none), Err(Rejection::NoIncident));
        let resolved = state(Effect::Succeeded, Some(IncidentState::Resolved), None);
        assert_eq!(judge_reprocess(resolved), Err(Rejection::Resolved(None)));
    }

    #[test]
    fn only_an_open_incident_is_acknowledged() {
        for (incident, verdict) in [
            (None, Err(Rejection::NoIncident)),
            (Some(IncidentState::Open), Ok(())),
            (Some(IncidentState::Acknowledged), Err(Rejection::Acknowledged(None))),
            (Some(IncidentState::Reprocessing), Err(Rejection::Reprocessing(None, None))),
            (Some(IncidentState::Resolved), Err(Rejection::Resolved(None))),
        ] {
            for effect in Effect::ALL {
                let judged = judge_acknowledge(state(*effect, incident, None));
                assert_eq!(judged, verdict, "{effect} {incident:?}");
            }
        }
    }

    fn any_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
        prop::sample::select(all)
    }

    proptest! {
        #[test]
        fn success_is_final(outcome in any_of(Outcome::ALL), incident in prop::option::of(any_of(IncidentState::ALL))) {
            let verdict = judge_result(state(Effect::Succeeded, incident, None), outcome, None);
            prop_assert!(matches!(verdict, ResultVerdict::Repeat | ResultVerdict::Contradict));
        }

        #[test]
        fn a_success_always_succeeds_before_success(
            effect in any_of(&[Effect::Pending, Effect::Failed, Effect::Missing, Effect::Superseded]),
            incident in prop::option::of(any_of(IncidentState::ALL)),
            running in any::<bool>(),
        ) {
            let at = state(effect, incident, running.then(|| replay(1)));
            let verdict = judge_result(at, Outcome::Succeeded, None);
            let succeeded = matches!(verdict, ResultVerdict::Succeed { .. });
            prop_assert!(succeeded);
        }
    }
}
