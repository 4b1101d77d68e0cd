//! The HTTP library's client, set up so that it does what the guard promises and no more.
//!
//! It keeps no connection, tries nothing again by itself, follows nothing and knows no proxy. A
//! head of more than 64 KiB is no response. Of several addresses one that says nothing leaves time
//! for the others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tower::BoxError;
use tower::timeout::Timeout;
use tower::util::BoxCloneSyncService;

use super::HttpPolicy;
use super::error::ClientUnavailable;
use super::resolver::{CheckedResolver, Reach};

/// The longest head of a response, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A connection to an address that was checked, with TLS where the URL asks for it.
type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

pub(super) type HttpClient = Client<Connector, Full<Bytes>>;

pub(super) fn build(
    policy: &Arc<HttpPolicy>,
    reach: Reach,
) -> Result<HttpClient, ClientUnavailable> {
    let resolver = CheckedResolver::new(Arc::clone(policy), reach);
    let tcp = dial(resolver, policy.connect_timeout);
    let tls = HttpsConnectorBuilder::new()
        .with_provider_and_platform_verifier(rustls::crypto::ring::default_provider())
        .map_err(ClientUnavailable)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    // From the look-up to the end of the handshake.
    let connector = Connector::new(Timeout::new(tls, policy.connect_timeout));
    Ok(Client::builder(TokioExecutor::new())
        // A pooled connection would carry a request to an address that was checked long ago.
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .http1_max_buf_size(MAX_HEAD)
        .build(connector))
}

/// Connects to the addresses that the resolver gives, in turn: those of one family share the time, and those of the other
/// begin a moment later beside them (RFC 8305).
fn dial<R>(resolver: R, timeout: Duration) -> HttpConnector<R> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(timeout));
    tcp
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;
    use std::net::{Ipv4Addr, SocketAddr};

    use doubles::Deaf;
    use doubles::http_server::{HttpServer, hold};
    use hyper_util::client::legacy::connect::dns::Name;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_leaves_time_for_the_next_one() {
        let (deaf, server) = (Deaf::listen().await, HttpServer::accepting(hold).await);
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let found = vec![address(deaf.port), address(server.port)];
        let resolver =
            service_fn(move |_: Name| ready(Ok::<_, Infallible>(found.clone().into_iter())));
        let uri = Uri::from_static("http://shop.test/repair");
        let connecting = dial(resolver, Duration::from_secs(1)).oneshot(uri);
        let connecting = tokio::time::timeout(Duration::from_secs(5), connecting).await;
        let connected = connecting.expect("in time").expect("a connection");
        let peer = connected.inner().peer_addr().expect("a peer");
        assert_eq!(peer, address(server.port));
    }
}
