//! What is measured, each part a file of one story.

mod burst;
mod cold_start;
mod deadlines;
mod drain;
mod floor;
mod flows;
mod growth;
mod idle;
mod incidents;
mod memory;
mod overhead;
mod pages;
mod pgbench;
mod receipts;
mod recovery;
mod retention;
mod size;
mod steady;
mod watches;
mod wrk;

use clap::ValueEnum;

use crate::ledger::LedgerCheck;
use crate::report::Findings;
use crate::session::{self, Turn};

/// A part, in the order in which they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The size of the program.
    Size,
    /// What `pgbench` reaches with inserts of the same kind, where it is installed.
    Pgbench,
    /// From the start of `dev` to its being ready, in a folder in which it ran before.
    ColdStart,
    /// From a recorded success to the end of its watch.
    Watches,
    /// From a deadline to its incident.
    Deadlines,
    /// Receipts and results over HTTP, as many as 64 connections can send, beside the same
    /// statements without HTTP.
    Receipts,
    /// Receipts as `wrk` sees them from outside, over 64 connections, where it is installed.
    Wrk,
    /// What metrics and traces cost receipts over 64 connections.
    Overhead,
    /// Latency of receipts at a steady rate.
    Steady,
    /// Many receipts within a few seconds.
    Burst,
    /// Events on their happy path through Temporal, beside bare workflows of the same shape.
    Flows,
    /// 20,000 messages of the outbox, beside bare starts.
    Drain,
    /// How far Temporal falls behind while 5,000 messages are dispatched.
    FirstTasks,
    /// 3,000 deadlines in one moment, with receipts beside.
    Incidents,
    /// Memory with 100,000 pending events and 1,000 idle connections.
    Memory,
    /// Memory and CPU of a system that has nothing to do, a minute after a load.
    Idle,
    /// From the return of a Postgres that was killed to the first receipt.
    Recovery,
    /// What a receipt costs with much on disk (`--scale`) and with many pending watches
    /// (`--pending`).
    Growth,
    /// The console's pages in a bad week, after fourteen months.
    Pages,
    /// What receipts and pages wait for while retention deletes two of fourteen months.
    Retention,
}

impl Part {
    /// As `--only` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Pgbench => "pgbench",
            Self::ColdStart => "cold-start",
            Self::Watches => "watches",
            Self::Deadlines => "deadlines",
            Self::Receipts => "receipts",
            Self::Wrk => "wrk",
            Self::Overhead => "overhead",
            Self::Steady => "steady",
            Self::Burst => "burst",
            Self::Flows => "flows",
            Self::Drain => "drain",
            Self::FirstTasks => "first-tasks",
            Self::Incidents => "incidents",
            Self::Memory => "memory",
            Self::Idle => "idle",
            Self::Recovery => "recovery",
            Self::Growth => "growth",
            Self::Pages => "pages",
            Self::Retention => "retention",
        }
    }

    /// Whether one round says it all, because it takes long or does not vary.
    pub fn is_measured_once(self) -> bool {
        matches!(self, Self::Size | Self::Memory | Self::Growth | Self::Pages | Self::Retention)
    }

    /// Whether another build is measured too. `pgbench` runs none, `overhead` compares this build with
    /// itself, and the others write rows of this release's schema.
    pub fn suits_any_build(self) -> bool {
        !matches!(
            self,
            Self::Pgbench | Self::Overhead | Self::Growth | Self::Pages | Self::Retention
        )
    }

    /// Measures one round of a build; the ledger is of the requests that were sent.
    pub async fn measure(self, turn: Turn<'_>) -> anyhow::Result<(Findings, LedgerCheck)> {
        let alone = |findings| (findings, LedgerCheck::default());
        match self {
            Self::Size => Ok(alone(size::measure(turn.build)?)),
            Self::Pgbench => Ok(alone(pgbench::measure(turn.options).await?)),
            Self::ColdStart => Ok(alone(cold_start::measure(turn).await?)),
            Self::Receipts => receipts::measure(turn).await,
            Self::Wrk => wrk::measure(turn).await,
            Self::Overhead => overhead::measure(turn).await,
            Self::Growth => growth::measure(turn).await,
            Self::Watches => session::run(turn, watches::measure).await,
            Self::Deadlines => session::run(turn, deadlines::measure).await,
            Self::Steady => session::run(turn, steady::measure).await,
            Self::Burst => session::run(turn, burst::measure).await,
            Self::Flows => session::run(turn, flows::measure).await,
            Self::Drain => session::run(turn, drain::measure).await,
            Self::FirstTasks => session::run(turn, drain::measure_first_tasks).await,
            Self::Incidents => session::run(turn, incidents::measure).await,
            Self::Memory => session::run(turn, memory::measure).await,
            Self::Idle => session::run(turn, idle::measure).await,
            Self::Recovery => session::run(turn, recovery::measure).await,
            Self::Pages => session::run(turn, pages::measure).await,
            Self::Retention => session::run(turn, retention::measure).await,
        }
    }
}
