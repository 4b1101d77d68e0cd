//! A process dies at a named point, before or after something that cannot be taken back, and again after each restart.
//!
//! It takes a build with the feature `crash-points`; `docs/faults.md` names the points.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{API_RESTARTS, Fault, Kind, RESTARTS, Scene, Shows, WORKER_RESTARTS};
use crate::stage::part;

/// Which point, and whose.
#[derive(Clone, Copy)]
pub(super) struct Point {
    name: &'static str,
    of: &'static [part::Kind],
}

/// Every second time it is passed: what is beyond a point has to be reached, too.
const OFTEN: &str = "50%return";
/// And seldom where every call passes, so that there are calls.
const SELDOM: &str = "3%return";
/// So long, or so many deaths.
const LONGEST: Duration = Duration::from_secs(45);
const DEATHS: u32 = 3;

const API: &[part::Kind] = &[part::Kind::Api];
const WORKER: &[part::Kind] = &[part::Kind::Worker];
const BOTH: &[part::Kind] = &[part::Kind::Api, part::Kind::Worker];

const fn fault(
    name: &'static str,
    what: &'static str,
    point: &'static str,
    of: &'static [part::Kind],
) -> Fault {
    let kind = Kind::Point(Point { name: point, of });
    let restarts = match of {
        [part::Kind::Api] => API_RESTARTS,
        [part::Kind::Worker] => WORKER_RESTARTS,
        _ => RESTARTS,
    };
    let shows = Shows::OneOf(restarts);
    Fault { name, family: "crash points", what, shows, short: false, kind }
}

pub(super) const ALL: &[Fault] = &[
    fault(
        "crash-call-committed",
        "the API dies between a commit and its response",
        "call.committed",
        API,
    ),
    fault(
        "crash-dispatch-claimed",
        "whoever has claimed a message dies before it is dispatched",
        "dispatch.claimed",
        BOTH,
    ),
    fault(
        "crash-dispatch-sent",
        "whoever has dispatched a message dies before it is deleted",
        "dispatch.sent",
        BOTH,
    ),
    fault(
        "crash-dispatch-deleted",
        "whoever has deleted dispatched messages dies",
        "dispatch.deleted",
        BOTH,
    ),
    fault(
        "crash-callback-begun",
        "the worker dies after the row of an attempt, before its request",
        "callback.begun",
        WORKER,
    ),
    fault(
        "crash-callback-sent",
        "the worker dies after a callback, before its response is noted",
        "callback.sent",
        WORKER,
    ),
    fault(
        "crash-callback-noted",
        "the worker dies after the response was noted",
        "callback.noted",
        WORKER,
    ),
    fault(
        "crash-alert-claimed",
        "the worker dies with an alert that it has claimed and not sent",
        "alert.claimed",
        WORKER,
    ),
    fault(
        "crash-alert-sent",
        "the worker dies after an alert was sent, before that is noted",
        "alert.sent",
        WORKER,
    ),
    fault("crash-alert-noted", "the worker dies after it was noted", "alert.noted", WORKER),
    fault(
        "crash-record-changed",
        "the worker dies between a transition and its report to Temporal",
        "record.changed",
        WORKER,
    ),
];

pub(super) async fn strike(point: Point, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let often = if ["call.committed", "dispatch.claimed", "dispatch.sent", "dispatch.deleted"]
        .contains(&point.name)
    {
        SELDOM
    } else {
        OFTEN
    };
    restart(point.of, Some(&format!("{}={often}", point.name)), scene).await?;
    let (deadline, mut deaths) = (Instant::now() + LONGEST, 0);
    while deaths < DEATHS && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
        for ended in scene.stage.revive()? {
            anyhow::ensure!(
                ended.contains("signal: 6"),
                "ended otherwise than by the point: {ended}"
            );
            deaths += 1;
            scene.journal.crashed();
            scene.journal.open(format!("{} at {}", ended, point.name));
            scene.journal.close();
        }
    }
    restart(point.of, None, scene).await?;
    anyhow::ensure!(deaths > 0, "nothing passed {} within {LONGEST:?}", point.name);
    Ok(())
}

/// Its environment is read when it starts, so it is killed once more: that is a crash like any other.
async fn restart(
    kinds: &[part::Kind],
    failpoints: Option<&str>,
    scene: &mut Scene<'_>,
) -> anyhow::Result<()> {
    for kind in kinds {
        let part = scene.stage.part(*kind);
        match failpoints {
            Some(points) => part.settings.insert("FAILPOINTS".to_owned(), points.to_owned()),
            None => part.settings.remove("FAILPOINTS"),
        };
        part.kill().await?;
        part.start()?;
        scene.journal.crashed();
    }
    Ok(())
}

/// Whether a program can do it: the names of its points are in it.
pub(super) fn has_points(program: &Path) -> Result<(), String> {
    let bytes = std::fs::read(program).map_err(|error| error.to_string())?;
    let needle = b"FAILPOINTS";
    let found = bytes.windows(needle.len()).any(|part| part == needle);
    found.then_some(()).ok_or_else(|| format!("{} has no crash points", program.display()))
}
