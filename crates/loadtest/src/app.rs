//! The app: the other side of the two calls, over connections that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api_types::ingest::{ReceiptResponse, ResultResponse};
use domain::ids::EventId;
use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// So late that no deadline passes while something is measured.
pub const TIMEOUT_MINUTES: u32 = 10_080;
/// How long any response may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An app that reports to a running API. Cheap to clone.
#[derive(Clone)]
pub struct App {
    http: Client,
    url: String,
    keys: Arc<Vec<String>>,
    sent: Arc<AtomicUsize>,
}

impl App {
    /// An app with these API keys, which it uses in rotation.
    pub fn new(url: String, keys: Vec<String>) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self { http, url, keys: Arc::new(keys), sent: Arc::default() })
    }

    /// Reports a new payment event; the result is due in so many minutes.
    pub async fn receipt(&self, timeout_minutes: u32) -> anyhow::Result<EventId> {
        let body = Value::Object(receipt_body(timeout_minutes));
        Ok(self.post::<ReceiptResponse>("/api/v1/receipt", &body).await?.event_id)
    }

    /// Reports that the effect was applied.
    pub async fn success(&self, event_id: EventId) -> anyhow::Result<()> {
        let body = json!({ "event_id": event_id, "status": "success" });
        self.post::<ResultResponse>("/api/v1/result", &body).await.map(|_| ())
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        let turn = self.sent.fetch_add(1, Ordering::Relaxed);
        let key = &self.keys[turn % self.keys.len()];
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(key)
            .header("idempotency-key", Uuid::now_v7().to_string())
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status == StatusCode::ACCEPTED, "{path} responded {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

/// What the app says of an event that is new.
pub fn receipt_body(timeout_minutes: u32) -> Map<String, Value> {
    let body = json!({
        "provider": "stripe",
        "provider_event_id": format!("evt_{}", Uuid::now_v7().simple()),
        "event_type": "invoice.paid",
        "effect_type": "credit_grant",
        "internal_reference": "user_456",
        "occurred_at": "2026-01-01T12:00:00Z",
        "timeout_minutes": timeout_minutes,
    });
    match body {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
