//! A rolling upgrade from the last release, under load.

use anyhow::Context as _;

use super::{Fault, Kind, RESTARTS, Scene, Shows};
use crate::stage::{database, part};

pub(super) const ALL: &[Fault] = &[Fault {
    name: "rolling-upgrade",
    family: "upgrades",
    what: "the last release migrates and runs; this one migrates, and takes over process by process",
    shows: Shows::OneOf(RESTARTS),
    short: false,
    kind: Kind::Upgrade,
}];

/// As `docs/operations.md` asks for: migrations first, then the processes one after the other.
pub(super) async fn strike(scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let newer = scene.stage.newer.clone().context("a stage of one release only")?;
    scene.journal.open("migrations of the newer release");
    migrate(scene, &newer).await?;
    scene.journal.close();
    for kind in [part::Kind::Worker, part::Kind::Api] {
        scene.journal.open(format!("{} upgraded", kind.name()));
        let part = scene.stage.part(kind);
        part.stop().await?;
        part.binary.clone_from(&newer);
        part.start()?;
        scene.journal.close();
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    }
    Ok(())
}

async fn migrate(scene: &Scene<'_>, binary: &std::path::Path) -> anyhow::Result<()> {
    let url = scene.stage.postgres.url(embedded::DATABASE);
    database::migrate_by(binary, &url).await?;
    Ok(store::privileges::grant(&url, database::ROLE).await?)
}
