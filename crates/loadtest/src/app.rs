//! The app: the other side of the two calls. Each request is entered in the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use api_types::ingest::ReceiptResponse;
use bytes::Bytes;
use domain::ids::EventId;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::http::Http;
use crate::ledger::{Ledger, Outcome};

/// So late that no deadline passes while something is measured.
pub const TIMEOUT_MINUTES: u32 = 10_080;

/// An app that reports to a running API. Cheap to clone.
#[derive(Clone)]
pub struct App {
    http: Http,
    keys: Arc<Vec<String>>,
    ledger: Arc<Ledger>,
    sent: Arc<AtomicUsize>,
}

impl App {
    /// An app with these API keys, which it uses in rotation.
    pub fn new(url: String, keys: Vec<String>, ledger: Arc<Ledger>) -> Self {
        Self { http: Http::new(url), keys: Arc::new(keys), ledger, sent: Arc::default() }
    }

    /// Reports a new payment event; the result is due in so many minutes.
    pub async fn receipt(&self, timeout_minutes: u32) -> anyhow::Result<EventId> {
        let provider_event_id = format!("evt_{}", Uuid::now_v7().simple());
        let body = Value::Object(receipt_body(&provider_event_id, timeout_minutes)).to_string();
        let exchange = self.post("/api/v1/receipt", body).await;
        let accepted = exchange.as_ref().ok().and_then(|(status, body)| accepted(*status, body));
        let outcome = match (&exchange, accepted) {
            (_, Some(event_id)) => Outcome::Acked(event_id),
            (Ok((status, _)), None) if status.is_client_error() => Outcome::Refused,
            _ => Outcome::Ambiguous,
        };
        self.ledger.enter_receipt(provider_event_id, outcome);
        let (status, body) = exchange?;
        accepted.with_context(|| rejection(status, &body))
    }

    /// Reports that the effect was applied.
    pub async fn success(&self, event_id: EventId) -> anyhow::Result<()> {
        let body = json!({ "event_id": event_id, "status": "success" }).to_string();
        let (status, body) = self.post("/api/v1/result", body).await?;
        anyhow::ensure!(status == StatusCode::ACCEPTED, rejection(status, &body));
        self.ledger.enter_success(event_id);
        Ok(())
    }

    async fn post(&self, path: &str, body: String) -> anyhow::Result<(StatusCode, Bytes)> {
        let turn = self.sent.fetch_add(1, Ordering::Relaxed);
        let key = &self.keys[turn % self.keys.len()];
        let idempotency_key = Uuid::now_v7().simple().to_string();
        self.http.post(path, (key, &idempotency_key), body).await
    }
}

fn accepted(status: StatusCode, body: &Bytes) -> Option<EventId> {
    let accepted = serde_json::from_slice::<ReceiptResponse>(body).ok()?;
    (status == StatusCode::ACCEPTED).then_some(accepted.event_id)
}

fn rejection(status: StatusCode, body: &Bytes) -> String {
    format!("the API responded {status}: {}", String::from_utf8_lossy(body))
}

/// What the app says of an event that is new.
pub fn receipt_body(provider_event_id: &str, timeout_minutes: u32) -> Map<String, Value> {
    let body = json!({
        "provider": "stripe",
        "provider_event_id": provider_event_id,
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
