//! Who is in a round: two shops, their keys and secrets, and whom they alert.

use std::time::Duration;

use anyhow::Context as _;
use domain::api_key::ApiKey;
use domain::ids::{DestinationId, ProjectId};
use domain::project::Mode;
use domain::retention::DEFAULT_MONTHS;
use domain::signature::SigningSecret;
use domain::snapshot::SnapshotSettings;
use store::destinations::{NewDestination, Target};
use store::projects::ProjectSettings;
use store::{Insertion, MasterKey, PgPool, api_keys, destinations, projects, signing_secrets};

use super::relay::Relay;

const HOST: &str = "127.0.0.1";
/// The minutes of the contract are this long on the stage.
pub const MINUTE: Duration = Duration::from_secs(1);
/// How long the app has, in those minutes.
pub const TIMEOUT_MINUTES: i32 = 12;

/// One shop.
#[derive(Clone)]
pub struct Shop {
    /// `a` or `b`: what its references and the paths of its endpoints begin with.
    pub name: &'static str,
    pub project: ProjectId,
    pub key: ApiKey,
    pub secret: SigningSecret,
    pub email: String,
    /// The last part of its Slack URL, which is a secret.
    pub slack_token: String,
    /// What is secret of its third destination, which it has in some rounds.
    pub relay_token: String,
    pub destinations: Vec<DestinationId>,
}

/// How the URLs of the product's neighbours begin, as it reaches them.
#[derive(Debug)]
pub struct Origins {
    pub slack: String,
    pub repair: String,
    pub relay: String,
}

/// Makes both shops in a migrated database.
pub async fn make(
    pool: &PgPool,
    key: &MasterKey,
    origins: &Origins,
    relay: Option<Relay>,
) -> anyhow::Result<[Shop; 2]> {
    let shop = |name| shop(pool, key, origins, relay, name);
    Ok([shop("a").await?, shop("b").await?])
}

async fn shop(
    pool: &PgPool,
    master_key: &MasterKey,
    origins: &Origins,
    relay: Option<Relay>,
    name: &'static str,
) -> anyhow::Result<Shop> {
    let settings = ProjectSettings {
        timeout_minutes: TIMEOUT_MINUTES,
        retention_months: DEFAULT_MONTHS,
        repair_url: Some(format!("{}/repair/{name}", origins.repair)),
        snapshots: SnapshotSettings { kept: true, ..Default::default() },
        ..ProjectSettings::new(format!("Shop {name}"), Mode::Test)
    };
    let project = projects::insert_project(pool, &settings).await?;
    let secret = SigningSecret::from_bytes(random()?);
    signing_secrets::insert_secret(pool, master_key, project, &secret).await?;
    let key =
        ApiKey::from_random(Mode::Test, &random::<128>()?).context("too little randomness")?;
    api_keys::insert_key(pool, project, "faults", &key).await?;
    let email = format!("oncall-{name}@cometcart.test");
    let (slack_token, relay_token) = (hex::encode(random::<16>()?), hex::encode(random::<16>()?));
    let slack = format!("{}/services/{name}/{slack_token}", origins.slack);
    let mut targets = vec![(Target::Email(email.clone()), email.as_str())];
    targets.push((Target::Slack(slack), HOST));
    if let Some(relay) = relay {
        targets.push((relay.target(&origins.relay, &relay_token)?, HOST));
    }
    let mut destinations = Vec::new();
    for (target, shown) in targets {
        destinations.push(add(pool, master_key, project, target, shown).await?);
    }
    Ok(Shop { name, project, key, secret, email, slack_token, relay_token, destinations })
}

async fn add(
    pool: &PgPool,
    master_key: &MasterKey,
    project: ProjectId,
    target: Target,
    shown: &str,
) -> anyhow::Result<DestinationId> {
    let new = NewDestination { target, shown: shown.to_owned(), label: None, every_incident: None };
    let mut db = pool.acquire().await?;
    match destinations::insert_destination(&mut db, master_key, project, &new).await? {
        Insertion::Inserted(id) => Ok(id),
        Insertion::Existing(_) => anyhow::bail!("a fresh shop has a destination already"),
    }
}

/// Random bytes of the system: secrets are not to be repeated by a seed.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
