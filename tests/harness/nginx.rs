//! A real nginx in front of an API, with the configuration that docs/operations.md shows, verbatim,
//! but for where things are: its port, the API's, and the certificate, which is thrown away.
//!
//! It is one process, so that ending it leaves nothing behind, and writes into a folder that goes
//! with it.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::eventually;

/// The name that the documents give the installation.
pub const HOST: &str = "sendpromptly.example.com";

/// A running nginx. It ends with this value.
pub struct Nginx {
    port: u16,
    certificate: Vec<u8>,
    folder: TempDir,
    _child: Child,
}

impl Nginx {
    /// Starts nginx in front of an API that is, or will be, at this port.
    ///
    /// # Errors
    /// When it is neither found nor installable, or does not start.
    pub async fn in_front_of(api_port: u16) -> anyhow::Result<Self> {
        let program = find().await?;
        let folder = tempfile::Builder::new().prefix("sendpromptly-nginx-").tempdir()?;
        let port = embedded::free_port()?;
        let certificate = write_certificate(folder.path())?;
        let server = placed(&documented()?, port, api_port, folder.path())?;
        let main = folder.path().join("nginx.conf");
        std::fs::write(&main, around(&server, folder.path()))?;
        let child = Command::new(program)
            .arg("-c")
            .arg(&main)
            .arg("-p")
            .arg(folder.path())
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("error.log"))?)
            .kill_on_drop(true)
            .spawn()?;
        let nginx = Self { port, certificate, folder, _child: child };
        eventually(&format!("nginx on port {port}"), async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Ok(nginx)
    }

    /// Where people find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{HOST}:{}", self.port)
    }

    /// Its port on this machine.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A client that finds it under its name and trusts its certificate, and no other.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn client(&self) -> anyhow::Result<reqwest::Client> {
        let trusted = reqwest::Certificate::from_der(&self.certificate)?;
        let here = std::net::SocketAddr::from(([127, 0, 0, 1], self.port));
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .resolve(HOST, here)
            .tls_certs_only([trusted]);
        Ok(client.build()?)
    }

    /// What it logged of requests.
    #[must_use]
    pub fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }
}

/// The program, by the script that finds or fetches it.
async fn find() -> anyhow::Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/install_nginx.py");
    let output = Command::new("python3").arg(script).output().await?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The block of the documents.
fn documented() -> anyhow::Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = std::fs::read_to_string(page)?;
    let (_, block) = page.split_once("```nginx\n").context("a configuration of nginx")?;
    let (block, _) = block.split_once("```").context("its end")?;
    Ok(block.to_owned())
}

/// The block with other places; each of them must be where it was.
fn placed(block: &str, port: u16, api: u16, folder: &Path) -> anyhow::Result<String> {
    let folder = folder.display();
    let mut placed = block.to_owned();
    for (from, to, times) in [
        ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;"), 1),
        ("/etc/ssl/sendpromptly.pem", format!("{folder}/certificate.pem"), 1),
        ("/etc/ssl/sendpromptly.key", format!("{folder}/key.pem"), 1),
        ("http://127.0.0.1:8080", format!("http://127.0.0.1:{api}"), 2),
    ] {
        anyhow::ensure!(placed.matches(from).count() == times, "{from} stands elsewhere: {block}");
        placed = placed.replace(from, &to);
    }
    anyhow::ensure!(placed.contains(&format!("server_name {HOST};")), "another name: {block}");
    Ok(placed)
}

/// What Debian's own main file does around a site, in a folder of ours.
fn around(server: &str, folder: &Path) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .join("\n");
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid;\nevents {{}}\n\
         http {{\n{temporary}\naccess_log {folder}/access.log;\n{server}\n}}\n"
    )
}

fn write_certificate(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()])?;
    let key = pem("PRIVATE KEY", &signing_key.serialize_der());
    std::fs::write(folder.join("key.pem"), key)?;
    std::fs::write(folder.join("certificate.pem"), pem("CERTIFICATE", cert.der()))?;
    Ok(cert.der().to_vec())
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
}
