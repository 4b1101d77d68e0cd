//! Memory and CPU of a process, from `/proc`; see `proc(5)`.

use std::fs;

use anyhow::Context as _;

/// `/proc` counts in units of `USER_HZ`, which is 100 on every architecture that we build for.
const TICKS_PER_SECOND: f64 = 100.0;
/// Places of `utime` and `stime` behind the name of the process, which may hold anything.
const UTIME: usize = 11;
const STIME: usize = 12;

/// How much of a process is in memory, in units of 10⁶ bytes.
pub fn resident_megabytes(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: f64 = kibibytes.context("no VmRSS")?.trim().parse()?;
    Ok(kibibytes * 1_024.0 / 1e6)
}

/// How long a process has computed, for itself and in the kernel.
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, behind_name) = stat.rsplit_once(')').context("no name in stat")?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |place: usize| -> anyhow::Result<f64> {
        Ok(fields.get(place).context("stat is too short")?.parse()?)
    };
    Ok((ticks(UTIME)? + ticks(STIME)?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_computed() {
        assert!(resident_megabytes(std::process::id()).expect("memory") > 1.0);
        assert!(cpu_seconds(std::process::id()).expect("cpu") >= 0.0);
    }

    #[test]
    fn a_process_that_has_ended_is_an_error() {
        assert!(cpu_seconds(u32::MAX).is_err());
    }
}
