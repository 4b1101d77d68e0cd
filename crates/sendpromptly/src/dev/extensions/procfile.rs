//! The line of a `Procfile` that says how a worker is started: `worker: python3 worker.py`.
//!
//! The form is Foreman's: a name, a colon, a command for the shell; `#` begins a comment. Other
//! names are another tool's business.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

const FILE: &str = "Procfile";
const NAME: &str = "worker";

/// How the worker of one extension is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Procfile {
    pub(super) folder: PathBuf,
    /// What its output is marked with: the folder's name.
    pub(super) label: String,
    /// As a shell reads it.
    pub(super) line: String,
}

impl Procfile {
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let rejected = |why: String| Failure::option("--extension", why);
        let folder = folder.canonicalize().map_err(|error| {
            rejected(format!("{} is no folder that can be read: {error}", folder.display()))
        })?;
        let path = folder.join(FILE);
        let cure = format!(
            "write how its worker is started into {}, in one line such as: worker: python3 worker.py",
            path.display()
        );
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => rejected(format!("{} has no {FILE}: {cure}", folder.display())),
            _ => rejected(format!("{} cannot be read: {error}", path.display())),
        })?;
        let label = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
        let line = line_of(&text, NAME)
            .ok_or_else(|| rejected(format!("{} names no {NAME}: {cure}", path.display())))?
            .to_owned();
        Ok(Self { folder, label, line })
    }
}

/// What follows the first line's `name:`, unless it is empty.
fn line_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, line) = lines.find(|(found, _)| found.trim() == name)?;
    Some(line.trim()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_worker_is_found_among_others() {
        let text =
            "# worker: no\nweb: flask run\n worker : FOO=a:b python3 worker.py \r\nworker: no";
        assert_eq!(line_of(text, "worker"), Some("FOO=a:b python3 worker.py"));
        for text in ["", "worker", "worker:\n", "workers: x", "web: worker: x"] {
            assert_eq!(line_of(text, "worker"), None, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |folder: &Path| Procfile::read(folder).expect_err("rejected").to_string();
        let absent = said(&folder.path().join("absent"));
        assert!(absent.contains("--extension") && absent.contains("absent"), "{absent}");
        let cure = "Procfile, in one line such as: worker: python3 worker.py";
        let without = said(folder.path());
        assert!(without.contains("has no Procfile") && without.contains(cure), "{without}");
        let file = folder.path().join(FILE);
        fs::write(&file, "web: flask run\n").expect("written");
        let other = said(folder.path());
        assert!(other.contains("names no worker") && other.contains(cure), "{other}");
        fs::write(&file, "worker: npm start\n").expect("written");
        let read = Procfile::read(folder.path()).expect("a line");
        assert_eq!(read.line, "npm start");
        assert!(folder.path().ends_with(&read.label), "{}", read.label);
    }
}
