//! Disks that are full.

use std::time::Duration;

use super::{Fault, Kind, Scene, Shows, seconds};

const FULL: (Duration, Duration) = seconds(8, 15);

pub(super) const ALL: &[Fault] = &[Fault {
    name: "full-disk",
    family: "disks",
    what: "the disk that holds Postgres's data and its log is full for 8 to 15 s",
    shows: Shows::OneOf(&["api is not ready", "api check database", "responses of 5xx"]),
    short: false,
    kind: Kind::Disk,
}];

/// Postgres may end, because it cannot write its log, and then it is started again once there is room.
pub(super) async fn strike(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let time = scene.dice.between(FULL.0, FULL.1);
    let stage = &mut *scene.stage;
    let Some(disk) = &stage.disk else { anyhow::bail!("the stage has no disk of its own") };
    scene.journal.open("the disk is full");
    scene.journal.crashed();
    disk.fill()?;
    tokio::time::sleep(time).await;
    disk.free()?;
    let ended = tokio::time::timeout(Duration::from_secs(2), stage.postgres.wait_exit()).await;
    if ended.is_ok() {
        stage.postgres = stage.postgres.start_again().await?;
    }
    scene.journal.close();
    Ok(())
}
