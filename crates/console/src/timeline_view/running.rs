//! A running reprocess: what it does at this moment, in a text that changes with its progress.

use domain::ids::{IncidentId, ReplayId};
use domain::reprocess::ReprocessState;
use domain::timeline::actor_name;
use store::attempts::{self, CallbackAttempt};
use store::reprocesses::Reprocess;
use store::{PgPool, StoreError, reprocesses};
use time::OffsetDateTime;

use super::{AttemptView, TimelineItemView};
use crate::when::When;

/// A reprocess that runs.
#[derive(Debug, Clone)]
pub struct Running {
    pub replay_id: ReplayId,
    /// Who asked for it.
    pub by: String,
    /// What it does, as a sentence that [`Running::until`] may end.
    pub doing: String,
    /// Until when, or when the next attempt is due.
    pub until: Option<When>,
    under_way: Option<AttemptView>,
}

impl Running {
    /// The reprocess of an incident that runs, if one does.
    pub async fn find(pool: &PgPool, incident_id: IncidentId) -> Result<Option<Self>, StoreError> {
        let all = reprocesses::list_for_incident(pool, incident_id).await?;
        Self::find_among(pool, &all).await
    }

    /// The one that runs among the reprocesses of one incident.
    pub async fn find_among(pool: &PgPool, all: &[Reprocess]) -> Result<Option<Self>, StoreError> {
        let Some(running) = all.iter().find(|one| one.state.is_running()) else {
            return Ok(None);
        };
        let attempts = attempts::list_for_reprocess(pool, running.id).await?;
        Ok(Some(Self::new(running, &attempts)))
    }

    fn new(running: &Reprocess, attempts: &[CallbackAttempt]) -> Self {
        let (doing, until) = match (running.state, attempts.last()) {
            (ReprocessState::AwaitingResult, _) => (
                "Delivered. Waiting for the result until".to_owned(),
                running.result_due_at.map(When::brief),
            ),
            (_, None) => ("Waiting for a worker to send it".to_owned(), None),
            (_, Some(last)) if is_under_way(last) => {
                (format!("Delivering, attempt {}", last.attempt), None)
            }
            (_, Some(last)) => between(last, running.next_attempt_at),
        };
        let last = attempts.last().filter(|_| running.state == ReprocessState::Delivering);
        Self {
            replay_id: running.id,
            by: actor_name(&running.requested_by),
            doing,
            until,
            under_way: last.filter(|last| is_under_way(last)).map(|last| AttemptView {
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
    pub(super) fn add_to(&self, lines: &mut [TimelineItemView]) {
        let begun = lines.iter_mut().find(|line| line.replay_id == Some(self.replay_id));
        if let Some(begun) = begun {
            begun.attempts.extend(self.under_way.clone());
            begun.doing = Some((self.doing.clone(), self.until));
        }
    }
}

/// What is said between two attempts. The database knows when the next one is due, whatever the
/// receiver asked for and whatever became of the watch; an attempt that was cut off is due since it
/// began, and an older release did not write it down.
fn between(last: &CallbackAttempt, due_at: Option<OffsetDateTime>) -> (String, Option<When>) {
    let number = last.attempt;
    if is_interrupted(last) {
        return (
            format!("Attempt {number} was interrupted. The next one follows immediately"),
            None,
        );
    }
    let failed = format!("Attempt {number} failed");
    match due_at.filter(|at| *at > last.started_at) {
        Some(at) => (format!("{failed}. The next one is due"), Some(When::brief(at))),
        None => (format!("{failed}. The next one follows on schedule"), None),
    }
}

/// How a list says what a reprocess does: `Reprocessing, attempt 2`.
#[must_use]
pub fn doing_in_short(state: ReprocessState, attempts: usize) -> String {
    match (state, attempts) {
        (ReprocessState::AwaitingResult, _) => "Reprocessing, waiting for the result".to_owned(),
        (_, 0) => "Reprocessing".to_owned(),
        (_, attempts) => format!("Reprocessing, attempt {attempts}"),
    }
}

/// An attempt without an outcome has not come back yet.
fn is_under_way(attempt: &CallbackAttempt) -> bool {
    attempt.status.is_none() && attempt.error.is_none()
}

fn is_interrupted(attempt: &CallbackAttempt) -> bool {
    attempt.error.as_deref() == Some("interrupted")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn attempt(number: i32, status: Option<i32>, error: Option<&str>) -> CallbackAttempt {
        let error = error.map(str::to_owned);
        CallbackAttempt { attempt: number, status, error, ..samples::attempt() }
    }

    fn describe(
        state: ReprocessState,
        next_attempt_at: Option<OffsetDateTime>,
        attempts: &[CallbackAttempt],
    ) -> String {
        let running = Reprocess {
            state,
            finished_at: None,
            result_due_at: Some(datetime!(2026-11-21 15:10:00 UTC)),
            next_attempt_at,
            ..samples::reprocess()
        };
        let shown = Running::new(&running, attempts);
        let until = shown.until.map(|until| until.to_string());
        let until = until.as_deref().and_then(|text| text.split(['>', '<']).nth(2));
        let short = doing_in_short(state, attempts.len());
        format!("{short}|{}|{}", shown.doing, until.unwrap_or_default())
    }

    #[test]
    fn each_moment_of_a_reprocess_has_its_words() {
        use ReprocessState::{AwaitingResult, Delivering, Requested};
        let (failed, interrupted) = (Some(502), Some("interrupted"));
        let began = Some(datetime!(2026-11-21 14:40:00 UTC));
        // Longer than the schedule's minute: the receiver asked for it with `Retry-After`.
        let asked_for = Some(datetime!(2026-11-21 14:52:30 UTC));
        for ((state, next_attempt_at), attempts, text) in [
            ((Requested, None), vec![], "Reprocessing|Waiting for a worker to send it|"),
            (
                (Delivering, began),
                vec![attempt(1, None, None)],
                "Reprocessing, attempt 1|Delivering, attempt 1|",
            ),
            (
                (Delivering, asked_for),
                vec![attempt(1, failed, None)],
                "Reprocessing, attempt 1|Attempt 1 failed. The next one is due|21 Nov, 14:52:30 UTC",
            ),
            (
                (Delivering, None),
                vec![attempt(1, failed, None)],
                "Reprocessing, attempt 1|Attempt 1 failed. The next one follows on schedule|",
            ),
            (
                (Delivering, began),
                vec![attempt(1, None, interrupted)],
                "Reprocessing, attempt 1|Attempt 1 was interrupted. The next one follows immediately|",
            ),
            (
                (Delivering, began),
                vec![attempt(1, failed, None), attempt(2, None, None)],
                "Reprocessing, attempt 2|Delivering, attempt 2|",
            ),
            (
                (AwaitingResult, None),
                vec![attempt(1, Some(200), None)],
                "Reprocessing, waiting for the result|Delivered. Waiting for the result until|21 Nov, 15:10:00 UTC",
            ),
        ] {
            assert_eq!(describe(state, next_attempt_at, &attempts), text);
        }
    }
}
