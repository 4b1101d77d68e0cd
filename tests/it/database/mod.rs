//! Postgres as people run it: behind poolers, read-only for a while, crashed, silent.

mod crash;
mod defaults;
mod faults;
mod limits;
mod moved;
mod partitions;
mod poolers;
mod privileges;
mod read_only;
mod silence;
mod silent_worker;

use e2e::way::Way;
use e2e::{World, WorldOptions, eventually};
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

/// Lets the processes of a world reach its database by a way that can fall silent; gives it and the
/// URL past it.
async fn put_on_a_way(world: &mut World) -> (Way, String) {
    let past = world.database_url.clone();
    let server = url::Url::parse(&past).expect("a URL").port().expect("a port");
    let way = Way::to(server).await.expect("a way");
    world.database_url = way.url(&past);
    (way, past)
}

/// Waits until so many connections of this database wait for a lock.
async fn locked_out(world: &World, count: usize) {
    eventually(&format!("{count} connections that wait for the lock"), async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&world.pool)
        .await
        .expect("a count");
        // Sweeps may wait beside them.
        usize::try_from(waiting).is_ok_and(|waiting| waiting >= count).then_some(())
    })
    .await;
}
