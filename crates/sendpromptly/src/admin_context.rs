//! The place where administration works: a database, a master key, and who is there.
//!
//! The database is that of `DATABASE_URL`, else that of the `dev` which runs in the data folder. A
//! database that cannot be worked with, or that is older than this program, is reported before
//! anything is done, with what is wrong and its cure. Each change is one transaction together with its audit entry.

use domain::audit::Actor;
use domain::ids::{IncidentId, ProjectId};
use domain::repair_url::AllowedNetworks;
use engine::{Engine, TemporalSettings};
use store::incidents::Incident;
use store::pool::{PoolOptions, Pooler};
use store::projects::Project;
use store::{
    Fault, MasterKey, PgConnection, PgPool, StoreError, incidents, pool, projects, signing_secrets,
};
use workflows::names::TASK_QUEUE;

use crate::Context;
use crate::config::{ConfigError, DATABASE_URL, MASTER_KEY};
use crate::failure::{Failure, database_failure, no_such, parse_id};
use crate::local::{self, DevState};
use crate::progress::while_waiting;

/// How many connections one command uses at a time.
const CONNECTIONS: u32 = 2;

/// A database to work on.
#[derive(Clone)]
pub struct DatabaseTarget {
    /// Its URL, password included.
    pub database_url: String,
    /// The text before it.
    pub pooler: Pooler,
    /// The `dev` that it belongs to, if one does.
    pub dev: Option<DevState>,
}

/// The place where administration works.
pub struct AdminContext {
    pub pool: PgPool,
    /// Who is there.
    pub actor: Actor,
    target: DatabaseTarget,
    context: Context,
}

impl DatabaseTarget {
    /// Finds the database without asking it anything.
    ///
    /// # Errors
    /// When none is named and no `dev` runs.
    pub fn find(context: &Context) -> anyhow::Result<Self> {
        let Some(database_url) = context.environment.database_url()? else {
            let dev = DevState::find_running(&context.data_dir)?;
            let (database_url, pooler) = (dev.database_url.clone(), Pooler::Session);
            return Ok(Self { database_url, pooler, dev: Some(dev) });
        };
        // The user may have copied the URL out of what `dev` printed. A file that cannot be read
        // then only means that this is not known.
        let dev = DevState::read(&context.data_dir).ok().flatten();
        let dev = dev.filter(|dev| dev.database_url == database_url);
        Ok(Self { database_url, pooler: context.environment.pooler()?, dev })
    }

    /// Connections to it, made when they are needed.
    ///
    /// # Errors
    /// When its URL is none.
    pub fn connect_lazily(&self) -> Result<PgPool, StoreError> {
        pool::open(&self.database_url, PoolOptions::new(CONNECTIONS).behind(self.pooler))
    }

    /// Who is the cause when the database cannot be worked with.
    #[must_use]
    pub fn name(&self, context: &Context) -> String {
        match self.dev {
            Some(_) => format!("the database of the `dev` in {}", context.data_dir.display()),
            None => format!("the database of {DATABASE_URL}"),
        }
    }

    /// Private networks that may be reached.
    ///
    /// # Errors
    /// When an entry is no network.
    pub fn callback_allow(&self, context: &Context) -> Result<AllowedNetworks, ConfigError> {
        match self.dev {
            Some(_) => context.environment.callback_allow_in_dev(),
            None => context.environment.callback_allow(),
        }
    }
}

impl AdminContext {
    /// Opens the database and sees that it can be worked on.
    ///
    /// # Errors
    /// When there is none, or it cannot be worked with, or its schema is older than this program.
    pub async fn open(context: &Context) -> anyhow::Result<Self> {
        let target = DatabaseTarget::find(context)?;
        let name = target.name(context);
        let faulty = |error: StoreError| database_failure(&name, Fault::cure, error);
        let pool = target.connect_lazily().map_err(faulty)?;
        let asking = pool::pending_migrations(&pool);
        match while_waiting(format!("waiting for {name}"), asking).await.map_err(faulty)? {
            0 => Ok(Self { pool, actor: actor(), target, context: context.clone() }),
            missing => Err(Failure::Unavailable(format!(
                "{name} lacks migrations of this version ({missing}): run `sendpromptly migrate`"
            ))
            .into()),
        }
    }

    /// Runs a change in a transaction of its own.
    ///
    /// # Errors
    /// The change's, and when the database fails.
    pub async fn transaction<T, E: From<StoreError>>(
        &self,
        change: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        pool::transaction(&self.pool, change).await
    }

    /// The key that opens this database's secrets: the environment's, else, in `dev`, the data folder's.
    ///
    /// # Errors
    /// When there is none, or it is not the one that sealed what is there.
    pub async fn master_key(&self) -> anyhow::Result<MasterKey> {
        let key = find_master_key(&self.context)?;
        match signing_secrets::open_newest(&self.pool, &key).await {
            Ok(_) => Ok(key),
            Err(StoreError::Seal(_)) => Err(Failure::Validation(format!(
                "{MASTER_KEY} is not the key that sealed the secrets of {}: use the key that the \
                 api and the worker use",
                self.target.name(&self.context)
            ))
            .into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Private networks that may be reached.
    ///
    /// # Errors
    /// When an entry is no network.
    pub fn callback_allow(&self) -> Result<AllowedNetworks, ConfigError> {
        self.target.callback_allow(&self.context)
    }

    /// The `dev` that the database belongs to, if one does.
    #[must_use]
    pub const fn dev(&self) -> Option<&DevState> {
        self.target.dev.as_ref()
    }

    /// A project by the id that the user entered.
    ///
    /// # Errors
    /// When there is none.
    pub async fn project(&self, id: &str) -> anyhow::Result<Project> {
        let id: ProjectId = parse_id("project", id)?;
        let found = projects::find_project(&self.pool, id).await?;
        Ok(found.ok_or_else(|| no_such("project", id))?)
    }

    /// The id of a project that the user may have named.
    ///
    /// # Errors
    /// When there is no such one.
    pub async fn project_id(&self, id: Option<&str>) -> anyhow::Result<Option<ProjectId>> {
        match id {
            Some(id) => Ok(Some(self.project(id).await?.id)),
            None => Ok(None),
        }
    }

    /// An incident by the id that the user entered.
    ///
    /// # Errors
    /// When there is none.
    pub async fn incident(&self, id: &str) -> anyhow::Result<Incident> {
        let id: IncidentId = parse_id("incident", id)?;
        let found = incidents::find_incident(&self.pool, id).await?;
        Ok(found.ok_or_else(|| no_such("incident", id))?)
    }
}

/// Temporal: that of `dev`, else that of the environment. Settings that make no sense are said
/// where it is used.
#[must_use]
pub fn engine(dev: Option<&DevState>, context: &Context) -> Engine {
    let in_dev = dev.map(|dev| TemporalSettings::Plain {
        address: dev.temporal_address.clone(),
        namespace: dev.temporal_namespace.clone(),
    });
    let settings = in_dev.unwrap_or_else(|| {
        let given = context.environment.temporal();
        given.unwrap_or_else(|error| TemporalSettings::Wrong(error.to_string()))
    });
    // What is wrong with it says the check of the settings.
    let version = context.environment.worker_version().ok().flatten();
    let engine = Engine::new(settings, TASK_QUEUE).with_version(version.filter(|_| dev.is_none()));
    engine.with_probes(dev.is_none() && context.environment.dead_man_is_set())
}

/// The master key: the environment's, else the data folder's. The latter opens what `dev` sealed, and
/// must seal nothing in another database: no api and no worker there has it.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn find_master_key(context: &Context) -> anyhow::Result<MasterKey> {
    if let Some(key) = context.environment.master_key()? {
        return Ok(key);
    }
    let key = if DatabaseTarget::find(context).is_ok_and(|target| target.dev.is_none()) {
        None
    } else {
        local::read_master_key(&context.data_dir)?
    };
    Ok(key.ok_or(ConfigError::Missing {
        name: MASTER_KEY,
        cure: "set it to the key that the api and the worker use; the key in the data folder of `dev` \
               is for its database alone",
    })?)
}

/// Who sits at the command line, by the name of their account.
#[must_use]
pub fn actor() -> Actor {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| {
        let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
        name_of_account(&passwd, rustix::process::getuid().as_raw())
    });
    Actor::Cli(account_name(named.as_deref()))
}

/// Services and containers run without the variables that a login sets.
fn name_of_account(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// The audit keeps the name for ever, so it is short and sanitized.
fn account_name(named: Option<&str>) -> String {
    let name: String =
        domain::alert::one_line(named.unwrap_or_default()).chars().take(64).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn the_key_of_dev_is_for_no_other_database() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = local::ensure_master_key(folder.path()).expect("made");
        let context = |pairs: &[(&'static str, &str)]| Context {
            json: false,
            data_dir: folder.path().to_owned(),
            environment: Environment::from_pairs(pairs),
        };
        let found = find_master_key(&context(&[])).expect("that of the data folder");
        assert_eq!(found.newest(), made.newest());
        let url = "postgres://sendpromptly:secret@db.example.com/sendpromptly";
        let elsewhere = find_master_key(&context(&[(DATABASE_URL, url)]));
        let said = elsewhere.expect_err("none").to_string();
        assert!(said.starts_with(MASTER_KEY), "{said}");
    }

    #[test]
    fn an_account_has_a_short_legible_name_or_is_unknown() {
        assert_eq!(account_name(Some("alice")), "alice");
        assert_eq!(account_name(Some("a\nb\u{1b}")), "a b␛");
        assert_eq!(account_name(Some(&"x".repeat(100))).len(), 64);
        assert_eq!(account_name(None), "unknown");
        assert_eq!(account_name(Some(" ")), "unknown");
    }

    #[test]
    fn an_account_is_found_by_its_number() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nalice:x:1000:1000::/home/alice:/bin/sh";
        assert_eq!(name_of_account(passwd, 1000).as_deref(), Some("alice"));
        assert_eq!(name_of_account(passwd, 7), None);
    }
}
