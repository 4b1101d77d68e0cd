//! The data folder of `dev`, as other commands see it.
//!
//! While it runs, `dev` keeps `dev.json` in its data folder, which says where everything is, and
//! for good a `master.key`. Both are readable by their owner only, and written whole or not at all. A
//! `dev` that was killed leaves `dev.json` behind, so a reader asks whether its process still lives.
//! A process id can be taken by another program: then the database does not respond, and that is the
//! error that is shown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::ids::ProjectId;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use store::MasterKey;
use store::seal::SealError;

/// The data folder unless a flag names another one.
pub const DEFAULT_DATA_DIR: &str = ".sendpromptly";

const STATE: &str = "dev.json";
const KEY: &str = "master.key";
/// Where `dev` puts mails when there is no mail server.
const MAIL: &str = "mail";
const OWNER_ONLY: u32 = 0o600;

/// Something in the data folder is missing or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// No setting names a database, and no `dev` is there to ask.
    #[error(
        "no database to work on: set DATABASE_URL, or start `sendpromptly dev` (searched for {}; \
         --data-dir names another folder)",
        path.display()
    )]
    NoDatabase {
        /// The file that was searched for.
        path: PathBuf,
    },
    /// A `dev` was there and ended without saying so.
    #[error(
        "`sendpromptly dev` is not running in {} (process {pid} has ended): start it again, or set \
         DATABASE_URL",
        folder.display()
    )]
    Ended {
        /// The data folder.
        folder: PathBuf,
        /// The process that wrote the file.
        pid: u32,
    },
    /// A file that was not written by `dev`.
    #[error("{} cannot be understood ({reason}): start `sendpromptly dev` again", path.display())]
    Malformed { path: PathBuf, reason: String },
    /// A file that cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The key file holds no key.
    #[error("{} holds no master key: {source}", path.display())]
    Key {
        path: PathBuf,
        /// What a key is.
        source: SealError,
    },
}

/// What a running `dev` records for other commands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevState {
    pub pid: u32,
    /// The console and the API.
    pub url: String,
    /// Temporal's `host:port`.
    pub temporal_address: String,
    /// Temporal's namespace.
    pub temporal_namespace: String,
    /// Temporal's own console.
    pub temporal_ui_url: String,
    /// The database, password included.
    pub database_url: String,
    /// The project that the first run made.
    pub project_id: ProjectId,
    /// The mail server that it sends by, password included.
    #[serde(default)]
    pub smtp_url: Option<String>,
    /// Whom its mails come from.
    #[serde(default)]
    pub mail_from: Option<String>,
}

impl DevState {
    /// Writes the state, in one step, for the owner's eyes only.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, data_dir: &Path) -> Result<(), LocalError> {
        let path = data_dir.join(STATE);
        let failed = failed_to("write", &path);
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        write_whole(&path, &text).map_err(failed)
    }

    /// Reads what a `dev` wrote; `None` if there is nothing. It may have ended since.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, LocalError> {
        let path = data_dir.join(STATE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed_to("read", &path)(error)),
        };
        let state = serde_json::from_str(&text);
        state.map(Some).map_err(|error| LocalError::Malformed { path, reason: error.to_string() })
    }

    /// The `dev` that runs now.
    ///
    /// # Errors
    /// When there is none, or its file cannot be read.
    pub fn find_running(data_dir: &Path) -> Result<Self, LocalError> {
        let path = data_dir.join(STATE);
        let state = Self::read(data_dir)?.ok_or(LocalError::NoDatabase { path })?;
        if is_alive(state.pid) {
            return Ok(state);
        }
        Err(LocalError::Ended { folder: data_dir.to_owned(), pid: state.pid })
    }

    /// Removes the state; it does not matter whether it was there.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn remove(data_dir: &Path) -> Result<(), LocalError> {
        let path = data_dir.join(STATE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed_to("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// The folder for mails when there is no mail server.
#[must_use]
pub fn mail_dir(data_dir: &Path) -> PathBuf {
    data_dir.join(MAIL)
}

/// The file of the data folder's master key.
#[must_use]
pub fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join(KEY)
}

/// Reads the data folder's master key; `None` if there is none.
///
/// # Errors
/// When the file cannot be read or holds no key.
pub fn read_master_key(data_dir: &Path) -> Result<Option<MasterKey>, LocalError> {
    let path = key_file(data_dir);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let key = MasterKey::parse(&text);
            key.map(Some).map_err(|source| LocalError::Key { path, source })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed_to("read", &path)(error)),
    }
}

/// Reads the data folder's master key, making one the first time.
///
/// # Errors
/// When the file cannot be read or written, or holds no key.
pub fn ensure_master_key(data_dir: &Path) -> Result<MasterKey, LocalError> {
    if let Some(key) = read_master_key(data_dir)? {
        return Ok(key);
    }
    let path = key_file(data_dir);
    let text = MasterKey::generate();
    // There is no file that this could replace, and only one `dev` at a time gets here.
    write_whole(&path, text.as_bytes()).map_err(failed_to("write", &path))?;
    MasterKey::parse(&text).map_err(|source| LocalError::Key { path, source })
}

/// Writes a file for the owner's eyes only, in one step: a full disk or a power cut leaves what was there before, or
/// nothing.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let written = write_and_sync(beside.as_ref(), content)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| File::open(folder_of(path))?.sync_all());
    if written.is_err() {
        // It may not be there, and half a file is of no use.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Where a file is; that of a bare name is the working folder.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn write_and_sync(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut how = OpenOptions::new();
    let mut file = how.write(true).create(true).truncate(true).mode(OWNER_ONLY).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn failed_to(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> LocalError + use<> {
    let path = path.to_owned();
    move |source| LocalError::File { doing, path: path.clone(), source }
}

/// Whether a process exists, one of another user's included.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use store::seal::Cell;

    use super::*;

    fn state(pid: u32) -> DevState {
        DevState {
            pid,
            url: "http://127.0.0.1:8080".into(),
            temporal_address: "127.0.0.1:7233".into(),
            temporal_namespace: "default".into(),
            temporal_ui_url: "http://127.0.0.1:8233".into(),
            database_url: "postgres://alice:secret@127.0.0.1:5433/sendpromptly".into(),
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            smtp_url: None,
            mail_from: None,
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn a_running_dev_is_found_with_everything_it_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let running = state(std::process::id());
        running.write(folder.path()).expect("written");
        assert!(DevState::find_running(folder.path()).expect("found") == running);
        assert_eq!(mode(&folder.path().join(STATE)), 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn the_file_has_exactly_the_promised_fields() {
        let json = serde_json::to_value(state(7)).expect("json");
        assert_eq!(
            json,
            serde_json::json!({
                "pid": 7, "url": "http://127.0.0.1:8080", "temporal_address": "127.0.0.1:7233",
                "temporal_namespace": "default", "temporal_ui_url": "http://127.0.0.1:8233",
                "database_url": "postgres://alice:secret@127.0.0.1:5433/sendpromptly",
                "project_id": "prj_00000000000000000000000001",
                "smtp_url": null, "mail_from": null,
            })
        );
    }

    #[test]
    fn a_dev_that_was_killed_is_told_from_one_that_never_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let never = DevState::find_running(folder.path()).err().expect("nothing").to_string();
        assert!(never.contains("set DATABASE_URL, or start `sendpromptly dev`"), "{never}");
        let mut child = std::process::Command::new("true").spawn().expect("a process");
        child.wait().expect("ended");
        state(child.id()).write(folder.path()).expect("written");
        let killed = DevState::find_running(folder.path()).err().expect("ended").to_string();
        assert!(killed.contains(&format!("process {} has ended", child.id())), "{killed}");
    }

    #[test]
    fn removing_twice_is_no_error_and_a_broken_file_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(STATE), "{").expect("written");
        let broken = DevState::find_running(folder.path()).err().expect("broken").to_string();
        assert!(broken.contains("dev.json cannot be understood"), "{broken}");
        DevState::remove(folder.path()).expect("removed");
        DevState::remove(folder.path()).expect("nothing to remove");
    }

    #[test]
    fn the_master_key_is_made_once_and_opens_what_it_sealed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read_master_key(folder.path()).expect("read").is_none());
        let made = ensure_master_key(folder.path()).expect("made");
        let sealed = made.seal(&Cell::cookie("row"), b"secret").expect("sealed");
        let again = ensure_master_key(folder.path()).expect("read");
        assert_eq!(again.open(&Cell::cookie("row"), &sealed).expect("opened"), b"secret");
        assert_eq!(mode(&folder.path().join(KEY)), 0o600);
    }

    #[test]
    fn a_file_that_cannot_be_written_whole_is_left_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("first-run.json");
        write_whole(&path, b"first").expect("written");
        let in_the_way = folder.path().join(format!("first-run.json.{}", std::process::id()));
        fs::create_dir(&in_the_way).expect("a folder");
        write_whole(&path, b"second").expect_err("no room");
        assert_eq!(fs::read(&path).expect("read"), b"first");
        fs::remove_dir(&in_the_way).expect("removed");
        write_whole(&path, b"third").expect("written");
        assert_eq!((fs::read(&path).expect("read"), mode(&path)), (b"third".to_vec(), 0o600));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn the_folder_of_a_bare_name_is_the_working_folder() {
        for (path, folder) in
            [("erasures.jsonl", "."), ("kept/erasures.jsonl", "kept"), ("/a", "/")]
        {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
        }
    }

    #[test]
    fn a_damaged_key_file_is_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(KEY), "half a k").expect("written");
        assert!(matches!(ensure_master_key(folder.path()), Err(LocalError::Key { .. })));
        assert_eq!(fs::read_to_string(folder.path().join(KEY)).expect("read"), "half a k");
    }
}
