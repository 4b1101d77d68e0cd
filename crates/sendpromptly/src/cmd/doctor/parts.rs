//! The checks of the installation's own parts: database, migrations, master key, Temporal, mail.

use engine::{Engine, TemporalSettings};
use store::{MasterKey, PgPool, StoreError, pool, signing_secrets};
use workflows::names::TASK_QUEUE;

use super::Check;
use crate::config::{MAIL_FROM, PUBLIC_URL, SMTP_URL, TEMPORAL_ADDRESS};
use crate::desk::{Site, find_master_key};
use crate::local::DevState;
use crate::progress::while_waiting;
use crate::settings::UnknownSetting;
use crate::{Context, failure, local, senders};

const SETTINGS: &str = "settings";
const PUBLIC: &str = "public_url";
const DATABASE: &str = "database";
const MIGRATIONS: &str = "migrations";
const KEY: &str = "master_key";
const TEMPORAL: &str = "temporal";
const SMTP: &str = "smtp";

/// What later checks stand on.
pub(super) struct Database {
    /// The database, if it answers and is up to date.
    pub(super) pool: Option<PgPool>,
    /// The master key, if it opens what is there.
    pub(super) key: Option<MasterKey>,
    /// Where the database is, if that is known.
    pub(super) site: Option<Site>,
}

impl Database {
    /// Checks the database and what is in it.
    pub(super) async fn open(site: anyhow::Result<Site>, context: &Context) -> (Self, Vec<Check>) {
        let mut opened = Self { pool: None, key: None, site: None };
        let mut checks = Vec::new();
        match site {
            Err(error) => checks.push(Check::fail(DATABASE, failure::message(&error))),
            Ok(site) => {
                let name = site.name(context);
                let (pool, found) = connect(&site, &name).await;
                checks.extend(found);
                opened = Self { pool, key: None, site: Some(site) };
            }
        }
        if !checks.iter().any(|check| check.name == MIGRATIONS) {
            checks.push(Check::skip(MIGRATIONS, "the database does not answer"));
        }
        let (key, check) = master_key(opened.pool.as_ref(), context).await;
        checks.push(check);
        (Self { key, ..opened }, checks)
    }
}

/// Variables of this process that look like settings and are none. Those of api and worker are named in
/// their logs.
pub(super) fn settings(unknown: &[UnknownSetting]) -> Check {
    if unknown.is_empty() {
        return Check::pass(SETTINGS, "every SENDPROMPTLY_ variable is a setting");
    }
    let said: Vec<_> = unknown.iter().map(ToString::to_string).collect();
    Check::warn(SETTINGS, said.join("; "))
}

/// Where people open the console. `dev` is on this machine, so it needs none.
pub(super) fn public_url(context: &Context, in_dev: bool) -> Check {
    let environment = &context.environment;
    let address = environment.listen().and_then(|listen| environment.public_url(listen));
    match address {
        Err(error) => Check::fail(PUBLIC, error.to_string()),
        Ok(url) if environment.public_url_is_set() => Check::pass(PUBLIC, url),
        Ok(_) if in_dev => Check::pass(PUBLIC, "not set: the console is on this machine"),
        Ok(url) => Check::warn(
            PUBLIC,
            format!(
                "{PUBLIC_URL} is not set: links lead to {url}, and who opens the console elsewhere \
                 cannot sign in; set it for api and worker to the address in their browser"
            ),
        ),
    }
}

/// Temporal: that of `dev`, else that of the environment.
pub(super) async fn temporal(dev: Option<&DevState>) -> Check {
    let (settings, place) = match dev {
        Some(dev) => {
            let (address, namespace) = (&dev.temporal_address, &dev.temporal_namespace);
            let place = format!("{address}, namespace {namespace}");
            let (address, namespace) = (address.clone(), namespace.clone());
            (TemporalSettings::Plain { address, namespace }, place)
        }
        None => (TemporalSettings::Environment, format!("by {TEMPORAL_ADDRESS} and its like")),
    };
    let engine = Engine::new(settings, TASK_QUEUE);
    match while_waiting("waiting for Temporal", engine.check()).await {
        Ok(()) => Check::pass(TEMPORAL, format!("answers ({place})")),
        Err(error) => Check::fail(TEMPORAL, format!("{error} ({place})")),
    }
}

/// The mail server, up to the point where a mail would be sent.
pub(super) async fn mail(context: &Context, in_dev: bool) -> Check {
    let environment = &context.environment;
    let folder = in_dev.then(|| local::mail_dir(&context.data_dir));
    let server = match environment.smtp_url() {
        Ok(server) => server,
        Err(error) => return Check::fail(SMTP, error.to_string()),
    };
    if server.is_none() && folder.is_none() {
        return Check::warn(SMTP, format!("{SMTP_URL} is not set: no alert can go by e-mail"));
    }
    let sender = match senders::email(environment, folder.clone()) {
        Ok(sender) => sender,
        Err(error) => return Check::fail(SMTP, failure::message(&error)),
    };
    match while_waiting("waiting for the mail server", Box::pin(sender.check())).await {
        Err(refused) => Check::fail(SMTP, refused.answer),
        Ok(()) => match (server, folder) {
            (None, Some(folder)) => {
                Check::pass(SMTP, format!("mails become files in {}", folder.display()))
            }
            _ if environment.mail_from_is_set() => Check::pass(SMTP, "the mail server answers"),
            _ => Check::warn(
                SMTP,
                format!("the mail server answers, but {MAIL_FROM} is not set: it may refuse mails"),
            ),
        },
    }
}

async fn connect(site: &Site, name: &str) -> (Option<PgPool>, Vec<Check>) {
    let silent = |error: StoreError| vec![Check::fail(DATABASE, format!("{name}: {error}"))];
    let pool = match pool::connect_lazily(&site.database_url, 2) {
        Ok(pool) => pool,
        Err(error) => return (None, silent(error)),
    };
    let asking = pool::pending_migrations(&pool);
    match while_waiting(format!("waiting for {name}"), asking).await {
        Err(error) => (None, silent(error)),
        Ok(missing) => {
            let answers = Check::pass(DATABASE, format!("{name} answers"));
            match missing {
                0 => (Some(pool), vec![answers, Check::pass(MIGRATIONS, "all are there")]),
                missing => {
                    let cure = format!("{missing} are missing: run `sendpromptly migrate`");
                    (None, vec![answers, Check::fail(MIGRATIONS, cure)])
                }
            }
        }
    }
}

async fn master_key(pool: Option<&PgPool>, context: &Context) -> (Option<MasterKey>, Check) {
    let key = match find_master_key(context) {
        Ok(key) => key,
        Err(error) => return (None, Check::fail(KEY, failure::message(&error))),
    };
    let Some(pool) = pool else {
        return (None, Check::skip(KEY, "there is one, and no database to try it on"));
    };
    match signing_secrets::open_newest(pool, &key).await {
        Ok(Some(_)) => (Some(key), Check::pass(KEY, "opens the newest signing secret")),
        Ok(None) => (Some(key), Check::pass(KEY, "is well-formed; there is no secret to open yet")),
        Err(error) => (None, Check::fail(KEY, error.to_string())),
    }
}
