//! What an engine prints goes to a file, and its last lines into the error when it dies.
//!
//! The file is appended to over restarts. One that has grown large is put aside as `<name>.old`
//! before the next start, so that two files of bounded age are the most there is.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const LARGE: u64 = 20_000_000;
const TAIL_BYTES: u64 = 4_000;
const TAIL_LINES: usize = 12;

#[derive(Debug)]
pub(crate) struct LogFile {
    pub path: PathBuf,
    /// Where the present start began to write.
    begin: u64,
}

impl LogFile {
    /// Opens it for one start, and returns both handles that the engine prints to.
    pub fn open(path: &Path) -> io::Result<(Self, File, File)> {
        if path.metadata().is_ok_and(|data| data.len() > LARGE) {
            let mut old = path.as_os_str().to_owned();
            old.push(".old");
            fs::rename(path, old)?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        let begin = file.metadata()?.len();
        let second = file.try_clone()?;
        Ok((Self { path: path.to_owned(), begin }, file, second))
    }

    /// The last lines that the engine has printed since this start.
    pub fn tail(&self) -> String {
        let text = self.read().unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn read(&self) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        let from = self.begin.max(file.metadata()?.len().saturating_sub(TAIL_BYTES));
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = vec![];
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_tail_holds_only_what_was_printed_since_this_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        fs::write(&path, "an old quarrel\n").unwrap();
        let (log, mut out, mut err) = LogFile::open(&path).unwrap();
        out.write_all(b"first\n\n").unwrap();
        err.write_all(b"second\n").unwrap();
        assert_eq!(log.tail(), "first\nsecond");
    }

    #[test]
    fn a_long_log_is_cut_to_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (log, mut out, _err) = LogFile::open(&folder.path().join("server.log")).unwrap();
        for line in 0..5_000 {
            writeln!(out, "line {line}").unwrap();
        }
        assert_eq!(log.tail().lines().count(), TAIL_LINES);
        assert!(log.tail().ends_with("line 4999"));
    }

    #[test]
    fn a_large_log_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        File::create(&path).unwrap().set_len(LARGE + 1).unwrap();
        let _log = LogFile::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().len(), 0);
        assert_eq!(folder.path().join("server.log.old").metadata().unwrap().len(), LARGE + 1);
    }
}
