//! Whether the programs in some folder are an engine that can be used.
//!
//! The result is a reason as text when they are not. The main program is run once, to print its
//! version; nothing else happens.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::kinds::Kind;
use crate::version::Version;

#[derive(Debug)]
pub(crate) struct FoundProgram {
    pub program: PathBuf,
    pub version: Version,
}

/// Whether the engine with this main program is complete, new enough and within reach.
pub(crate) fn probe(
    kind: &Kind,
    program: &Path,
    account: Option<&Account>,
) -> Result<FoundProgram, String> {
    for name in kind.programs.iter().skip(1) {
        let beside = program.with_file_name(name);
        if !is_program(&beside) {
            return Err(format!("{} is missing or cannot be run", beside.display()));
        }
    }
    if !is_program(program) {
        return Err("there is no program that can be run".to_owned());
    }
    let version = version_of(program)?;
    if version < kind.minimum {
        return Err(format!("{} {version} is too old, {} is needed", kind.title, kind.minimum));
    }
    // A link on PATH leads to the folder that counts.
    let real = program.canonicalize().map_err(|error| error.to_string())?;
    match account {
        Some(account) if !account.reaches(&real) => {
            Err(format!("the account {} cannot reach it", account.name))
        }
        _ => Ok(FoundProgram { program: program.to_owned(), version }),
    }
}

fn version_of(program: &Path) -> Result<Version, String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Version::parse(&printed).ok_or_else(|| "it does not print its version".to_owned())
}

/// Whether `path` is a file with a run bit.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
