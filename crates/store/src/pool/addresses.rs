//! Which addresses of the database's name say nothing.
//!
//! sqlx tries the addresses of a name in turn, without a limit for each, so one that says nothing takes all the time of an
//! attempt. It takes no connection that was made elsewhere, nor an address beside the name that TLS checks, so no other
//! address can be preferred: whoever runs the product is told which one it is.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// How long an address may take to take a connection.
const TAKES: Duration = Duration::from_secs(2);

/// Those of a name that say nothing, where others take connections.
pub(super) async fn find_silent(host: &str, port: u16) -> Vec<SocketAddr> {
    match timeout(TAKES, lookup_host((host, port))).await {
        Ok(Ok(found)) => only_silent(&found.collect::<Vec<_>>()).await,
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

async fn only_silent(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let connecting =
        addresses.iter().copied().map(|address| timeout(TAKES, TcpStream::connect(address)));
    let outcomes = join_all(connecting).await;
    if !outcomes.iter().any(|outcome| matches!(outcome, Ok(Ok(_)))) {
        return Vec::new();
    }
    let tried = addresses.iter().zip(&outcomes);
    tried.filter(|(_, outcome)| outcome.is_err()).map(|(address, _)| *address).collect()
}

#[cfg(test)]
mod tests {
    use doubles::Deaf;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_is_named_where_another_takes_connections() {
        let deaf = Deaf::listen().await;
        let silent = SocketAddr::from(([127, 0, 0, 1], deaf.port));
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let responds = server.local_addr().expect("an address");
        let refuses = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(only_silent(&[silent, refuses, responds]).await, [silent]);
        assert!(only_silent(&[silent, refuses]).await.is_empty(), "the server is gone");
        assert!(only_silent(&[refuses, responds]).await.is_empty());
    }
}
