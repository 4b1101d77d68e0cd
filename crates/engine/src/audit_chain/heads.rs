//! Lines that say where a chain ended: one JSON object each, appended and never changed.
//!
//! A process that dies half-way, or a disk that is full, leaves a line cut off. The next lines begin after it, and who reads
//! the file passes over it: a later line of the same chain vouches for what it said.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
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
pub enum MalformedHead {
    /// It ends before its object does.
    #[error("is cut off")]
    CutOff,
    /// It is something else.
    #[error("must be a JSON object with project_id, sequence and hash, as a worker writes it")]
    Foreign,
}

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
        let line: Self = serde_json::from_str(line).map_err(|error| {
            let is_cut_off = error.is_eof() && line.starts_with('{');
            if is_cut_off { MalformedHead::CutOff } else { MalformedHead::Foreign }
        })?;
        let hash = hex::decode(&line.hash).map_err(|_| MalformedHead::Foreign)?;
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

/// Appends the lines, after one that is cut off on lines of their own, and waits until the disk has them. A new file is its
/// owner's alone.
pub(super) fn append(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let begin = if is_cut_off(path, &file)? { "\n" } else { "" };
    file.write_all(format!("{begin}{lines}").as_bytes())?;
    file.sync_data()
}

/// Whether the last line has no end. It is not looked at in a pipe, nor where only writing is allowed.
fn is_cut_off(path: &Path, file: &File) -> io::Result<bool> {
    let about = file.metadata()?;
    let last = about.len().checked_sub(1).filter(|_| about.is_file());
    let (Some(last), Ok(reading)) = (last, File::open(path)) else { return Ok(false) };
    let mut end = [0];
    reading.read_exact_at(&mut end, last)?;
    Ok(end != *b"\n")
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
        for line in ["", "{}", r#"{"project_id":null,"sequence":1,"hash":"xyz"}"#, "[1]", "["] {
            assert_eq!(HeadLine::read(line), Err(MalformedHead::Foreign), "{line}");
        }
    }

    #[test]
    fn what_follows_a_line_that_is_cut_off_stands_on_lines_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("heads.jsonl");
        let head = Head { project_id: None, sequence: 7, hash: vec![1; 32] };
        let line = lines(std::slice::from_ref(&head)).expect("a line");
        for length in 1..line.len() {
            std::fs::write(&path, format!("{line}{}", &line[..length])).expect("written");
            append(&path, &line).expect("written");
            let text = std::fs::read_to_string(&path).expect("a file");
            let read: Vec<_> = text.lines().map(HeadLine::read).collect();
            let is_whole = length == line.len() - 1;
            let middle = if is_whole { Ok(head.clone()) } else { Err(MalformedHead::CutOff) };
            assert_eq!(read, [Ok(head.clone()), middle, Ok(head.clone())], "{length}");
        }
    }
}
