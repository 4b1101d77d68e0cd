//! What was done to the product in a round, and when: the marks of the report, and what the checker may excuse.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// One disturbance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mark {
    pub what: String,
    /// Seconds since the round began.
    pub from: f64,
    pub until: f64,
}

/// The journal of one round.
#[derive(Debug)]
pub struct Journal {
    began: Instant,
    marks: Vec<Mark>,
    /// Processes of ours that ended without being asked to, or were stopped and went on: each may have sent
    /// something that it could not note.
    crashes: usize,
}

impl Journal {
    pub fn begin() -> Self {
        Self { began: Instant::now(), marks: Vec::new(), crashes: 0 }
    }

    pub const fn began(&self) -> Instant {
        self.began
    }

    /// Seconds since the round began.
    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Something begins that lasts until [`Journal::close`].
    pub fn open(&mut self, what: impl Into<String>) {
        let now = self.now();
        self.marks.push(Mark { what: what.into(), from: now, until: now });
    }

    /// What was opened last is over.
    pub fn close(&mut self) {
        let now = self.now();
        if let Some(mark) = self.marks.last_mut() {
            mark.until = now;
        }
    }

    /// Something that takes that long.
    pub async fn lasting(&mut self, what: impl Into<String>, time: Duration) {
        self.open(what);
        tokio::time::sleep(time).await;
        self.close();
    }

    pub const fn crashed(&mut self) {
        self.crashes += 1;
    }

    pub const fn crashes(&self) -> usize {
        self.crashes
    }

    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// When the last disturbance was over, in seconds since the round began.
    pub fn recovered(&self) -> f64 {
        self.marks.iter().map(|mark| mark.until).fold(0.0, f64::max)
    }
}
