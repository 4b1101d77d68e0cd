//! One request with JSON to a provider, and what its status alone says: how every destination with a URL is asked.

use std::time::Duration;

use domain::callback::{AnswerVerdict, judge_answer};
use serde_json::Value;
use time::OffsetDateTime;
use url::{Position, Url};

use super::{FailureKind, SendFailure, Sent};
use crate::http::{ExchangeError, GuardedClient, HttpResponse, retry_after};

/// Shorter paths, and shorter parts of one, are no secrets, and would tear holes into what others say.
const MIN_PATH: usize = 5;
const MIN_PART: usize = 12;

/// What an answer must not bring back of a URL that is a secret: whoever knows what stands behind the host can post there, and
/// error pages and redirects repeat it. It is hidden as a whole, and each longer part of it by itself.
pub(super) fn secrets_of(url: &Url) -> Vec<&str> {
    let whole = &url[Position::BeforePath..Position::AfterQuery];
    let path = url.path().trim_end_matches('/');
    let parts = whole.split(['/', '?', '&', '=']).filter(|part| part.len() >= MIN_PART);
    [whole, path].into_iter().filter(|text| text.len() >= MIN_PATH).chain(parts).collect()
}

/// Posts JSON and gives what came back, without the texts that are to be hidden.
pub(super) async fn post(
    http: &GuardedClient,
    url: &Url,
    headers: &[(&str, String)],
    body: &Value,
    hidden: &[&str],
) -> Result<HttpResponse, SendFailure> {
    let json = ("Content-Type", "application/json; charset=utf-8".to_owned());
    let headers = [&[json][..], headers].concat();
    let body = body.to_string().into_bytes();
    http.post_hiding(url, &headers, body, hidden).await.map_err(|error| unanswered(&error))
}

/// No status came.
pub(super) fn unanswered(error: &ExchangeError) -> SendFailure {
    if error.is_retryable() {
        SendFailure::transient(&error.to_string())
    } else {
        SendFailure::permanent(&error.to_string())
    }
}

/// What a response is, for the destination's owner.
pub(super) fn said(answer: &HttpResponse) -> String {
    match &answer.redirect_to {
        Some(target) => format!("{} redirects to {target}, which is not followed", answer.status),
        None => format!("{} {}", answer.status, answer.excerpt),
    }
}

/// What a response means by the rules for callbacks. A provider that gets too many messages and does not say for how
/// long it wants none is left alone for `when_limited`.
pub(super) fn judge(
    answer: &HttpResponse,
    when_limited: Option<Duration>,
) -> Result<Sent, SendFailure> {
    let said = said(answer);
    match judge_answer(answer.status) {
        AnswerVerdict::Delivered => Ok(Sent::new(&said)),
        AnswerVerdict::Retry => {
            let now = OffsetDateTime::now_utc();
            let asked = answer.retry_after.as_deref().and_then(|value| retry_after(value, now));
            let retry_after = asked.or(when_limited.filter(|_| answer.status == 429));
            Err(SendFailure::new(FailureKind::Transient { retry_after }, &said))
        }
        AnswerVerdict::RetryOnce | AnswerVerdict::Stop => Err(SendFailure::permanent(&said)),
    }
}

/// The same for a provider that answers no message with a web page: one with a 2xx is a gateway's or a proxy's, and took
/// nothing.
pub(super) fn judge_service(
    answer: &HttpResponse,
    when_limited: Option<Duration>,
) -> Result<Sent, SendFailure> {
    let sent = judge(answer, when_limited)?;
    if is_page(&answer.excerpt) {
        let said = format!("{}: this is a web page, and took no message", said(answer));
        return Err(SendFailure::permanent(&said));
    }
    Ok(sent)
}

/// Whether a body is a web page.
pub(super) fn is_page(body: &str) -> bool {
    let text = body.trim_start();
    ["<!doctype html", "<html"].iter().any(|start| {
        text.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start))
    })
}

#[cfg(test)]
mod tests {
    use domain::alert::{SlackUrl, WebhookUrl};
    use domain::destination::{DestinationKind, ProviderUrl};
    use domain::project::Mode;
    use domain::repair_url::AllowedNetworks;
    use domain::signature::SigningSecret;
    use doubles::http_server::{HttpServer, response};

    use super::*;
    use crate::destinations::email::EmailSender;
    use crate::destinations::samples::opened;
    use crate::destinations::{Recipient, Senders, Thread, send};
    use crate::http::test_clients::local_client;

    const KEY: &str = "k7Qw2mXp9RtZ";

    /// One of each kind whose URL is a secret.
    fn recipients(server: &HttpServer) -> [Recipient; 4] {
        let allow: AllowedNetworks = "127.0.0.0/8".parse().expect("the network parses");
        let text = format!("http://127.0.0.1:{}/api/webhooks/1/{KEY}", server.port);
        let provider = |kind| ProviderUrl::parse(kind, &text, Mode::Test, &allow).expect("a URL");
        let webhook = WebhookUrl::parse(&text, Mode::Test, &allow).expect("a URL");
        [
            Recipient::Slack { url: SlackUrl::parse(&text, Mode::Test, &allow).expect("a URL") },
            Recipient::Teams { url: provider(DestinationKind::Teams) },
            Recipient::Discord { url: provider(DestinationKind::Discord) },
            Recipient::Webhook {
                url: webhook,
                secrets: vec![SigningSecret::from_bytes([1; 32])],
                at: OffsetDateTime::UNIX_EPOCH,
            },
        ]
    }

    #[tokio::test]
    async fn no_answer_brings_back_a_url_that_is_a_secret() {
        let senders = Senders {
            email: EmailSender::unset("alerts@cometcart.test").expect("an address"),
            http: local_client(2_000, 5_000),
            activities: None,
        };
        let id = "alr_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id");
        let page = format!("Cannot POST /api/webhooks/1/{KEY} for {KEY}");
        let moved = format!("Location: /api/webhooks/1/{KEY}/\r\n");
        for (status, headers) in [("404 No", ""), ("308 Moved", moved.as_str()), ("200 OK", "")] {
            let server = HttpServer::responding(response(status, headers, &page)).await;
            for recipient in recipients(&server) {
                let thread = Thread::alone("<1@cometcart.test>".to_owned());
                let sent = Box::pin(send(&senders, &recipient, id, &thread, &opened())).await;
                let kept = sent.map_or_else(|failure| failure.answer, |sent| sent.answer);
                let is_hidden = kept.contains("[hidden]") && !kept.contains(KEY);
                assert!(is_hidden, "{status}, {recipient:?}: {kept}");
            }
        }
    }

    #[test]
    fn what_is_secret_of_a_url_is_all_behind_its_host_and_each_longer_part() {
        let url = Url::parse("https://x.logic.azure.com/run/?v=1&sig=b4Nv8cLs1Hd6").expect("a URL");
        assert_eq!(secrets_of(&url), ["/run/?v=1&sig=b4Nv8cLs1Hd6", "b4Nv8cLs1Hd6"]);
        let url = Url::parse("https://hooks.cometcart.test/in/key1/").expect("a URL");
        assert_eq!(secrets_of(&url), ["/in/key1/", "/in/key1"]);
        let url = Url::parse("https://hooks.cometcart.test/").expect("a URL");
        assert!(secrets_of(&url).is_empty());
    }
}
