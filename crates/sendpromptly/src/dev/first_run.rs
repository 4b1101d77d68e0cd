//! What the first run of `dev` makes: an operator, and a test project with a key.
//!
//! Secrets that the database keeps only as hashes are also kept in a file of the data folder, for
//! the owner's eyes only, so that every start can print them. Without that file a new project is
//! made.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use console::password::Memory;
use domain::audit::Actor;
use domain::ids::ProjectId;
use domain::operator::Role;
use domain::project::Mode;
use sendpromptly::service::Service;
use serde::{Deserialize, Serialize};
use store::Insertion;
use store::administration::key::create_key;
use store::administration::operator::add_operator;
use store::administration::project::create_project;
use store::pool::transaction;
use store::projects::{self, ProjectSettings};

use crate::{local, random};

const FILE: &str = "first-run.json";
const EMAIL: &str = "admin@sendpromptly.localhost";

/// What the first run made.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FirstRun {
    pub(super) project_id: ProjectId,
    pub(super) api_key: String,
    pub(super) signing_secret: String,
    pub(super) operator: OperatorLogin,
}

/// How the first operator signs in.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OperatorLogin {
    pub(super) email: String,
    pub(super) password: String,
}

impl FirstRun {
    pub(super) async fn find_or_make(service: &Service, data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        if let Some(first_run) = read(&path)?
            && projects::find_project(&service.pool, first_run.project_id).await?.is_some()
        {
            return Ok(first_run);
        }
        let first_run = make(service).await?;
        let text = serde_json::to_vec_pretty(&first_run)?;
        let written = local::write_whole(&path, &text);
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(first_run)
    }
}

async fn make(service: &Service) -> anyhow::Result<FirstRun> {
    let (secret, key) = (random::signing_secret()?, random::api_key(Mode::Test)?);
    let settings = ProjectSettings::new("My shop".to_owned(), Mode::Test);
    let actor = Actor::Cli("dev".to_owned());
    let operator = make_operator(service, &actor).await?;
    let made = transaction(&service.pool, async |tx| {
        let id = create_project(tx, &actor, &settings, &secret, &service.master_key).await?;
        create_key(tx, &actor, id, "dev", &key).await.map(|_| id)
    });
    let project_id = made.await?;
    let (api_key, signing_secret) = (key.reveal().to_owned(), secret.reveal());
    Ok(FirstRun { project_id, api_key, signing_secret, operator })
}

/// Makes an operator whose password is known; an address that is taken gets a number.
async fn make_operator(service: &Service, actor: &Actor) -> anyhow::Result<OperatorLogin> {
    let password = hex::encode(random::bytes::<10>()?);
    let hash = console::password::hash(&password, &mut Memory::default())?;
    let (local, domain) = EMAIL.split_once('@').context("an address")?;
    for number in 1.. {
        let email =
            if number == 1 { EMAIL.to_owned() } else { format!("{local}{number}@{domain}") };
        let added = transaction(&service.pool, async |tx| {
            add_operator(tx, actor, &email, Role::Admin, &hash).await
        });
        if let Insertion::Inserted(_) = added.await? {
            return Ok(OperatorLogin { email, password });
        }
    }
    anyhow::bail!("no address is free")
}

fn read(path: &Path) -> anyhow::Result<Option<FirstRun>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let first_run = serde_json::from_str(&text);
            first_run.map(Some).with_context(|| format!("{} is damaged; remove it", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
