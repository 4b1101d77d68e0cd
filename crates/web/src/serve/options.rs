//! The bounds of the server.

use std::time::Duration;

use domain::proxies::TrustedProxies;

use super::detached::Detached;

/// The bounds of the server.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// From the first byte of a request, or from the start of a connection, to the end of its
    /// headers.
    pub head_deadline: Duration,
    /// How long a connection may rest between two requests. Longer than the load balancer keeps its
    /// side open, so that it closes first: a request that it sends while we close gets a 502.
    pub idle_timeout: Duration,
    /// How long a client may take no bytes of its response.
    pub write_stall: Duration,
    /// The most bytes of request line and headers; above 100 headers are rejected too.
    pub max_head_bytes: usize,
    /// The most concurrent connections, three quarters of them of one address.
    pub max_connections: usize,
    /// Proxies in front, which say in `X-Forwarded-For` where a request comes from.
    pub proxies: TrustedProxies,
    /// How long running requests and detached work may go on after the shutdown.
    pub drain: Duration,
    /// Work that must not end with its connection; the drain waits for it.
    pub detached: Detached,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            head_deadline: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_stall: Duration::from_secs(30),
            max_head_bytes: 32 * 1024,
            max_connections: 4096,
            proxies: TrustedProxies::default(),
            drain: Duration::from_secs(30),
            detached: Detached::default(),
        }
    }
}
