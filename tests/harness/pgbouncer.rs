//! Debian's pgbouncer, found or unpacked by `scripts/install_pgbouncer.py`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use embedded::Account;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A running pgbouncer. It dies with this value.
pub struct Pgbouncer {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

impl Pgbouncer {
    /// Starts one before the server of this URL, with Debian's settings but for what is named here.
    ///
    /// # Errors
    /// When it cannot be found, fetched or started.
    pub async fn start(database_url: &str, mode: &str, pool_size: u32) -> anyhow::Result<Self> {
        let port = embedded::free_port()?;
        let folder = embedded::scratch_dir()?;
        write_settings(
            folder.path(),
            database_url,
            &format!("listen_port = {port}\npool_mode = {mode}\ndefault_pool_size = {pool_size}\n"),
        )?;
        let mut command = Command::new(find().await?);
        command.arg(folder.path().join("pgbouncer.ini"));
        // It refuses to run as root, like Postgres, and becomes the same account instead.
        if let Some(account) = Account::for_postgres()? {
            command.args(["--user", &account.name]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut log = BufReader::new(child.stderr.take().context("a log")?).lines();
        let mut lines = Vec::new();
        while let Some(line) = log.next_line().await? {
            if line.contains("process up") {
                // It must not be blocked by output that is not read.
                tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
                return Ok(Self { port, _child: child, _folder: folder });
            }
            lines.push(line);
        }
        anyhow::bail!("pgbouncer ended:\n{}", lines.join("\n"))
    }

    /// The URL of the same database, through the pooler.
    ///
    /// # Panics
    /// When it is no URL.
    #[must_use]
    pub fn url(&self, database_url: &str) -> String {
        let mut url = url::Url::parse(database_url).expect("a URL");
        url.set_port(Some(self.port)).expect("a port");
        url.into()
    }
}

fn write_settings(folder: &Path, database_url: &str, own: &str) -> anyhow::Result<()> {
    let url = url::Url::parse(database_url)?;
    let server = url.port().context("a port")?;
    let password = url.password().context("a password")?;
    let users = folder.join("userlist.txt");
    let settings = format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n{own}",
        users.display()
    );
    write_readable(&folder.join("pgbouncer.ini"), &settings)?;
    write_readable(&users, &format!("\"{}\" \"{password}\"\n", url.username()))
}

/// Another account reads it; the password opens a server that ends with the tests.
fn write_readable(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?)
}

async fn find() -> anyhow::Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/install_pgbouncer.py");
    let output = Command::new("python3").arg(script).output().await?;
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "{reason}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
