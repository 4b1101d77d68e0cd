//! What Postgres's own `pgbench` reaches with inserts of the same kind, where it is installed.
//!
//! One statement and one transaction per receipt, as `pgbench.sql` has it, on a Postgres of its own.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::options::Options;
use crate::report::{Figure, Findings, Threshold};
use crate::{postgres, say};

const SETUP: &str = include_str!("pgbench_setup.sql");
const SCRIPT: &str = include_str!("pgbench.sql");
const CLIENTS: [&str; 2] = ["16", "64"];

/// Measures nothing where there is no `pgbench`.
pub async fn measure(options: &Options) -> anyhow::Result<Findings> {
    if !is_installed().await {
        say("pgbench is not installed");
        return Ok(Findings::default());
    }
    let mut script = NamedTempFile::new()?;
    script.write_all(SCRIPT.as_bytes())?;
    postgres::alone(async |url| {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(SETUP).execute(&mut connection).await?;
        connection.close().await?;
        let mut figures = Vec::new();
        for clients in CLIENTS {
            say(&format!("pgbench with {clients} clients"));
            let output = Command::new("pgbench")
                .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--client", clients])
                .args(["--time", &options.seconds.to_string(), "--file"])
                .arg(script.path())
                .arg(url)
                .kill_on_drop(true)
                .output()
                .await?;
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::ensure!(output.status.success(), "pgbench failed: {said}");
            let per_second = transactions_per_second(&String::from_utf8_lossy(&output.stdout))?;
            let name = format!("pgbench, inserts of the same kind, {clients} clients");
            figures.push(Figure::new(name, per_second, "/s", Threshold::None));
        }
        Ok(figures.into())
    })
    .await
}

async fn is_installed() -> bool {
    let mut probe = Command::new("pgbench");
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok_and(|status| status.success())
}

fn transactions_per_second(said: &str) -> anyhow::Result<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).with_context(|| format!("pgbench said {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_found_in_what_pgbench_says() {
        let said = "latency average = 3.5 ms\ntps = 4600.25 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said).ok(), Some(4_600.25));
        assert!(transactions_per_second("pgbench (15.18)").is_err());
    }
}
