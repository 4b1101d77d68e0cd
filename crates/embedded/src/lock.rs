//! One `dev` per data folder.
//!
//! The lock is one of the operating system's on an open file, so it ends with its holder, however
//! that dies, and a file that was left behind locks nothing. The file holds the holder's process id
//! only so that the message can name it; it is never removed, because removing it would let two
//! later ones lock two different files of the same name.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "dev.lock";

/// Held as long as this value lives.
#[derive(Debug)]
pub struct PidLock {
    file: File,
}

impl Drop for PidLock {
    /// Closing the file is not enough: a child that is about to become another program has it too.
    fn drop(&mut self) {
        // What cannot be unlocked is so at the latest when the process ends.
        let _ = self.file.unlock();
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another one is already running in {} (process {pid})", folder.display())]
    Running { folder: PathBuf, pid: String },
    #[error("cannot lock {}", path.display())]
    File { path: PathBuf, source: io::Error },
}

impl PidLock {
    /// Locks a data folder, which is created if it does not exist.
    ///
    /// # Errors
    /// [`LockError::Running`] when another process holds it.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(NAME);
        let failed = |source| LockError::File { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => write_pid(&mut file).map_err(failed)?,
            Err(TryLockError::WouldBlock) => return Err(running(folder, &mut file)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(Self { file })
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn running(folder: &Path, file: &mut File) -> LockError {
    let mut text = String::new();
    // Without the id the message is still right.
    let _ = file.read_to_string(&mut text);
    let pid = if text.trim().is_empty() { "unknown" } else { text.trim() };
    LockError::Running { folder: folder.to_owned(), pid: pid.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_is_running() {
        let folder = tempfile::tempdir().unwrap();
        let alice = PidLock::acquire(folder.path()).unwrap();
        let error = PidLock::acquire(folder.path()).unwrap_err();
        assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
        drop(alice);
        PidLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn who_lets_go_is_not_kept_by_a_file_that_a_child_inherited() {
        let folder = tempfile::tempdir().unwrap();
        let alice = PidLock::acquire(folder.path()).unwrap();
        let inherited = alice.file.try_clone().unwrap();
        drop(alice);
        PidLock::acquire(folder.path()).unwrap();
        drop(inherited);
    }

    #[test]
    fn a_file_left_by_a_killed_process_locks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "99999999\n").unwrap();
        let _bob = PidLock::acquire(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
    }

    #[test]
    fn the_folder_is_created() {
        let folder = tempfile::tempdir().unwrap();
        PidLock::acquire(&folder.path().join("not/yet/there")).unwrap();
    }
}
