//! The statements of a database, looked at every ten milliseconds beside a load: which one took longest, and which one
//! waited longest for a lock.
//!
//! A statement is as old as it was when it was last seen, so each may have taken up to [`EVERY`] longer.

use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(10);
/// What everyone else is doing, vacuum aside: it takes long, and keeps nobody waiting.
const LOOK: &str = r"
    SELECT extract(epoch FROM clock_timestamp() - query_start)::float8 * 1000, coalesce(wait_event_type = 'Lock', false),
        left(regexp_replace(query, '\s+', ' ', 'g'), 120)
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND state = 'active'
        AND pid <> pg_backend_pid() AND query NOT LIKE 'VACUUM%'";

/// Looks until it is asked what it saw.
pub struct StatementWatch {
    stop: CancellationToken,
    looks: JoinHandle<sqlx::Result<Statements>>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Statements {
    pub slowest: Statement,
    /// The one that waited for a lock and was the oldest of those.
    pub locked_out: Statement,
}

/// A statement, and how old it was.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    pub milliseconds: f64,
    pub text: String,
}

impl StatementWatch {
    pub fn start(pool: PgPool) -> Self {
        let stop = CancellationToken::new();
        let looks = tokio::spawn(look(pool, stop.clone()));
        Self { stop, looks }
    }

    pub async fn finish(self) -> anyhow::Result<Statements> {
        self.stop.cancel();
        Ok(self.looks.await??)
    }
}

async fn look(pool: PgPool, stop: CancellationToken) -> sqlx::Result<Statements> {
    let mut seen = Statements::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let rows: Vec<(f64, bool, String)> = sqlx::query_as(LOOK).fetch_all(&pool).await?;
        for row in rows {
            seen.note(row);
        }
    }
    Ok(seen)
}

impl Statements {
    fn note(&mut self, (milliseconds, is_locked_out, text): (f64, bool, String)) {
        let statement = Statement { milliseconds, text };
        if is_locked_out && milliseconds > self.locked_out.milliseconds {
            self.locked_out = statement.clone();
        }
        if milliseconds > self.slowest.milliseconds {
            self.slowest = statement;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_all_and_the_oldest_that_waited_are_kept() {
        let mut seen = Statements::default();
        for (age, is_locked_out, text) in [
            (3.0, true, "INSERT"),
            (9.0, false, "SELECT"),
            (5.0, true, "UPDATE"),
            (4.0, true, "DELETE"),
        ] {
            seen.note((age, is_locked_out, text.to_owned()));
        }
        assert_eq!(
            (seen.slowest.text.as_str(), seen.locked_out.text.as_str()),
            ("SELECT", "UPDATE")
        );
        assert!(seen.locked_out.milliseconds > 4.5 && seen.slowest.milliseconds > 8.5);
    }
}
