//! Dispatches the outbox to Temporal.
//!
//! One loop claims what is due and dispatches it ([`crate::dispatch`]). It looks right after a
//! commit, when it is woken, and every second, so that what another process left behind, and what
//! was rescheduled, goes out as well.

use std::sync::Arc;
use std::time::Instant;

use store::PgPool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connect::Engine;
use crate::dispatch::Dispatcher;
use crate::pressure::Pressure;
use crate::{policies, sweep};

/// A handle to the running relay. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    due: Arc<Notify>,
    pressure: Arc<Pressure>,
}

impl Relay {
    /// Starts the relay and its sweeps; they end with `shutdown`, and `tasks` knows of them.
    #[must_use]
    pub fn spawn(
        engine: Arc<Engine>,
        pool: PgPool,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let due = Arc::new(Notify::new());
        let pressure = Arc::<Pressure>::default();
        let dispatcher = Dispatcher::new(engine, pool.clone(), Arc::clone(&pressure));
        tasks.spawn(dispatcher.run(Arc::clone(&due), shutdown.clone()));
        let planned = policies::run(pool.clone(), Arc::clone(&due));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(planned));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(sweep::run(pool)));
        Self { due, pressure }
    }

    /// Says that a message was committed. Never waits.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Says that so many calls are committed together: where many come, what has time waits. Never
    /// waits itself.
    pub fn note_calls(&self, calls: usize) {
        self.pressure.note(calls, Instant::now());
    }
}
