//! Name look-ups that give only addresses which may be connected to.
//!
//! The HTTP library connects to exactly the addresses that come back, in order. A name with public
//! and private addresses is reached at its public ones; a name with none left fails here, before
//! any connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use domain::repair_url::{address_allowed, refused_range};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::HttpPolicy;

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    #[error("{name} could not be looked up: {reason}")]
    Failed { name: String, reason: String },
    #[error("{name} has no address")]
    Empty { name: String },
    #[error("{name} points to {address} ({range})")]
    Refused { name: String, address: IpAddr, range: &'static str },
}

/// Resolves by the system and keeps what the policy allows.
pub(super) struct CheckedResolver {
    policy: Arc<HttpPolicy>,
}

impl CheckedResolver {
    pub(super) fn new(policy: Arc<HttpPolicy>) -> Self {
        Self { policy }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let addresses = look_up(name.as_str(), &policy).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn look_up(name: &str, policy: &HttpPolicy) -> Result<Vec<SocketAddr>, LookUpError> {
    let owned = || name.to_owned();
    let found: Vec<_> = tokio::net::lookup_host((name, 0))
        .await
        .map_err(|error| LookUpError::Failed { name: owned(), reason: error.to_string() })?
        .collect();
    let allowed = found.iter().filter(|found| address_allowed(found.ip(), &policy.allow));
    let allowed: Vec<_> = allowed.copied().collect();
    if !allowed.is_empty() {
        return Ok(allowed);
    }
    let refused = found.iter().find_map(|found| {
        let range = refused_range(found.ip(), &policy.allow)?;
        Some(LookUpError::Refused { name: owned(), address: found.ip(), range })
    });
    Err(refused.unwrap_or_else(|| LookUpError::Empty { name: owned() }))
}
