//! The fault proxy: a way to a server of this machine, with weather.
//!
//! What a client sends before the weather changes may be anywhere on the way. Nothing is ever changed or
//! repeated: it arrives, later, or never.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What becomes of bytes on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Everything arrives that much later, in both directions.
    Latency(Duration),
    /// Nothing comes through until this is over, and then it arrives: a network that stalls.
    Hold,
    /// Connections end with a reset, old and new.
    Reset,
    /// Connections end in the middle, new ones as soon as they are made: a server that is gone.
    Cut,
}

impl Weather {
    const fn ends_connections(self) -> bool {
        matches!(self, Self::Reset | Self::Cut)
    }
}

/// The way. It ends with this value.
#[derive(Debug)]
pub struct Way {
    /// Where it begins, on this machine.
    pub port: u16,
    weather: watch::Sender<Weather>,
    _task: AbortOnDropHandle<()>,
}

impl Way {
    /// A way to this port of this machine.
    pub async fn to(server: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let weather = watch::Sender::new(Weather::Fair);
        let task = tokio::spawn(accept(listener, server, weather.subscribe()));
        Ok(Self { port, weather, _task: AbortOnDropHandle::new(task) })
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn accept(listener: TcpListener, server: u16, weather: watch::Receiver<Weather>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(carry(client, server, weather.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, server: u16, mut weather: watch::Receiver<Weather>) {
    let ending = weather.clone();
    let begun = async {
        weather.wait_for(|now| *now != Weather::Hold).await.ok()?;
        TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.ok()
    };
    let mut until_end = ending.clone();
    let server = tokio::select! {
        server = begun => server,
        _ = until_end.wait_for(|now| now.ends_connections()) => None,
    };
    let Some(mut server) = server else { return end(&[&client], &ending) };
    // Small messages are not to wait for each other on this way.
    let _quick = (client.set_nodelay(true), server.set_nodelay(true));
    tokio::select! {
        () = both(&mut client, &mut server, &ending) => (),
        _ = until_end.wait_for(|now| now.ends_connections()) => (),
    }
    end(&[&client, &server], &ending);
}

/// Borrowed halves: one that is owned says goodbye when it is dropped, and then there is no reset any more.
async fn both(client: &mut TcpStream, server: &mut TcpStream, weather: &watch::Receiver<Weather>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.split(), server.split());
    // Where one direction fails there is nothing more to say in the other.
    let there = pass(&mut from_client, &mut to_server, weather.clone());
    let back = pass(&mut from_server, &mut to_client, weather.clone());
    let _ended = tokio::try_join!(there, back);
}

async fn pass(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let now = *weather.borrow_and_update();
        if let Weather::Latency(time) = now {
            tokio::time::sleep(time).await;
        }
        if weather.wait_for(|now| *now != Weather::Hold).await.is_err() {
            return Ok(());
        }
        to.write_all(&bytes[..read]).await?;
    }
}

/// The connections are about to be dropped: with a reset, where the weather says so.
fn end(connections: &[&TcpStream], weather: &watch::Receiver<Weather>) {
    if *weather.borrow() == Weather::Reset {
        for connection in connections {
            // One that has ended already cannot be reset any more.
            let _reset = connection.set_zero_linger();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// A server that says everything back.
    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        port
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(&[7]).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn held_bytes_arrive_when_the_weather_is_fair_again() {
        let way = Way::to(echo().await).await.expect("a way");
        let mut stream = TcpStream::connect(("127.0.0.1", way.port)).await.expect("a connection");
        assert_eq!(ask(&mut stream).await.expect("an echo"), 7);
        way.set(Weather::Hold);
        stream.write_all(&[8]).await.expect("sent");
        assert!(timeout(Duration::from_millis(100), stream.read_u8()).await.is_err());
        way.set(Weather::Fair);
        assert_eq!(timeout(SOON, stream.read_u8()).await.expect("in time").expect("an echo"), 8);
    }

    #[tokio::test]
    async fn latency_is_added_in_both_directions() {
        let way = Way::to(echo().await).await.expect("a way");
        let mut stream = TcpStream::connect(("127.0.0.1", way.port)).await.expect("a connection");
        way.set(Weather::Latency(Duration::from_millis(60)));
        let began = Instant::now();
        assert_eq!(ask(&mut stream).await.expect("an echo"), 7);
        assert!(began.elapsed() >= Duration::from_millis(120), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_reset_and_a_cut_end_connections_old_and_new_and_differ() {
        let way = Way::to(echo().await).await.expect("a way");
        for (weather, kind) in [
            (Weather::Reset, io::ErrorKind::ConnectionReset),
            (Weather::Cut, io::ErrorKind::UnexpectedEof),
        ] {
            way.set(Weather::Fair);
            let mut old = TcpStream::connect(("127.0.0.1", way.port)).await.expect("connected");
            assert_eq!(ask(&mut old).await.expect("an echo"), 7);
            way.set(weather);
            let ended = timeout(SOON, old.read_u8()).await.expect("in time");
            assert_eq!(ended.expect_err("an end").kind(), kind, "{weather:?}");
            let mut new = TcpStream::connect(("127.0.0.1", way.port)).await.expect("connected");
            let ended = timeout(SOON, new.read_u8()).await.expect("in time");
            assert!(ended.is_err(), "{weather:?}");
        }
    }
}
