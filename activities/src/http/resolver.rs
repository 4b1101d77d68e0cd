//! Name look-ups that give only addresses which may be connected to.
//!
//! The HTTP library connects to exactly the addresses that come back, in order. A name with public
//! and private addresses is reached at its public ones; a name with none left fails here, before
//! any connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use domain::repair_url::{rejected_range, rejected_range_of_named_host};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tower::Service;

use super::HttpPolicy;

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    #[error("{name} could not be looked up: {reason}")]
    Failed { name: String, reason: String },
    #[error(
        "{name} could not be looked up within {limit:?} (does each name server of the machine respond?)"
    )]
    Late { name: String, limit: Duration },
    #[error("{name} has no address")]
    Empty { name: String },
    #[error(
        "{name} points to {address} ({range}): the administrator of the installation lets callbacks go there \
         by listing {name} or its network in SENDPROMPTLY_CALLBACK_ALLOW"
    )]
    Rejected { name: String, address: IpAddr, range: &'static str },
}

/// Which addresses a look-up may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public ones, and those of listed networks.
    Public,
    /// Private ones too, because the host is listed by its name.
    NamedHost,
}

/// How many addresses of a family are tried: they share the time for a connection, and each needs more than a second, after
/// which a lost packet is sent again.
const MAX_TRIED: usize = 3;

/// Resolves by the system and keeps what the policy allows.
#[derive(Clone)]
pub(super) struct CheckedResolver {
    policy: Arc<HttpPolicy>,
    reach: Reach,
}

impl CheckedResolver {
    pub(super) fn new(policy: Arc<HttpPolicy>, reach: Reach) -> Self {
        Self { policy, reach }
    }
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = LookUpError;
    type Future = BoxFuture<'static, Result<Self::Response, LookUpError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookUpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (policy, reach) = (Arc::clone(&self.policy), self.reach);
        async move {
            let addresses = resolve_name(name.as_str(), &policy, reach).await?;
            Ok(addresses.into_iter())
        }
        .boxed()
    }
}

async fn resolve_name(
    name: &str,
    policy: &HttpPolicy,
    reach: Reach,
) -> Result<Vec<SocketAddr>, LookUpError> {
    let owned = || name.to_owned();
    let rejected = |ip| match reach {
        Reach::Public => rejected_range(ip, &policy.allow),
        Reach::NamedHost => rejected_range_of_named_host(ip, &policy.allow),
    };
    // So late that no time is left to connect, and early enough to be told from a host that says nothing.
    let limit = policy.connect_timeout * 9 / 10;
    let found: Vec<_> = in_time(name, limit, lookup_host((name, 0))).await?.collect();
    let allowed = found.iter().filter(|found| rejected(found.ip()).is_none());
    let mut allowed: Vec<_> = allowed.copied().collect();
    if !allowed.is_empty() {
        keep_few(&mut allowed);
        return Ok(allowed);
    }
    let rejection = found.iter().find_map(|found| {
        let range = rejected(found.ip())?;
        Some(LookUpError::Rejected { name: owned(), address: found.ip(), range })
    });
    Err(rejection.unwrap_or_else(|| LookUpError::Empty { name: owned() }))
}

/// Waits for a look-up, but not for longer than this.
async fn in_time<T>(
    name: &str,
    limit: Duration,
    looking_up: impl Future<Output = io::Result<T>>,
) -> Result<T, LookUpError> {
    let name = name.to_owned();
    match timeout(limit, looking_up).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(LookUpError::Failed { name, reason: error.to_string() }),
        Err(_) => Err(LookUpError::Late { name, limit }),
    }
}

/// Leaves the first ones of each family, in their order.
fn keep_few(addresses: &mut Vec<SocketAddr>) {
    let (mut v4, mut v6) = (0, 0);
    addresses.retain(|address| {
        let seen = if address.is_ipv4() { &mut v4 } else { &mut v6 };
        *seen += 1;
        *seen <= MAX_TRIED
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_server_that_says_nothing_is_named() {
        let never = std::future::pending::<io::Result<()>>();
        let error = in_time("shop.test", Duration::from_millis(9), never).await;
        let error = error.expect_err("nothing came").to_string();
        assert!(error.starts_with("shop.test could not be looked up within 9ms ("), "{error}");
    }

    #[test]
    fn of_many_addresses_the_first_of_each_family_are_tried() {
        let read = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let mut found = read(&[
            "[2606:2800::1]:0",
            "93.184.215.1:0",
            "93.184.215.2:0",
            "93.184.215.3:0",
            "93.184.215.4:0",
            "[2606:2800::2]:0",
        ]);
        keep_few(&mut found);
        let tried = read(&[
            "[2606:2800::1]:0",
            "93.184.215.1:0",
            "93.184.215.2:0",
            "93.184.215.3:0",
            "[2606:2800::2]:0",
        ]);
        assert_eq!(found, tried);
    }
}
