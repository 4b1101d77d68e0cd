//! The parts of the product, put together: the API, the worker, and the relay that both run.
//!
//! `api` and `worker` run one part each, `dev` both. All parts end with one token: the API stops
//! accepting and drains, the worker lets its activities end, the relay leaves what is left in the
//! outbox, where another instance finds it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use activities::Deps;
use activities::destinations::{Senders, slack_app};
use activities::test_message;
use axum::Router;
use console::overview_cache::OverviewCache;
use console::password_queue::PasswordQueue;
use console::same_origin::FormOrigins;
use console::settings::{ConsoleSettings, TemporalUi};
use console::state::ConsoleState;
use domain::dead_man::DeadManUrl;
use domain::proxies::TrustedProxies;
use domain::repair_url::AllowedNetworks;
use engine::audit_chain::HeadsTarget;
use engine::{Engine, Monitor, Relay};
use store::pool::{PoolOptions, Pooler};
use store::{MasterKey, PgPool, StoreError};
use telemetry::Exposition;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::admission::Admission;
use web::heartbeat;
use web::rate_limit::RateLimit;
use web::serve::{Detached, ServeOptions, serve};
use web::slack_answer::AnswerSlack;
use web::state::AppState;
use web::test_message::{TestDestination, Tested};
use worker::{WorkerError, WorkerSettings};

use crate::observation::{Observed, Part, bind, tidy};
use crate::test_shop::{self, TestShopSettings};
use crate::{delivery, repair_check, router, trial};

const TWICE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);

/// How many connections to Postgres a process holds at most.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// For requests to the API and the console.
    pub requests: u32,
    /// For the relay, its sweeps and the worker.
    pub background: u32,
}

/// The connections to Postgres, in two pools: however much follows from receipts, the next one
/// never waits for a connection that the background holds.
pub struct Pools {
    requests: PgPool,
    background: PgPool,
}

impl Pools {
    /// Connects when a connection is first needed; an unused pool holds none.
    ///
    /// # Errors
    /// When `url` is no Postgres URL.
    pub fn connect_lazily(
        url: &str,
        pooler: Pooler,
        most: Connections,
    ) -> Result<Self, StoreError> {
        let open = |most| store::pool::open(url, PoolOptions::new(most).behind(pooler));
        Ok(Self { requests: open(most.requests)?, background: open(most.background)? })
    }

    /// One pool for both.
    #[must_use]
    pub fn one(pool: &PgPool) -> Self {
        Self { requests: pool.clone(), background: pool.clone() }
    }
}

/// What every part works with.
pub struct Service {
    /// The database, for requests.
    pub pool: PgPool,
    /// The database, for the relay and the worker.
    background: PgPool,
    /// Opens sealed secrets.
    pub master_key: MasterKey,
    /// Temporal.
    pub engine: Arc<Engine>,
    relay: Relay,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// What messages and callbacks need.
#[derive(Clone)]
pub struct OutboundClients {
    /// What alerts leave by.
    pub senders: Senders,
    /// Private networks and hosts that callbacks may reach.
    pub allow: AllowedNetworks,
    /// What links in alerts begin with.
    pub public_url: String,
    /// The domain of the mails' message ids.
    pub mail_domain: String,
    /// What is called each minute while all works.
    pub dead_man: Option<DeadManUrl>,
}

/// What the API and the console need beside that.
pub struct WebSettings {
    /// Where forms may come from.
    pub origins: FormOrigins,
    /// Temporal's own web interface.
    pub temporal_ui: Option<TemporalUi>,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// Proxies in front, which say where a request comes from.
    pub proxies: TrustedProxies,
    /// How many requests a second an API key may send; twice as many in a burst.
    pub rate_limit: NonZeroU32,
    /// The built-in test shop, where it is on.
    pub test_shop: Option<TestShopSettings>,
}

impl Service {
    /// Starts the relay and its sweeps; the parts come on top.
    #[must_use]
    pub fn start(pools: Pools, master_key: MasterKey, engine: Engine) -> Self {
        Self::start_until(CancellationToken::new(), pools, master_key, Arc::new(engine))
    }

    /// As [`Service::start`]; every part ends with this token.
    #[must_use]
    pub fn start_until(
        shutdown: CancellationToken,
        pools: Pools,
        master_key: MasterKey,
        engine: Arc<Engine>,
    ) -> Self {
        let tasks = TaskTracker::new();
        let Pools { requests: pool, background } = pools;
        let relay = Relay::spawn(Arc::clone(&engine), background.clone(), &shutdown, &tasks);
        let holding = (background.clone(), engine.identity(), master_key.clone(), shutdown.clone());
        let (holder, process, key, until) = holding;
        tasks.spawn(engine::sealing::run(holder, process, key, until));
        let (watches, erased) = (Arc::clone(&engine), background.clone());
        let erasing = engine::erasure::run(watches, erased, master_key.clone(), shutdown.clone());
        tasks.spawn(erasing);
        Self { pool, background, master_key, engine, relay, shutdown, tasks }
    }

    /// Serves the API and the console.
    pub fn serve(&self, listener: TcpListener, outbound: OutboundClients, web: WebSettings) {
        let (idle_timeout, proxies) = (web.keep_alive, web.proxies.clone());
        let state = self.state(outbound, web);
        let detached = state.detached.clone();
        let options = ServeOptions { idle_timeout, proxies, detached, ..ServeOptions::default() };
        self.serve_routes(listener, router(&state), options);
    }

    /// Serves routes within these bounds, which name the work that goes on beside them.
    pub fn serve_routes(&self, listener: TcpListener, routes: Router, options: ServeOptions) {
        let shutdown = self.shutdown.clone().cancelled_owned();
        self.tasks.spawn(serve(listener, routes, shutdown, options));
        self.tasks.spawn(heartbeat::run(self.pool.clone(), self.shutdown.clone()));
    }

    /// What handlers work with.
    #[must_use]
    pub fn state(&self, outbound: OutboundClients, web: WebSettings) -> ConsoleState {
        let health = Monitor::new(self.pool.clone(), Arc::clone(&self.engine));
        let public_url = outbound.public_url.as_str().into();
        let allow = Arc::new(outbound.allow.clone());
        let (pool, key) = (self.pool.clone(), self.master_key.clone());
        let check_repair = repair_check::provide(pool, key, Arc::clone(&allow));
        let deps = Arc::new(self.deps(outbound));
        let shared = AppState {
            pool: self.pool.clone(),
            master_key: self.master_key.clone(),
            health: Arc::new(health.with_master_key(self.master_key.clone())),
            relay: self.relay.clone(),
            admission: Admission::start(self.pool.clone()),
            limits: Arc::new(RateLimit::new(web.rate_limit, web.rate_limit.saturating_mul(TWICE))),
            bodies: Arc::default(),
            foreign: Arc::default(),
            detached: Detached::default(),
            public_url,
            allow,
            try_extension: trial::provide(Arc::clone(&deps), Arc::clone(&self.engine)),
            answer_slack: answer_slack(Arc::clone(&deps)),
            test_destination: test_destination(deps),
            engine: Arc::clone(&self.engine),
        };
        let shop = |settings| test_shop::open(self.pool.clone(), self.master_key.clone(), settings);
        let console = ConsoleSettings {
            test_shop: web.test_shop.map(shop),
            origins: web.origins,
            temporal_ui: web.temporal_ui,
            passwords: PasswordQueue::default(),
            overview_cache: OverviewCache::default(),
            check_repair,
            api_document: || serde_json::to_value(api::v1::reference::document()),
        };
        ConsoleState { shared, console: Arc::new(console) }
    }

    /// Runs watches and their activities until [`Service::stop`], or until it is found that the
    /// namespace belongs to another database.
    pub fn work(
        &self,
        outbound: OutboundClients,
        settings: WorkerSettings,
    ) -> JoinHandle<Result<(), WorkerError>> {
        let deps = Arc::new(self.deps(outbound));
        let (engine, shutdown) = (Arc::clone(&self.engine), self.shutdown.clone());
        self.tasks.spawn(worker::run(engine, deps, settings, shutdown))
    }

    /// Links entries of the audit until [`Service::stop`]; where the chains end is also written there.
    pub fn link_audit(&self, heads: Option<HeadsTarget>) {
        let linking = engine::audit_chain::run(self.background.clone(), heads);
        self.tasks.spawn(self.shutdown.clone().run_until_cancelled_owned(linking));
    }

    /// Makes partitions ahead of time until [`Service::stop`].
    pub fn make_partitions(&self) {
        let making = engine::partitions::run(self.background.clone());
        self.tasks.spawn(self.shutdown.clone().run_until_cancelled_owned(making));
    }

    /// Lets Prometheus and probes look at this process, as soon as the address is free. Once in a
    /// process: there is one of what it shows.
    pub fn observe(&self, part: Part, listen: SocketAddr) {
        let Some(exposition) = Exposition::install(env!("CARGO_PKG_VERSION")) else { return };
        // An api's background may be stuck with Temporal, and a worker takes no requests.
        let pool = if part == Part::Api { &self.pool } else { &self.background };
        let health = Monitor::new(pool.clone(), Arc::clone(&self.engine));
        let health = if part == Part::Worker { health.for_worker() } else { health };
        let observed = Observed {
            part,
            exposition: exposition.clone(),
            health: health.with_master_key(self.master_key.clone()),
            pool: pool.clone(),
            pools: [("requests", self.pool.clone()), ("background", self.background.clone())],
            asked_at: Mutex::default(),
        };
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(shutdown.clone().run_until_cancelled_owned(tidy(exposition)));
        self.tasks.spawn(async move {
            let Some(listener) = shutdown.run_until_cancelled(bind(listen)).await else { return };
            let router = Arc::new(observed).router();
            serve(listener, router, shutdown.cancelled_owned(), ServeOptions::default()).await;
        });
    }

    fn deps(&self, outbound: OutboundClients) -> Deps {
        let activities = Some(delivery::provide(Arc::clone(&self.engine)));
        Deps {
            pool: self.background.clone(),
            master_key: self.master_key.clone(),
            http: outbound.senders.http.clone(),
            allow: outbound.allow,
            senders: Senders { activities, ..outbound.senders },
            public_url: outbound.public_url,
            mail_domain: outbound.mail_domain,
            dead_man: outbound.dead_man,
        }
    }

    /// Ends every part in order and waits for them.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.pool.close().await;
        self.background.close().await;
    }
}

/// What the console's Test button does.
fn test_destination(deps: Arc<Deps>) -> TestDestination {
    Arc::new(move |id, actor| {
        let deps = Arc::clone(&deps);
        Box::pin(async move {
            let test_message = test_message::send_test_message(&deps, id, &actor).await?;
            Ok(test_message.map(|test_message| match test_message.outcome {
                Ok(sent) => Tested { delivered: true, response: sent.answer },
                Err(failure) => Tested { delivered: false, response: failure.answer },
            }))
        })
    })
}

/// What a person in Slack is told of the button that they pressed.
fn answer_slack(deps: Arc<Deps>) -> AnswerSlack {
    Arc::new(move |url, message| {
        let deps = Arc::clone(&deps);
        Box::pin(async move {
            slack_app::respond(&deps.senders.http, &deps.allow, &url, &message).await;
        })
    })
}

/// Resolves when this process is asked to end: Ctrl-C, or a supervisor's SIGTERM.
///
/// # Errors
/// When the system does not let a process listen for signals.
pub fn asked_to_end() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
