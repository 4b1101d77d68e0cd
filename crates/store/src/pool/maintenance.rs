//! Idle connections: kept alive, found dead, closed when not needed.
//!
//! A network path that forgot its connections (a firewall, a silent fail-over) is noticed here,
//! before a request meets it. Ends with the pool.

use std::sync::Weak;
use std::time::Duration;

use super::pooled::PooledConnection;
use super::shared::Shared;

pub(super) async fn run(pool: Weak<Shared>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match pool.upgrade() {
            Some(shared) if !shared.is_closed() => check_idle(&shared).await,
            _ => return,
        }
    }
}

/// Checks each idle connection once. One that is found dead takes the others along.
async fn check_idle(shared: &std::sync::Arc<Shared>) {
    for _ in 0..shared.idle() {
        let Some(oldest) = shared.try_take_oldest() else { return };
        check(oldest, shared).await;
    }
}

async fn check(mut connection: PooledConnection, shared: &Shared) {
    let limits = &shared.target.limits;
    let (idle, age) = (connection.used.elapsed(), connection.created.elapsed());
    if idle > limits.idle || age > limits.lifetime {
        connection.close().await;
    } else if connection.answered.elapsed() < limits.keep_alive || connection.check().await.is_ok()
    {
        connection.put_back_unused();
    }
}
