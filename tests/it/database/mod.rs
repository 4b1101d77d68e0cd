//! Postgres as people run it: behind poolers, read-only for a while, crashed, silent.

mod crash;
mod limits;
mod poolers;
mod read_only;
mod silence;

use e2e::{World, WorldOptions};
use sqlx::Connection as _;

/// A world whose processes are started by the test, and whose Temporal is nowhere.
async fn bare_world() -> World {
    let options = WorldOptions::default().without_api().without_worker();
    World::start_on("127.0.0.1:1".to_owned(), options).await
}

/// A connection of the test's own, past everything.
async fn direct(database_url: &str) -> sqlx::PgConnection {
    sqlx::PgConnection::connect(database_url).await.expect("a connection")
}
