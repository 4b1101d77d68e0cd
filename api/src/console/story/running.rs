//! A reprocess that runs: what it does at this moment, in words that change as it goes on.

use domain::callback::{
    AnswerVerdict, AttemptDecision, AttemptTally, decide_attempt, judge_answer,
};
use domain::ids::{IncidentId, ReplayId};
use domain::reprocess::ReprocessState;
use store::attempts::{self, CallbackAttempt};
use store::reprocesses::Reprocess;
use store::{PgPool, StoreError, reprocesses};
use time::OffsetDateTime;

use super::{Line, Try, name_of};
use crate::console::when::When;

/// A reprocess that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its id.
    pub replay_id: ReplayId,
    /// Who asked for it.
    pub by: String,
    /// What it does, as a sentence that [`Running::until`] may end.
    pub doing: String,
    /// Until when, or when about the next attempt follows.
    pub until: Option<When>,
    under_way: Option<Try>,
}

impl Running {
    /// The reprocess of an incident that runs, if one does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(pool: &PgPool, incident_id: IncidentId) -> Result<Option<Self>, StoreError> {
        let all = reprocesses::list_of_incident(pool, incident_id).await?;
        Self::among(pool, &all).await
    }

    /// The one that runs among the reprocesses of one incident.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn among(pool: &PgPool, all: &[Reprocess]) -> Result<Option<Self>, StoreError> {
        let Some(running) = all.iter().find(|one| one.state.is_running()) else {
            return Ok(None);
        };
        let attempts = attempts::list_of_reprocess(pool, running.id).await?;
        Ok(Some(Self::tell(running, &attempts)))
    }

    fn tell(running: &Reprocess, attempts: &[CallbackAttempt]) -> Self {
        let (doing, until) = match (running.state, attempts.last()) {
            (ReprocessState::AwaitingResult, _) => (
                "Delivered. Waiting for the result until".to_owned(),
                running.result_due_at.map(When::brief),
            ),
            (_, None) => ("Waiting for a worker to send it".to_owned(), None),
            (_, Some(last)) if is_under_way(last) => {
                (format!("Delivering, attempt {}", last.attempt), None)
            }
            (_, Some(last)) => between(last, planned_after(attempts)),
        };
        let last = attempts.last().filter(|_| running.state == ReprocessState::Delivering);
        Self {
            replay_id: running.id,
            by: name_of(&running.requested_by),
            doing,
            until,
            under_way: last.filter(|last| is_under_way(last)).map(|last| Try {
                number: last.attempt.to_string(),
                outcome: "under way".to_owned(),
                latency: None,
                at: When::brief(last.started_at),
                redirect_to: None,
                answer: None,
            }),
        }
    }

    /// Adds what it does at this moment to the line that it began with.
    pub(super) fn add_to(&self, lines: &mut [Line]) {
        let id = self.replay_id.to_string();
        let begun = lines.iter_mut().find(|line| line.replay_id.as_ref() == Some(&id));
        if let Some(begun) = begun {
            begun.tries.extend(self.under_way.clone());
            begun.doing = Some((self.doing.clone(), self.until));
        }
    }
}

/// What is said between two attempts.
fn between(last: &CallbackAttempt, planned: Option<OffsetDateTime>) -> (String, Option<When>) {
    let number = last.attempt;
    match planned {
        Some(at) if at > last.started_at => (
            format!("Attempt {number} did not get through. The next one follows at about"),
            Some(When::brief(at)),
        ),
        _ => (format!("Attempt {number} was cut off. The next one follows at once"), None),
    }
}

/// How a list says what a reprocess does: `Repairing, attempt 2`.
#[must_use]
pub fn doing_in_short(state: ReprocessState, attempts: usize) -> String {
    match (state, attempts) {
        (ReprocessState::AwaitingResult, _) => "Repairing, waiting for the result".to_owned(),
        (_, 0) => "Repairing".to_owned(),
        (_, attempts) => format!("Repairing, attempt {attempts}"),
    }
}

/// An attempt without an outcome has not come back yet.
fn is_under_way(attempt: &CallbackAttempt) -> bool {
    attempt.status.is_none() && attempt.error.is_none()
}

/// When about the next attempt follows: a receiver may ask for a longer wait.
fn planned_after(attempts: &[CallbackAttempt]) -> Option<OffsetDateTime> {
    let last = attempts.last()?;
    let status = |one: &CallbackAttempt| one.status.and_then(|status| u16::try_from(status).ok());
    let made = attempts.iter().filter(|one| one.error.as_deref() != Some("interrupted"));
    let tally = AttemptTally::count(made.map(status));
    let verdict = status(last).map_or(AnswerVerdict::Retry, judge_answer);
    match decide_attempt(verdict, tally) {
        AttemptDecision::Retry(planned) => Some(last.started_at + planned),
        AttemptDecision::AwaitResult | AttemptDecision::GiveUp => None,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn attempt(number: i32, status: Option<i32>, error: Option<&str>) -> CallbackAttempt {
        CallbackAttempt {
            attempt: number,
            started_at: datetime!(2026-11-21 14:40:00 UTC),
            status,
            error: error.map(str::to_owned),
            latency_ms: None,
            answer: None,
            redirect_to: None,
        }
    }

    fn tell(state: ReprocessState, attempts: &[CallbackAttempt]) -> String {
        let running = Reprocess {
            id: "rpl_00000000000000000000000001".parse().expect("an id"),
            incident_id: "inc_00000000000000000000000001".parse().expect("an id"),
            event_id: "ev_00000000000000000000000001".parse().expect("an id"),
            state,
            requested_by: "operator:bob@cometcart.test".to_owned(),
            note: None,
            requested_at: datetime!(2026-11-21 14:39:59 UTC),
            finished_at: None,
            body: "{}".to_owned(),
            result_due_at: Some(datetime!(2026-11-21 15:10:00 UTC)),
            next_attempt_at: None,
        };
        let told = Running::tell(&running, attempts);
        let until = told.until.map(|until| until.to_string());
        let until = until.as_deref().and_then(|text| text.split(['>', '<']).nth(2));
        let short = doing_in_short(state, attempts.len());
        format!("{short}|{}|{}", told.doing, until.unwrap_or_default())
    }

    #[test]
    fn each_moment_of_a_reprocess_has_its_words() {
        use ReprocessState::{AwaitingResult, Delivering, Requested};
        let (failed, cut_off) = (Some(502), Some("interrupted"));
        for (state, attempts, told) in [
            (Requested, vec![], "Repairing|Waiting for a worker to send it|"),
            (
                Delivering,
                vec![attempt(1, None, None)],
                "Repairing, attempt 1|Delivering, attempt 1|",
            ),
            (
                Delivering,
                vec![attempt(1, failed, None)],
                "Repairing, attempt 1|Attempt 1 did not get through. The next one follows at about|21 Nov, 14:41:00 UTC",
            ),
            (
                Delivering,
                vec![attempt(1, None, cut_off)],
                "Repairing, attempt 1|Attempt 1 was cut off. The next one follows at once|",
            ),
            (
                Delivering,
                vec![attempt(1, failed, None), attempt(2, None, None)],
                "Repairing, attempt 2|Delivering, attempt 2|",
            ),
            (
                AwaitingResult,
                vec![attempt(1, Some(200), None)],
                "Repairing, waiting for the result|Delivered. Waiting for the result until|21 Nov, 15:10:00 UTC",
            ),
        ] {
            assert_eq!(tell(state, &attempts), told);
        }
    }

    #[test]
    fn an_answer_that_looks_final_is_confirmed_after_a_minute_wherever_the_schedule_stands() {
        let (failed, gone) = (Some(502), Some(410));
        let attempts = [attempt(1, failed, None), attempt(2, failed, None), attempt(3, gone, None)];
        let planned = planned_after(&attempts).expect("another attempt");
        assert_eq!(planned - attempts[2].started_at, time::Duration::MINUTE);
    }
}
