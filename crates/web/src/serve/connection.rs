//! One connection, from its first byte to its last.
//!
//! hyper speaks HTTP/1.1; [`TimedIo`] closes what stalls. When hyper is done the connection is not
//! dropped immediately: a client that is still sending a rejected body would get a reset, and a
//! reset throws away the response that it has not read yet. So the write side is closed and for a
//! short while whatever still arrives is read and forgotten.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::exchanges::{Exchanges, Sending};
use super::options::ServeOptions;
use super::places::Place;
use super::timed_io::TimedIo;
use crate::{client, host};

/// How long to read what a client still sends after its response.
const LINGER: Duration = Duration::from_secs(2);
/// What hyper may keep of one connection in memory, beyond the headers.
const BUFFER: usize = 64 * 1024;

/// What all connections of one server share.
pub(super) struct Server {
    pub(super) router: Router,
    pub(super) options: ServeOptions,
    /// No further requests; running ones go on.
    pub(super) draining: CancellationToken,
    /// Whatever is still running is dropped.
    pub(super) cut: CancellationToken,
}

impl Server {
    pub(super) fn new(router: Router, options: ServeOptions) -> Self {
        Self { router, options, draining: CancellationToken::new(), cut: CancellationToken::new() }
    }
}

/// Serves the requests of one connection until it ends, or until it rests and its place is needed.
pub(super) async fn run(stream: TcpStream, server: &Server, place: &Place) {
    // Fails only for a connection that is gone already.
    let _ = stream.set_nodelay(true);
    let exchanges = &place.exchanges;
    let io = TimedIo::new(stream, Arc::clone(exchanges), &server.options);
    // Boxed because `poll_without_shutdown` wants to move it.
    let respond = |mut request: Request<Incoming>| {
        host::mark(&mut request);
        client::mark(&mut request, place.peer, &server.options.proxies);
        Box::pin(handle(server.router.clone(), Arc::clone(exchanges), request))
    };
    let mut connection =
        protocol(&server.options).serve_connection(TokioIo::new(io), service_fn(respond));

    let mut is_last = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = server.draining.cancelled(), if !is_last => {
                is_last = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            () = place.close.cancelled(), if !is_last => {
                if exchanges.resting_since().is_some() {
                    tracing::debug!("a resting connection made room");
                    return;
                }
                is_last = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if let Err(error) = &ended {
        tracing::debug!(%error, "connection closed");
    }
    // After an error of the stream itself there is no client left to wait for.
    if ended.map_or_else(|error| error.is_parse(), |()| true) {
        linger(connection.into_parts().io.into_inner().into_inner()).await;
    }
}

fn protocol(options: &ServeOptions) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        // A client may close its sending side and still wait for the response.
        .half_close(true)
        // hyper has one deadline for both headers and rest between requests; `TimedIo` has two.
        .header_read_timeout(None)
        .max_header_size(options.max_head_bytes)
        .max_buf_size(BUFFER.max(options.max_head_bytes));
    protocol
}

async fn handle(
    mut router: Router,
    exchanges: Arc<Exchanges>,
    request: Request<Incoming>,
) -> Result<Response<Sending>, Infallible> {
    exchanges.start();
    let response = router.call(request).await?;
    let response = response.map(|body| exchanges.sending(body));
    exchanges.finish();
    Ok(response)
}

async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_ok() {
        let mut nowhere = tokio::io::sink();
        let rest = tokio::io::copy(&mut stream, &mut nowhere);
        // A time-out or an error here only means that the client did not hang up in time.
        let _ = timeout(LINGER, rest).await;
    }
}
