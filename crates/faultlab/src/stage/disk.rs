//! A disk of a few hundred megabytes in memory, which can be filled.
//!
//! Only root can mount one. It is unmounted with this value; should the lab be killed, `umount` of its folder and
//! `rm` are left to its owner, and the folder's name says whose it was.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

/// Room for a fresh cluster with its write-ahead log, and little more.
const SIZE: &str = "size=320m,mode=0711";
const BALLAST: &str = "ballast";

/// Whose data is on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Postgres,
    Temporal,
}

#[derive(Debug)]
pub struct Disk {
    pub holds: Holds,
    folder: TempDir,
}

impl Disk {
    /// Mounts one.
    pub fn mount(holds: Holds) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sendpromptly-disk-").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let options = ["-t", "tmpfs", "-o", SIZE, "tmpfs"];
        let output = Command::new("mount").args(options).arg(folder.path()).output();
        let output = output.context("run mount")?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "mount a tmpfs: {}", said.trim());
        Ok(Self { holds, folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves no byte free.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = File::create(self.ballast()).context("write the ballast")?;
        for block in [1 << 20, 4096, 1] {
            let bytes = vec![0; block];
            while ballast.write_all(&bytes).is_ok() {}
        }
        Ok(())
    }

    /// Takes away what [`Disk::fill`] has put there.
    pub fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(self.ballast()).context("remove the ballast")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join(BALLAST)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still runs on it is on its way out.
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}
