//! The request to an extension over HTTPS: the input that an activity would get, signed as a
//! callback is, and the body of a 2xx as its answer.
//!
//! The body is the same on every attempt and `webhook-id` is the call's id, so an endpoint that was
//! asked twice knows it. A response is read up to one byte above the limit of an answer, so that
//! one that is too large is known as such and costs no more than that.

use std::time::Duration;

use domain::extension::{ExtensionInput, ExtensionUrl, MAX_ANSWER_BYTES, Silence, Unanswered};
use domain::project::Mode;
use domain::repair_url::AllowedNetworks;
use domain::signature::{Signed, SigningSecret, sp_signature, standard_signature};
use time::OffsetDateTime;

use crate::http::{ErrorClass, ExchangeError, GuardedClient, ReadLimits};

/// An endpoint and what it is asked.
pub struct ExtensionRequest<'a> {
    /// As it is stored: it is judged again, because rules change.
    pub url: &'a str,
    pub mode: Mode,
    pub secret: &'a SigningSecret,
    pub input: &'a ExtensionInput,
    /// How long the whole exchange may take.
    pub budget: Duration,
    /// 1 for the first one.
    pub attempt: u32,
}

/// Asks an extension over HTTPS.
///
/// # Errors
/// Why there is no answer.
pub async fn ask(
    http: &GuardedClient,
    allow: &AllowedNetworks,
    request: &ExtensionRequest<'_>,
) -> Result<Vec<u8>, Silence> {
    let url = ExtensionUrl::parse(request.url, request.mode, allow)
        .map_err(|_| Silence::failed("url_refused"))?;
    let body = serde_json::to_vec(request.input).map_err(|_| Silence::failed("input"))?;
    let headers = headers(request, &body)?;
    let limits = ReadLimits { bytes: MAX_ANSWER_BYTES + 1, timeout: request.budget };
    let answer = http.post_reading(url.as_url(), &headers, body, limits).await;
    let answer = answer.map_err(|error| silence(&error))?;
    match answer.status {
        200..=299 if answer.body.len() > MAX_ANSWER_BYTES => {
            Err(Silence::new(Unanswered::TooLarge))
        }
        200..=299 if answer.is_whole => Ok(answer.body),
        200..=299 => Err(Silence::new(Unanswered::Unreadable)),
        status => Err(Silence::failed(status.to_string())),
    }
}

fn headers(
    request: &ExtensionRequest<'_>,
    body: &[u8],
) -> Result<Vec<(&'static str, String)>, Silence> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|_| Silence::failed("no_random_bytes"))?;
    let nonce = hex::encode(random);
    let id = request.input.call_id.to_string();
    let timestamp = OffsetDateTime::now_utc().unix_timestamp();
    let signed = Signed { id: &id, timestamp, nonce: &nonce, body };
    let secrets = std::slice::from_ref(request.secret);
    Ok(vec![
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json".to_owned()),
        ("x-sp-timestamp", timestamp.to_string()),
        ("x-sp-signature", sp_signature(secrets, signed)),
        ("x-sp-attempt", request.attempt.to_string()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", standard_signature(secrets, signed)),
        ("x-sp-nonce", nonce.clone()),
        ("webhook-id", id.clone()),
    ])
}

fn silence(error: &ExchangeError) -> Silence {
    match error.class {
        ErrorClass::TimedOut => Silence::new(Unanswered::TooSlow),
        ErrorClass::Dns | ErrorClass::Connect | ErrorClass::ConnectTimedOut | ErrorClass::Tls => {
            Silence {
                error_type: Some(error.class.as_str().to_owned()),
                ..Silence::new(Unanswered::NobodyTookIt)
            }
        }
        ErrorClass::Reset => Silence::new(Unanswered::Died),
        ErrorClass::Protocol => Silence::new(Unanswered::Unreadable),
        ErrorClass::AddressRejected | ErrorClass::NameRejected => {
            Silence::failed(error.class.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_no_connection_came_to_did_not_take_the_call() {
        for (class, why) in [
            (ErrorClass::TimedOut, "too_slow"),
            (ErrorClass::ConnectTimedOut, "nobody_took_it (timed_out)"),
            (ErrorClass::Dns, "nobody_took_it (dns)"),
            (ErrorClass::Reset, "died"),
        ] {
            let error = ExchangeError { class, message: String::new(), latency_ms: 1 };
            assert_eq!(silence(&error).to_string(), why);
        }
    }
}
