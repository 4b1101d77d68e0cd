//! Whether workers keep up: how long tasks wait in Temporal for one.
//!
//! A watch whose first task waits is not waiting for its deadline yet, so a short deadline is judged
//! late; the database judges it by its own clock all the same.

use std::time::Duration;

use super::temporal::TEMPORAL;
use super::{Check, age, count};
use crate::backlog::{BacklogSeen, TasksWaiting};
use crate::connect::EngineError;

pub(super) const BACKLOG: &str = "backlog";

/// What a worker that is restarted leaves behind is taken within this time.
const LATE: Duration = Duration::from_secs(30);
const TOO_LATE: Duration = Duration::from_mins(5);

pub(super) fn check(seen: Result<BacklogSeen, EngineError>) -> Check {
    match seen {
        Ok(seen) => judge(seen),
        Err(error) => Check::unknown(BACKLOG, TEMPORAL).because(&error),
    }
}

pub(super) fn judge(seen: BacklogSeen) -> Check {
    let BacklogSeen { watches, activities } = seen;
    let late = [
        (watches, "task of a watch", "tasks of watches", "short deadlines are judged late"),
        (activities, "activity", "activities", "alerts and callbacks are late"),
    ];
    let late: Vec<_> = late.into_iter().filter(|(waiting, ..)| waiting.oldest >= LATE).collect();
    let Some(oldest) = late.iter().map(|(waiting, ..)| waiting.oldest).max() else {
        return Check::ok(BACKLOG, "workers keep up");
    };
    let say = |(waiting, one, many, so): &(TasksWaiting, &str, &str, &str)| {
        let tasks = count(waiting.tasks.max(1), one, many);
        let oldest = i64::try_from(waiting.oldest.as_secs()).unwrap_or(i64::MAX);
        format!("{tasks} in Temporal, the oldest for {}: {so}", age(oldest))
    };
    let said: Vec<_> = late.iter().map(say).collect();
    let detail = format!("workers do not keep up: {}", said.join("; "));
    let cure = "see the check workers; with it well, start another `sendpromptly worker`";
    if oldest >= TOO_LATE {
        Check::failed(BACKLOG, detail, cure)
    } else {
        Check::degraded(BACKLOG, detail, cure)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn waiting(tasks: i64, seconds: u64) -> TasksWaiting {
        TasksWaiting { tasks, oldest: Duration::from_secs(seconds) }
    }

    #[test]
    fn tasks_that_wait_are_told_by_what_is_late_for_them() {
        let judge = |watches, activities| judge(BacklogSeen { watches, activities });
        assert_eq!(judge(waiting(900, 29), waiting(0, 0)).status, Status::Ok);
        let late = judge(waiting(4_100, 68), waiting(1, 31));
        assert_eq!(late.status, Status::Degraded);
        assert_eq!(
            late.detail,
            "workers do not keep up: 1000 or more tasks of watches in Temporal, the oldest for 68 s: short deadlines \
             are judged late; 1 activity in Temporal, the oldest for 31 s: alerts and callbacks are late"
        );
        assert_eq!(judge(waiting(0, 0), waiting(2, 300)).status, Status::Failed);
    }
}
