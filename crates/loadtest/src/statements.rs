//! The statements of a database, looked at every ten milliseconds beside a load: which one took longest, and which one
//! waited longest for a lock. Those of retention, beside which the others are looked at, are counted apart.
//!
//! A statement is as old, and has waited as long, as when it was last seen, so each may have taken up to [`EVERY`] longer.

use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_millis(10);
/// What everyone else is doing, vacuum aside: it takes long, and keeps nobody waiting for as long.
const LOOK: &str = r"
    SELECT extract(epoch FROM clock_timestamp() - a.query_start)::float8 * 1000 AS age,
        left(regexp_replace(a.query, '\s+', ' ', 'g'), 120) AS text,
        extract(epoch FROM clock_timestamp() - l.waitstart)::float8 * 1000 AS waited,
        (SELECT left(regexp_replace(b.query, '\s+', ' ', 'g'), 60) FROM pg_stat_activity b
         WHERE l.pid IS NOT NULL AND b.pid = ANY (pg_blocking_pids(a.pid)) LIMIT 1) AS behind,
        a.query ~ '(purge|drop|make)_(events|identities|unclaimed_results|proof_links|partition)' AS is_retention
    FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted
    WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.state = 'active'
        AND a.pid <> pg_backend_pid() AND a.query NOT LIKE 'VACUUM%'";

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
    /// The slowest of retention.
    pub batch: Statement,
}

/// A statement, and how long it took.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    pub milliseconds: f64,
    pub text: String,
}

/// A statement at one look.
#[derive(sqlx::FromRow)]
struct Seen {
    /// Milliseconds.
    age: f64,
    text: String,
    /// For how long it has waited for a lock, if it does.
    waited: Option<f64>,
    /// What the one that has the lock does.
    behind: Option<String>,
    is_retention: bool,
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
        let rows: Vec<Seen> = sqlx::query_as(LOOK).fetch_all(&pool).await?;
        for row in rows {
            seen.note(row);
        }
    }
    Ok(seen)
}

impl Statements {
    fn note(&mut self, Seen { age, text, waited, behind, is_retention }: Seen) {
        if is_retention {
            if age > self.batch.milliseconds {
                self.batch = Statement { milliseconds: age, text };
            }
            return;
        }
        if let Some(waited) = waited.filter(|waited| *waited > self.locked_out.milliseconds) {
            let behind = behind.as_deref().unwrap_or("one that has ended");
            let text = format!("{text} behind {behind}");
            self.locked_out = Statement { milliseconds: waited, text };
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
    fn the_oldest_and_the_one_that_waited_longest_are_kept_beside_those_of_retention() {
        let mut seen = Statements::default();
        for (age, waited, text) in [
            (3.0, Some(2.0), "INSERT"),
            (9.0, None, "SELECT"),
            (5.0, Some(4.0), "UPDATE"),
            (8.0, Some(1.0), "DELETE"),
        ] {
            let behind = waited.map(|_| "LOCK".to_owned());
            seen.note(Seen { age, text: text.to_owned(), waited, behind, is_retention: false });
        }
        let (text, waited) = ("SELECT FROM purge_events($1)".to_owned(), Some(11.0));
        seen.note(Seen { age: 12.0, text, waited, behind: None, is_retention: true });
        assert_eq!(
            (seen.slowest.text.as_str(), seen.locked_out.text.as_str()),
            ("SELECT", "UPDATE behind LOCK")
        );
        assert!((seen.locked_out.milliseconds - 4.0).abs() < 0.1);
        assert!((seen.slowest.milliseconds - 9.0).abs() < 0.1);
        assert!((seen.batch.milliseconds - 12.0).abs() < 0.1);
    }
}
