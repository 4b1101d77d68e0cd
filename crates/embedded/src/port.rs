//! Ports on the loopback address.
//!
//! Asking whether a port is free and then using it leaves a gap in which someone else can take it.
//! Nothing relies on the answer: an engine that then cannot listen says so and its start fails.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::StartError;

/// A port that nobody listens on right now, chosen by the system.
///
/// # Errors
/// When the system has no port left.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether something could listen on this port of `127.0.0.1` now.
#[must_use]
pub fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits for a port that a dying engine of ours may still hold.
pub(crate) async fn wait_until_free(port: u16, patience: Duration) -> Result<(), StartError> {
    let deadline = Instant::now() + patience;
    while !port_is_free(port) {
        if Instant::now() >= deadline {
            return Err(StartError::PortTaken { port });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_while_someone_listens_on_it() {
        let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = shop.local_addr().unwrap().port();
        assert!(!port_is_free(port));
        drop(shop);
        assert!(port_is_free(port));
    }

    #[test]
    fn a_free_port_can_be_listened_on() {
        assert!(port_is_free(free_port().unwrap()));
    }

    #[tokio::test]
    async fn a_taken_port_is_named_in_the_error() {
        let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = shop.local_addr().unwrap().port();
        let error = wait_until_free(port, Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, StartError::PortTaken { port: named } if named == port));
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }
}
