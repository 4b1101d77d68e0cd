//! How much processes compute beside a load.

use std::time::Instant;

use crate::process;

/// What a process had computed when a load began.
pub struct Computing {
    pid: u32,
    begin: Instant,
    before: f64,
}

impl Computing {
    /// Begins to look at a process.
    pub fn start(pid: u32) -> anyhow::Result<Self> {
        Ok(Self { pid, begin: Instant::now(), before: process::cpu_seconds(pid)? })
    }

    /// How many cores it has used since then, on average.
    pub fn cores(&self) -> anyhow::Result<f64> {
        let used = process::cpu_seconds(self.pid)? - self.before;
        Ok(used / self.begin.elapsed().as_secs_f64())
    }
}
