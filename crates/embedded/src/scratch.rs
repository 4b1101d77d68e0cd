//! Temporary folders that the account that runs Postgres can reach.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::{env, io};

use tempfile::TempDir;

use crate::account::Account;
use crate::names::SCRATCH_PREFIX;

/// A temporary folder that is removed with the value, in the first of the usual places that
/// Postgres's account can reach. Others may pass through it but not list it.
///
/// # Errors
/// When none of the places can be written to.
pub fn scratch_dir() -> io::Result<TempDir> {
    let account = Account::for_postgres()?;
    let places = [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    let reachable = |place: &&PathBuf| account.as_ref().is_none_or(|a| a.reaches(place));
    let place = places.iter().find(reachable).unwrap_or(&places[0]);
    let folder = tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempdir_in(place)?;
    // Set afterwards, because the umask takes bits away at creation.
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    Ok(folder)
}
