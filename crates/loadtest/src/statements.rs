//! The statements of a database, looked at every ten milliseconds beside a load: which one took longest, and which one
//! waited longest for a lock.
//!
//! A statement is as old, and has waited as long, as when it was last seen, so each may have taken up to [`EVERY`] longer.

use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(10);
/// What everyone else is doing, vacuum aside: it takes long, and keeps nobody waiting.
const LOOK: &str = r"
    SELECT extract(epoch FROM clock_timestamp() - query_start)::float8 * 1000,
        (SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart))::float8 * 1000
         FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted),
        left(regexp_replace(query, '\s+', ' ', 'g'), 120)
    FROM pg_stat_activity a
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
    /// The one that waited longest for a lock, and how long that was.
    pub locked_out: Statement,
}

/// A statement, and how long it took.
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
        let rows: Vec<(f64, Option<f64>, String)> = sqlx::query_as(LOOK).fetch_all(&pool).await?;
        for row in rows {
            seen.note(row);
        }
    }
    Ok(seen)
}

impl Statements {
    /// A statement, its age, and how long it has waited for a lock if it does.
    fn note(&mut self, (age, waited, text): (f64, Option<f64>, String)) {
        if let Some(waited) = waited.filter(|waited| *waited > self.locked_out.milliseconds) {
            self.locked_out = Statement { milliseconds: waited, text: text.clone() };
        }
        if age > self.slowest.milliseconds {
            self.slowest = Statement { milliseconds: age, text };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_all_and_the_oldest_that_waited_are_kept() {
        let mut seen = Statements::default();
        for (age, waited, text) in [
            (3.0, Some(2.0), "INSERT"),
            (9.0, None, "SELECT"),
            (5.0, Some(4.0), "UPDATE"),
            (8.0, Some(1.0), "DELETE"),
        ] {
            seen.note((age, waited, text.to_owned()));
        }
        assert_eq!(
            (seen.slowest.text.as_str(), seen.locked_out.text.as_str()),
            ("SELECT", "UPDATE")
        );
        assert!((seen.locked_out.milliseconds - 4.0).abs() < 0.1);
        assert!((seen.slowest.milliseconds - 9.0).abs() < 0.1);
    }
}
