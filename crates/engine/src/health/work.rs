//! Whether the work gets done: a worker polls, deadlines are judged, messages go out, people are
//! notified.
//!
//! A worker that died is noticed by its heartbeat, within 45 s. What it leaves undone is not waited
//! for: an api opens overdue incidents by itself, two minutes late, so without a worker deadlines
//! count as not judged. Beside that, overdue events and an outbox that ages are found whatever the
//! reason, and count as degraded after two minutes and as failed after five.

use store::health::{WorkHealth, WorkerHealth, read_work, read_workers};
use store::pool::unknown_migrations;
use store::{PgPool, StoreError};

use super::temporal::TEMPORAL;
use super::versions::{VERSIONS, judge_releases};
use super::{Check, age, audit, count, dead_man, in_time, partitions, retention};
use crate::connect::Engine;

pub(super) const WORKERS: &str = "workers";
pub(super) const DEADLINES: &str = "deadlines";
pub(super) const OUTBOX: &str = "outbox";
pub(super) const PARKED: &str = "parked";
const DESTINATIONS: &str = "destinations";

const LATE: i64 = 120;
const TOO_LATE: i64 = 300;

/// `workers`, `versions`, `deadlines`, `outbox`, `parked`, `destinations`, `retention`, `audit` and `partitions`; `dead_man` where
/// there is one.
pub(super) async fn checks(pool: &PgPool, engine: &Engine) -> Vec<Check> {
    let dead_man = async { if engine.probes() { Some(dead_man::check(pool).await) } else { None } };
    let (mut checks, retention, audit, partitions, dead_man) = tokio::join!(
        of_work(pool, engine),
        retention::check(pool),
        audit::check(pool),
        partitions::check(pool),
        dead_man
    );
    checks.extend([retention, audit, partitions]);
    checks.extend(dead_man);
    checks
}

async fn of_work(pool: &PgPool, engine: &Engine) -> Vec<Check> {
    let namespace = engine.namespace();
    let (ours, queue) = (namespace.as_deref().unwrap_or_default(), engine.task_queue());
    let asking = async {
        let workers = read_workers(pool, ours, queue).await?;
        // A role without the privilege is named by the check schema.
        let newer = unknown_migrations(pool).await.unwrap_or_default();
        Ok::<_, StoreError>((read_work(pool).await?, workers, newer))
    };
    let (work, workers, newer) = match in_time(asking).await {
        Ok(found) => found,
        Err(cause) => {
            return [WORKERS, VERSIONS, DEADLINES, OUTBOX, PARKED, DESTINATIONS]
                .map(|name| Check::unknown(name, "database").because(&cause))
                .to_vec();
        }
    };
    let versions = judge_releases(&workers.releases, newer);
    // With settings that make no sense it is not known which workers are ours.
    let (polls, workers) = match namespace {
        Ok(_) => (workers.polling > 0, judge_workers(&workers, ours, queue)),
        Err(_) => (true, Check::unknown(WORKERS, TEMPORAL)),
    };
    vec![
        workers,
        versions,
        judge_deadlines(work, polls),
        judge_outbox(work),
        judge_parked(work),
        judge_destinations(work),
    ]
}

fn judge_workers(workers: &WorkerHealth, namespace: &str, task_queue: &str) -> Check {
    if workers.polling > 0 {
        let polling = count(workers.polling, "worker polls", "workers poll");
        return Check::ok(WORKERS, polling);
    }
    if let Some((theirs, queue)) = &workers.elsewhere {
        let (what, polled, ours, cure) = if theirs == namespace {
            ("task queue", queue, task_queue, "run api and worker from the same release")
        } else {
            let cure = "give api and worker the same `TEMPORAL_ADDRESS` and `TEMPORAL_NAMESPACE`";
            ("namespace", theirs, namespace, cure)
        };
        return Check::failed(
            WORKERS,
            format!("the worker polls the {what} {polled}, and the api uses {ours}"),
            cure,
        );
    }
    let seen = workers.last_seen.map_or_else(
        || "none was seen yet".to_owned(),
        |seconds| format!("the last one was seen {} ago", age(seconds)),
    );
    Check::failed(
        WORKERS,
        format!("no worker polls ({seen}): deadlines are not judged, callbacks and alerts wait"),
        "start `sendpromptly worker` with the DATABASE_URL and the TEMPORAL_… settings of the api; if \
         one runs, its log says why it does not poll",
    )
}

/// Of a worker that does not poll while others do.
pub(super) fn own_worker_is_missing(others: &Check) -> Check {
    Check::failed(
        WORKERS,
        format!("the worker of this process does not poll; elsewhere {}", others.detail),
        "its log says why: `no worker is running; trying again`",
    )
}

/// Without a worker, deadlines are not judged even where the sweep of an api has opened every
/// overdue incident: that comes late, and no one is notified of it.
fn judge_deadlines(work: WorkHealth, polls: bool) -> Check {
    let overdue = work.overdue_for.map(|seconds| {
        let events = count(work.overdue_events, "event is overdue", "events are overdue");
        format!("{events}, the oldest by {}", age(seconds))
    });
    if !polls {
        let overdue = overdue.map_or_else(String::new, |overdue| format!("{overdue}; "));
        let detail = format!(
            "deadlines are not judged: {overdue}no worker polls, so incidents are opened two minutes late, by the \
             api, and no one is notified of them"
        );
        return Check::failed(DEADLINES, detail, "see the check workers");
    }
    let (Some(seconds), Some(overdue)) = (work.overdue_for, overdue) else {
        return Check::ok(DEADLINES, "are judged");
    };
    let detail = format!("deadlines are not judged: {overdue}");
    let cure = "see the checks workers, temporal and environment; with all of them well, \
                docs/temporal.md says how to inspect a watch that is stuck";
    match seconds {
        TOO_LATE.. => Check::failed(DEADLINES, detail, cure),
        _ => Check::degraded(DEADLINES, detail, cure),
    }
}

fn judge_outbox(work: WorkHealth) -> Check {
    let messages = count(work.waiting, "message waits", "messages wait");
    let cure = "see the checks temporal and environment; `last_error` in the table outbox says what \
                Temporal responded";
    let Some(oldest) = work.waiting_for else { return Check::ok(OUTBOX, "is empty") };
    let waiting = format!("{messages}, the oldest for {}", age(oldest));
    match work.needed_for {
        None if oldest >= LATE => {
            Check::ok(OUTBOX, format!("{waiting}: watches that have time until their deadlines"))
        }
        None | Some(..LATE) => Check::ok(OUTBOX, waiting),
        Some(seconds) => {
            let detail = format!(
                "messages for Temporal do not go out: {waiting}; what it should have waits for {}",
                age(seconds)
            );
            match seconds {
                TOO_LATE.. => Check::failed(OUTBOX, detail, cure),
                _ => Check::degraded(OUTBOX, detail, cure),
            }
        }
    }
}

fn judge_parked(work: WorkHealth) -> Check {
    match work.parked {
        0 => Check::ok(PARKED, "Temporal rejects no message"),
        parked => Check::failed(
            PARKED,
            format!("Temporal refuses {}", count(parked, "message", "messages")),
            "see the check search_attributes, and \"Parked messages\" in docs/temporal.md",
        ),
    }
}

fn judge_destinations(work: WorkHealth) -> Check {
    let mut wrong = Vec::new();
    if work.broken_destinations > 0 {
        wrong.push(count(
            work.broken_destinations,
            "destination is broken",
            "destinations are broken",
        ));
    }
    if work.failing_destinations > 0 {
        let failing = count(
            work.failing_destinations,
            "destination keeps failing",
            "destinations keep failing",
        );
        let since = work.failing_for.map(|seconds| format!(" for {}", age(seconds)));
        wrong.push(failing + &since.unwrap_or_default());
    }
    if work.untold_projects > 0 {
        wrong.push(count(
            work.untold_projects,
            "live project has no destination: no one is notified of its incidents",
            "live projects have no destination: no one is notified of their incidents",
        ));
    }
    if wrong.is_empty() {
        return Check::ok(DESTINATIONS, "none is broken or keeps failing");
    }
    Check::degraded(
        DESTINATIONS,
        wrong.join("; "),
        "see `sendpromptly destination list`; `destination add` and `destination test` help",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn what_is_late_needs_attention_and_what_is_too_late_has_failed() {
        for (seconds, expected) in
            [(119, Status::Ok), (120, Status::Degraded), (300, Status::Failed)]
        {
            let late = Some(seconds);
            let work = WorkHealth { waiting: 1, waiting_for: late, ..WorkHealth::default() };
            let held_back = judge_outbox(work);
            assert_eq!(held_back.status, Status::Ok, "{held_back:?}");
            let needed = judge_outbox(WorkHealth { needed_for: late, ..work });
            assert_eq!(needed.status, expected, "{needed:?}");
        }
        for (seconds, expected) in [(121, Status::Degraded), (300, Status::Failed)] {
            let work = WorkHealth {
                overdue_events: 1,
                overdue_for: Some(seconds),
                ..WorkHealth::default()
            };
            assert_eq!(judge_deadlines(work, true).status, expected, "{seconds}");
        }
    }

    #[test]
    fn without_a_worker_deadlines_are_not_judged_whatever_the_sweep_does() {
        let swept = judge_deadlines(WorkHealth::default(), false);
        assert_eq!(swept.status, Status::Failed);
        assert!(swept.detail.starts_with("deadlines are not judged: no worker polls"), "{swept:?}");
        let work =
            WorkHealth { overdue_events: 2, overdue_for: Some(130), ..WorkHealth::default() };
        let overdue = judge_deadlines(work, false);
        assert_eq!(overdue.status, Status::Failed);
        let expected =
            "deadlines are not judged: 2 events are overdue, the oldest by 2 minutes; no worker";
        assert!(overdue.detail.starts_with(expected), "{overdue:?}");
        assert_eq!(judge_deadlines(WorkHealth::default(), true).status, Status::Ok);
    }

    #[test]
    fn a_worker_in_another_namespace_is_told_from_none() {
        let judge = |workers| judge_workers(&workers, "production", "sendpromptly");
        let none = judge(WorkerHealth::default());
        assert_eq!(none.status, Status::Failed);
        assert!(none.detail.contains("none was seen yet"), "{}", none.detail);
        let dead = WorkerHealth { last_seen: Some(70), ..WorkerHealth::default() };
        assert!(judge(dead).detail.contains("seen 70 s ago"));
        let elsewhere = Some(("staging".to_owned(), "sendpromptly".to_owned()));
        let other = judge(WorkerHealth { elsewhere, ..WorkerHealth::default() });
        assert_eq!(
            other.detail,
            "the worker polls the namespace staging, and the api uses production"
        );
        assert!(other.cure.expect("a cure").contains("TEMPORAL_NAMESPACE"));
    }
}
