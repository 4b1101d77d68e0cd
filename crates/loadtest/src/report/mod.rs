//! What was measured: figures of several rounds beside their targets, plots, and ledgers.
//!
//! One report has three forms: text, JSON and a page that needs nothing from anywhere else.

mod page;
mod plot;
mod recorder;
mod text;

use std::path::Path;
use std::{fmt, fs};

use anyhow::Context as _;
use serde::Serialize;

use crate::latencies::Points;
use crate::ledger::LedgerCheck;
use crate::load::Measured;
use crate::spread::Spread;

pub use recorder::Recorder;

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Only for comparison.
    None,
}

/// One figure of one round.
#[derive(Debug, Clone)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    pub target: Threshold,
    /// What else is worth knowing.
    pub note: String,
}

/// One line of a plot.
#[derive(Debug, Clone)]
pub struct Line {
    /// The load that it was seen beside.
    pub load: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    /// What the points are spread over.
    pub over: &'static str,
    pub points: Points,
}

/// What a part found in one round.
#[derive(Debug, Default)]
pub struct Findings {
    pub figures: Vec<Figure>,
    pub lines: Vec<Line>,
}

/// Everything that was measured in one run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// RFC 3339, UTC.
    pub begun: String,
    pub profile: &'static str,
    pub cores: usize,
    pub builds: Vec<String>,
    pub figures: Vec<Summary>,
    pub ledgers: Vec<BuildLedger>,
    pub charts: Vec<Chart>,
}

/// A figure of all rounds. The target is that of the first build.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub part: &'static str,
    pub name: String,
    pub unit: &'static str,
    pub target: Threshold,
    /// Whether the median reaches the target; `None` where there is none.
    pub pass: Option<bool>,
    pub measured: Spread,
    /// What the build to compare with reached.
    pub base: Option<Spread>,
    /// The first build divided by the other, round by round.
    pub ratio: Option<Spread>,
    pub note: String,
}

/// What the ledgers of all runs of a build came to.
#[derive(Debug, Serialize)]
pub struct BuildLedger {
    pub build: String,
    pub clean: bool,
    #[serde(flatten)]
    pub check: LedgerCheck,
}

/// A plot of the last round, with a line per build.
#[derive(Debug, Serialize)]
pub struct Chart {
    pub part: &'static str,
    pub load: &'static str,
    pub title: &'static str,
    pub unit: &'static str,
    pub over: &'static str,
    pub lines: Vec<ChartLine>,
}

#[derive(Debug, Serialize)]
pub struct ChartLine {
    pub build: String,
    pub points: Points,
}

impl Threshold {
    /// Whether the value reaches it; `None` where there is nothing to reach.
    fn judge(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(limit) => Some(value <= limit),
            Self::AtLeast(limit) => Some(value >= limit),
            Self::None => None,
        }
    }
}

impl Figure {
    /// A figure without a note.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, target: Threshold) -> Self {
        Self { name: name.into(), value, unit, target, note: String::new() }
    }

    #[must_use]
    pub fn noting(self, note: impl fmt::Display) -> Self {
        let note = note.to_string();
        Self { note, ..self }
    }
}

impl Line {
    pub const fn new(
        load: &'static str,
        title: &'static str,
        unit: &'static str,
        points: Points,
    ) -> Self {
        Self { load, title, unit, over: "seconds", points }
    }

    /// Latency and throughput of a load, second by second.
    pub fn of_load(load: &'static str, measured: &Measured) -> [Self; 2] {
        let latencies = &measured.latencies;
        [
            Self::new(
                load,
                "latency, p99 of each second",
                "ms",
                latencies.percentile_by_second(99.0),
            ),
            Self::new(load, "throughput", "a second", latencies.count_by_second()),
        ]
    }
}

impl From<Vec<Figure>> for Findings {
    fn from(figures: Vec<Figure>) -> Self {
        Self { figures, lines: Vec::new() }
    }
}

impl Report {
    /// Whether no target was missed.
    pub fn all_passed(&self) -> bool {
        self.figures.iter().all(|figure| figure.pass != Some(false))
    }

    /// Whether the database held what the ledgers say, in every run.
    pub fn ledgers_are_clean(&self) -> bool {
        self.ledgers.iter().all(|ledger| ledger.clean)
    }

    /// The report as one line.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// The report for people at a terminal.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// Writes all three forms into a folder.
    pub fn write_to(&self, folder: &Path) -> anyhow::Result<()> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))
        };
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        write("report.txt", self.text() + "\n")?;
        write("report.json", self.json()? + "\n")?;
        write("report.html", page::render(self)?)
    }
}
