//! API, worker and Temporal, each a process of its own that can be killed.

use e2e::binary::Part;
use e2e::{World, eventually};
use embedded::Temporal;
use rustix::process::{Pid, Signal, kill_process};
use time::OffsetDateTime;

/// Who is killed.
#[derive(Debug, Clone, Copy)]
pub enum Victim {
    Api,
    Worker,
    Temporal,
}

/// The processes of a world; they end with this value.
pub struct Processes<'a> {
    world: &'a World,
    api: Part,
    worker: Part,
    temporal: Temporal,
    /// When a worker or Temporal had died. An API that dies has nobody asked again.
    pub crashes: Vec<OffsetDateTime>,
}

impl<'a> Processes<'a> {
    pub async fn start(world: &'a World, temporal: Temporal) -> Self {
        let api = world.spawn_api().expect("an API");
        let worker = world.spawn_worker().expect("a worker");
        eventually("an API that is ready", async || world.ready().await.then_some(())).await;
        Self { world, api, worker, temporal, crashes: Vec::new() }
    }

    /// Kills one of them as `kill -9` does, and starts it again.
    pub async fn crash(mut self, victim: Victim) -> Self {
        match victim {
            Victim::Api => {
                self.api.kill().await.expect("killed");
                self.api = self.world.spawn_api().expect("an API");
            }
            Victim::Worker => {
                self.worker.kill().await.expect("killed");
                self.crashes.push(OffsetDateTime::now_utc());
                self.worker = self.world.spawn_worker().expect("a worker");
            }
            Victim::Temporal => {
                let pid = i32::try_from(self.temporal.pid()).ok().and_then(Pid::from_raw);
                kill_process(pid.expect("a process"), Signal::KILL).expect("killed");
                self.temporal.wait_exit().await;
                self.crashes.push(OffsetDateTime::now_utc());
                self.temporal = self.temporal.start_again().await.expect("Temporal");
            }
        }
        self
    }
}
