//! Every setting by its name, in one list: what is read, what may also be a file, and what is not
//! known.
//!
//! A new setting is one line in `settings!`, or in [`ELSEWHERE`] where something else reads it, and
//! a row in a table of docs/operations.md; tests hold the two against each other. A variable that
//! begins like one of ours and is none changes nothing, so it is named by every command, by `doctor`
//! as a check, with the setting that it resembles. Values are only read to recognise what
//! Kubernetes adds by itself.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fmt;

use domain::alert::one_line;

/// What all names of ours begin with; those of the database and of mail are as is customary.
const PREFIX: &str = "SENDPROMPTLY_";
/// How like a known name a mistyped one must be to be taken for it, from 0 to 1.
const LIKENESS: f64 = 0.5;
/// How like a name is that was shortened: `DB_URL`, `POOLER`.
const SHORTENED: f64 = 0.95;
/// How like a name is that goes on behind a known one: `LOG_LEVEL`.
const LENGTHENED: f64 = 0.6;
/// How many letters of [`PREFIX`] may be wrong, missing or too many.
const MAX_SLIPS: usize = 3;

/// How a setting is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As the variable.
    Plain,
    /// As the variable, or as a file that the variable with `_FILE` behind its name names.
    Secret,
}

/// One setting that [`crate::config`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// How it is given.
    pub kind: Kind,
    /// The variable that names its file, which only a secret has.
    pub file: &'static str,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $constant:ident: $kind:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*

        /// Every setting that is read by [`crate::config`].
        pub const SETTINGS: &[Setting] = &[$(
            Setting { name: $name, kind: Kind::$kind, file: concat!($name, "_FILE") },
        )*];
    };
}

settings! {
    /// The database. No default.
    DATABASE_URL: Secret = "DATABASE_URL";
    /// The pooler between us and the database: `session` or `transaction`. Default: `session`,
    /// which is also right without a pooler.
    DATABASE_POOLER: Plain = "SENDPROMPTLY_DATABASE_POOLER";
    /// Where `migrate` works, past a pooler. Default: `DATABASE_URL`.
    MIGRATE_DATABASE_URL: Secret = "SENDPROMPTLY_MIGRATE_DATABASE_URL";
    /// Where the API listens. Default: `127.0.0.1:8080`.
    LISTEN: Plain = "SENDPROMPTLY_LISTEN";
    /// Where metrics and health of a process are read, or `off`. Default: `127.0.0.1:9464`, of a
    /// worker `127.0.0.1:9465`.
    METRICS_LISTEN: Plain = "SENDPROMPTLY_METRICS_LISTEN";
    /// Where people open the console: what links begin with, and where forms come from. Default:
    /// `http://` and where the API listens.
    PUBLIC_URL: Plain = "SENDPROMPTLY_PUBLIC_URL";
    /// How many seconds the API keeps an idle connection. Default: 75.
    KEEP_ALIVE: Plain = "SENDPROMPTLY_KEEP_ALIVE";
    /// The networks of proxies in front of the API, which say in `X-Forwarded-For` where a request comes
    /// from. No default.
    TRUSTED_PROXIES: Plain = "SENDPROMPTLY_TRUSTED_PROXIES";
    /// How many requests a second an API key may send, twice as many in a burst. Default: 20000.
    RATE_LIMIT: Plain = "SENDPROMPTLY_RATE_LIMIT";
    /// The keys that seal secrets, newest first, commas between them. No default; `dev` keeps one
    /// in its data folder.
    MASTER_KEY: Secret = "SENDPROMPTLY_MASTER_KEY";
    /// The mail server, such as `smtps://user:password@smtp.example.com`. No default; `dev` writes
    /// mails to files without it.
    SMTP_URL: Secret = "SMTP_URL";
    /// Whom mails come from. Default: `SendPromptly <alerts@localhost>`, which most mail servers
    /// reject.
    MAIL_FROM: Plain = "MAIL_FROM";
    /// Private networks and hosts that callbacks and messages to destinations may reach, commas between them.
    /// Default: none; `dev` adds loopback.
    CALLBACK_ALLOW: Plain = "SENDPROMPTLY_CALLBACK_ALLOW";
    /// The check of a service that raises the alarm when it is not called each minute. No default.
    DEAD_MAN_URL: Secret = "SENDPROMPTLY_DEAD_MAN_URL";
    /// A file or a bucket to which a worker writes where the audit's chains end. No default.
    AUDIT_HEADS: Plain = "SENDPROMPTLY_AUDIT_HEADS";
    /// Whose bucket it is, as all that follows by the names that tools of S3 read. No default.
    AWS_ACCESS_KEY_ID: Plain = "AWS_ACCESS_KEY_ID";
    /// The secret of that key. No default.
    AWS_SECRET_ACCESS_KEY: Secret = "AWS_SECRET_ACCESS_KEY";
    /// What goes with keys that end. No default.
    AWS_SESSION_TOKEN: Secret = "AWS_SESSION_TOKEN";
    /// The bucket's region. Default: that of the next; with an endpoint `us-east-1`.
    AWS_REGION: Plain = "AWS_REGION";
    /// The same. No default.
    AWS_DEFAULT_REGION: Plain = "AWS_DEFAULT_REGION";
    /// The server of another store than AWS. Default: that of the next.
    AWS_ENDPOINT_URL_S3: Plain = "AWS_ENDPOINT_URL_S3";
    /// The same. Default: S3 of the region.
    AWS_ENDPOINT_URL: Plain = "AWS_ENDPOINT_URL";
    /// Whether the built-in test shop is there: `on` or `off`. Default: `off`; of `dev` `on`.
    TEST_SHOP: Plain = "SENDPROMPTLY_TEST_SHOP";
    /// What is logged, as a filter of the `tracing` crate. Default: `info` for services, `warn` for
    /// administration.
    LOG: Plain = "SENDPROMPTLY_LOG";
    /// `text` or `json`. Default: `text`.
    LOG_FORMAT: Plain = "SENDPROMPTLY_LOG_FORMAT";
    /// Temporal's own web interface, which the console links to. No default: without it there is no
    /// link.
    TEMPORAL_UI_URL: Plain = "SENDPROMPTLY_TEMPORAL_UI_URL";
    /// The namespace. Read by `engine`; here for the link to Temporal's web interface.
    TEMPORAL_NAMESPACE: Plain = "TEMPORAL_NAMESPACE";
    /// The deployment that workers belong to in Temporal. No default: worker versioning is off.
    WORKER_DEPLOYMENT: Plain = "SENDPROMPTLY_WORKER_DEPLOYMENT";
    /// Which build of it this is. No default.
    WORKER_BUILD: Plain = "SENDPROMPTLY_WORKER_BUILD";
    /// A worker's long polls for workflow tasks. Default: 20.
    WORKFLOW_POLLERS: Plain = "SENDPROMPTLY_WORKFLOW_POLLERS";
    /// Its long polls for activities. Default: 20.
    ACTIVITY_POLLERS: Plain = "SENDPROMPTLY_ACTIVITY_POLLERS";
    /// Watches that it keeps in memory. Default: 1000.
    CACHED_WORKFLOWS: Plain = "SENDPROMPTLY_CACHED_WORKFLOWS";
    /// The API key of Temporal. `engine` reads it too; here because it may be a file.
    TEMPORAL_API_KEY: Secret = "TEMPORAL_API_KEY";
}

/// The file of that key, which is read again while a process lives.
pub const TEMPORAL_API_KEY_FILE: &str = "TEMPORAL_API_KEY_FILE";

/// Where Temporal is. Read by `engine`; named here for messages.
const TEMPORAL_ADDRESS: &str = "TEMPORAL_ADDRESS";

/// What something else than [`crate::config`] reads, and docs/operations.md documents.
pub const ELSEWHERE: &[&str] = &[
    // The embedded engines.
    "SENDPROMPTLY_CACHE_DIR",
    "SENDPROMPTLY_POSTGRES_BIN_DIR",
    "SENDPROMPTLY_TEMPORAL_BIN",
];

/// What our client files read in an app, and our tests: known, and nothing to this program. A
/// developer's shell often has them.
const OTHERS: &[&str] = &[
    "SENDPROMPTLY_URL",
    "SENDPROMPTLY_KEY",
    "SENDPROMPTLY_SECRET",
    "SENDPROMPTLY_SPOOL",
    "SENDPROMPTLY_CHROMIUM",
    "SENDPROMPTLY_TEST_LIBRARIES",
];

/// A variable that looks like a setting and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSetting {
    name: String,
    nearest: Option<&'static str>,
}

impl fmt::Display for UnknownSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a setting and changes nothing: ", one_line(&self.name))?;
        match self.nearest {
            Some(nearest) => write!(f, "did you mean {nearest}?"),
            None => f.write_str("docs/operations.md lists the settings"),
        }
    }
}

/// The variables of this process that look like settings and are none, in order.
#[must_use]
pub fn find_unknown() -> Vec<UnknownSetting> {
    unknown_among(std::env::vars_os())
}

fn unknown_among(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<UnknownSetting> {
    let texts = variables.map(|(name, value)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().trim().to_owned())
    });
    // An empty variable counts as absent, whatever its name.
    let given = texts.filter(|(_, value)| !value.is_empty());
    let mut unknown: Vec<_> = given.filter_map(|(name, value)| judge(name, &value)).collect();
    unknown.sort_by(|one, other| one.name.cmp(&other.name));
    unknown
}

fn judge(name: String, value: &str) -> Option<UnknownSetting> {
    let rest = behind_prefix(&name)?;
    if known_names().any(|known| known == name) || is_of_kubernetes(&name, value) {
        return None;
    }
    Some(UnknownSetting { nearest: nearest(&rest), name })
}

/// Every name that may be set.
fn known_names() -> impl Iterator<Item = &'static str> {
    let files = SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret);
    let read = SETTINGS.iter().map(|setting| setting.name);
    read.chain(files.map(|setting| setting.file))
        .chain(ELSEWHERE.iter().copied())
        .chain(OTHERS.iter().copied())
}

/// What follows our prefix, in capitals, also where that is mistyped; `None` for all other names.
fn behind_prefix(name: &str) -> Option<String> {
    let name = name.to_uppercase();
    let apart = name.strip_prefix("SEND_PROMPTLY_").or_else(|| name.strip_prefix("SEND-PROMPTLY-"));
    if let Some(rest) = apart.or_else(|| name.strip_prefix(PREFIX)) {
        return Some(rest.to_owned());
    }
    if let Some(rest) = name.strip_prefix(PREFIX.trim_end_matches('_')) {
        return Some(rest.trim_start_matches(['-', '.']).to_owned());
    }
    let (first, rest) = name.split_once('_')?;
    let slips = strsim::damerau_levenshtein(first, PREFIX.trim_end_matches('_'));
    (slips <= MAX_SLIPS).then(|| rest.to_owned())
}

/// The known name that resembles it most; of several, the one of the most similar length. Prefixes
/// are left out on both sides: they would make all names alike, and `SENDPROMPTLY_SMTP_URL` is
/// meant to be `SMTP_URL`.
fn nearest(rest: &str) -> Option<&'static str> {
    let candidates =
        known_names().filter(|known| !OTHERS.contains(known)).chain([TEMPORAL_ADDRESS]);
    let judged = candidates.map(|known| {
        let name = known.strip_prefix(PREFIX).unwrap_or(known);
        (likeness(rest, name), Reverse(name.len().abs_diff(rest.len())), known)
    });
    judged
        .filter(|(likeness, ..)| *likeness >= LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)))
        .map(|(.., known)| known)
}

/// How like a known name another one is, from 0 to 1.
fn likeness(name: &str, known: &str) -> f64 {
    let edits = strsim::normalized_damerau_levenshtein(name, known);
    if is_short_for(name, known) {
        edits.max(SHORTENED)
    } else if name.starts_with(known) {
        edits.max(LENGTHENED)
    } else {
        edits
    }
}

/// Whether a name is the beginning or the end of a known one, or leaves letters out in between.
fn is_short_for(name: &str, known: &str) -> bool {
    let mut rest = known.chars();
    let leaves_out = name.chars().all(|letter| rest.any(|known| known == letter))
        && name.chars().next() == known.chars().next()
        && name.chars().next_back() == known.chars().next_back();
    name.len() >= 4
        && name != known
        && (leaves_out || known.starts_with(name) || known.ends_with(name))
}

/// Kubernetes gives every container such variables for each service of its namespace, and one is
/// often named like us.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let has_protocol =
        || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let is_of_port = || {
        let protocols = ["_TCP", "_UDP", "_SCTP"];
        name.split_once("_PORT_").is_some_and(|(_, rest)| {
            rest.starts_with(|first: char| first.is_ascii_digit())
                && protocols.iter().any(|protocol| rest.contains(protocol))
        })
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT") && has_protocol()
        || is_of_port()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn unknown(names: &[&str]) -> Vec<(String, Option<&'static str>)> {
        let variables = names.iter().map(|name| (OsString::from(name), OsString::from("hunter2")));
        unknown_among(variables).into_iter().map(|one| (one.name, one.nearest)).collect()
    }

    #[test]
    fn every_known_name_passes_and_so_does_everybody_elses() {
        let known: Vec<_> = known_names().collect();
        assert_eq!(unknown(&known), []);
        let others =
            ["PATH", "HOME", "SENDGRID_API_KEY", "SENDMAIL_PATH", "DATABASE_URI", "SEND_X"];
        assert_eq!(unknown(&others), []);
    }

    #[test]
    fn a_mistyped_name_is_told_with_the_one_that_was_meant() {
        for (mistyped, meant) in [
            ("SENDPROMPTLY_LISTN", "SENDPROMPTLY_LISTEN"),
            ("SENDPROMPTLY_PUBLIC_URI", "SENDPROMPTLY_PUBLIC_URL"),
            ("SENDPROMPTLY_BASE_URL", "DATABASE_URL"),
            ("SENDPROMPTLY_KEEPALIVE", "SENDPROMPTLY_KEEP_ALIVE"),
            ("SENDPROMPTLY_CALLBACK_ALLOWED", "SENDPROMPTLY_CALLBACK_ALLOW"),
            ("SENDPROMPTLY_DB_URL", "DATABASE_URL"),
            ("SENDPROMPTLY_SMTP", "SMTP_URL"),
            ("SENDPROMPTLY_POOLER", "SENDPROMPTLY_DATABASE_POOLER"),
            ("SENDPROMPTLY_API_KEY", "TEMPORAL_API_KEY"),
            ("SENDPROMPTLY_LOG_LEVEL", "SENDPROMPTLY_LOG"),
            ("SENDPROMPTLY_LOG_FORMT", "SENDPROMPTLY_LOG_FORMAT"),
            ("SENDPROMPTLY_MASTERKEY", "SENDPROMPTLY_MASTER_KEY"),
            ("SENDPROMPTLY_MASTER_KEY_FIEL", "SENDPROMPTLY_MASTER_KEY_FILE"),
            ("SENDPROMPTLY_LISTEN_FILE", "SENDPROMPTLY_LISTEN"),
            ("SENDPROMPTLY_SMTP_URL", "SMTP_URL"),
            ("SENDPROMPTLY_SMTP_URL_FILE", "SMTP_URL_FILE"),
            ("SENDPROMPTLY_DATABASE_URL", "DATABASE_URL"),
            ("SENDPROMPTLY_MAIL_FROM", "MAIL_FROM"),
            ("SENDPROMPTLY_TEMPORAL_ADDRESS", "TEMPORAL_ADDRESS"),
            ("SENDPROMPTLY_TEMPORAL_API_KEY", "TEMPORAL_API_KEY"),
            ("SENDPROMPTLY_TEMPORAL_API_KEY_FILE", "TEMPORAL_API_KEY_FILE"),
            ("SENDPROMPTLY_TEMPORAL_UI", "SENDPROMPTLY_TEMPORAL_UI_URL"),
            ("SENDPROMPTLY_WORKFLOW_POLLER", "SENDPROMPTLY_WORKFLOW_POLLERS"),
            ("sendpromptly_listen", "SENDPROMPTLY_LISTEN"),
            ("SENDPROMTLY_LISTEN", "SENDPROMPTLY_LISTEN"),
            ("SENDPROPMTLY_LISTEN", "SENDPROMPTLY_LISTEN"),
            ("SEND_PROMPTLY_LISTEN", "SENDPROMPTLY_LISTEN"),
            ("SENDPROMPTLY-LISTEN", "SENDPROMPTLY_LISTEN"),
        ] {
            assert_eq!(unknown(&[mistyped]), [(mistyped.to_owned(), Some(meant))]);
        }
        for nothing in ["SENDPROMPTLY_XYZZY", "SENDPROMPTLY_PORT", "SENDPROMPTLY_MODE"] {
            assert_eq!(unknown(&[nothing]), [(nothing.to_owned(), None)]);
        }
    }

    #[test]
    fn what_is_said_names_the_variable_and_never_its_value() {
        let variables = [("SENDPROMPTLY_LISTN", "hunter2"), ("SENDPROMPTLY_EMPTY", " ")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let warnings: Vec<_> =
            unknown_among(variables.into_iter()).iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            ["SENDPROMPTLY_LISTN is not a setting and changes nothing: did you mean \
              SENDPROMPTLY_LISTEN?"]
        );
    }

    #[test]
    fn what_kubernetes_adds_for_a_service_of_our_name_is_no_mistake() {
        let variables = [
            ("SENDPROMPTLY_SERVICE_HOST", "10.0.0.11"),
            ("SENDPROMPTLY_SERVICE_PORT", "8080"),
            ("SENDPROMPTLY_SERVICE_PORT_HTTP", "8080"),
            ("SENDPROMPTLY_PORT", "tcp://10.0.0.11:8080"),
            ("SENDPROMPTLY_PORT_8080_TCP", "tcp://10.0.0.11:8080"),
            ("SENDPROMPTLY_PORT_8080_TCP_ADDR", "10.0.0.11"),
            ("SENDPROMPTLY_API_SERVICE_HOST", "10.0.0.12"),
            ("SENDPROMPTLY_API_PORT", "tcp://10.0.0.12:8080"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(unknown_among(variables.into_iter()), []);
        let port = [("SENDPROMPTLY_PORT".into(), "8080".into())];
        assert_eq!(unknown_among(port.into_iter()).len(), 1, "somebody set a port");
    }

    /// The names in the first column of the tables below "## Configuration".
    fn documented() -> BTreeSet<String> {
        let page = include_str!("../../../docs/operations.md");
        let from = page.find("\n## Configuration\n").expect("the chapter") + 1;
        let chapter = &page[from..];
        let chapter = &chapter[..chapter[3..].find("\n## ").expect("the next one") + 3];
        let rows = chapter.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|row| row.split('|').nth(1));
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
    }

    #[test]
    fn the_documents_tell_of_every_setting_and_of_no_other() {
        let documented = documented();
        let read = SETTINGS.iter().map(|setting| setting.name).chain(ELSEWHERE.iter().copied());
        for name in read {
            assert!(documented.contains(name), "docs/operations.md has no row for {name}");
        }
        let known: Vec<_> = known_names().collect();
        for name in documented.iter().filter(|name| name.starts_with(PREFIX)) {
            assert!(known.contains(&name.as_str()), "{name} is documented and not known");
        }
    }

    #[test]
    fn whatever_setting_a_document_names_there_is() {
        let known: Vec<_> = known_names().collect();
        for page in crate::documented::documents() {
            let text = std::fs::read_to_string(&page).expect("a document");
            let names = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for name in names.filter(|name| name.starts_with(PREFIX) && *name != PREFIX) {
                assert!(known.contains(&name), "{} names {name}", page.display());
            }
        }
    }

    #[test]
    fn the_documents_say_of_every_secret_that_it_is_one() {
        let page = include_str!("../../../docs/operations.md");
        for setting in SETTINGS {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}`", setting.name)));
            let Some(row) = row else { continue };
            let secret = row.split('|').nth(1).is_some_and(|cell| cell.contains("(secret)"));
            assert_eq!(secret, setting.kind == Kind::Secret, "{row}");
        }
    }
}
