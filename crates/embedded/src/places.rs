//! Where engines are searched for, as one value that tests can fill in themselves.
//!
//! Nothing here touches the disk or the network: [`EngineDirs::from_env`] only reads the
//! environment, and everything later works from the value it returned.

use std::env;
use std::path::{Path, PathBuf};

use crate::account::is_root;
use crate::kinds::{POSTGRES, TEMPORAL};
use crate::missing::LocateError;
use crate::names::{CACHE_DIR, FOLDER};

/// The places to look in, in the order: explicit, cache, machine, download.
#[derive(Clone, Debug)]
pub struct EngineDirs {
    /// An explicit `temporal` program; if set, no other place is searched.
    pub temporal_bin: Option<PathBuf>,
    /// An explicit folder with `postgres` and `initdb`; if set, no other place is searched.
    pub postgres_bin_dir: Option<PathBuf>,
    /// Where wheels are unpacked, one folder per version.
    pub cache: PathBuf,
    /// The folders of `PATH`.
    pub search_path: Vec<PathBuf>,
    /// The folder with one sub-folder per Postgres major version, as Debian lays them out.
    pub postgres_versions: PathBuf,
    /// Whether a missing engine may be downloaded.
    pub may_download: bool,
}

impl EngineDirs {
    /// Reads the explicit places and `PATH`.
    ///
    /// # Errors
    /// When no cache folder can be named: an ordinary user without `HOME`.
    pub fn from_env() -> Result<Self, LocateError> {
        let cache = cache_dir(|name| env::var_os(name).map(PathBuf::from), is_root())
            .ok_or(LocateError::NoCacheDir)?;
        Ok(Self {
            temporal_bin: explicit(TEMPORAL.variable),
            postgres_bin_dir: explicit(POSTGRES.variable),
            cache: absolute(cache),
            search_path: env::var_os("PATH")
                .map(|path| env::split_paths(&path).filter(|p| p.is_absolute()).collect())
                .unwrap_or_default(),
            postgres_versions: PathBuf::from("/usr/lib/postgresql"),
            may_download: true,
        })
    }
}

/// Root's cache is not under its home, because the account that runs Postgres must reach it.
fn cache_dir(variable: impl Fn(&str) -> Option<PathBuf>, root: bool) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|path| !path.as_os_str().is_empty());
    if let Some(explicit) = set(CACHE_DIR) {
        return Some(explicit);
    }
    if root {
        return Some(Path::new("/var/cache").join(FOLDER));
    }
    // The XDG specification says that a relative path there is to be ignored.
    let xdg = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    xdg.or_else(|| set("HOME").map(|home| home.join(".cache"))).map(|parent| parent.join(FOLDER))
}

fn explicit(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(|value| absolute(value.into()))
}

/// Engines are started with `/` as their folder, so a relative path would mean another place.
pub(crate) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(set: &[(&str, &str)], root: bool) -> Option<PathBuf> {
        let find = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into());
        cache_dir(find, root)
    }

    #[test]
    fn an_explicit_cache_folder_wins() {
        let set = [(CACHE_DIR, "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(cache(&set, false), Some("/a".into()));
        assert_eq!(cache(&set, true), Some("/a".into()));
    }

    #[test]
    fn root_has_its_cache_where_other_accounts_can_read_it() {
        assert_eq!(cache(&[("HOME", "/root")], true), Some(Path::new("/var/cache").join(FOLDER)));
    }

    #[test]
    fn an_ordinary_user_has_it_in_the_usual_place() {
        let xdg = [("XDG_CACHE_HOME", "/x"), ("HOME", "/home/alice")];
        assert_eq!(cache(&xdg, false), Some(Path::new("/x").join(FOLDER)));
        let home = [("XDG_CACHE_HOME", "relative"), ("HOME", "/home/alice")];
        assert_eq!(cache(&home, false), Some(Path::new("/home/alice/.cache").join(FOLDER)));
    }

    #[test]
    fn without_a_home_there_is_no_cache_folder() {
        assert_eq!(cache(&[(CACHE_DIR, ""), ("HOME", "")], false), None);
    }
}
