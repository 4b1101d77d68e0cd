//! A running worker's heart: says every ten seconds that it polls, and sees that it still may.
//!
//! A beat goes to Temporal first and to the database then, so a heartbeat there means that both
//! were reached. What fails is left out: who reads the heartbeats sees a worker that reaches only
//! one of them as one that is gone, and [`Heart::beat`] goes on. It ends only when the namespace
//! belongs to another database, or when the connection that the worker polls with was replaced
//! ([`Engine::renewals`]): another worker then begins with the new one. A worker that ends in order
//! says so; a killed one is seen to be gone after 45 s.

use std::time::Duration;

use activities::Deps;
use engine::{Engine, EngineError};
use store::environments::{self, WorkerRun};
use store::seal::SealError;
use store::{PgPool, StoreError, destinations, pool, signing_secrets};

use crate::WorkerError;

const RELEASE: &str = env!("CARGO_PKG_VERSION");
const EVERY: Duration = Duration::from_secs(10);

/// The heart of one worker.
pub(crate) struct Heart<'a> {
    engine: &'a Engine,
    pool: &'a PgPool,
    database: String,
    namespace: String,
    run: WorkerRun,
    /// How often the connection had been replaced when the worker got it.
    renewals: u64,
}

impl<'a> Heart<'a> {
    /// Sees that the schema is this version's, that the master key opens what is sealed, and that
    /// the namespace works for this database, and takes it if it works for none.
    ///
    /// # Errors
    /// When migrations are missing, when the key is another one, when the namespace works for
    /// another database, or when either cannot be asked.
    pub(crate) async fn start(
        engine: &'a Engine,
        deps: &'a Deps,
        renewals: u64,
    ) -> Result<Self, WorkerError> {
        let pool = &deps.pool;
        // A role without the privilege is named by `doctor`.
        if let Ok(missing @ 1..) = pool::pending_migrations(pool).await {
            return Err(WorkerError::Schema(missing));
        }
        let opened = signing_secrets::open_newest(pool, &deps.master_key).await;
        if matches!(opened, Err(StoreError::Seal(SealError::UnknownKey(_)))) {
            return Err(WorkerError::MasterKey);
        }
        let mut db = pool.acquire().await.map_err(StoreError::from)?;
        destinations::label_slack_destinations(&mut db, &deps.master_key).await?;
        let (database, namespace) = (environments::find_id(pool).await?, engine.namespace()?);
        engine.claim_environment(&database).await?;
        Ok(Self { engine, pool, database, namespace, run: WorkerRun::new(), renewals })
    }

    /// Beats until the connection is another one.
    ///
    /// # Errors
    /// When the namespace belongs to another database.
    pub(crate) async fn beat(&self) -> Result<(), WorkerError> {
        let mut is_well = true;
        loop {
            let reached = match self.engine.claim_environment(&self.database).await {
                Err(error @ EngineError::Foreign(_)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "no heartbeat: Temporal was not reached");
                    false
                }
                Ok(_) => self.write().await.map_or_else(
                    |error| {
                        tracing::warn!(%error, "no heartbeat: the database was not reached");
                        false
                    },
                    |()| true,
                ),
            };
            if reached && !is_well {
                tracing::info!("heartbeats reach Temporal and the database again");
            }
            is_well = reached;
            if self.engine.renewals() != self.renewals {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Says that it polls no more. If that fails, the heartbeat is seen to be old soon enough.
    pub(crate) async fn stop(&self) {
        self.engine.end_heartbeat();
        if let Err(error) = environments::end_heartbeat(self.pool, self.run).await {
            tracing::debug!(%error, "could not end the heartbeat");
        }
    }

    async fn write(&self) -> Result<(), StoreError> {
        let (namespace, queue) = (&self.namespace, self.engine.task_queue());
        environments::beat(self.pool, self.run, namespace, queue, RELEASE).await?;
        self.engine.note_heartbeat();
        Ok(())
    }
}
