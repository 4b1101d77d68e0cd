//! `api`: takes receipts and results. It starts and accepts without Temporal, and without a
//! database it responds 503 until one is there.

use std::time::Duration;

use activities::destinations::Senders;
use anyhow::Context as _;
use console::same_origin::FormOrigins;
use domain::repair_url::AllowedNetworks;
use engine::Engine;
use engine::health::{self, Status};
use sendpromptly::Part;
use sendpromptly::service::{
    Connections, OutboundClients, Pools, Service, WebSettings, asked_to_end,
};
use sendpromptly::test_shop::TestShopSettings;
use store::{MasterKey, PgPool};
use tokio::net::TcpListener;
use workflows::names::TASK_QUEUE;

use crate::Context;
use crate::cmd::migrate::database_url;
use crate::config::{ConfigError, LISTEN, MASTER_KEY, PUBLIC_URL, local_url};
use crate::output::CommandOutput;
use crate::senders;

/// An example for `--help`.
pub const EXAMPLE: &str = "\
Example:
  DATABASE_URL=postgres://… SENDPROMPTLY_MASTER_KEY=… TEMPORAL_ADDRESS=… sendpromptly api

GET /healthz says that the process lives, GET /readyz that receipts can be accepted.";

/// How many connections the API holds at most. Its relay needs them for moments only, between two
/// calls to Temporal.
const CONNECTIONS: Connections = Connections { requests: 16, background: 4 };

/// How long to wait for a database that does not respond.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Where its metrics and health are read.
pub const METRICS_PORT: u16 = 9464;

/// Serves until asked to end.
///
/// # Errors
/// When the environment makes no sense or the port is taken.
pub async fn run(context: &Context) -> anyhow::Result<CommandOutput> {
    let environment = &context.environment;
    let listen = environment.listen()?;
    let allow = environment.callback_allow()?;
    let outbound = outbound(context, senders::for_worker(environment, allow.clone())?, allow)?;
    let web = WebSettings {
        origins: FormOrigins::new(&outbound.public_url, environment.public_url_is_set()),
        temporal_ui: environment.temporal_ui()?,
        keep_alive: environment.keep_alive()?,
        proxies: environment.trusted_proxies()?,
        rate_limit: environment.rate_limit()?,
        test_shop: test_shop(context, &outbound)?,
    };
    if !environment.public_url_is_set() {
        tracing::warn!(
            "{PUBLIC_URL} is not set: links lead to {0}, and the console takes forms from there alone",
            outbound.public_url
        );
    }
    let metrics = environment.metrics_listen(METRICS_PORT)?;
    let service = start(context, CONNECTIONS, "sendpromptly-api")?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; {LISTEN} names another address"))?;
    tracing::info!(%listen, "accepting receipts");
    tokio::spawn(look_at_key(service.pool.clone(), service.master_key.clone()));
    service.serve(listener, outbound, web);
    if let Some(listen) = metrics {
        service.observe(Part::Api, listen);
    }
    asked_to_end()?.await;
    tracing::info!("draining");
    service.stop().await;
    Ok(CommandOutput::silent())
}

/// Its callbacks come as those of every app do: to where people open the console.
fn test_shop(
    context: &Context,
    outbound: &OutboundClients,
) -> anyhow::Result<Option<TestShopSettings>> {
    let environment = &context.environment;
    let (api, server) = (local_url(environment.listen()?), outbound.public_url.clone());
    let settings = TestShopSettings { api, server, mail_dir: None };
    Ok(environment.test_shop(false)?.then_some(settings))
}

/// Says in the log that the master key is another one, once the database responds. Receipts are taken
/// all the same: they need no secret that was sealed before.
async fn look_at_key(pool: PgPool, key: MasterKey) {
    loop {
        let check = health::check_master_key(&pool, &key).await;
        match check.status {
            Status::Unknown => tokio::time::sleep(LOOK_AGAIN).await,
            Status::Failed => {
                let (problem, cure) = (check.detail, check.cure.unwrap_or_default());
                tracing::error!(%cure, "the master key is not the one in use: {problem}");
                return;
            }
            _ => return,
        }
    }
}

/// What both send messages and callbacks by.
///
/// # Errors
/// When the environment makes no sense.
pub fn outbound(
    context: &Context,
    senders: Senders,
    allow: AllowedNetworks,
) -> anyhow::Result<OutboundClients> {
    let environment = &context.environment;
    Ok(OutboundClients {
        senders,
        dead_man: environment.dead_man_url(&allow)?,
        allow,
        public_url: environment.public_url(environment.listen()?)?,
        mail_domain: senders::mail_domain(&environment.mail_from()?),
    })
}

/// What `api` and `worker` have in common; `process` is how Temporal's tools list this one.
///
/// # Errors
/// When the environment makes no sense.
pub fn start(
    context: &Context,
    connections: Connections,
    process: &'static str,
) -> anyhow::Result<Service> {
    let cure = "set it to the base64 of 32 random bytes, the same one everywhere";
    let master_key = context.environment.master_key()?;
    let master_key = master_key.ok_or(ConfigError::Missing { name: MASTER_KEY, cure })?;
    let pooler = context.environment.pooler()?;
    let pools = Pools::connect_lazily(&database_url(context)?, pooler, connections)?;
    let console = context.environment.public_url(context.environment.listen()?)?;
    let engine = Engine::new(context.environment.temporal()?, TASK_QUEUE).named(process);
    let version = context.environment.worker_version()?;
    let engine = engine.with_console(console).with_version(version);
    let engine = engine.with_probes(context.environment.dead_man_is_set()).with_retention();
    Ok(Service::start(pools, master_key, engine))
}
