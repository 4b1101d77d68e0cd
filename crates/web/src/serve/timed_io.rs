//! A stream that gives up on a peer that stalls.
//!
//! Three deadlines, of which one is running at a time while the stream is read: from the start of a
//! connection, or the first byte of a later request, to the end of its headers; and from a response
//! to the first byte of the next request. Each is for the whole span, so single bytes do not extend
//! it. While a request is being handled there is none: a body has its own deadline where it is
//! read. A fourth bounds how long a write may wait for the peer to take bytes. A missed deadline is
//! an error of the stream, `TimedOut`, and ends the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::exchanges::Exchanges;
use super::options::ServeOptions;

/// What the peer owes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// The rest of a request's headers.
    Head,
    /// The first byte of another request.
    NextRequest,
}

/// A stream with deadlines.
#[derive(Debug)]
pub(super) struct TimedIo<S> {
    stream: S,
    exchanges: Arc<Exchanges>,
    /// How many of the exchanges had finished when the deadline was set.
    finished: u64,
    awaiting: Awaiting,
    deadline: Pin<Box<Sleep>>,
    stalled: Option<Pin<Box<Sleep>>>,
    head_deadline: Duration,
    idle_timeout: Duration,
    write_stall: Duration,
}

impl<S> TimedIo<S> {
    pub(super) fn new(stream: S, exchanges: Arc<Exchanges>, options: &ServeOptions) -> Self {
        Self {
            stream,
            exchanges,
            finished: 0,
            awaiting: Awaiting::Head,
            deadline: Box::pin(sleep(options.head_deadline)),
            stalled: None,
            head_deadline: options.head_deadline,
            idle_timeout: options.idle_timeout,
            write_stall: options.write_stall,
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Whether a request is with the router. A response since the last call starts the idle time.
    fn is_handling(&mut self) -> bool {
        let finished = self.exchanges.finished();
        if finished != self.finished {
            self.finished = finished;
            self.wait_for(Awaiting::NextRequest, self.idle_timeout);
        }
        self.exchanges.started() != finished
    }

    fn wait_for(&mut self, awaiting: Awaiting, at_most: Duration) {
        self.awaiting = awaiting;
        self.deadline.as_mut().reset(Instant::now() + at_most);
    }

    /// Passes a write's outcome on, unless the peer took nothing for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.exchanges.stall(written.is_pending());
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let write_stall = self.write_stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_stall)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let handling = this.is_handling();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if handling {
            return read;
        }
        if read.is_pending() {
            ready!(this.deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if this.awaiting == Awaiting::NextRequest && buf.filled().len() > before {
            this.wait_for(Awaiting::Head, this.head_deadline);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.unless_stalled(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.unless_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
