//! Connections: accepting, bounding and draining them.
//!
//! `axum::serve` has no deadline for headers (<https://github.com/tokio-rs/axum/issues/2741>; that of
//! <https://github.com/tokio-rs/axum/pull/3478> is not released and is none for a connection that
//! sends nothing) and drops a handler whose client goes away
//! (<https://github.com/tokio-rs/axum/issues/2610>), so the loop is our own. It guarantees that
//!
//! - a connection that is slow to send or to take bytes is closed by a deadline ([`ServeOptions`]),
//!   and no number of them stops the loop: at the limit the longest resting one makes room
//!   (`places`), and while all are at work new ones wait in the kernel's queue;
//! - a client that hangs up does not interrupt its handler, and [`Detached`] work goes on even when
//!   the handler is dropped;
//! - running out of file descriptors pauses accepting and neither spins nor ends it;
//! - after a shutdown no request is taken, running ones end within the drain time, and what is left
//!   then is cut. A client that was cut has no response.
//!
//! Bytes that are not HTTP never reach the router: hyper responds with a bare 400, 414 or 431 and
//! the connection is closed.

mod connection;
mod detached;
mod exchanges;
mod options;
mod places;
mod timed_io;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::TaskTracker;

use connection::Server;
pub use detached::Detached;
pub use options::ServeOptions;
use places::Places;

/// How long to wait for file descriptors or memory before accepting again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// Serves the router until `shutdown` is ready, then drains and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
    options: ServeOptions,
) {
    let server = Arc::new(Server::new(router, options));
    let connections = TaskTracker::new();
    tokio::select! {
        () = shutdown => {}
        () = accept_forever(&listener, &server, &connections) => {}
    }
    drop(listener);
    drain(&server, &connections).await;
}

async fn accept_forever(listener: &TcpListener, server: &Arc<Server>, connections: &TaskTracker) {
    let options = &server.options;
    let places = Arc::new(Places::new(options.max_connections, options.proxies.clone()));
    loop {
        let (stream, peer) = accept(listener).await;
        let Some(place) = places.take(peer).await else { continue };
        let server = Arc::clone(server);
        connections.spawn(async move {
            server.cut.run_until_cancelled(connection::run(stream, &server, &place)).await;
            drop(place);
        });
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip()),
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "a client left before it was accepted");
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; pausing");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that was about to be accepted is lost. The other errors, such as too
/// many open files, stay until something is closed: asking again immediately would spin.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Lets connections and detached work end, for as long as the options allow.
async fn drain(server: &Server, connections: &TaskTracker) {
    let deadline = Instant::now() + server.options.drain;
    let detached = &server.options.detached;
    server.draining.cancel();
    connections.close();
    if timeout_at(deadline, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cutting connections after the drain time");
        server.cut.cancel();
        connections.wait().await;
    }
    if timeout_at(deadline, detached.ended()).await.is_err() {
        tracing::warn!(
            running = detached.running(),
            "leaving work unfinished after the drain time"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_stay_pause_the_accepting() {
        // EMFILE and ENFILE have no kind of their own; their numbers are the same on every Unix.
        for too_many_open_files in [24, 23] {
            let error = io::Error::from_raw_os_error(too_many_open_files);
            assert!(!is_of_one_connection(&error), "{error}");
        }
        assert!(!is_of_one_connection(&io::ErrorKind::OutOfMemory.into()));
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionAborted.into()));
        assert!(is_of_one_connection(&io::ErrorKind::ConnectionReset.into()));
    }
}
