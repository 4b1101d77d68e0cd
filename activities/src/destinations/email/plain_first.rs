//! A connection that begins in the clear and may switch to TLS.
//!
//! An attacker in between may write more than the reply to `STARTTLS`. A client that has read it
//! ahead takes it for replies given under TLS, and believes that a mail was taken which was not
//! (<https://nostarttls.secvuln.info/>). The library reads ahead. So it is given one byte at a time
//! until the handshake begins: it finds the end of a reply without having anything of what follows.
//! What was slipped in is then read by the handshake, which fails before login and mail.

use std::io::Result;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How every TLS handshake begins, and no SMTP command.
const HANDSHAKE: u8 = 0x16;

#[derive(Debug)]
pub(super) struct PlainFirst {
    tcp: TcpStream,
    plain: bool,
}

impl PlainFirst {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, plain: true }
    }
}

impl AsyncRead for PlainFirst {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if !self.plain || buffer.remaining() == 0 {
            return Pin::new(&mut self.tcp).poll_read(cx, buffer);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PlainFirst {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.plain &= bytes.first() != Some(&HANDSHAKE);
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for PlainFirst {
    fn peer_addr(&self) -> Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}
