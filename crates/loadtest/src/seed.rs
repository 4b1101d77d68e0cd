//! `loadtest seed`: a database as it is after months.
//!
//! Adds three projects with ninety days of events, results, incidents in every state, reprocesses,
//! alerts and audit entries, a million events by default, in a few minutes. Everything is added in
//! one transaction: a run that fails adds nothing, at most the partitions of a longer history, which
//! are made before as the product makes them. Nothing is sent to Temporal; the events of the
//! last half hour are still pending, so whatever runs on that database then finds them forgotten
//! and takes them.

use anyhow::Context as _;
use domain::catalogue::EffectType;
use domain::cause::Cause;
use domain::ids::ProjectId;
use domain::incident::Reason;
use sqlx::{Connection, PgConnection};

use crate::say;

/// What is added, as one script over a few settings.
const SCRIPT: &str = include_str!("seed.sql");
/// Divides a table by month.
const MONTHS: &str = include_str!("months.sql");
/// A history that is no longer than this is left to the partitions that are there.
const USUAL_DAYS: u32 = 90;
const DIVIDED: &str = "SELECT DISTINCT relation FROM list_partitions()";
const CAUSES: &str = "
    SELECT DISTINCT project_id, reason, cause_code, event_type, effect_type FROM incidents JOIN shops USING (project_id)";
const SET_CAUSE: &str = "
    UPDATE incidents SET cause = $1 WHERE project_id = $2 AND reason = $3
        AND cause_code IS NOT DISTINCT FROM $4 AND event_type = $5 AND effect_type = $6";

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
    /// How many more of the last week have one that is not resolved.
    #[arg(long, default_value_t = 0)]
    unresolved: u32,
    /// Over how many days they are spread.
    #[arg(long, default_value_t = USUAL_DAYS, value_parser = clap::value_parser!(u32).range(7..=2_000))]
    days: u32,
}

/// How much is added.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub events: u32,
    /// With those that are resolved, spread evenly.
    pub incidents: u32,
    /// Incidents more within the last week, none of them resolved, as far as it has events.
    pub unresolved: u32,
    pub days: u32,
}

impl Size {
    /// Ninety days without a bad week.
    pub const fn usual(events: u32, incidents: u32) -> Self {
        Self { events, incidents, unresolved: 0, days: USUAL_DAYS }
    }
}

/// Fills the database.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let Args { events, incidents, unresolved, days, .. } = *args;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fill(&args.database_url, Size { events, incidents, unresolved, days }))
}

/// Adds so many events and incidents.
pub async fn fill(url: &str, size: Size) -> anyhow::Result<()> {
    store::pool::migrate(url).await?;
    let mut connection = PgConnection::connect(url).await?;
    let Size { events, incidents, unresolved, days } = size;
    say(&format!("adding {events} events, {} of them with an incident", incidents + unresolved));
    if days > USUAL_DAYS {
        divide(&mut connection, days).await.context("make partitions")?;
    }
    let mut tx = connection.begin().await?;
    let settings = [
        ("seed.events", events),
        ("seed.incidents", incidents),
        ("seed.unresolved", unresolved),
        ("seed.days", days),
    ];
    for (name, value) in settings {
        let set = sqlx::query("SELECT set_config($1, $2, true)").bind(name).bind(value.to_string());
        set.execute(&mut *tx).await?;
    }
    sqlx::raw_sql(SCRIPT).execute(&mut *tx).await.context("add the rows")?;
    set_causes(&mut tx).await.context("set the causes")?;
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

/// Has a month of its own for each that the history reaches back to; one table at a time, so that
/// none waits for another.
async fn divide(connection: &mut PgConnection, days: u32) -> anyhow::Result<()> {
    sqlx::raw_sql(MONTHS).execute(&mut *connection).await?;
    let tables: Vec<String> = sqlx::query_scalar(DIVIDED).fetch_all(&mut *connection).await?;
    for table in tables {
        let divide = sqlx::query("SELECT pg_temp.divide_since($1, $2)").bind(table);
        divide.bind(i32::try_from(days)?).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Gives each incident that was added the cause that the product would have given it.
async fn set_causes(connection: &mut PgConnection) -> anyhow::Result<()> {
    type Row = (ProjectId, Reason, Option<String>, String, EffectType);
    let rows: Vec<Row> = sqlx::query_as(CAUSES).fetch_all(&mut *connection).await?;
    for (project_id, reason, error_code, event_type, effect_type) in rows {
        let cause = Cause { project_id, reason, error_code, event_type, effect_type };
        let set = sqlx::query(SET_CAUSE)
            .bind(cause.id().as_uuid())
            .bind(project_id.as_uuid())
            .bind(reason.as_str())
            .bind(cause.error_code.as_deref())
            .bind(&cause.event_type)
            .bind(cause.effect_type.as_str());
        set.execute(&mut *connection).await?;
    }
    Ok(())
}
