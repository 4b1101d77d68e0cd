//! The builds that are measured: the one beside this program, and another to compare it with.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;

/// A `sendpromptly` program.
#[derive(Debug, Clone)]
pub struct Build {
    pub name: String,
    pub binary: PathBuf,
}

impl Build {
    /// The one of the same profile that was built beside this program.
    pub fn beside_us(name: String) -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("sendpromptly");
        Self { name, binary }.checked()
    }

    fn checked(self) -> anyhow::Result<Self> {
        let binary = self.binary.display();
        anyhow::ensure!(self.binary.exists(), "{binary} is missing: `make bench` builds it first");
        Ok(self)
    }
}

impl FromStr for Build {
    type Err = anyhow::Error;

    /// `NAME=PATH`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, path) = text.split_once('=').context("must look like NAME=PATH")?;
        Self { name: name.to_owned(), binary: path.into() }.checked()
    }
}
