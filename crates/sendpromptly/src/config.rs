//! Everything that is read from the environment, with every default, in one place. The names are in
//! [`crate::settings`].
//!
//! An empty variable counts as absent. Every secret can also be given as a file: the variable with
//! `_FILE` behind its name, such as `DATABASE_URL_FILE`, holds the path of a file whose content,
//! without white space around it, is the value; a secret that is given both ways is rejected,
//! because it would be ambiguous which one holds. Each value is read when it is needed, so a
//! mistake in one that a command does not use does not stop the command. Errors name the variable
//! and the cure, never the value of a secret. `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE` and the TLS
//! variables are read by `engine`, as Temporal's own tools read them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use console::settings::TemporalUi;
use domain::dead_man::DeadManUrl;
use domain::postgres_url;
use domain::proxies::{MalformedProxy, TrustedProxies};
use domain::repair_url::{AllowedNetworks, MalformedNetwork};
use domain::url_credentials;
use engine::settings::ApiKey;
use engine::version::InvalidVersion;
use engine::{TemporalSettings, WorkerVersion};
use store::MasterKey;
use store::pool::Pooler;
use store::seal::SealError;
use url::Url;

use crate::audit_heads;
use crate::local::DevState;
pub use crate::settings::{
    CALLBACK_ALLOW, DATABASE_POOLER, DATABASE_URL, DEAD_MAN_URL, KEEP_ALIVE, LISTEN, LOG,
    LOG_FORMAT, MAIL_FROM, MASTER_KEY, METRICS_LISTEN, MIGRATE_DATABASE_URL, PUBLIC_URL,
    RATE_LIMIT, SMTP_URL, TEMPORAL_API_KEY, TEMPORAL_API_KEY_FILE, TEMPORAL_NAMESPACE,
    TEMPORAL_UI_URL, TEST_SHOP, TRUSTED_PROXIES, WORKER_BUILD, WORKER_DEPLOYMENT,
};
use crate::settings::{Kind, SETTINGS, Setting};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const DEFAULT_MAIL_FROM: &str = "SendPromptly <alerts@localhost>";
const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// Load balancers keep idle connections from a few seconds to an hour and more.
const KEEP_ALIVE_SECONDS: std::ops::RangeInclusive<u64> = 5..=7_200;
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(75);
const DEFAULT_RATE_LIMIT: NonZeroU32 = NonZeroU32::MIN.saturating_add(19_999);
const MAX_RATE_LIMIT: u32 = 1_000_000;

/// A variable is missing or makes no sense. The text names it and the cure.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable that the command cannot do without.
    #[error("{name} is not set: {cure}")]
    Missing {
        name: &'static str,
        /// What to do.
        cure: &'static str,
    },
    /// A value that cannot be used.
    #[error("{name} {problem}")]
    Malformed {
        name: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A secret given twice.
    #[error("{name} and {file} are both set: unset one of them")]
    GivenTwice {
        name: &'static str,
        /// The variable that names a file.
        file: &'static str,
    },
    /// A secret's file that cannot be read.
    #[error("{file} names {path}, which cannot be read: {source}")]
    File {
        /// The variable that names a file.
        file: &'static str,
        path: String,
        source: std::io::Error,
    },
    /// The master key is no key.
    #[error(transparent)]
    MasterKey(#[from] SealError),
    /// The allowed networks are none.
    #[error(transparent)]
    CallbackAllow(#[from] MalformedNetwork),
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object per line, for machines.
    Json,
}

/// The variables that concern us, as the process was given them.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<&'static str, OsString>);

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        let files = SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret);
        let names = SETTINGS.iter().map(|setting| setting.name);
        let names = names.chain(files.map(|setting| setting.file));
        Self(names.filter_map(|name| Some((name, std::env::var_os(name)?))).collect())
    }

    /// The same, with the mail settings of the `dev` that runs in a folder where none are given.
    /// They only hold while no database is named, because then it is that `dev` that is worked on.
    #[must_use]
    pub fn beside_dev(mut self, data_dir: &Path) -> Self {
        if self.is_given(DATABASE_URL) || self.is_given("DATABASE_URL_FILE") {
            return self;
        }
        let Ok(dev) = DevState::find_running(data_dir) else { return self };
        for (name, value) in [(SMTP_URL, dev.smtp_url), (MAIL_FROM, dev.mail_from)] {
            let given = self.is_given(name) || name == SMTP_URL && self.is_given("SMTP_URL_FILE");
            if let Some(value) = value.filter(|_| !given) {
                self.0.insert(name, value.into());
            }
        }
        self
    }

    /// The database's URL, if one is set.
    ///
    /// # Errors
    /// When it is no Postgres URL or cannot be read.
    pub fn database_url(&self) -> Result<Option<String>, ConfigError> {
        self.postgres_url(DATABASE_URL)
    }

    /// The URL that `migrate` works with, if it is another one.
    ///
    /// # Errors
    /// When it is no Postgres URL or cannot be read.
    pub fn migrate_database_url(&self) -> Result<Option<String>, ConfigError> {
        self.postgres_url(MIGRATE_DATABASE_URL)
    }

    /// The pooler between us and the database.
    ///
    /// # Errors
    /// When it is no kind of pooler that we know.
    pub fn pooler(&self) -> Result<Pooler, ConfigError> {
        let text = self.plain(DATABASE_POOLER)?.unwrap_or_else(|| "session".to_owned());
        text.parse().map_err(|_| {
            let problem = "must be session (also without a pooler) or transaction, as the pool_mode \
                           of the pooler that DATABASE_URL leads to";
            malformed(DATABASE_POOLER, problem)
        })
    }

    fn postgres_url(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(url) = self.secret(name)? else {
            return Ok(None);
        };
        if let Some(unencoded) = url_credentials::find_unencoded(&url) {
            return Err(malformed(name, &unencoded.to_string()));
        }
        let url = postgres_url::normalize(&url)
            .map_err(|several| malformed(name, &several.to_string()))?;
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        if known && Url::parse(&url).is_ok() {
            return Ok(Some(url));
        }
        let cure = "must look like postgres://user:password@host:5432/sendpromptly, with special \
                    characters of the password percent-encoded";
        Err(malformed(name, cure))
    }

    /// Where the API listens.
    ///
    /// # Errors
    /// When it is no address with a port.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        let Some(text) = self.plain(LISTEN)? else {
            return Ok(DEFAULT_LISTEN);
        };
        text.parse().map_err(|_| {
            malformed(LISTEN, "must be an address and a port, such as 127.0.0.1:8080 or [::]:8080")
        })
    }

    /// Where metrics and health are read: the setting, or this port of this machine. `None` where
    /// they are not to be.
    ///
    /// # Errors
    /// When it is neither `off` nor an address with a port.
    pub fn metrics_listen(&self, port: u16) -> Result<Option<SocketAddr>, ConfigError> {
        match self.plain(METRICS_LISTEN)?.as_deref() {
            None => Ok(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))),
            Some("off") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                let problem = "must be an address and a port, such as 127.0.0.1:9464, or off";
                malformed(METRICS_LISTEN, problem)
            }),
        }
    }

    /// What links begin with, without a slash at the end. By default they lead to where the API
    /// listens, and to this machine where it listens on every address.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn public_url(&self, listen: SocketAddr) -> Result<String, ConfigError> {
        Ok(self.web_address(PUBLIC_URL)?.unwrap_or_else(|| local_url(listen)))
    }

    /// Whether it is set where people open the console.
    #[must_use]
    pub fn public_url_is_set(&self) -> bool {
        self.is_given(PUBLIC_URL)
    }

    /// How long the API keeps an idle connection.
    ///
    /// # Errors
    /// When it is no number of seconds within bounds.
    pub fn keep_alive(&self) -> Result<Duration, ConfigError> {
        let Some(text) = self.plain(KEEP_ALIVE)? else {
            return Ok(DEFAULT_KEEP_ALIVE);
        };
        let seconds = text.parse().ok().filter(|seconds| KEEP_ALIVE_SECONDS.contains(seconds));
        seconds.map(Duration::from_secs).ok_or_else(|| {
            let (least, most) = KEEP_ALIVE_SECONDS.into_inner();
            let problem = format!(
                "must be a whole number of seconds from {least} to {most}, more than the load \
                 balancer keeps an idle connection, such as 75"
            );
            malformed(KEEP_ALIVE, &problem)
        })
    }

    /// The proxies in front of the API.
    ///
    /// # Errors
    /// When an entry is no network.
    pub fn trusted_proxies(&self) -> Result<TrustedProxies, ConfigError> {
        let text = self.plain(TRUSTED_PROXIES)?.unwrap_or_default();
        text.parse().map_err(|error: MalformedProxy| malformed(TRUSTED_PROXIES, &error.to_string()))
    }

    /// How many requests a second an API key may send.
    ///
    /// # Errors
    /// When it is no number of requests within bounds.
    pub fn rate_limit(&self) -> Result<NonZeroU32, ConfigError> {
        let Some(text) = self.plain(RATE_LIMIT)? else {
            return Ok(DEFAULT_RATE_LIMIT);
        };
        let requests =
            text.parse().ok().filter(|requests: &NonZeroU32| requests.get() <= MAX_RATE_LIMIT);
        requests.ok_or_else(|| {
            let problem = format!(
                "must be a whole number of requests a second from 1 to {MAX_RATE_LIMIT}, such as 20000"
            );
            malformed(RATE_LIMIT, &problem)
        })
    }

    /// Temporal's own web interface, if its address is set.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn temporal_ui(&self) -> Result<Option<TemporalUi>, ConfigError> {
        let Some(url) = self.web_address(TEMPORAL_UI_URL)? else {
            return Ok(None);
        };
        let namespace = self.plain(TEMPORAL_NAMESPACE)?;
        Ok(Some(TemporalUi { url, namespace: namespace.unwrap_or_else(|| "default".to_owned()) }))
    }

    /// How Temporal is reached.
    ///
    /// # Errors
    /// When its API key cannot be read.
    pub fn temporal(&self) -> Result<TemporalSettings, ConfigError> {
        let api_key = self.secret(TEMPORAL_API_KEY)?.map(ApiKey);
        let api_key_file = self.plain(TEMPORAL_API_KEY_FILE)?.map(PathBuf::from);
        Ok(TemporalSettings::Environment { api_key, api_key_file })
    }

    /// Which version workers are of in Temporal, if of any.
    ///
    /// # Errors
    /// When one half of it is missing or Temporal would not take it.
    pub fn worker_version(&self) -> Result<Option<WorkerVersion>, ConfigError> {
        let (deployment, build) = (self.plain(WORKER_DEPLOYMENT)?, self.plain(WORKER_BUILD)?);
        let (deployment, build) = match (deployment, build) {
            (None, None) => return Ok(None),
            (Some(deployment), Some(build)) => (deployment, build),
            (Some(_), None) => {
                let cure = "SENDPROMPTLY_WORKER_DEPLOYMENT is set and needs it: what tells this build from others, \
                            such as the tag of its image; or unset both";
                return Err(ConfigError::Missing { name: WORKER_BUILD, cure });
            }
            (None, Some(_)) => {
                let cure = "SENDPROMPTLY_WORKER_BUILD is set and needs it: a name for all builds, such as \
                            sendpromptly; or unset both";
                return Err(ConfigError::Missing { name: WORKER_DEPLOYMENT, cure });
            }
        };
        let version = WorkerVersion::new(&deployment, &build);
        Ok(Some(version.map_err(|error| {
            let name = match error {
                InvalidVersion::Deployment => WORKER_DEPLOYMENT,
                InvalidVersion::Build => WORKER_BUILD,
            };
            malformed(name, &error.to_string())
        })?))
    }

    /// An http or https URL without a slash at the end.
    fn web_address(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.plain(name)? else {
            return Ok(None);
        };
        let url = Url::parse(&text).ok().filter(|url| {
            let plain = url.query().is_none() && url.fragment().is_none();
            // Links would show a password to everyone who gets them.
            let plain = plain && url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && plain
        });
        let problem =
            "must look like https://sendpromptly.example.com, without user name, password, ? or #";
        let url = url.ok_or_else(|| malformed(name, problem))?;
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The master key, if one is set.
    ///
    /// # Errors
    /// When it is no key or cannot be read.
    pub fn master_key(&self) -> Result<Option<MasterKey>, ConfigError> {
        let text = self.secret(MASTER_KEY)?;
        Ok(text.as_deref().map(MasterKey::parse).transpose()?)
    }

    /// The mail server's URL, if one is set. Who connects reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn smtp_url(&self) -> Result<Option<String>, ConfigError> {
        self.secret(SMTP_URL)
    }

    /// Whom mails come from. Who sends reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn mail_from(&self) -> Result<String, ConfigError> {
        Ok(self.plain(MAIL_FROM)?.unwrap_or_else(|| DEFAULT_MAIL_FROM.to_owned()))
    }

    /// Whether it is set whom mails come from.
    #[must_use]
    pub fn mail_from_is_set(&self) -> bool {
        self.plain(MAIL_FROM).is_ok_and(|from| from.is_some())
    }

    /// Private networks and hosts that may be reached.
    ///
    /// # Errors
    /// When an entry is neither.
    pub fn callback_allow(&self) -> Result<AllowedNetworks, ConfigError> {
        Ok(self.plain(CALLBACK_ALLOW)?.unwrap_or_default().parse()?)
    }

    /// The same under `dev`, where loopback may always be reached.
    ///
    /// # Errors
    /// When an entry is no network.
    pub fn callback_allow_in_dev(&self) -> Result<AllowedNetworks, ConfigError> {
        self.callback_allow()?;
        let more = self.plain(CALLBACK_ALLOW)?.unwrap_or_default();
        Ok(format!("{LOOPBACK},{more}").parse()?)
    }

    /// What is called each minute while all works, if it is set: with these networks.
    ///
    /// # Errors
    /// When it cannot be read, or leads where it must not.
    pub fn dead_man_url(&self, allow: &AllowedNetworks) -> Result<Option<DeadManUrl>, ConfigError> {
        let Some(text) = self.secret(DEAD_MAN_URL)? else { return Ok(None) };
        let url = DeadManUrl::parse(&text, allow);
        url.map(Some).map_err(|error| malformed(DEAD_MAN_URL, &error.to_string()))
    }

    /// Whether such a URL is given, right or wrong.
    #[must_use]
    pub fn dead_man_is_set(&self) -> bool {
        self.secret(DEAD_MAN_URL).is_ok_and(|url| url.is_some())
    }

    /// Whether the built-in test shop is there, where nothing is said `otherwise`.
    ///
    /// # Errors
    /// When it is neither `on` nor `off`.
    pub fn test_shop(&self, otherwise: bool) -> Result<bool, ConfigError> {
        match self.plain(TEST_SHOP)?.as_deref() {
            None => Ok(otherwise),
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => Err(malformed(TEST_SHOP, "must be on or off")),
        }
    }

    /// The filter of the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log(&self) -> Result<Option<String>, ConfigError> {
        self.plain(LOG)
    }

    /// The format of log lines.
    ///
    /// # Errors
    /// When it is neither `text` nor `json`.
    pub fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.plain(LOG_FORMAT)?.as_deref() {
            None | Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            Some(_) => Err(malformed(LOG_FORMAT, "must be text or json")),
        }
    }

    /// Settings that api or worker would refuse to start with, and that no part is checked for.
    #[must_use]
    pub fn mistakes(&self) -> Vec<ConfigError> {
        let read = [
            self.metrics_listen(0).err(),
            self.keep_alive().err(),
            self.rate_limit().err(),
            self.callback_allow().err(),
            self.dead_man().err(),
            self.temporal_ui().err(),
            self.pooler().err(),
            self.worker_version().err(),
            self.test_shop(false).err(),
            audit_heads::read(self).err(),
            self.migrate_database_url().err(),
        ];
        read.into_iter().flatten().collect()
    }

    fn dead_man(&self) -> Result<(), ConfigError> {
        // Networks that cannot be read are a mistake of their own.
        let allow = self.callback_allow().unwrap_or_else(|_| AllowedNetworks::none());
        self.dead_man_url(&allow).map(drop)
    }

    /// What cannot be read is given, and rejected where it is read.
    fn is_given(&self, name: &'static str) -> bool {
        !matches!(self.plain(name), Ok(None))
    }

    pub(crate) fn plain(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let text = value.to_str().ok_or_else(|| malformed(name, "must be UTF-8"))?.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    pub(crate) fn secret(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let is_meant = |setting: &&Setting| setting.kind == Kind::Secret && setting.name == name;
        let Some(Setting { file, .. }) = SETTINGS.iter().find(is_meant) else {
            return self.plain(name);
        };
        match (self.plain(name)?, self.plain(file)?) {
            (Some(_), Some(_)) => Err(ConfigError::GivenTwice { name, file }),
            (given, None) => Ok(given),
            (None, Some(path)) => read_secret(file, path).map(Some),
        }
    }
}

/// A secret out of its file. An empty file is a mistake: a value was meant to be given.
fn read_secret(file: &'static str, path: String) -> Result<String, ConfigError> {
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => {
            Err(malformed(file, &format!("names {path}, which is empty")))
        }
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(ConfigError::File { file, path, source }),
    }
}

pub(crate) fn malformed(name: &'static str, problem: &str) -> ConfigError {
    ConfigError::Malformed { name, problem: problem.to_owned() }
}

/// Where something that listens here is reached from this machine.
pub fn local_url(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        return format!("http://127.0.0.1:{}", listen.port());
    }
    format!("http://{listen}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN};

    impl Environment {
        /// An environment of these variables alone.
        pub(crate) fn from_pairs(pairs: &[(&'static str, &str)]) -> Self {
            Self(pairs.iter().map(|(name, value)| (*name, OsString::from(value))).collect())
        }
    }

    fn given(pairs: &[(&'static str, &str)]) -> Environment {
        Environment::from_pairs(pairs)
    }

    #[test]
    fn an_empty_environment_gives_every_default() {
        let none = given(&[]);
        assert_eq!(none.database_url().expect("read"), None);
        assert_eq!(none.migrate_database_url().expect("read"), None);
        assert_eq!(none.pooler().expect("read"), Pooler::Session);
        assert_eq!(none.listen().expect("read").to_string(), "127.0.0.1:8080");
        assert_eq!(none.public_url(DEFAULT_LISTEN).expect("read"), "http://127.0.0.1:8080");
        assert!(none.master_key().expect("read").is_none());
        assert_eq!(none.smtp_url().expect("read"), None);
        assert_eq!(none.mail_from().expect("read"), "SendPromptly <alerts@localhost>");
        assert_eq!(none.callback_allow().expect("read"), AllowedNetworks::none());
        assert_eq!(none.log_format().expect("read"), LogFormat::Text);
    }

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let empty = given(&[(DATABASE_URL, ""), ("DATABASE_URL_FILE", " "), (LISTEN, "")]);
        assert_eq!(empty.database_url().expect("read"), None);
        assert_eq!(empty.listen().expect("read"), DEFAULT_LISTEN);
    }

    type Read = fn(&Environment) -> Result<Option<String>, ConfigError>;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    /// Every secret: the variable, the one that names its file, a value, and how it is read.
    const SECRETS: [(&str, &str, &str, Read); 8] = [
        (DATABASE_URL, "DATABASE_URL_FILE", "postgres://alice@db/shop", Environment::database_url),
        (
            MIGRATE_DATABASE_URL,
            "SENDPROMPTLY_MIGRATE_DATABASE_URL_FILE",
            "postgres://owner@db/shop",
            Environment::migrate_database_url,
        ),
        (MASTER_KEY, "SENDPROMPTLY_MASTER_KEY_FILE", KEY, |environment| {
            Ok(environment.master_key()?.map(|_| KEY.to_owned()))
        }),
        (SMTP_URL, "SMTP_URL_FILE", "smtps://mail.example.com", Environment::smtp_url),
        (
            DEAD_MAN_URL,
            "SENDPROMPTLY_DEAD_MAN_URL_FILE",
            "https://hc-ping.com/0d2c7b1e",
            |environment| {
                let url = environment.dead_man_url(&AllowedNetworks::none())?;
                Ok(url.map(|url| url.as_url().to_string()))
            },
        ),
        (AWS_SECRET_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY_FILE", "a-secret", |environment| {
            environment.secret(AWS_SECRET_ACCESS_KEY)
        }),
        (AWS_SESSION_TOKEN, "AWS_SESSION_TOKEN_FILE", "a-token", |environment| {
            environment.secret(AWS_SESSION_TOKEN)
        }),
        (TEMPORAL_API_KEY, "TEMPORAL_API_KEY_FILE", "a-key", |environment| {
            match environment.temporal()? {
                TemporalSettings::Environment { api_key, .. } => Ok(api_key.map(|ApiKey(key)| key)),
                other => panic!("{other:?}"),
            }
        }),
    ];

    #[test]
    fn every_secret_may_be_a_file_and_not_both() {
        let secrets = SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret);
        let known: Vec<_> = secrets.map(|setting| (setting.name, setting.file)).collect();
        let mut listed: Vec<_> = SECRETS.iter().map(|(name, file, ..)| (*name, *file)).collect();
        listed.sort_by_key(|row| known.iter().position(|one| one == row));
        assert_eq!(known, listed, "each secret has a row");
        for (name, file, value, read) in SECRETS {
            let kept = tempfile::NamedTempFile::new().expect("a file");
            fs::write(kept.path(), format!(" {value}\n")).expect("written");
            let path = kept.path().to_str().expect("UTF-8");
            assert_eq!(read(&given(&[(name, value)])).expect(name).as_deref(), Some(value));
            assert_eq!(read(&given(&[(file, path)])).expect(file).as_deref(), Some(value));
            let error = read(&given(&[(name, value), (file, path)])).expect_err(name).to_string();
            assert_eq!(error, format!("{name} and {file} are both set: unset one of them"));
        }
    }

    #[test]
    fn a_file_that_is_missing_or_empty_is_named() {
        let missing = given(&[("SENDPROMPTLY_MASTER_KEY_FILE", "/nowhere/key")]);
        let text = missing.master_key().expect_err("missing").to_string();
        assert!(text.starts_with("SENDPROMPTLY_MASTER_KEY_FILE names /nowhere/key"), "{text}");
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("UTF-8");
        let empty = given(&[("SENDPROMPTLY_MASTER_KEY_FILE", path)]);
        let text = empty.master_key().expect_err("empty").to_string();
        assert!(text.ends_with("which is empty"), "{text}");
    }

    #[test]
    fn each_error_names_its_variable_and_no_secret() {
        let bad = given(&[
            (DATABASE_URL, "mysql://alice:hunter2@db/shop"),
            (MIGRATE_DATABASE_URL, "alice:hunter2@db/shop"),
            (DATABASE_POOLER, "statement"),
            (LISTEN, "8080"),
            (PUBLIC_URL, "shop.example.com"),
            (MASTER_KEY, "hunter2"),
            (CALLBACK_ALLOW, "127.0.0.0/8,*.home"),
            (DEAD_MAN_URL, "http://hc-ping.com/hunter2"),
            (LOG_FORMAT, "xml"),
        ]);
        let messages = [
            bad.database_url().expect_err("bad").to_string(),
            bad.migrate_database_url().expect_err("bad").to_string(),
            bad.pooler().expect_err("bad").to_string(),
            bad.listen().expect_err("bad").to_string(),
            bad.public_url(DEFAULT_LISTEN).expect_err("bad").to_string(),
            bad.master_key().expect_err("bad").to_string(),
            bad.callback_allow_in_dev().expect_err("bad").to_string(),
            bad.dead_man_url(&AllowedNetworks::none()).expect_err("bad").to_string(),
            bad.log_format().expect_err("bad").to_string(),
        ];
        let names = [
            DATABASE_URL,
            MIGRATE_DATABASE_URL,
            DATABASE_POOLER,
            LISTEN,
            PUBLIC_URL,
            MASTER_KEY,
            CALLBACK_ALLOW,
            DEAD_MAN_URL,
            LOG_FORMAT,
        ];
        for (text, name) in messages.iter().zip(names) {
            assert!(text.starts_with(name), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_url_of_several_hosts_is_rejected_and_one_of_a_socket_needs_no_host() {
        let several = given(&[(DATABASE_URL, "postgres://alice:hunter2@a:5432,b:5432/shop")]);
        let error = several.database_url().expect_err("several").to_string();
        assert!(error.starts_with("DATABASE_URL names several hosts"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let socket =
            given(&[(DATABASE_URL, "postgres://alice:hunter2@/shop?host=/cloudsql/a:b:c")]);
        let read = socket.database_url().expect("read").expect("a URL");
        assert_eq!(read, "postgres://alice:hunter2@localhost/shop?host=/cloudsql/a:b:c");
    }

    #[test]
    fn a_password_that_is_not_percent_encoded_is_said_without_showing_it() {
        for url in ["postgres://alice:hun/ter2@db/shop", "postgres://alice:12#hunter2@db/shop"] {
            let error = given(&[(DATABASE_URL, url)]).database_url().expect_err(url).to_string();
            assert!(error.starts_with("DATABASE_URL has "), "{error}");
            assert!(error.contains("percent-encoded"), "{error}");
            assert!(!error.contains("ter2"), "{error}");
        }
        let right = given(&[(DATABASE_URL, "postgres://alice:hun%2Fter2@db/shop")]);
        assert!(right.database_url().is_ok());
        let shown = given(&[(PUBLIC_URL, "https://alice:hunter2@pay.example.com")]);
        let error = shown.public_url(DEFAULT_LISTEN).expect_err("a password in every link");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn metrics_have_a_port_of_their_own_or_none() {
        let listen = |text| given(&[(METRICS_LISTEN, text)]).metrics_listen(9464);
        let shown = |text| listen(text).expect(text).map(|address| address.to_string());
        assert_eq!(shown("").as_deref(), Some("127.0.0.1:9464"));
        assert_eq!(shown("[::]:9000").as_deref(), Some("[::]:9000"));
        assert_eq!(shown("off"), None);
        for wrong in ["9464", "on", "localhost:9464"] {
            let error = listen(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("SENDPROMPTLY_METRICS_LISTEN must be"), "{error}");
        }
    }

    #[test]
    fn proxies_are_networks_and_none_by_default() {
        let read = |text| given(&[(TRUSTED_PROXIES, text)]).trusted_proxies();
        assert_eq!(read("").expect("the default"), TrustedProxies::default());
        assert!(read("10.0.0.0/8, 127.0.0.1").expect("a list").contains([127, 0, 0, 1].into()));
        let error = read("10.0.0.1,nginx").expect_err("no network").to_string();
        assert!(error.starts_with("SENDPROMPTLY_TRUSTED_PROXIES must list"), "{error}");
        assert!(error.contains("\"nginx\""), "{error}");
    }

    #[test]
    fn idle_connections_are_kept_for_75_s_or_as_long_as_was_said() {
        let seconds = |text| given(&[(KEEP_ALIVE, text)]).keep_alive().map(|time| time.as_secs());
        assert_eq!(seconds("").expect("the default"), 75);
        assert_eq!(seconds(" 620 ").expect("a time"), 620);
        assert_eq!((seconds("5").expect("a time"), seconds("7200").expect("a time")), (5, 7_200));
        for wrong in ["4", "7201", "75s", "1.5", "-1", "99999999999999999999"] {
            let error = seconds(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("SENDPROMPTLY_KEEP_ALIVE must be"), "{error}");
            assert!(error.contains("from 5 to 7200"), "{error}");
        }
    }

    #[test]
    fn a_key_may_send_20000_a_second_or_as_many_as_was_said() {
        let limit = |text| given(&[(RATE_LIMIT, text)]).rate_limit().map(NonZeroU32::get);
        assert_eq!(limit("").expect("the default"), 20_000);
        assert_eq!(
            (limit(" 1 ").expect("a rate"), limit("1000000").expect("a rate")),
            (1, 1_000_000)
        );
        for wrong in ["0", "1000001", "100/s", "1.5", "-1"] {
            let error = limit(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("SENDPROMPTLY_RATE_LIMIT must be"), "{error}");
        }
    }

    #[test]
    fn the_test_shop_is_where_it_was_said_to_be_and_otherwise_in_dev() {
        let shop = |text, otherwise| given(&[(TEST_SHOP, text)]).test_shop(otherwise);
        for otherwise in [true, false] {
            assert_eq!(shop("", otherwise).expect("the default"), otherwise);
            assert!(shop("on", otherwise).expect("on"));
            assert!(!shop(" off ", otherwise).expect("off"));
        }
        let error = shop("yes", false).expect_err("neither").to_string();
        assert_eq!(error, "SENDPROMPTLY_TEST_SHOP must be on or off");
    }

    #[test]
    fn links_lose_their_last_slash_and_never_lead_to_every_address() {
        let named = given(&[(PUBLIC_URL, "https://pay.example.com/watch/")]);
        assert_eq!(
            named.public_url(DEFAULT_LISTEN).expect("read"),
            "https://pay.example.com/watch"
        );
        let everywhere = "0.0.0.0:9000".parse().expect("an address");
        let unnamed = given(&[]).public_url(everywhere).expect("read");
        assert_eq!(unnamed, "http://127.0.0.1:9000");
    }

    #[test]
    fn dev_reaches_loopback_and_what_the_environment_adds() {
        let allow = given(&[(CALLBACK_ALLOW, "10.0.0.0/8")]).callback_allow_in_dev();
        let allow = allow.expect("networks");
        for ip in ["127.0.0.1", "::1", "10.1.2.3"] {
            assert!(allow.contains(ip.parse().expect("an address")), "{ip}");
        }
        assert!(!allow.contains("192.168.0.1".parse().expect("an address")));
    }
}
