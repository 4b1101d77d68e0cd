//! The fake shop: it reports receipts and results, and repairs when it is asked to.
//!
//! Its repair endpoint does what a good one does: it checks the signature over the raw body,
//! rejects an old timestamp and a nonce that it has seen, does the work once per `replay_id`, and
//! reports.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use api_types::ingest::{ReceiptResponse, ResultResponse};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::signature::{self, Signed, SigningSecret};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// How old or how far ahead a callback's timestamp may be.
const MAX_AGE_SECONDS: i64 = 300;

/// The shop. Its repair endpoint ends with it.
pub(super) struct DemoApp {
    reporter: Reporter,
    repair_url: String,
    _endpoint: AbortOnDropHandle<()>,
}

/// Makes the two calls.
#[derive(Clone)]
struct Reporter {
    http: reqwest::Client,
    url: String,
    key: String,
}

struct Endpoint {
    reporter: Reporter,
    secret: SigningSecret,
    /// Nonces and replay ids that were seen.
    seen: Mutex<BTreeSet<String>>,
}

impl DemoApp {
    pub(super) async fn open(url: &str, key: &str, secret: SigningSecret) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let reporter = Reporter { http, url: url.to_owned(), key: key.to_owned() };
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free")?;
        let repair_url = format!("http://{}/repair", listener.local_addr()?);
        let endpoint =
            Endpoint { reporter: reporter.clone(), secret, seen: Mutex::new(BTreeSet::new()) };
        let router = Router::new().route("/repair", post(repair)).with_state(Arc::new(endpoint));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the shop's repair endpoint has ended");
            }
        });
        Ok(Self { reporter, repair_url, _endpoint: AbortOnDropHandle::new(serving) })
    }

    pub(super) fn repair_url(&self) -> String {
        self.repair_url.clone()
    }

    /// "I took this payment event."
    pub(super) async fn receipt(
        &self,
        event: &str,
        effect: &str,
        customer: &str,
    ) -> anyhow::Result<ReceiptResponse> {
        let body = json!({
            "provider": "stripe", "provider_event_id": event, "event_type": "invoice.paid",
            "effect_type": effect, "internal_reference": customer,
            "occurred_at": OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339)?,
        });
        self.reporter.post("receipt", &body).await
    }

    /// "Applied", or not.
    pub(super) async fn result(&self, body: &Value) -> anyhow::Result<ResultResponse> {
        self.reporter.post("result", body).await
    }
}

impl Reporter {
    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        let request = self
            .http
            .post(format!("{}/api/v1/{path}", self.url))
            .bearer_auth(&self.key)
            .header("idempotency-key", idempotency_key(path, body))
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.context("dev does not respond")?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "dev responded {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

/// The key that the documents advise, so that a call that is sent again is the same one.
fn idempotency_key(path: &str, body: &Value) -> String {
    let parts: &[&str] = match path {
        "receipt" => &["provider_event_id", "event_type", "effect_type"],
        _ => &["event_id", "status", "replay_id"],
    };
    let parts = parts.iter().filter_map(|part| body.get(part)?.as_str());
    std::iter::once(path).chain(parts).collect::<Vec<_>>().join("-")
}

async fn repair(State(app): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(replay_id) = app.check(&headers, &body) else { return StatusCode::UNAUTHORIZED };
    if !app.see_first(&replay_id) {
        return StatusCode::OK;
    }
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let done =
        json!({ "event_id": asked["event_id"], "status": "success", "replay_id": replay_id });
    tokio::spawn(async move {
        if let Err(error) = app.reporter.post::<ResultResponse>("result", &done).await {
            tracing::warn!(%error, "the shop could not report its repair");
        }
    });
    StatusCode::ACCEPTED
}

impl Endpoint {
    /// The `replay_id` of a callback that is genuine, fresh and new.
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let (id, nonce) = (text("webhook-id")?, text("x-sp-nonce")?);
        let timestamp: i64 = text("x-sp-timestamp")?.parse().ok()?;
        let age = OffsetDateTime::now_utc().unix_timestamp() - timestamp;
        let signed = Signed { id, timestamp, nonce, body };
        let genuine = signature::verify_sp_signature(&self.secret, text("x-sp-signature")?, signed);
        let fresh = age.abs() <= MAX_AGE_SECONDS && self.see_first(nonce);
        (genuine && fresh).then(|| id.to_owned())
    }

    fn see_first(&self, what: &str) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned())
    }
}
