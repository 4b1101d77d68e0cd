//! The data folder of the server: where it is and who owns it.
//!
//! As root the folder may lie elsewhere than was asked for, because the account that runs the
//! server must reach it; the same request always leads to the same place.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::PostgresOptions;
use crate::account::{Account, is_root};
use crate::error::StartError;
use crate::names::FOLDER;
use crate::places::absolute;

/// Where the home of the clusters is whose wanted place the account cannot reach.
const FALLBACK: &str = "/var/lib";

/// A data folder and who runs the server on it.
pub(super) struct DataFolder {
    pub dir: PathBuf,
    pub account: Option<Account>,
}

impl DataFolder {
    /// Makes a command run under the account.
    pub fn run_as_account(&self, command: &mut Command) {
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
    }

    /// Makes the account the owner of a file or folder.
    pub fn give(&self, path: &Path) -> Result<(), StartError> {
        let Some(account) = &self.account else {
            return Ok(());
        };
        chown(path, Some(account.uid), Some(account.gid))
            .map_err(StartError::file("hand over", path))
    }
}

/// Decides the account and the folder. An existing cluster is run by its owner, so that root can
/// start what a user made, and the user can start it again afterwards.
pub(super) fn settle(options: &PostgresOptions) -> Result<DataFolder, StartError> {
    let dir = absolute(options.data_dir.clone());
    let Some(account) = account_for(&dir, options)? else {
        return Ok(DataFolder { dir, account: None });
    };
    if account.reaches(dir.parent().unwrap_or(&dir)) {
        return Ok(DataFolder { dir, account: Some(account) });
    }
    let name = hex::encode(Sha256::digest(dir.as_os_str().as_encoded_bytes()));
    let instead = Path::new(FALLBACK).join(FOLDER).join(&name[..16]);
    tracing::warn!(
        wanted = %dir.display(),
        instead = %instead.display(),
        account = account.name,
        "PostgreSQL does not run as root, and the account that runs it cannot reach the data \
         folder, so the database is kept elsewhere"
    );
    let account = account_for(&instead, options)?;
    Ok(DataFolder { dir: instead, account })
}

fn account_for(dir: &Path, options: &PostgresOptions) -> Result<Option<Account>, StartError> {
    if options.account.is_some() {
        return Ok(options.account.clone());
    }
    let owner = is_root().then(|| Account::owner_of(&dir.join("PG_VERSION"))).flatten();
    match owner {
        Some(owner) => Ok(Some(owner)),
        None => Account::for_postgres().map_err(StartError::Account),
    }
}
