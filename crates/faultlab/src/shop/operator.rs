//! The operator: looks at open incidents every second and has each reprocessed, as the console does.

use std::time::Duration;

use domain::audit::Actor;
use domain::ids::EventId;
use store::PgPool;
use store::transitions::reprocess::{ReprocessRequest, request_reprocess};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const EVERY: Duration = Duration::from_secs(1);

/// Works until it is told to stop. What fails is tried again: the database may be away.
pub async fn run(pool: PgPool, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
        let _tried = reprocess_all(&pool).await;
    }
}

async fn reprocess_all(pool: &PgPool) -> anyhow::Result<()> {
    let open: Vec<Uuid> =
        sqlx::query_scalar("SELECT event_id FROM incidents WHERE state IN ('open', 'acknowledged') ORDER BY id LIMIT 20")
            .fetch_all(pool)
            .await?;
    for event_id in open {
        // Somebody else may have been faster, or the app.
        let _tried = reprocess(pool, EventId::from_uuid(event_id)).await;
    }
    Ok(())
}

async fn reprocess(pool: &PgPool, event_id: EventId) -> anyhow::Result<()> {
    let actor = Actor::Cli("bob".to_owned());
    let replay_id = store::reprocesses::new_id();
    let request =
        ReprocessRequest { replay_id, actor: &actor, note: None, bulk_id: None, signal: true };
    let mut tx = pool.begin().await?;
    if request_reprocess(&mut tx, event_id, request).await.is_err() {
        tx.rollback().await?;
        return Ok(());
    }
    tx.commit().await?;
    Ok(())
}
