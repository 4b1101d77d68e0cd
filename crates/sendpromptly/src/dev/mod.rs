//! `dev`: everything on this machine, with nothing to install manually.
//!
//! It finds or installs a real Postgres and a real Temporal, starts them, brings the schema up to
//! date, makes a first operator and a test project, and runs API and worker in this process. Ctrl-C
//! ends what it started, in order; killed, it leaves nothing running either. An engine that dies is
//! started again, and `dev` says so. Its data stays in one folder, but for the database where Postgres runs as
//! another account that cannot reach it: deleting what there is starts afresh.

mod engines;
mod extensions;
mod first_run;
mod welcome;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use console::same_origin::FormOrigins;
use console::settings::TemporalUi;
use embedded::PidLock;
use engine::{Engine, TemporalSettings};
use store::health::read_workers;
use store::pool::Pooler;
use store::{MasterKey, StoreError};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::WorkerSettings;
use workflows::names::TASK_QUEUE;

use crate::Context;
use crate::audit_heads;
use crate::cmd::api::METRICS_PORT;
use crate::config::{ConfigError, Environment, MASTER_KEY, local_url};
use crate::failure::Failure;
use crate::local::{self, DevState};
use crate::output::CommandOutput;
use crate::progress::while_waiting;
use crate::senders;

use engines::Engines;
use extensions::Extensions;
use first_run::FirstRun;
use sendpromptly::Part;
use sendpromptly::service::{
    Connections, OutboundClients, Pools, Service, WebSettings, asked_to_end,
};
use sendpromptly::test_shop::TestShopSettings;

const EXAMPLE: &str = "\
Example:
  sendpromptly dev
  sendpromptly dev --listen 127.0.0.1:9090 --temporal-port 7234
  sendpromptly dev --extension examples/extensions/python

It reads SMTP_URL, MAIL_FROM, SENDPROMPTLY_LISTEN, SENDPROMPTLY_CALLBACK_ALLOW, SENDPROMPTLY_MASTER_KEY, \
SENDPROMPTLY_TEST_SHOP and, behind a tunnel, SENDPROMPTLY_PUBLIC_URL. Without SMTP_URL each mail is written to a file in the data folder.";

/// Half of them at work are more than the few cores of such a machine can serve.
const CONNECTIONS: Connections = Connections { requests: 16, background: 8 };
/// A kept watch takes some 50 kB, and `dev` shall be a small guest on a machine that has other
/// work.
const SETTINGS: WorkerSettings =
    WorkerSettings { workflow_pollers: 10, activity_pollers: 20, cached_workflows: 500 };

/// How long the first heartbeat of the worker is waited for, and how often it is looked for.
const WORKER: Duration = Duration::from_secs(10);
const WORKER_POLL: Duration = Duration::from_millis(50);

/// Where `dev` puts things.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLE)]
pub struct DevArgs {
    /// Where the API and the console listen. Without it SENDPROMPTLY_LISTEN says where, else it is 127.0.0.1:8080.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// The port of the embedded Postgres.
    #[arg(long, default_value_t = 5433, value_parser = clap::value_parser!(u16).range(1..))]
    postgres_port: u16,
    /// The port of the embedded Temporal.
    #[arg(long, default_value_t = 7233, value_parser = clap::value_parser!(u16).range(1..))]
    temporal_port: u16,
    /// The port of Temporal's own web interface.
    #[arg(long, default_value_t = 8233, value_parser = clap::value_parser!(u16).range(1..))]
    temporal_ui_port: u16,
    /// A folder with the worker of your own extension, which runs beside dev: its Procfile says how it
    /// is started, in a line `worker: …`. May be given several times.
    #[arg(long = "extension", value_name = "DIR")]
    extensions: Vec<PathBuf>,
}

impl DevArgs {
    /// The option's, else the environment's, as in the container image.
    fn listen(&self, environment: &Environment) -> Result<SocketAddr, ConfigError> {
        self.listen.map_or_else(|| environment.listen(), Ok)
    }
}

/// Runs until asked to end.
///
/// # Errors
/// When a port is taken, an engine cannot be had, or another `dev` runs in the same folder.
pub async fn run(args: DevArgs, context: &Context) -> anyhow::Result<CommandOutput> {
    let ending = listen_for_the_end()?;
    let extensions = Extensions::read(&args.extensions)?;
    make_folder(&context.data_dir)?;
    close_to_others(&context.data_dir)?;
    let _lock = PidLock::acquire(&context.data_dir)?;
    let listen = args.listen(&context.environment)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::Unavailable(format!(
            "cannot listen on {listen}: {error}; --listen names another address"
        ))
    })?;
    // Dropping engines that are still starting ends them.
    let starting = Box::pin(Engines::start(&args, &context.data_dir));
    if let Some(engines) = ending.run_until_cancelled(starting).await {
        watch(&args, context, engines?, listener, &extensions, ending).await?;
    }
    welcome::say("stopped");
    Ok(CommandOutput::silent())
}

/// Cancelled when `dev` is asked to end.
fn listen_for_the_end() -> anyhow::Result<CancellationToken> {
    let (ending, asked) = (CancellationToken::new(), asked_to_end()?);
    let token = ending.clone();
    tokio::spawn(async move {
        asked.await;
        token.cancel();
    });
    Ok(ending)
}

/// Runs API and worker on the engines until the end; stops what runs, whatever happened.
async fn watch(
    args: &DevArgs,
    context: &Context,
    mut engines: Engines,
    listener: TcpListener,
    extensions: &Extensions,
    ending: CancellationToken,
) -> anyhow::Result<()> {
    let url = local_url(listener.local_addr()?);
    let opened = open(args, context, &engines, listener).await;
    let outcome = match opened {
        Err(error) => Err(error),
        Ok(service) => {
            let ready = announce(args, &url, context, &engines, &service).await;
            if ready.is_ok() {
                extensions.start(&engines.temporal_address());
                report_until_the_end(&mut engines, &ending).await;
            }
            welcome::say("\nstopping: requests and activities come to their end");
            tokio::join!(service.stop(), extensions.stop());
            ready
        }
    };
    let removed = DevState::remove(&context.data_dir);
    engines.stop().await;
    outcome?;
    Ok(removed?)
}

fn temporal_ui(args: &DevArgs) -> TemporalUi {
    TemporalUi {
        url: format!("http://127.0.0.1:{}", args.temporal_ui_port),
        namespace: embedded::NAMESPACE.to_owned(),
    }
}

async fn open(
    args: &DevArgs,
    context: &Context,
    engines: &Engines,
    listener: TcpListener,
) -> anyhow::Result<Service> {
    let environment = &context.environment;
    let listen = listener.local_addr()?;
    let public_url = environment.public_url(listen)?;
    let (keep_alive, rate_limit) = (environment.keep_alive()?, environment.rate_limit()?);
    while_waiting("bringing the schema up to date", store::pool::migrate(&engines.database_url()))
        .await?;
    let master_key = match environment.master_key()? {
        Some(key) => key,
        None => local::ensure_master_key(&context.data_dir)?,
    };
    let allow = environment.callback_allow_in_dev()?;
    let mail_dir = local::mail_dir(&context.data_dir);
    // A tunnel leads here from elsewhere, and who develops is here all the same.
    let origins =
        FormOrigins::new(&public_url, environment.public_url_is_set()).and_local(listen.port());
    let outbound = OutboundClients {
        senders: senders::set_up(environment, allow.clone(), Some(mail_dir))?,
        dead_man: environment.dead_man_url(&allow)?,
        allow,
        public_url,
        mail_domain: senders::mail_domain(&environment.mail_from()?),
    };
    let metrics = environment.metrics_listen(METRICS_PORT)?;
    let service = assemble(engines, master_key, &outbound)?;
    check_key(&service, context, engines.database_dir()).await?;
    let temporal_ui = Some(temporal_ui(args));
    adopt(&service).await?;
    let proxies = environment.trusted_proxies()?;
    let test_shop = test_shop(context, listen)?;
    let web = WebSettings { origins, temporal_ui, keep_alive, proxies, rate_limit, test_shop };
    service.serve(listener, outbound.clone(), web);
    if let Some(listen) = metrics {
        service.observe(Part::Api, listen);
    }
    // It ends with the service: no other database can have taken the namespace.
    drop(service.work(outbound, SETTINGS));
    service.link_audit(audit_heads::open(environment)?);
    service.make_partitions();
    Ok(service)
}

/// Both calls and callbacks of the shop stay on this machine, whether there is a tunnel or not.
fn test_shop(context: &Context, listen: SocketAddr) -> anyhow::Result<Option<TestShopSettings>> {
    let environment = &context.environment;
    let url = local_url(listen);
    let mail_dir = match environment.smtp_url()? {
        Some(_) => None,
        None => Some(local::mail_dir(&context.data_dir)),
    };
    let settings = TestShopSettings { api: url.clone(), server: url, mail_dir };
    Ok(environment.test_shop(true)?.then_some(settings))
}

/// Both engines lie in the data folder, so whatever Temporal remembers of another database is of
/// one that was deleted.
async fn adopt(service: &Service) -> anyhow::Result<()> {
    let ours = store::environments::find_id(&service.pool).await?;
    while_waiting("waiting for Temporal", service.engine.adopt_environment(&ours)).await?;
    Ok(())
}

/// A key that does not open what is there would fail at the first callback, which is too late.
async fn check_key(service: &Service, context: &Context, database: &Path) -> anyhow::Result<()> {
    match store::signing_secrets::open_newest(&service.pool, &service.master_key).await {
        Err(StoreError::Seal(_)) => {
            let is_set = context.environment.master_key()?.is_some();
            anyhow::bail!(wrong_key(is_set, &context.data_dir, database))
        }
        other => Ok(other.map(|_| ())?),
    }
}

fn wrong_key(is_set: bool, data_dir: &Path, database: &Path) -> Failure {
    let sealed =
        format!("the key that sealed the secrets of the database in {}", database.display());
    Failure::Validation(if is_set {
        format!("{MASTER_KEY} is not {sealed}")
    } else {
        let file = local::key_file(data_dir);
        format!(
            "{} is not {sealed}: put back what was in it, or set {MASTER_KEY} to that key; to start \
             afresh, remove the folder of the database",
            file.display()
        )
    })
}

fn assemble(
    engines: &Engines,
    master_key: MasterKey,
    outbound: &OutboundClients,
) -> anyhow::Result<Service> {
    let pools = Pools::connect_lazily(&engines.database_url(), Pooler::Session, CONNECTIONS)?;
    let address = engines.temporal_address();
    let temporal = TemporalSettings::Plain { address, namespace: embedded::NAMESPACE.to_owned() };
    let engine = Engine::new(temporal, TASK_QUEUE).named("sendpromptly-dev");
    let engine =
        engine.with_console(outbound.public_url.as_str()).with_probes(outbound.dead_man.is_some());
    Ok(Service::start(pools, master_key, engine.with_retention().with_shared_processors()))
}

async fn wait_until_ready(service: &Service) -> anyhow::Result<()> {
    anyhow::ensure!(
        store::pool::is_writable(&service.pool).await?,
        "Postgres takes no writes: {}",
        store::pool::READ_ONLY_CURE
    );
    service.engine.check().await.context("Temporal runs but does not respond")?;
    // Without one the console warns, which is all that happens then.
    let _seen = timeout(WORKER, wait_for_worker(service)).await;
    Ok(())
}

/// Ends with the worker's first heartbeat: until then the console says that no worker polls.
async fn wait_for_worker(service: &Service) -> Result<(), StoreError> {
    while read_workers(&service.pool, embedded::NAMESPACE, TASK_QUEUE).await?.polling == 0 {
        sleep(WORKER_POLL).await;
    }
    Ok(())
}

/// Says where everything is, once all of it responds.
async fn announce(
    args: &DevArgs,
    url: &str,
    context: &Context,
    engines: &Engines,
    service: &Service,
) -> anyhow::Result<()> {
    while_waiting("waiting for Temporal", wait_until_ready(service)).await?;
    let first_run = FirstRun::find_or_make(service, &context.data_dir).await?;
    let state = DevState {
        pid: std::process::id(),
        url: url.to_owned(),
        temporal_address: engines.temporal_address(),
        temporal_namespace: embedded::NAMESPACE.to_owned(),
        temporal_ui_url: format!("http://127.0.0.1:{}", args.temporal_ui_port),
        database_url: engines.database_url(),
        project_id: first_run.project_id,
        smtp_url: context.environment.smtp_url()?,
        mail_from: Some(context.environment.mail_from()?),
    };
    state.write(&context.data_dir)?;
    welcome::print(&state, &first_run, context)
}

/// Says what happens to the engines, until asked to end.
async fn report_until_the_end(engines: &mut Engines, ending: &CancellationToken) {
    while let Some(event) = ending.run_until_cancelled(engines.next_event()).await {
        welcome::say(&event.to_string());
    }
}

/// Makes the data folder. Others may pass through it, because as root Postgres runs as another
/// account; what is secret in it is closed by itself.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let open_to = if rustix::process::getuid().is_root() { 0o711 } else { 0o700 };
    let made = std::fs::DirBuilder::new().recursive(true).mode(open_to).create(folder);
    made.with_context(|| {
        format!("cannot create the data folder {}; --data-dir names another one", folder.display())
    })
}

/// What is in the data folder, of this process and of those that it starts, is nobody else's to read:
/// mails name customers, and Temporal's file holds what went through workflows. Postgres sees to its
/// own files, which belong to another account if we are root.
fn close_to_others(folder: &Path) -> anyhow::Result<()> {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    for name in ["mail", "temporal.db", "temporal.db-wal", "temporal.db-shm", "temporal.log"] {
        close(&folder.join(name))
            .with_context(|| format!("cannot close {} to others", folder.join(name).display()))?;
    }
    Ok(())
}

/// Closes what an older release left open. It does not matter whether it is there.
fn close(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = std::fs::metadata(path) else { return Ok(()) };
    let mode = found.permissions().mode() & 0o777;
    let closed = mode & 0o700;
    if mode == closed {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(closed))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::Cli;
    use crate::cmd::Command;
    use crate::config::LISTEN;

    #[test]
    fn it_listens_where_the_option_says_else_where_the_environment_does() {
        let listen = |words: &[&str], pairs: &[(&'static str, &str)]| {
            let line = ["sendpromptly", "dev"].into_iter().chain(words.iter().copied());
            let cli = Cli::try_parse_from(line).expect("a good line");
            let Command::Dev(args) = cli.command else { panic!("another command") };
            let found = args.listen(&Environment::from_pairs(pairs));
            found.map_or_else(|error| error.to_string(), |address| address.to_string())
        };
        let set = [(LISTEN, "0.0.0.0:9000")];
        assert_eq!(listen(&[], &[]), "127.0.0.1:8080");
        assert_eq!(listen(&[], &set), "0.0.0.0:9000");
        assert_eq!(listen(&["--listen", "127.0.0.1:9090"], &set), "127.0.0.1:9090");
        assert!(listen(&[], &[(LISTEN, "9000")]).starts_with(LISTEN));
    }
}
