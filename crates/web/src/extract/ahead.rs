//! Reading ahead: whether a body is small, where its length is not announced.
//!
//! Several clients never announce it and send every body in chunks, such as .NET's `PostAsJsonAsync`
//! (<https://learn.microsoft.com/dotnet/api/system.net.http.json.jsoncontent>). One that ends soon counts by what it has; of
//! another, what was read comes again before the rest.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::time::{Instant, timeout_at};

use super::body::ended_early;
use crate::error::ApiError;

/// Reads up to so many bytes of a body whose length is not announced. It has its length afterwards if it ends by then.
///
/// # Errors
/// `malformed_request` if they do not come in time, or the body breaks off.
pub async fn look_ahead(
    mut body: Body,
    bytes: usize,
    deadline: Duration,
) -> Result<Body, ApiError> {
    if body.size_hint().exact().is_some() {
        return Ok(body);
    }
    // Copied, because pieces of a byte each would take more memory than they have bytes.
    let (until, mut begun) = (Instant::now() + deadline, Vec::new());
    while begun.len() <= bytes {
        let next = timeout_at(until, body.frame()).await;
        match next.map_err(|_| ApiError::BodyTooSlow { deadline })? {
            // What follows the chunks as headers says nothing here.
            Some(Ok(frame)) => begun.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) => return Err(ended_early()),
            None => return Ok(Body::from(begun)),
        }
    }
    Ok(Body::new(Begun { begun: begun.into(), rest: body }))
}

/// What was read of a body, and the rest.
struct Begun {
    begun: Bytes,
    rest: Body,
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.rest).poll_frame(cx);
        }
        Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.begun)))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::tests::{BodyEnd, Chunks};
    use super::super::body::{BodyLimits, read_body};
    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    fn chunks(end: BodyEnd) -> Body {
        Body::new(Chunks(vec![&b"{\"a\""[..], b":1}"], end))
    }

    /// Its length where that is known, and what is in it.
    async fn ahead(body: Body, bytes: usize) -> Result<(Option<u64>, Bytes), String> {
        let body = look_ahead(body, bytes, SOON).await.map_err(|error| error.to_string())?;
        let length = body.size_hint().exact();
        let limits = BodyLimits { deadline: SOON, ..BodyLimits::default() };
        let read = read_body(body, limits).await.map_err(|error| error.to_string())?;
        Ok((length, read))
    }

    #[tokio::test]
    async fn one_that_ends_soon_has_its_length_and_one_that_does_not_loses_nothing() {
        let whole = Bytes::from_static(b"{\"a\":1}");
        for (bytes, length) in [(16, Some(7)), (7, Some(7)), (6, None), (3, None)] {
            let read = ahead(chunks(BodyEnd::Clean), bytes).await;
            assert_eq!(read, Ok((length, whole.clone())), "{bytes}");
        }
        let announced = ahead(Body::from(whole.clone()), 3).await;
        assert_eq!(announced, Ok((Some(7), whole)), "nothing is read ahead of it");
        let empty = ahead(Body::new(Chunks(vec![], BodyEnd::Clean)), 3).await;
        assert_eq!(empty, Ok((Some(0), Bytes::new())));
    }

    #[tokio::test]
    async fn one_that_breaks_off_or_stops_coming_is_none() {
        let broken = Err("the body ended before it was complete".to_owned());
        let slow = Err("the body did not arrive within 50ms".to_owned());
        for bytes in [3, 16] {
            assert_eq!(ahead(chunks(BodyEnd::Broken), bytes).await, broken);
            assert_eq!(ahead(chunks(BodyEnd::Never), bytes).await, slow);
        }
    }
}
