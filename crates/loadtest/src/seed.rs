//! `loadtest seed`: a database as it is after months.
//!
//! Adds three projects with ninety days of events, results, incidents in every state, reprocesses,
//! alerts and audit entries, a million events by default, in a few minutes. Everything is added in
//! one transaction: a run that fails adds nothing. Nothing is sent to Temporal; the events of the
//! last half hour are still pending, so whatever runs on that database then finds them forgotten
//! and takes them.

use anyhow::Context as _;
use sqlx::{Connection, PgConnection};

use crate::say;

/// What is added, as one script over two settings.
const SCRIPT: &str = include_str!("seed.sql");

/// How much is added, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The database, such as that of a running `dev`; its schema is brought up to date.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// How many events.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    events: u32,
    /// How many of them have an incident.
    #[arg(long, default_value_t = 20_000)]
    incidents: u32,
}

/// Fills the database.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fill(&args.database_url, (args.events, args.incidents)))
}

/// Adds so many events and incidents.
pub async fn fill(url: &str, (events, incidents): (u32, u32)) -> anyhow::Result<()> {
    store::pool::migrate(url).await?;
    let mut connection = PgConnection::connect(url).await?;
    say(&format!("adding {events} events, {incidents} of them with an incident"));
    let mut tx = connection.begin().await?;
    for (name, value) in [("seed.events", events), ("seed.incidents", incidents)] {
        let set = sqlx::query("SELECT set_config($1, $2, true)").bind(name).bind(value.to_string());
        set.execute(&mut *tx).await?;
    }
    sqlx::raw_sql(SCRIPT).execute(&mut *tx).await.context("add the rows")?;
    tx.commit().await?;
    say("letting Postgres look at them");
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
    connection.close().await?;
    say("adding up the days");
    let pool = store::pool::connect_lazily(url, 1)?;
    while store::figures::roll_up(&pool).await? {}
    while store::incident_hours::roll_up(&pool).await? {}
    pool.close().await;
    Ok(())
}
