//! The HTTP library's client, set up so that it does what the guard promises and no more.
//!
//! It keeps no connection, tries nothing again by itself, follows nothing and knows no proxy. A
//! head of more than 64 KiB is no response.

use std::sync::Arc;

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
    let mut tcp = HttpConnector::new_with_resolver(CheckedResolver::new(Arc::clone(policy), reach));
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
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
