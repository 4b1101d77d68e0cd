//! Where a request comes from, for what is limited by address.
//!
//! The connection notes it (`mark`) for handlers to read ([`noted_address`]). See [`domain::proxies`] for what
//! counts. A proxy that nobody named is told once in the log.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{Extensions, HeaderName, Request};
use domain::proxies::{ClientAddress, TrustedProxies};

/// What proxies append whom they saw to.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Notes where a request comes from.
pub(crate) fn mark<B>(request: &mut Request<B>, peer: IpAddr, trusted: &TrustedProxies) {
    let lines = request.headers().get_all(FORWARDED_FOR).iter();
    // What is no text is one hop that cannot be read.
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    let client = trusted.client(peer, lines.into_iter());
    if let ClientAddress::Unnamed(proxy) = client {
        tell_once(proxy);
    }
    request.extensions_mut().insert(client);
}

/// Where it comes from, as the connection noted; of a request that came by no connection nothing is known.
#[must_use]
pub fn noted_address(extensions: &Extensions) -> ClientAddress {
    extensions.get().copied().unwrap_or(ClientAddress::Unsaid)
}

fn tell_once(proxy: IpAddr) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            %proxy,
            "requests come through a proxy that SENDPROMPTLY_TRUSTED_PROXIES does not name: until it does, \
             nothing is limited by address"
        );
    }
}
