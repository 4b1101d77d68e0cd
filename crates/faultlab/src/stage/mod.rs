//! Everything that one round happens in: real Postgres, real Temporal, the real program as API and worker, and
//! doubles of the neighbours, with a fault proxy on every way between them.
//!
//! All of it is new in each round, in a folder of its own, and is gone when this value is: a round
//! finds nothing of the one before.

pub mod cast;
pub mod database;
pub mod disk;
pub mod neighbours;
pub mod part;
pub mod relay;
pub mod way;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use embedded::{EngineDirs, Engines, Postgres, PostgresOptions, Temporal, TemporalOptions};
use engine::{Engine, TemporalSettings};
use store::{MasterKey, PgPool};
use tempfile::TempDir;
use workflows::names::{TASK_QUEUE, search_attribute};

use self::cast::{Origins, Shop};
use self::disk::{Disk, Holds};
use self::neighbours::Neighbours;
use self::part::{Kind, Part};
use self::relay::Relay;
use self::way::Way;
use crate::eventually;

const START: Duration = Duration::from_mins(2);

/// The ways that the product takes.
pub struct Ways {
    pub postgres: Way,
    pub temporal: Way,
    pub mail: Way,
    pub slack: Way,
    pub repair: Way,
    pub relay: Way,
}

impl Ways {
    /// Where Slack and the repair endpoint are, as the product reaches them.
    fn origins(&self, tls: bool) -> Origins {
        let scheme = if tls { "https" } else { "http" };
        let at = |way: &Way| format!("{scheme}://127.0.0.1:{}", way.port);
        // The relay speaks no TLS.
        let relay = format!("http://127.0.0.1:{}", self.relay.port);
        Origins { slack: at(&self.slack), repair: at(&self.repair), relay }
    }
}

/// Where a process is asked how it does.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub api: String,
    pub api_metrics: String,
    pub worker_metrics: String,
}

pub struct Stage {
    pub api: Part,
    pub worker: Part,
    pub ways: Ways,
    pub postgres: Postgres,
    pub temporal: Temporal,
    pub neighbours: Neighbours,
    pub shops: [Shop; 2],
    /// The owner's connections, past the fault proxy.
    pub owner: PgPool,
    /// Temporal, past the fault proxy.
    pub engine: Engine,
    pub addresses: Addresses,
    /// The product's own address of the database, past the fault proxy.
    pub role_url: String,
    pub master_key: String,
    /// What the processes are upgraded to, in a round that does so.
    pub newer: Option<PathBuf>,
    pub folder: TempDir,
    /// What Postgres or Temporal has its data on, in a round that fills it. It is last: nothing may run on it any more.
    pub disk: Option<Disk>,
}

/// What a round may ask of its stage.
#[derive(Debug)]
pub struct StageOptions {
    /// What runs, and has migrated.
    pub binary: PathBuf,
    /// What it is upgraded to in the round.
    pub newer: Option<PathBuf>,
    /// Where Postgres or Temporal keeps its data, if not in the stage's folder.
    pub disk: Option<Disk>,
    /// Whether the neighbours speak TLS.
    pub tls: bool,
    /// What both shops alert beside mail and Slack.
    pub relay: Option<Relay>,
    /// Further variables of both processes.
    pub variables: Vec<(String, String)>,
}

impl StageOptions {
    /// A stage as most rounds have it.
    pub const fn new(binary: PathBuf) -> Self {
        let variables = Vec::new();
        Self { binary, newer: None, disk: None, tls: false, relay: None, variables }
    }
}

impl Stage {
    /// Starts everything and waits until the product is ready.
    pub async fn start(mut options: StageOptions) -> anyhow::Result<Self> {
        let found = Engines::locate(&EngineDirs::from_env()?).await?;
        let folder = embedded::scratch_dir()?;
        let (postgres, temporal) = engines(&found, &folder, options.disk.as_ref()).await?;
        let owner_url = postgres.url(embedded::DATABASE);
        let password = hex::encode(cast::random::<16>()?);
        let owner = database::prepare(&options.binary, &owner_url, &password).await?;
        let neighbours = Neighbours::start(options.tls).await;
        options.variables.extend(neighbours.trusted_in(folder.path())?);
        let ways = ways(&postgres, &temporal, &neighbours).await?;
        let master_key = MasterKey::generate();
        let origins = ways.origins(options.tls);
        let key = MasterKey::parse(&master_key)?;
        let shops = cast::make(&owner, &key, &origins, options.relay).await?;
        let addresses = addresses()?;
        let product_url = database::url_of_role(&postgres, &password, ways.postgres.port)?;
        let settings = settings(&ways, &addresses, &product_url, &master_key, &options);
        let [api, worker] = parts(&options, &folder, &settings, &addresses);
        let mut stage = Self {
            api,
            worker,
            role_url: database::url_of_role(&postgres, &password, postgres.port())?,
            engine: Engine::new(plain(&temporal), TASK_QUEUE),
            newer: options.newer,
            ways,
            postgres,
            temporal,
            neighbours,
            shops,
            owner,
            addresses,
            master_key,
            folder,
            disk: options.disk,
        };
        stage.open().await?;
        Ok(stage)
    }

    async fn open(&mut self) -> anyhow::Result<()> {
        self.api.start()?;
        self.worker.start()?;
        let (api, worker) = (self.addresses.api.clone(), self.addresses.worker_metrics.clone());
        let ready = eventually("a product that is ready", START, async || {
            Ok((is_ready(&api).await && is_ready(&worker).await).then_some(()))
        });
        let logs = |it: &Self| format!("{}\n{}", it.api.log_tail(), it.worker.log_tail());
        ready.await.with_context(|| logs(self))
    }

    /// One of the product's processes.
    pub const fn part(&mut self, kind: Kind) -> &mut Part {
        match kind {
            Kind::Api => &mut self.api,
            Kind::Worker => &mut self.worker,
        }
    }

    /// Starts what has ended by itself, as a supervisor does, and says how it had ended.
    pub fn revive(&mut self) -> anyhow::Result<Vec<String>> {
        let mut ended = Vec::new();
        for part in [&mut self.api, &mut self.worker] {
            if let Some(status) = part.ended()? {
                ended.push(format!("{}: {status}", part.kind.name()));
                part.start()?;
            }
        }
        Ok(ended)
    }

    /// Ends the processes, so that nothing changes any more. Whether both ended in order.
    pub async fn close(&mut self) -> anyhow::Result<bool> {
        let (api, worker) = tokio::join!(self.api.stop(), self.worker.stop());
        Ok(api? && worker?)
    }
}

async fn engines(
    found: &Engines,
    folder: &TempDir,
    disk: Option<&Disk>,
) -> anyhow::Result<(Postgres, Temporal)> {
    let place = |whose| {
        let disk = disk.filter(|disk| disk.holds == whose);
        disk.map_or(folder.path(), Disk::path)
    };
    let data = place(Holds::Postgres).join("postgres");
    let mut settings = PostgresOptions::new(data, embedded::free_port()?);
    settings.log_file = Some(folder.path().join("postgres.log"));
    let postgres = Postgres::start(&found.postgres, settings).await?;
    let log = folder.path().join("temporal.log");
    let mut settings = TemporalOptions::new(embedded::free_port()?, log);
    settings.db_file = Some(temporal_file(place(Holds::Temporal)));
    settings.search_attributes = search_attribute::ALL.iter().map(ToString::to_string).collect();
    Ok((postgres, Temporal::start(&found.temporal, settings).await?))
}

/// The lab's own way to Temporal, past every fault between the parts.
fn plain(temporal: &Temporal) -> TemporalSettings {
    TemporalSettings::Plain {
        address: temporal.address(),
        namespace: embedded::NAMESPACE.to_owned(),
    }
}

async fn ways(
    postgres: &Postgres,
    temporal: &Temporal,
    neighbours: &Neighbours,
) -> anyhow::Result<Ways> {
    let [mail, slack, repair] = neighbours.ports();
    Ok(Ways {
        postgres: Way::to(postgres.port()).await?,
        temporal: Way::to(temporal.port()).await?,
        mail: Way::to(mail).await?,
        slack: Way::to(slack).await?,
        repair: Way::to(repair).await?,
        relay: Way::to(neighbours.relay.port()).await?,
    })
}

fn parts(
    options: &StageOptions,
    folder: &TempDir,
    settings: &BTreeMap<String, String>,
    addresses: &Addresses,
) -> [Part; 2] {
    [Kind::Api, Kind::Worker].map(|kind| {
        let mut settings = settings.clone();
        let metrics = match kind {
            Kind::Api => &addresses.api_metrics,
            Kind::Worker => &addresses.worker_metrics,
        };
        settings.insert("SENDPROMPTLY_METRICS_LISTEN".to_owned(), metrics.clone());
        let log = folder.path().join(format!("{}.log", kind.name()));
        Part::new(kind, &options.binary, settings, log)
    })
}

/// Where the stage's Temporal keeps what it knows.
pub fn temporal_file(folder: &Path) -> PathBuf {
    folder.join("temporal.db")
}

fn addresses() -> anyhow::Result<Addresses> {
    let free = || anyhow::Ok(format!("127.0.0.1:{}", embedded::free_port()?));
    Ok(Addresses { api: free()?, api_metrics: free()?, worker_metrics: free()? })
}

fn settings(
    ways: &Ways,
    addresses: &Addresses,
    database_url: &str,
    master_key: &str,
    options: &StageOptions,
) -> BTreeMap<String, String> {
    let mail = if options.tls { "smtps" } else { "smtp" };
    let set = [
        ("DATABASE_URL", database_url.to_owned()),
        ("TEMPORAL_ADDRESS", format!("127.0.0.1:{}", ways.temporal.port)),
        ("TEMPORAL_NAMESPACE", embedded::NAMESPACE.to_owned()),
        ("SENDPROMPTLY_LISTEN", addresses.api.clone()),
        ("SENDPROMPTLY_PUBLIC_URL", format!("http://{}", addresses.api)),
        ("SENDPROMPTLY_MASTER_KEY", master_key.to_owned()),
        ("SENDPROMPTLY_CALLBACK_ALLOW", "127.0.0.0/8".to_owned()),
        ("SENDPROMPTLY_LOG", "info,access=off".to_owned()),
        ("SMTP_URL", format!("{mail}://bob:secret@127.0.0.1:{}", ways.mail.port)),
        ("MAIL_FROM", "alerts@cometcart.test".to_owned()),
    ];
    let set = set.map(|(name, value)| (name.to_owned(), value));
    set.into_iter().chain(options.variables.iter().cloned()).collect()
}

/// Whether a process says that it is ready.
pub async fn is_ready(address: &str) -> bool {
    let Ok(client) = crate::shop::http::client(Duration::from_secs(3)) else { return false };
    let response = client.get(format!("http://{address}/readyz")).send().await;
    response.is_ok_and(|response| response.status().is_success())
}
