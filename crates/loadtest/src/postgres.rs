//! A Postgres without anything beside it, with the settings of `dev`'s.

use embedded::{EngineDirs, Engines, Postgres, PostgresOptions};

/// Starts one, gives the address of its migrated database to what needs it, and ends it.
pub async fn alone<T>(measure: impl AsyncFnOnce(&str) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let found = Engines::locate(&EngineDirs::from_env()?).await?;
    let folder = embedded::scratch_dir()?;
    let options = PostgresOptions::new(folder.path().join("postgres"), embedded::free_port()?);
    let postgres = Postgres::start(&found.postgres, options).await?;
    let url = postgres.url(embedded::DATABASE);
    let measured = async {
        store::pool::migrate(&url).await?;
        measure(&url).await
    };
    let measured = measured.await;
    postgres.stop().await;
    measured
}
