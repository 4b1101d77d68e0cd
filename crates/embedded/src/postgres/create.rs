//! Opens the cluster of a data folder, or makes a new one, with its password and its database.
//!
//! Nothing that exists is changed: a folder of another major version, or with other things in it,
//! is an error that says so. A new one is made in a temporary folder beside it, which is
//! renamed into it when it is complete. A crash half-way leaves the temporary folder, which nothing
//! reads, and the next start makes a new cluster.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use super::USER;
use super::cluster::DataFolder;
use crate::error::StartError;
use crate::locate::PostgresBins;
use crate::names::{DATABASE, PASSWORD_FILE};
use crate::spawner::clean_environment;

/// Since this major version Postgres has a locale of its own that is UTF-8 and the same everywhere.
const BUILTIN_LOCALE_SINCE: u32 = 17;
/// Since this one it takes settings when a cluster is made. The password of one that is thrown away is random and need
/// not be slow to guess; each connection would spend more time on it than on its queries.
const SETTINGS_SINCE: u32 = 16;

/// Returns the password of the cluster, which is made first if there is none.
pub(super) async fn open_or_create(
    bins: &PostgresBins,
    folder: &DataFolder,
    durable: bool,
) -> Result<String, StartError> {
    let version_file = folder.dir.join("PG_VERSION");
    match fs::read_to_string(&version_file) {
        Ok(found) if found.trim() == bins.version.major.to_string() => {}
        Ok(found) => {
            let found = found.trim().to_owned();
            return Err(StartError::OtherMajor {
                path: folder.dir.clone(),
                found,
                version: bins.version,
            });
        }
        Err(source) if source.kind() != ErrorKind::NotFound => {
            return Err(StartError::file("read", version_file)(source));
        }
        Err(_) if has_entries(&folder.dir) => {
            return Err(StartError::NotACluster { path: folder.dir.clone() });
        }
        Err(_) => create(bins, folder, durable).await?,
    }
    let file = folder.dir.join(PASSWORD_FILE);
    let password = fs::read_to_string(&file).map_err(StartError::file("read", file))?;
    Ok(password.trim().to_owned())
}

fn has_entries(dir: &Path) -> bool {
    dir.read_dir().is_ok_and(|mut entries| entries.next().is_some())
}

/// Makes the cluster of a data folder that has none.
async fn create(bins: &PostgresBins, folder: &DataFolder, durable: bool) -> Result<(), StartError> {
    let parent = folder.dir.parent().unwrap_or(Path::new("/"));
    create_folders(parent, folder.account.is_some()).map_err(StartError::file("create", parent))?;
    let work = tempfile::Builder::new()
        .prefix(".new-cluster-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(StartError::file("create a folder in", parent))?;
    folder.give(work.path())?;

    let password = work.path().join("password");
    write_password(&password).map_err(StartError::file("write", &password))?;
    folder.give(&password)?;
    let cluster = work.path().join("cluster");
    run_initdb(bins, folder, [&cluster, &password], durable).await?;
    create_database(bins, folder, &cluster, work.path()).await?;

    let kept = cluster.join(PASSWORD_FILE);
    fs::rename(&password, &kept).map_err(StartError::file("write", kept))?;
    fs::rename(&cluster, &folder.dir).map_err(StartError::file("create", &folder.dir))?;
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(StartError::file("write", parent))
}

/// With an account, the new folders must let it pass, whatever our umask says.
fn create_folders(folder: &Path, for_account: bool) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|place| !place.exists()).collect();
    for place in missing.into_iter().rev() {
        DirBuilder::new().mode(0o755).create(place)?;
        if for_account {
            fs::set_permissions(place, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

fn write_password(path: &Path) -> std::io::Result<()> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{}", hex::encode(bytes))?;
    file.sync_all()
}

async fn run_initdb(
    bins: &PostgresBins,
    folder: &DataFolder,
    [cluster, password]: [&Path; 2],
    durable: bool,
) -> Result<(), StartError> {
    let mut command = Command::new(bins.program("initdb"));
    clean_environment(&mut command);
    command.arg("--pgdata").arg(cluster).arg("--pwfile").arg(password).args([
        "--username",
        USER,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-instructions",
    ]);
    if bins.version.major >= BUILTIN_LOCALE_SINCE {
        command.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    }
    if !durable {
        command.arg("--no-sync");
        if bins.version.major >= SETTINGS_SINCE {
            command.args(["--set", "scram_iterations=1"]);
        }
    }
    let output = run_tool(command, folder).await?;
    check("initdb", output.status.success(), &output)
}

/// Through the single-user mode of the server, so that no client program is needed.
async fn create_database(
    bins: &PostgresBins,
    folder: &DataFolder,
    cluster: &Path,
    work: &Path,
) -> Result<(), StartError> {
    let script = work.join("create.sql");
    fs::write(&script, format!("CREATE DATABASE {DATABASE}\n"))
        .map_err(StartError::file("write", &script))?;
    let input = File::open(&script).map_err(StartError::file("read", &script))?;
    let mut command = Command::new(bins.program("postgres"));
    clean_environment(&mut command);
    command.args(["--single", "-D"]).arg(cluster).arg(USER).stdin(input);
    let output = run_tool(command, folder).await?;
    // The single-user mode reports a failed statement on stderr but ends with success.
    let text = String::from_utf8_lossy(&output.stderr);
    let failed = ["ERROR:", "FATAL:", "PANIC:"].iter().any(|word| text.contains(word));
    check("postgres --single", output.status.success() && !failed, &output)
}

async fn run_tool(mut command: Command, folder: &DataFolder) -> Result<Output, StartError> {
    folder.run_as_account(&mut command);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    command.output().await.map_err(|source| StartError::Run { program, source })
}

fn check(program: &'static str, success: bool, output: &Output) -> Result<(), StartError> {
    if success {
        return Ok(());
    }
    let (out, err) = (&output.stdout, &output.stderr);
    Err(StartError::Tool {
        program,
        status: output.status.to_string(),
        output: format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err)),
    })
}
