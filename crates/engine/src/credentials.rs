//! What a connection was made with and is replaced while a process lives: API keys and certificates expire.
//!
//! They are read again every ten seconds. Where they differ, [`crate::Engine`] connects with the new ones; where they cannot be
//! read, as while they are being replaced, the connection stays what it is until the next look.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use temporalio_client::ConnectionOptions;

use crate::settings::TemporalSettings;

/// How often they are read again.
const EVERY: Duration = Duration::from_secs(10);

/// How long the connection stays what it is where the server did not take new ones.
const AGAIN: Duration = Duration::from_mins(1);

/// The credentials of a connection, and when they are next compared with the settings.
pub(crate) struct Credentials {
    held: Held,
    look_at: Instant,
}

/// None of it is ever printed.
#[derive(PartialEq, Eq)]
struct Held {
    api_key: Option<String>,
    authority: Option<Vec<u8>>,
    /// The client's certificate and its key.
    certificate: Option<(Vec<u8>, Vec<u8>)>,
    headers: BTreeMap<String, String>,
}

impl Held {
    fn read(connection: &ConnectionOptions) -> Self {
        let tls = connection.tls_options.as_ref();
        let client = tls.and_then(|tls| tls.client_tls_options.as_ref());
        Self {
            api_key: connection.api_key.clone(),
            authority: tls.and_then(|tls| tls.server_root_ca_cert.clone()),
            certificate: client
                .map(|client| (client.client_cert.clone(), client.client_private_key.clone())),
            headers: connection.headers.clone().unwrap_or_default().into_iter().collect(),
        }
    }
}

impl Credentials {
    pub(crate) fn new(connection: &ConnectionOptions, now: Instant) -> Self {
        Self { held: Held::read(connection), look_at: now + EVERY }
    }

    /// Whether the settings hold others by now. Asked sooner than ten seconds after the last time, they do not.
    pub(crate) fn are_replaced(&mut self, settings: &TemporalSettings, now: Instant) -> bool {
        if now < self.look_at {
            return false;
        }
        self.look_at = now + EVERY;
        match settings.options() {
            Ok((connection, _)) => Held::read(&connection) != self.held,
            Err(error) => {
                tracing::warn!(%error, "could not read Temporal's credentials again");
                false
            }
        }
    }

    /// The server did not take those that the settings hold.
    pub(crate) fn were_rejected(&mut self, now: Instant) {
        self.look_at = now + AGAIN;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use temporalio_client::{ClientTlsOptions, TlsOptions};

    use super::*;

    #[test]
    fn a_key_that_is_replaced_in_its_file_is_seen_within_ten_seconds() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let write = |key: &str| fs::write(file.path(), key).expect("written");
        let api_key_file = Some(file.path().to_owned());
        let settings = TemporalSettings::Environment { api_key: None, api_key_file };
        write("first\n");
        let (connection, _) = settings.options().expect("settings");
        assert_eq!(connection.api_key.as_deref(), Some("first"));
        let start = Instant::now();
        let mut credentials = Credentials::new(&connection, start);
        assert!(!credentials.are_replaced(&settings, start + EVERY), "they are the same");
        write("second\n");
        assert!(!credentials.are_replaced(&settings, start + EVERY), "it was looked just now");
        let seen = start + 2 * EVERY;
        assert!(credentials.are_replaced(&settings, seen));
        credentials.were_rejected(seen);
        assert!(!credentials.are_replaced(&settings, seen + EVERY), "the server is left alone");
        assert!(credentials.are_replaced(&settings, seen + AGAIN));
        write("");
        assert!(!credentials.are_replaced(&settings, seen + 2 * AGAIN), "it is being written");
        assert!(settings.options().is_err());
    }

    #[test]
    fn other_certificates_are_other_credentials() {
        let with = |certificate: &[u8], authority: &[u8]| {
            let client = ClientTlsOptions::builder()
                .client_cert(certificate.to_vec())
                .client_private_key(b"key".to_vec());
            let tls = TlsOptions::builder()
                .server_root_ca_cert(authority.to_vec())
                .client_tls_options(client.build());
            let target: temporalio_client::Url = "https://localhost:7233".parse().expect("a URL");
            Held::read(&ConnectionOptions::new(target).tls_options(tls.build()).build())
        };
        assert!(with(b"one", b"ca") == with(b"one", b"ca"));
        assert!(with(b"one", b"ca") != with(b"two", b"ca"));
        assert!(with(b"one", b"ca") != with(b"one", b"other"));
    }
}
