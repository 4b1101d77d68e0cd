//! Guarded clients for tests: what they may reach, and how long they wait.

use std::time::Duration;

use domain::repair_url::AllowedNetworks;

use super::{GuardedClient, HttpPolicy};

/// A client that may reach the loopback network, with its times in milliseconds.
pub(crate) fn local_client(connect_ms: u64, total_ms: u64) -> GuardedClient {
    GuardedClient::new(HttpPolicy {
        allow: "127.0.0.0/8,::1".parse().expect("the networks parse"),
        connect_timeout: Duration::from_millis(connect_ms),
        total_timeout: Duration::from_millis(total_ms),
    })
    .expect("a client")
}

/// A client with a list of its own, as `SENDPROMPTLY_CALLBACK_ALLOW` holds it.
pub(crate) fn client_allowing(list: &str) -> GuardedClient {
    let allow = list.parse().expect("the list parses");
    GuardedClient::new(HttpPolicy::new(allow)).expect("a client")
}

/// A client that may reach the public internet alone.
pub(crate) fn public_client() -> GuardedClient {
    GuardedClient::new(HttpPolicy::new(AllowedNetworks::none())).expect("a client")
}
