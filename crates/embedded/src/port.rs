//! Ports on the loopback address.
//!
//! Asking whether a port is free and then using it leaves a gap in which someone else can take it.
//! Nothing relies on that: an engine that then cannot listen says so and its start fails.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::StartError;

/// Below the ports that systems give to outgoing connections and to programs that ask for any port
/// (Linux from 32768, others from 49152), so that no program gets one of these by chance.
const DRAWN: Range<u16> = 16_000..32_000;

/// A port without a listener right now, and that this process is not given a second time.
///
/// # Errors
/// When none is left.
pub fn free_port() -> io::Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let size = u32::from(DRAWN.end - DRAWN.start);
    // Processes that run side by side begin far from each other.
    let first = std::process::id().wrapping_mul(997);
    (0..size)
        .map(|_| first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % size)
        .filter_map(|offset| Some(DRAWN.start + u16::try_from(offset).ok()?))
        .find(|port| port_is_free(*port))
        .ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

/// Whether something could listen on this port of `127.0.0.1` now.
#[must_use]
pub fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits for a port that a dying engine of ours may still hold.
pub(crate) async fn wait_until_free(port: u16, timeout: Duration) -> Result<(), StartError> {
    let deadline = Instant::now() + timeout;
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

    #[test]
    fn no_port_is_given_twice() {
        assert_ne!(free_port().unwrap(), free_port().unwrap());
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
