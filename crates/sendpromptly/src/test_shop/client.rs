//! The two calls, as an app makes them.

use std::time::Duration;

use anyhow::Context as _;
use api_types::ingest::{ReceiptRequest, ReceiptResponse, ResultRequest, ResultResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the two calls with one API key.
#[derive(Clone)]
pub struct ShopClient {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl ShopClient {
    /// A client of the API at this address, without a slash at its end.
    ///
    /// # Errors
    /// When there can be no client.
    pub fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?;
        Ok(Self { http, url: url.to_owned(), key: key.to_owned() })
    }

    /// "I took this payment event."
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn receipt(&self, receipt: &ReceiptRequest) -> anyhow::Result<ReceiptResponse> {
        self.post("receipt", receipt).await
    }

    /// "Applied", or not.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn result(&self, result: &ResultRequest) -> anyhow::Result<ResultResponse> {
        self.post("result", result).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let body = serde_json::to_value(body)?;
        let request = self
            .http
            .post(format!("{}/api/v1/{path}", self.url))
            .bearer_auth(&self.key)
            .header("idempotency-key", idempotency_key(path, &body))
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.context("the API does not respond")?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "the API responded {status}: {text}");
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
