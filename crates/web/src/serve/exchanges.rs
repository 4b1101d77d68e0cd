//! What a connection is doing: how many requests were handed to the router and came back, and since when
//! it rests.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Exchanges {
    started: AtomicU64,
    finished: AtomicU64,
    /// How many responses are still being sent.
    sending: AtomicU64,
    /// Whether the client takes no bytes at this moment.
    stalled: AtomicBool,
    /// When it came to rest, in milliseconds of [`now`].
    rested: AtomicU64,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            started: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            sending: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            rested: AtomicU64::new(now()),
        }
    }
}

impl Exchanges {
    /// The headers of a request are complete.
    pub(super) fn start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// Its response is ready to be sent.
    pub(super) fn finish(&self) {
        self.rested.store(now(), Ordering::Relaxed);
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    /// Since when nothing is being done for its client; `None` while something is.
    pub(super) fn resting_since(&self) -> Option<u64> {
        let at_work = self.started() != self.finished()
            || self.sending.load(Ordering::Relaxed) > 0
            || self.stalled.load(Ordering::Relaxed);
        (!at_work).then(|| self.rested.load(Ordering::Relaxed))
    }

    /// Whether bytes wait that the client does not take.
    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    /// The response's body, which is being sent until it is dropped.
    pub(super) fn sending(self: &Arc<Self>, body: Body) -> Sending {
        self.sending.fetch_add(1, Ordering::Relaxed);
        Sending { body, exchanges: Arc::clone(self) }
    }
}

/// A body on its way.
pub(super) struct Sending {
    body: Body,
    exchanges: Arc<Exchanges>,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.exchanges.rested.store(now(), Ordering::Relaxed);
        self.exchanges.sending.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Milliseconds since the process looked first.
fn now() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_rests_when_its_response_was_sent_and_not_before() {
        let exchanges = Arc::new(Exchanges::default());
        assert!(exchanges.resting_since().is_some());
        exchanges.start();
        assert_eq!(exchanges.resting_since(), None);
        let body = exchanges.sending(Body::from("x"));
        exchanges.finish();
        assert_eq!(exchanges.resting_since(), None);
        exchanges.stall(true);
        drop(body);
        assert_eq!(exchanges.resting_since(), None);
        exchanges.stall(false);
        assert!(exchanges.resting_since().is_some());
    }
}
