//! Disks that are full.

use std::time::Duration;

use tokio::time::timeout;

use super::{Fault, Kind, Scene, Shows, seconds};
use crate::stage::disk::Holds;

const FULL: (Duration, Duration) = seconds(8, 15);
/// Temporal tries a write for some seconds before it says that it failed.
const FULL_OF_TEMPORAL: (Duration, Duration) = seconds(20, 30);
/// What cannot write ends immediately, or not at all.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

const fn fault(name: &'static str, what: &'static str, shows: Shows, holds: Holds) -> Fault {
    Fault { name, family: "disks", what, shows, short: false, kind: Kind::Disk(holds) }
}

pub(super) const ALL: &[Fault] = &[
    fault(
        "full-disk",
        "the disk that holds Postgres's data and its log is full for 8 to 15 s",
        Shows::OneOf(&["api is not ready", "api check database", "responses of 5xx"]),
        Holds::Postgres,
    ),
    fault(
        "full-disk-temporal",
        "the disk that holds Temporal's data is full for 20 to 30 s",
        Shows::OneOf(&[
            "api check temporal",
            "worker check temporal",
            "worker is not ready",
            "dispatch to Temporal fails",
            "dispatch to Temporal is slow",
            "outbox_oldest_age_seconds",
        ]),
        Holds::Temporal,
    ),
];

/// An engine may end, because it cannot write, and then it is started again once there is room.
pub(super) async fn strike(holds: Holds, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let (what, (least, most)) = match holds {
        Holds::Postgres => ("the disk of Postgres is full", FULL),
        Holds::Temporal => ("the disk of Temporal is full", FULL_OF_TEMPORAL),
    };
    let time = scene.dice.between(least, most);
    let stage = &mut *scene.stage;
    let Some(disk) = &stage.disk else { anyhow::bail!("the stage has no disk of its own") };
    scene.journal.open(what);
    scene.journal.crashed();
    disk.fill()?;
    tokio::time::sleep(time).await;
    disk.free()?;
    match holds {
        Holds::Postgres => {
            if timeout(ENDS_WITHIN, stage.postgres.wait_exit()).await.is_ok() {
                stage.postgres = stage.postgres.start_again().await?;
            }
        }
        Holds::Temporal => {
            if timeout(ENDS_WITHIN, stage.temporal.wait_exit()).await.is_ok() {
                stage.temporal = stage.temporal.start_again().await?;
            }
        }
    }
    scene.journal.close();
    Ok(())
}
