//! A process whose clock is wrong, as on a machine without time synchronisation.
//!
//! It is restarted with another clock, by libfaketime, which Debian has; its monotonic clock is the real one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Fault, Kind, Scene, Shows, seconds};
use crate::stage::part;

/// Which process, and where its clock is.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    part: part::Kind,
    offset: &'static str,
}

const WRONG: (Duration, Duration) = seconds(18, 26);

const fn fault(
    name: &'static str,
    what: &'static str,
    part: part::Kind,
    offset: &'static str,
) -> Fault {
    let check = match part {
        part::Kind::Api => &["api check clock", "clock_offset_seconds"],
        part::Kind::Worker => &["worker check clock", "clock_offset_seconds"],
    };
    let (shows, kind) = (Shows::OneOf(check), Kind::Clock(Clock { part, offset }));
    Fault { name, family: "clocks", what, shows, short: false, kind }
}

pub(super) const ALL: &[Fault] = &[
    fault("clock-api-ahead", "the API's clock is ten minutes ahead", part::Kind::Api, "+10m"),
    fault("clock-api-behind", "the API's clock is ten minutes behind", part::Kind::Api, "-10m"),
    fault(
        "clock-worker-ahead",
        "the worker's clock is ten minutes ahead",
        part::Kind::Worker,
        "+10m",
    ),
    fault(
        "clock-worker-behind",
        "the worker's clock is ten minutes behind",
        part::Kind::Worker,
        "-10m",
    ),
];

/// Where Debian and others put the library; `FAKETIME_LIBRARY` names another place.
const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

/// The library, or why there is none.
pub(super) fn library() -> Result<PathBuf, String> {
    let explicit = std::env::var_os("FAKETIME_LIBRARY").filter(|path| !path.is_empty());
    let explicit = explicit.map(PathBuf::from);
    let places = explicit.into_iter().chain(PLACES.map(PathBuf::from));
    let found = places.into_iter().find(|place: &PathBuf| Path::exists(place));
    found.ok_or_else(|| {
        "libfaketime is not installed (on Debian: apt-get install libfaketime)".to_owned()
    })
}

pub(super) async fn strike(clock: Clock, scene: &mut Scene<'_>) -> anyhow::Result<()> {
    let library = library().map_err(anyhow::Error::msg)?;
    let time = scene.dice.between(WRONG.0, WRONG.1);
    let launcher = vec![
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME={}", clock.offset),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
    ];
    restart(clock.part, launcher, scene).await?;
    scene
        .journal
        .lasting(format!("the {}'s clock {}", clock.part.name(), clock.offset), time)
        .await;
    restart(clock.part, Vec::new(), scene).await
}

async fn restart(
    kind: part::Kind,
    launcher: Vec<String>,
    scene: &mut Scene<'_>,
) -> anyhow::Result<()> {
    let part = scene.stage.part(kind);
    part.stop().await?;
    part.launcher = launcher;
    part.start()
}
