//! How the shop calls the product: past every proxy, and patient, but not without end.

use std::time::Duration;

use anyhow::Context as _;
use domain::api_key::ApiKey;

/// How long an app waits for a response. The product gives up on its own before that.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A response: its status and its body.
pub type Answer = (u16, Vec<u8>);

/// Calls the two routes.
#[derive(Clone)]
pub struct Caller {
    client: reqwest::Client,
    origin: String,
}

/// A client that waits that long.
pub fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(timeout).build()?)
}

impl Caller {
    /// For the API at this address.
    pub fn new(address: &str) -> anyhow::Result<Self> {
        Ok(Self { client: client(TIMEOUT)?, origin: format!("http://{address}") })
    }

    /// Sends a body once.
    pub async fn post(
        &self,
        key: &ApiKey,
        path: &str,
        idempotency_key: &str,
        body: &str,
    ) -> anyhow::Result<Answer> {
        let request = self
            .client
            .post(format!("{}{path}", self.origin))
            .bearer_auth(key.reveal())
            .header("idempotency-key", idempotency_key)
            .header("content-type", "application/json")
            .body(body.to_owned());
        let response = request.send().await.context("no response")?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await.context("half a response")?.to_vec()))
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let response = self.client.get(format!("{}{path}", self.origin)).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.to_vec()))
    }
}
