//! TLS before a server of this machine that speaks none: as it should be, or as a client must not take it.

use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::Authority;
use crate::http_server::hold;

const ADDRESS: &str = "127.0.0.1";

/// What a client meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// A certificate of the authority for the address.
    Good,
    /// One for another name.
    WrongName,
    /// One that was good until some years ago.
    Expired,
    /// One of an authority that nobody trusts.
    Untrusted,
    /// Silence.
    Hangs,
}

/// The front. It ends with this value.
pub struct TlsFront {
    pub port: u16,
    handshake: Arc<Mutex<Handshake>>,
    _task: AbortOnDropHandle<()>,
}

/// What it shows by each handshake.
struct Certificates {
    good: TlsAcceptor,
    wrong_name: TlsAcceptor,
    expired: TlsAcceptor,
    untrusted: TlsAcceptor,
}

impl Certificates {
    fn of(&self, handshake: Handshake) -> Option<TlsAcceptor> {
        match handshake {
            Handshake::Good => Some(self.good.clone()),
            Handshake::WrongName => Some(self.wrong_name.clone()),
            Handshake::Expired => Some(self.expired.clone()),
            Handshake::Untrusted => Some(self.untrusted.clone()),
            Handshake::Hangs => None,
        }
    }
}

impl TlsFront {
    /// One before the server at this port, in whose name the authority vouches.
    pub async fn before(server: u16, authority: &Authority) -> Self {
        let certificates = Certificates {
            good: authority.vouch_for(ADDRESS),
            wrong_name: authority.vouch_for("elsewhere.example"),
            expired: authority.vouched_for(ADDRESS),
            untrusted: Authority::generate().vouch_for(ADDRESS),
        };
        let listener = TcpListener::bind((ADDRESS, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let handshake = Arc::new(Mutex::new(Handshake::Good));
        let now = Arc::clone(&handshake);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let handshake = *now.lock().expect("no panic while locked");
                connections.spawn(carry(client, certificates.of(handshake), server));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, handshake, _task: AbortOnDropHandle::new(task) }
    }

    /// What new connections meet.
    pub fn set(&self, handshake: Handshake) {
        *self.handshake.lock().expect("no panic while locked") = handshake;
    }
}

async fn carry(client: TcpStream, acceptor: Option<TlsAcceptor>, server: u16) {
    let Some(acceptor) = acceptor else { return hold(client).await };
    // A client that does not like the certificate leaves, and one may leave at any time.
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let Ok(mut server) = TcpStream::connect((ADDRESS, server)).await else { return };
    let _ended = copy_bidirectional(&mut client, &mut server).await;
}
