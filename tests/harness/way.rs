//! A way to a server that can fall silent, as a firewall or a fail-over does: no byte and no reset
//! comes through, and connections stay open on both sides.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The way. It ends with this value.
pub struct Way {
    /// Where it begins, on this machine.
    pub port: u16,
    /// Cancelled for the connections that fell silent, for good.
    silence: Arc<Mutex<CancellationToken>>,
    connections: Arc<AtomicUsize>,
    _end: DropGuard,
}

impl Way {
    /// A way to this port of this machine.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn to(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let begins = listener.local_addr()?.port();
        let silence = Arc::new(Mutex::new(CancellationToken::new()));
        let end = CancellationToken::new();
        let connections = Arc::new(AtomicUsize::new(0));
        tokio::spawn(end.clone().run_until_cancelled_owned({
            let (silence, end) = (Arc::clone(&silence), end.clone());
            let connections = Arc::clone(&connections);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    connections.fetch_add(1, Ordering::Relaxed);
                    let silent = silence.lock().expect("a lock").clone();
                    tokio::spawn(
                        end.clone().run_until_cancelled_owned(carry(client, port, silent)),
                    );
                }
            }
        }));
        Ok(Self { port: begins, silence, connections, _end: end.drop_guard() })
    }

    /// How many connections were made on it so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// From now on nothing comes through, on connections old and new.
    pub fn fall_silent(&self) {
        self.silence.lock().expect("a lock").cancel();
    }

    /// New connections come through again. The silent ones stay silent.
    pub fn open_for_new_ones(&self) {
        *self.silence.lock().expect("a lock") = CancellationToken::new();
    }

    /// A Postgres URL that leads this way.
    ///
    /// # Panics
    /// When it is no URL.
    #[must_use]
    pub fn url(&self, database_url: &str) -> String {
        let mut url = url::Url::parse(database_url).expect("a URL");
        url.set_port(Some(self.port)).expect("a port");
        url.into()
    }
}

async fn carry(mut client: TcpStream, port: u16, silent: CancellationToken) {
    let mut server = None;
    let carried = async {
        let server = server.insert(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?);
        copy_bidirectional(&mut client, server).await
    };
    if silent.run_until_cancelled(carried).await.is_none() {
        // Both ends stay open, and no one reads from them.
        std::future::pending::<()>().await;
    }
}
