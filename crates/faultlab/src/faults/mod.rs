//! The faults, a file per family. Each strikes a stage under load, waits, and lets it recover as an operator or a
//! supervisor would; what it did is in the journal.

mod clock;
mod crash_points;
mod disk;
mod engines;
mod freezes;
mod kills;
mod moods;
mod network;
mod tls;
mod upgrade;

use std::path::PathBuf;
use std::time::Duration;

use crate::dice::Dice;
use crate::journal::Journal;
use crate::stage::disk::{Disk, Holds};
use crate::stage::{Stage, StageOptions};

/// What a fault works on.
pub struct Scene<'a> {
    pub stage: &'a mut Stage,
    pub dice: &'a mut Dice,
    pub journal: &'a mut Journal,
}

/// One fault, as data.
#[derive(Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    pub family: &'static str,
    /// What happens, in a line.
    pub what: &'static str,
    pub shows: Shows,
    /// Whether it is in the selection that `make test` runs.
    pub short: bool,
    kind: Kind,
}

/// What operators must see of a fault within a minute.
#[derive(Debug, Clone, Copy)]
pub enum Shows {
    /// One of these signs at least.
    OneOf(&'static [&'static str]),
    /// Nothing, and why that is right.
    Nothing(&'static str),
}

impl Shows {
    /// The signs of which one must be there.
    pub const fn signs(self) -> &'static [&'static str] {
        match self {
            Self::OneOf(signs) => signs,
            Self::Nothing(_) => &[],
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Kill(kills::Kill),
    Freeze(freezes::Target),
    Engine(engines::Engine),
    Network(network::Trouble),
    Mood(moods::Mood),
    Tls(tls::Trouble),
    Point(crash_points::Point),
    Disk(Holds),
    Clock(clock::Clock),
    Upgrade,
}

/// The programs of a run.
#[derive(Debug, Clone)]
pub struct Programs {
    /// What is tested.
    pub binary: PathBuf,
    /// The release before, where one was given.
    pub from: Option<PathBuf>,
    /// What is tested, built with crash points.
    pub with_crash_points: Option<PathBuf>,
}

/// What is missing on this machine for a fault; the report names it.
pub type Skipped = String;

/// All faults, in the order in which they are run.
pub fn all() -> Vec<Fault> {
    [
        kills::ALL,
        crash_points::ALL,
        freezes::ALL,
        engines::ALL,
        network::ALL,
        moods::ALL,
        tls::ALL,
        disk::ALL,
        clock::ALL,
        upgrade::ALL,
    ]
    .concat()
}

impl Fault {
    /// What its stage is, or why it cannot be here.
    pub fn stage(&self, programs: &Programs) -> Result<StageOptions, Skipped> {
        let mut options = StageOptions::new(programs.binary.clone());
        match self.kind {
            Kind::Disk(holds) => {
                options.disk = Some(Disk::mount(holds).map_err(|error| format!("{error:#}"))?);
            }
            Kind::Tls(_) => options.tls = true,
            Kind::Mood(mood) => options.relay = mood.relay(),
            Kind::Clock(_) => {
                clock::library()?;
            }
            Kind::Point(_) => {
                let program = programs.with_crash_points.clone();
                options.binary = program
                    .ok_or("no build with crash points was given: --crash-points PROGRAM")?;
                crash_points::has_points(&options.binary)?;
            }
            Kind::Upgrade => {
                let from = programs.from.clone();
                let from =
                    from.ok_or("no earlier release was given: --from PROGRAM, or BASE=COMMIT")?;
                options.newer = Some(std::mem::replace(&mut options.binary, from));
            }
            _ => {}
        }
        Ok(options)
    }

    /// Does it, and recovers.
    pub async fn strike(&self, mut scene: Scene<'_>) -> anyhow::Result<()> {
        match self.kind {
            Kind::Kill(kill) => Box::pin(kills::strike(kill, &mut scene)).await,
            Kind::Freeze(target) => Box::pin(freezes::strike(target, &mut scene)).await,
            Kind::Engine(engine) => Box::pin(engines::strike(engine, &mut scene)).await,
            Kind::Network(trouble) => Box::pin(network::strike(trouble, &mut scene)).await,
            Kind::Mood(mood) => Box::pin(moods::strike(mood, &mut scene)).await,
            Kind::Tls(trouble) => tls::strike(trouble, &mut scene).await,
            Kind::Point(point) => Box::pin(crash_points::strike(point, &mut scene)).await,
            Kind::Disk(holds) => Box::pin(disk::strike(holds, &mut scene)).await,
            Kind::Clock(clock) => Box::pin(clock::strike(clock, &mut scene)).await,
            Kind::Upgrade => Box::pin(upgrade::strike(&mut scene)).await,
        }
    }
}

/// A restart is seen while it lasts, or afterwards by when the process started.
const API_RESTARTS: &[&str] = &["api does not respond", "api started again"];
const WORKER_RESTARTS: &[&str] = &["worker does not respond", "worker started again"];
const RESTARTS: &[&str] = &[
    "api does not respond",
    "api started again",
    "worker does not respond",
    "worker started again",
];

/// A time from the first to the second, in seconds.
const fn seconds(least: u64, most: u64) -> (Duration, Duration) {
    (Duration::from_secs(least), Duration::from_secs(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_shows_or_says_why_it_does_not() {
        for fault in all() {
            let says = match fault.shows {
                Shows::OneOf(signs) => !signs.is_empty(),
                Shows::Nothing(why) => !why.is_empty(),
            };
            assert!(says, "{}", fault.name);
        }
    }
}
