//! Lines that say where a chain ended: one JSON object each, appended and never changed.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use domain::ids::ProjectId;
use serde::{Deserialize, Serialize};
use store::audit_chain::Head;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadLine {
    /// Null of the chain of entries about no project.
    pub project_id: Option<ProjectId>,
    pub sequence: i64,
    /// In hex.
    pub hash: String,
}

/// The line says no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a JSON object with project_id, sequence and hash, as a worker writes it")]
pub struct MalformedHead;

impl From<&Head> for HeadLine {
    fn from(head: &Head) -> Self {
        let hash = hex::encode(&head.hash);
        Self { project_id: head.project_id, sequence: head.sequence, hash }
    }
}

impl HeadLine {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(line: &str) -> Result<Head, MalformedHead> {
        let line: Self = serde_json::from_str(line).map_err(|_| MalformedHead)?;
        let hash = hex::decode(&line.hash).map_err(|_| MalformedHead)?;
        Ok(Head { project_id: line.project_id, sequence: line.sequence, hash })
    }
}

/// A line for each, each with its end.
pub(super) fn lines(heads: &[Head]) -> io::Result<String> {
    let mut lines = String::new();
    for head in heads {
        lines.push_str(&serde_json::to_string(&HeadLine::from(head))?);
        lines.push('\n');
    }
    Ok(lines)
}

/// Appends the lines and waits until the disk has them. A new file is its owner's alone.
pub(super) fn append(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn heads_are_read_as_they_were_written_and_nobody_else_may_read_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("heads.jsonl");
        let project_id = "prj_00000000000000000000000001".parse().ok();
        let heads = [
            Head { project_id: None, sequence: 7, hash: vec![1; 32] },
            Head { project_id, sequence: 1, hash: vec![2; 32] },
        ];
        for head in &heads {
            let line = lines(std::slice::from_ref(head)).expect("a line");
            append(&path, &line).expect("written");
        }
        let text = std::fs::read_to_string(&path).expect("a file");
        let read: Result<Vec<_>, _> = text.lines().map(HeadLine::read).collect();
        assert_eq!(read.expect("heads"), heads);
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn another_line_is_no_head() {
        for line in ["", "{}", r#"{"project_id":null,"sequence":1,"hash":"xyz"}"#, "[1]"] {
            assert_eq!(HeadLine::read(line), Err(MalformedHead), "{line}");
        }
    }
}
