//! Runs a command with a throw-away Postgres.
//!
//! `cargo run -p embedded --example with_postgres -- [--migrations DIR] COMMAND [ARGUMENT…]`
//!
//! Starts a server on a free port, applies the migrations, runs the command with `DATABASE_URL` set
//! and ends with the command's exit code. The server and its data are gone afterwards, also when
//! the command fails. This is how `.sqlx` is regenerated while the queries do not compile yet.

#![expect(clippy::print_stderr, reason = "a program that speaks to the person who runs it")]

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use embedded::{EngineDirs, Postgres, PostgresBins};
use sqlx::Connection;
use sqlx::migrate::Migrator;

const USAGE: &str = "usage: with_postgres [--migrations DIR] COMMAND [ARGUMENT…]";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let (migrations, command) = arguments(std::env::args_os().skip(1).collect())?;
    // Ctrl-C reaches the command as well. It ends, and then we clean up and end.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let bins = PostgresBins::locate(&EngineDirs::from_env()?).await?;
    let postgres = Postgres::start_throw_away(&bins).await?;
    let url = postgres.url(embedded::DATABASE);
    let outcome = with_database(&url, &migrations, &command).await;
    postgres.stop().await;
    outcome
}

async fn with_database(
    url: &str,
    migrations: &Path,
    command: &[OsString],
) -> Result<ExitCode, Box<dyn Error>> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    Migrator::new(migrations).await?.run(&mut connection).await?;
    connection.close().await?;
    let status = tokio::process::Command::new(&command[0])
        .args(&command[1..])
        .env("DATABASE_URL", url)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("cannot run {}: {error}", command[0].display()))?;
    // A command that was ended by a signal has no code of its own.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

fn arguments(mut words: Vec<OsString>) -> Result<(PathBuf, Vec<OsString>), String> {
    let mut migrations = PathBuf::from("migrations");
    if words.first().is_some_and(|word| word == "--migrations") {
        migrations = words.get(1).map(PathBuf::from).ok_or(USAGE)?;
        words.drain(..2);
    }
    if words.first().is_some_and(|word| word == "--") {
        words.remove(0);
    }
    if words.is_empty() { Err(USAGE.to_owned()) } else { Ok((migrations, words)) }
}
