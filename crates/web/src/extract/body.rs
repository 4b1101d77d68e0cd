//! Reading the body: at most so many bytes, at most so long, then JSON.
//!
//! A body that announces more than the limit is rejected before its first byte is read; one that
//! does not announce its size is dropped at the first byte over. The deadline is for the whole
//! body, so that sending one byte at a time gains nothing. In both cases the response asks to close
//! the connection, because the rest of the body is still under way.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::json;
use crate::error::ApiError;

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The most bytes that a body may have.
    pub bytes: usize,
    /// The same for a client that sends more.
    pub shown: &'static str,
    /// The time that the whole body has to arrive.
    pub deadline: Duration,
}

impl Default for BodyLimits {
    /// 256 KiB in 10 seconds.
    fn default() -> Self {
        Self {
            bytes: 256 * 1024,
            shown: "262144 bytes (256 KiB)",
            deadline: Duration::from_secs(10),
        }
    }
}

/// Reads a body that is one JSON object.
///
/// # Errors
/// `payload_too_large`, `too_many_fields`, or `malformed_request` for a body that came too slowly,
/// ended early or is not JSON of the expected shape.
pub async fn read_json_object(
    body: Body,
    limits: BodyLimits,
) -> Result<Map<String, Value>, ApiError> {
    let bytes = read_body(body, limits).await?;
    json::parse_object(&bytes)
}

/// Reads and drops a body, piece by piece, within the limits; nothing of it is kept.
pub async fn drop_body(body: Body, limits: BodyLimits) {
    let mut body = Limited::new(body, limits.bytes);
    let dropping = async { while let Some(Ok(_piece)) = body.frame().await {} };
    // What is still under way then is the client's loss.
    let _ended = tokio::time::timeout(limits.deadline, dropping).await;
}

/// Reads a body whole.
///
/// # Errors
/// `payload_too_large`, or `malformed_request` for a body that came too slowly or ended early.
pub async fn read_body(body: Body, limits: BodyLimits) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let too_large = || ApiError::PayloadTooLarge { limit: limits.shown };
    if announced > limits.bytes {
        return Err(too_large());
    }
    let reading = Limited::new(body, limits.bytes).collect();
    match tokio::time::timeout(limits.deadline, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ended_early()),
        Err(_) => Err(ApiError::BodyTooSlow { deadline: limits.deadline }),
    }
}

/// Reads a body in several steps, which have one deadline together.
///
/// # Errors
/// `malformed_request` if they take longer; those of the steps.
pub async fn read_within<T>(
    deadline: Duration,
    steps: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let ended = tokio::time::timeout(deadline, steps).await;
    ended.unwrap_or(Err(ApiError::BodyTooSlow { deadline }))
}

/// Of a client that went away, or whose chunks make no sense.
pub(super) fn ended_early() -> ApiError {
    ApiError::malformed("the body ended before it was complete")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use axum::BoxError;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    const LIMITS: BodyLimits = BodyLimits {
        bytes: 100,
        shown: "262144 bytes (256 KiB)",
        deadline: Duration::from_millis(50),
    };

    /// A body of unknown length: its chunks, and then an end, an error or silence.
    pub(in crate::extract) struct Chunks(
        pub(in crate::extract) Vec<&'static [u8]>,
        pub(in crate::extract) BodyEnd,
    );
    pub(in crate::extract) enum BodyEnd {
        Clean,
        Broken,
        Never,
    }

    impl HttpBody for Chunks {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, BoxError>>> {
            if !self.0.is_empty() {
                let chunk = Bytes::from_static(self.0.remove(0));
                return Poll::Ready(Some(Ok(hyper::body::Frame::data(chunk))));
            }
            match self.1 {
                BodyEnd::Clean => Poll::Ready(None),
                BodyEnd::Broken => Poll::Ready(Some(Err("reset by charlie".into()))),
                BodyEnd::Never => Poll::Pending,
            }
        }
    }

    fn too_large() -> String {
        "the body has more than 262144 bytes (256 KiB)".to_owned()
    }

    async fn outcome(body: Body) -> Result<usize, String> {
        read_body(body, LIMITS).await.map(|bytes| bytes.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_body_may_have_exactly_as_many_bytes_as_the_limit() {
        assert_eq!(outcome(Body::from(vec![b'x'; 100])).await, Ok(100));
        let too_large = Err(too_large());
        assert_eq!(outcome(Body::from(vec![b'x'; 101])).await, too_large);
        let chunks = vec![&[b'x'; 60][..], &[b'x'; 40]];
        assert_eq!(outcome(Body::new(Chunks(chunks, BodyEnd::Clean))).await, Ok(100));
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_dropped_at_the_first_byte_over() {
        let body = Body::new(Chunks(vec![&[b'x'; 60], &[b'x'; 41]], BodyEnd::Never));
        assert_eq!(outcome(body).await, Err(too_large()));
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_given_up_at_the_deadline() {
        let body = Body::new(Chunks(vec![b"{"], BodyEnd::Never));
        assert_eq!(outcome(body).await, Err("the body did not arrive within 50ms".to_owned()));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_malformed_and_its_error_is_not_shown() {
        let body = Body::new(Chunks(vec![b"{"], BodyEnd::Broken));
        assert_eq!(outcome(body).await, Err("the body ended before it was complete".to_owned()));
    }

    #[tokio::test]
    async fn a_good_body_becomes_an_object() {
        let object = read_json_object(Body::from(r#"{"provider":"stripe"}"#), LIMITS).await;
        assert_eq!(object.expect("an object")["provider"], "stripe");
    }

    #[tokio::test]
    async fn steps_have_one_deadline_together() {
        let step = || tokio::time::sleep(LIMITS.deadline * 3 / 5);
        let both = async {
            step().await;
            step().await;
            Ok(())
        };
        let ended = read_within(LIMITS.deadline, both).await.map_err(|error| error.to_string());
        assert_eq!(ended, Err("the body did not arrive within 50ms".to_owned()));
        assert_eq!(read_within(LIMITS.deadline, async { Ok(1) }).await.ok(), Some(1));
    }
}
