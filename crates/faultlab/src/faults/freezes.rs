//! SIGSTOP: a process that is there and does nothing, as under a hypervisor that stalls, and then goes on as if no
//! time had passed.

use std::fs;
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::{Fault, Kind, Scene, Shows, seconds};
use crate::stage::part::{self, pid};

/// What is stopped.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Api,
    Worker,
    Temporal,
    Postgres,
}

const FROZEN: (Duration, Duration) = seconds(7, 20);

pub(super) const ALL: &[Fault] = &[
    Fault {
        name: "freeze-api",
        family: "freezes",
        what: "the API is stopped for 7 to 20 s and goes on",
        shows: Shows::OneOf(&["api does not respond"]),
        short: false,
        kind: Kind::Freeze(Target::Api),
    },
    Fault {
        name: "freeze-worker",
        family: "freezes",
        what: "the worker is stopped for 7 to 20 s and goes on",
        shows: Shows::OneOf(&["worker does not respond"]),
        short: false,
        kind: Kind::Freeze(Target::Worker),
    },
    Fault {
        name: "freeze-temporal",
        family: "freezes",
        what: "Temporal is stopped for 7 to 20 s and goes on",
        shows: Shows::OneOf(&[
            "api check temporal",
            "worker check temporal",
            "worker is not ready",
        ]),
        short: false,
        kind: Kind::Freeze(Target::Temporal),
    },
    Fault {
        name: "freeze-postgres",
        family: "freezes",
        what: "Postgres with all its backends is stopped for 7 to 20 s and goes on",
        shows: Shows::OneOf(&["api is not ready", "api check database", "responses of 5xx"]),
        short: false,
        kind: Kind::Freeze(Target::Postgres),
    },
];

pub(super) async fn strike(target: Target, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let frozen = scene.dice.between(FROZEN.0, FROZEN.1);
    match target {
        Target::Api => part(part::Kind::Api, frozen, scene).await,
        Target::Worker => part(part::Kind::Worker, frozen, scene).await,
        Target::Temporal => {
            let process = scene.stage.temporal.pid();
            others("Temporal frozen", &[process], frozen, scene).await
        }
        Target::Postgres => {
            let postmaster = scene.stage.postgres.pid();
            let mut all = children(postmaster)?;
            all.push(postmaster);
            others("Postgres frozen", &all, frozen, scene).await
        }
    }
}

/// What it was about to send may have been done by others in the meantime, so it counts as a crash.
async fn part(kind: part::Kind, frozen: Duration, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    scene.stage.part(kind).signal(Signal::STOP)?;
    scene.journal.crashed();
    scene.journal.lasting(format!("{} frozen", kind.name()), frozen).await;
    scene.stage.part(kind).signal(Signal::CONT)
}

async fn others(
    what: &str,
    processes: &[u32],
    frozen: Duration,
    scene: &mut Scene<'_>,
) -> anyhow::Result<()> {
    for process in processes {
        kill_process(pid(*process)?, Signal::STOP)?;
    }
    // What was sent and could not be noted in time is sent again.
    scene.journal.crashed();
    scene.journal.lasting(what, frozen).await;
    for process in processes {
        // A backend may have been killed by nobody, but its client may have left before it was stopped.
        let _gone = kill_process(pid(*process)?, Signal::CONT);
    }
    Ok(())
}

/// The processes that this one has started.
pub(super) fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may have ended since the folder was read.
        let Ok(status) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let after_name = status.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let of = after_name.split(' ').nth(1).and_then(|word| word.parse().ok());
        if of == Some(parent) {
            found.push(id);
        }
    }
    Ok(found)
}
