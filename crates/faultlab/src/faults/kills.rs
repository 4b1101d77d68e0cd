//! `kill -9` of our own processes, at a random moment and more than once, and restarts in order.

use std::time::Duration;

use super::{Fault, Kind, RESTARTS, Scene, Shows, seconds};
use crate::stage::part;

/// What is killed, and how.
#[derive(Clone, Copy)]
pub(super) enum Kill {
    Api,
    Worker,
    Both,
    /// Each is asked to end and started again, one after the other: a deploy of the same release.
    Restart,
}

const AWAY: (Duration, Duration) = seconds(1, 4);
/// How often in a round.
const TIMES: usize = 3;

pub(super) const ALL: &[Fault] = &[
    Fault {
        name: "kill-api",
        family: "process kills",
        what: "the API is killed three times, and started again after a few seconds",
        shows: Shows::OneOf(&["api does not respond"]),
        short: true,
        kind: Kind::Kill(Kill::Api),
    },
    Fault {
        name: "kill-worker",
        family: "process kills",
        what: "the worker is killed three times, and started again after a few seconds",
        shows: Shows::OneOf(&["worker does not respond"]),
        short: false,
        kind: Kind::Kill(Kill::Worker),
    },
    Fault {
        name: "kill-both",
        family: "process kills",
        what: "API and worker are killed at the same moment, three times",
        shows: Shows::OneOf(&["api does not respond", "worker does not respond"]),
        short: false,
        kind: Kind::Kill(Kill::Both),
    },
    Fault {
        name: "restart-both",
        family: "process kills",
        what: "API and worker end in order and start again, one after the other, three times",
        shows: Shows::OneOf(RESTARTS),
        short: false,
        kind: Kind::Kill(Kill::Restart),
    },
];

pub(super) async fn strike(kill: Kill, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let kinds: &[part::Kind] = match kill {
        Kill::Api => &[part::Kind::Api],
        Kill::Worker => &[part::Kind::Worker],
        Kill::Both | Kill::Restart => &[part::Kind::Api, part::Kind::Worker],
    };
    for _ in 0..TIMES {
        if matches!(kill, Kill::Restart) {
            restart(kinds, scene).await?;
        } else {
            kill_all(kinds, scene).await?;
        }
        let pause = scene.dice.between(Duration::from_millis(500), Duration::from_secs(3));
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn kill_all(kinds: &[part::Kind], scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let away = scene.dice.between(AWAY.0, AWAY.1);
    for kind in kinds {
        scene.stage.part(*kind).kill().await?;
        scene.journal.crashed();
    }
    scene.journal.lasting(format!("{} killed", names.join(" and ")), away).await;
    for kind in kinds {
        scene.stage.part(*kind).start()?;
    }
    Ok(())
}

async fn restart(kinds: &[part::Kind], scene: &mut Scene<'_>) -> anyhow::Result<()> {
    for kind in kinds {
        scene.journal.open(format!("{} restarted", kind.name()));
        let part = scene.stage.part(*kind);
        let in_order = part.stop().await?;
        part.start()?;
        anyhow::ensure!(in_order, "the {} does not end in order", kind.name());
        scene.journal.close();
    }
    Ok(())
}
