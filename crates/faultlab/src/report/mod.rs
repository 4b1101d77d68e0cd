//! What a run found, in three forms: text for a terminal, JSON for programs, a page with plots for people.

mod page;
mod plot;
mod text;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::round::Verdict;

/// All rounds of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The seed that repeats it.
    pub seed: u64,
    /// What ran, such as a commit.
    pub name: String,
    pub rounds: Vec<Verdict>,
}

impl Report {
    /// Whether no round failed.
    pub fn passed(&self) -> bool {
        self.rounds.iter().all(Verdict::passed)
    }

    pub fn text(&self) -> String {
        text::render(self)
    }

    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
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
