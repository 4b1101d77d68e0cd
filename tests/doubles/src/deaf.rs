//! An address from which nothing comes back, not even that nobody is there: as behind a firewall that drops what it gets.

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Its queue of connections has one place, which is taken; the system drops what else asks for one.
pub struct Deaf {
    pub port: u16,
    _listener: TcpListener,
    _first: TcpStream,
}

impl Deaf {
    pub async fn listen() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let listener = socket.listen(0).expect("a listener");
        let address = listener.local_addr().expect("a bound address");
        let first = TcpStream::connect(address).await.expect("the one place");
        Self { port: address.port(), _listener: listener, _first: first }
    }
}
