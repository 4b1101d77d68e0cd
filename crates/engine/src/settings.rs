//! How Temporal is reached: what the environment says, as Temporal's own tools read it.
//!
//! Three things are read more strictly than Temporal's library does. An empty variable counts as
//! absent, as all of ours do: an empty `TEMPORAL_TLS` or `TEMPORAL_API_KEY` would switch TLS on. A
//! configuration file that is named and not there is a mistake, not an empty one. And variables of
//! others, which may hold any bytes, are never read. What makes no sense is said when Temporal is
//! first used, and names the variable.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use temporalio_client::envconfig::LoadClientConfigProfileOptions;
use temporalio_client::{ClientOptions, ConnectionOptions, Url};
use temporalio_common::envconfig::load_client_config_profile;

use crate::connect::EngineError;

const PREFIX: &str = "TEMPORAL_";
/// An empty one takes a header of the configuration file away.
const HEADERS: &str = "TEMPORAL_GRPC_META_";
const API_KEY: &str = "TEMPORAL_API_KEY";
const CONFIG_FILE: &str = "TEMPORAL_CONFIG_FILE";
/// The variables by which somebody names a server.
const SERVERS: [&str; 3] = ["TEMPORAL_ADDRESS", "TEMPORAL_PROFILE", CONFIG_FILE];
const SWITCHES: [&str; 2] = ["TEMPORAL_TLS", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"];
const DEFAULT_NAMESPACE: &str = "default";

/// How Temporal is reached.
#[derive(Debug, Clone)]
pub enum TemporalSettings {
    /// As Temporal's own tools do: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
    /// the `TEMPORAL_TLS…` variables, or a profile of the configuration file.
    /// <https://docs.temporal.io/develop/environment-configuration>
    Environment {
        /// The API key, where it was given.
        api_key: Option<ApiKey>,
        /// The file that holds it in place of that. It is read for each connection, because keys are replaced.
        api_key_file: Option<PathBuf>,
    },
    /// A server at `host:port` without TLS.
    Plain {
        /// The server's `host:port`.
        address: String,
        namespace: String,
    },
    /// Nowhere, for this reason: Temporal is out of reach, and everything else works.
    Wrong(String),
}

/// An API key, which is never printed.
#[derive(Clone)]
pub struct ApiKey(pub String);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl TemporalSettings {
    pub(crate) fn options(&self) -> Result<(ConnectionOptions, ClientOptions), EngineError> {
        match self {
            Self::Environment { api_key, api_key_file } => {
                let mut variables = select(std::env::vars_os())?;
                let in_file = api_key_file.as_deref().map(read_key).transpose()?;
                if let Some(ApiKey(key)) = in_file.or_else(|| api_key.clone()) {
                    variables.insert(API_KEY.to_owned(), key);
                }
                read(&variables)
            }
            Self::Plain { address, namespace } => {
                let target: Url = format!("http://{address}")
                    .parse()
                    .map_err(|_| EngineError::Settings(format!("{address} is no host:port")))?;
                Ok((
                    ConnectionOptions::new(target).build(),
                    ClientOptions::new(namespace.clone()).build(),
                ))
            }
            Self::Wrong(why) => Err(EngineError::Settings(why.clone())),
        }
    }
}

/// Whether the environment names a server, and not only how one is reached.
#[must_use]
pub fn is_server_named() -> bool {
    names_server(std::env::vars_os())
}

/// What cannot be read names one, and is rejected where it is read.
fn names_server(variables: impl Iterator<Item = (OsString, OsString)>) -> bool {
    match select(variables) {
        Ok(selected) => SERVERS.iter().any(|name| selected.contains_key(*name)),
        Err(_) => true,
    }
}

/// An empty file is one that is being written.
fn read_key(path: &Path) -> Result<ApiKey, EngineError> {
    let wrong = |why: &str| {
        EngineError::Settings(format!("{API_KEY}_FILE names {}, which {why}", path.display()))
    };
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    match text.trim() {
        "" => Err(wrong("is empty")),
        key => Ok(ApiKey(key.to_owned())),
    }
}

/// The variables that are Temporal's and say something.
fn select(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, EngineError> {
    let mut selected = BTreeMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let value = value.to_str().map(str::trim);
        let value = value.ok_or_else(|| EngineError::Settings(format!("{name} must be UTF-8")))?;
        if !value.is_empty() || name.starts_with(HEADERS) {
            selected.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(selected)
}

fn read(
    variables: &BTreeMap<String, String>,
) -> Result<(ConnectionOptions, ClientOptions), EngineError> {
    if let Some(path) = variables.get(CONFIG_FILE).filter(|path| !Path::new(path).is_file()) {
        let why = format!("{CONFIG_FILE} names {path}, and there is no such file");
        return Err(EngineError::Settings(why));
    }
    for name in SWITCHES {
        let value = variables.get(name).map(|value| value.to_lowercase());
        if value.is_some_and(|value| !["true", "false", "1", "0"].contains(&value.as_str())) {
            return Err(EngineError::Settings(format!("{name} must be true or false")));
        }
    }
    let wrong = |error: &dyn std::error::Error| EngineError::Settings(error.to_string());
    let from_file = LoadClientConfigProfileOptions::default();
    let variables = variables.clone().into_iter().collect();
    let profile = load_client_config_profile(from_file, Some(&variables));
    let profile = profile.map_err(|error| wrong(&error))?;
    let namespace = profile.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let connection = ConnectionOptions::try_from(profile).map_err(|error| wrong(&error))?;
    Ok((connection, ClientOptions::new(namespace).build()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Result<(ConnectionOptions, ClientOptions), EngineError> {
        // A configuration file of the user who runs the tests must not be read.
        let nothing = tempfile::NamedTempFile::new().expect("a file");
        let path = nothing.path().to_str().expect("UTF-8");
        let file = [(CONFIG_FILE, path)]
            .into_iter()
            .filter(|_| !pairs.iter().any(|(name, _)| *name == CONFIG_FILE));
        let pairs = file.chain(pairs.iter().copied());
        read(&select(pairs.map(|(name, value)| (name.into(), value.into())))?)
    }

    fn rejected(pairs: &[(&str, &str)]) -> String {
        given(pairs).map(|_| ()).expect_err("rejected").to_string()
    }

    #[test]
    fn an_empty_variable_counts_as_absent_whatever_it_would_switch_on() {
        let empty = [
            "TEMPORAL_ADDRESS",
            "TEMPORAL_NAMESPACE",
            "TEMPORAL_API_KEY",
            "TEMPORAL_PROFILE",
            "TEMPORAL_TLS",
            "TEMPORAL_TLS_CLIENT_CERT_PATH",
            "TEMPORAL_TLS_CLIENT_KEY_DATA",
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
            "TEMPORAL_TLS_SERVER_NAME",
        ];
        for value in ["", " ", "\n"] {
            let pairs: Vec<_> = empty.iter().map(|name| (*name, value)).collect();
            let (connection, client) = given(&pairs).expect("the defaults");
            assert_eq!(connection.target.as_str(), "http://localhost:7233/");
            assert_eq!(client.namespace, "default");
            assert!(connection.tls_options.is_none() && connection.api_key.is_none());
        }
    }

    #[test]
    fn a_server_is_named_by_its_address_or_a_configuration_and_by_nothing_else() {
        let named =
            |name: &str, value: &str| names_server([(name.into(), value.into())].into_iter());
        assert!(named("TEMPORAL_ADDRESS", "temporal.example.com:7233"));
        assert!(named("TEMPORAL_PROFILE", "production"));
        assert!(named("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml"));
        assert!(!named("TEMPORAL_ADDRESS", " "));
        assert!(!named("TEMPORAL_API_KEY", "a-key"));
        assert!(!named("DATABASE_URL", "postgres://db.example.com/shop"));
    }

    #[test]
    fn an_api_key_switches_tls_on_and_is_never_printed() {
        let pairs =
            [("TEMPORAL_ADDRESS", "eu.tmprl.cloud:7233"), ("TEMPORAL_API_KEY", "hunter2\n")];
        let (connection, _) = given(&pairs).expect("settings");
        assert_eq!(connection.api_key.as_deref(), Some("hunter2"));
        assert!(connection.tls_options.is_some());
        assert_eq!(connection.target.scheme(), "https");
        let api_key = Some(ApiKey("hunter2".into()));
        let settings = TemporalSettings::Environment { api_key, api_key_file: None };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let (connection, _) = settings.options().expect("settings");
        assert_eq!(connection.api_key.as_deref(), Some("hunter2"));
    }

    #[test]
    fn what_makes_no_sense_names_its_variable() {
        for (pairs, expected) in [
            (
                [("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml")],
                "/nowhere/temporal.toml, and there is no such file",
            ),
            ([("TEMPORAL_TLS", "on")], "TEMPORAL_TLS must be true or false"),
            ([("TEMPORAL_PROFILE", "prod")], "prod"),
        ] {
            let text = rejected(&pairs);
            assert!(text.contains(expected), "{text}");
        }
        let twice = [("TEMPORAL_TLS_CLIENT_KEY_PATH", "/a"), ("TEMPORAL_TLS_CLIENT_KEY_DATA", "b")];
        assert!(rejected(&twice).contains("TEMPORAL_TLS_CLIENT_KEY_DATA"));
    }

    #[test]
    fn variables_of_others_may_hold_any_bytes_and_ours_may_not() {
        let bytes = || OsString::from_vec(vec![0xff]);
        let others = [("LESSOPEN".into(), bytes()), (bytes(), bytes())];
        assert!(select(others.into_iter()).expect("none").is_empty());
        let ours = [("TEMPORAL_NAMESPACE".into(), bytes())];
        let error = select(ours.into_iter()).expect_err("no text").to_string();
        assert!(error.contains("TEMPORAL_NAMESPACE must be UTF-8"), "{error}");
    }
}
