//! Where the browser is. The rules, and the installing of one, are in `scripts/install_browser.py`,
//! which `make test` runs before the tests, so that here it has only to look.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::process::Command;
use tokio::sync::OnceCell;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/install_browser.py");

static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();

/// The browser's program, installed if the machine has none.
pub(super) async fn program() -> anyhow::Result<&'static Path> {
    PROGRAM.get_or_try_init(ask).await.map(PathBuf::as_path)
}

async fn ask() -> anyhow::Result<PathBuf> {
    let output = Command::new("python3").arg(SCRIPT).output().await.context("python3")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}", errors.trim());
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
