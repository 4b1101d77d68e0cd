//! What a `dev` with nothing to do costs: memory and CPU of API and worker together.
//!
//! The engines are processes of their own and are not counted. Read from `/proc`, see `proc(5)`.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

use crate::report::{Figure, Threshold};
use crate::{BenchContext, say, until_relayed};

/// After the last outbox message was relayed, the worker still has watches to start. It is at rest
/// when it uses less of a core than [`CALM`] for this long, which is well above the target...
const SETTLE: Duration = Duration::from_secs(10);
const CALM: f64 = 0.10;
/// ...or else never, and then the figure shall say so.
const SETTLES: usize = 12;
const WATCHED: Duration = Duration::from_secs(30);
/// `/proc` counts in units of `USER_HZ`, which is 100 on every architecture that we build for.
const TICKS_PER_SECOND: f64 = 100.0;
/// Places of `utime` and `stime` behind the name of the process, which may hold anything.
const UTIME: usize = 11;
const STIME: usize = 12;

/// Lets everything come to rest, then watches.
pub async fn measure(context: &BenchContext) -> anyhow::Result<Vec<Figure>> {
    say("letting everything come to rest, then watching it do nothing");
    until_relayed(context).await?;
    for _ in 0..SETTLES {
        if share_of_a_core(context.pid, SETTLE).await? < CALM {
            break;
        }
    }
    let used = share_of_a_core(context.pid, WATCHED).await?;
    Ok(vec![
        Figure {
            name: "resident memory of dev, at rest",
            value: resident_megabytes(context.pid)?,
            unit: "MB",
            target: Threshold::AtMost(120.0),
            note: "API and worker, after all of the above".to_owned(),
        },
        Figure {
            name: "CPU of dev, at rest",
            value: used * 100.0,
            unit: "% of a core",
            target: Threshold::AtMost(3.0),
            note: format!("API and worker, over {} s", WATCHED.as_secs()),
        },
    ])
}

async fn share_of_a_core(pid: u32, watched: Duration) -> anyhow::Result<f64> {
    let before = cpu_seconds(pid)?;
    tokio::time::sleep(watched).await;
    Ok((cpu_seconds(pid)? - before) / watched.as_secs_f64())
}

/// How much of a process is in memory, in units of 10⁶ bytes.
fn resident_megabytes(pid: u32) -> anyhow::Result<f64> {
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
