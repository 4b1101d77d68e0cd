//! Makes the months that tables are divided into, ahead of time.
//!
//! A worker looks every hour, and `migrate` once. Two months are made ahead, so weeks of failing lose nothing; and even then
//! receipts are taken, into the last partition. What is made, and what happens half-way, is [`store::partitions`]'s to say.

use std::time::Duration;

use store::PgPool;
use store::partitions::{MadeAhead, make_ahead};

const EVERY: Duration = Duration::from_hours(1);
/// How soon a table that was held is tried again.
const AGAIN: Duration = Duration::from_mins(1);

/// Makes partitions for as long as a worker process lives.
pub async fn run(pool: PgPool) {
    loop {
        let pause = match make_ahead(&pool).await {
            Ok(MadeAhead { made, busy }) => {
                for partition in made {
                    tracing::info!(partition, "made a partition");
                }
                if busy.is_empty() { EVERY } else { AGAIN }
            }
            Err(error) => {
                tracing::warn!(%error, "could not make partitions");
                EVERY
            }
        };
        tokio::time::sleep(pause).await;
    }
}
