//! A small HTTP client that keeps its connections: the load shares the machine with what it
//! measures, so it should cost little.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, COOKIE};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long any response may take.
const TIMEOUT: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";

/// A client of one server. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    origin: String,
}

impl Http {
    pub fn new(origin: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), origin }
    }

    /// Sends JSON as the owner of an API key.
    pub async fn post(
        &self,
        path: &str,
        (api_key, idempotency_key): (&str, &str),
        body: String,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::post(format!("{}{path}", self.origin))
            .header(AUTHORIZATION, format!("Bearer {api_key}"))
            .header("idempotency-key", idempotency_key)
            .header(CONTENT_TYPE, JSON)
            .body(Full::from(body))?;
        self.send(request).await
    }

    /// Opens a page as the owner of a session, as a browser does whose user typed the address. A page comes by gzip.
    pub async fn get(&self, path: &str, cookie: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::get(format!("{}{path}", self.origin))
            .header(COOKIE, cookie)
            .header(ACCEPT_ENCODING, "gzip")
            .header("sec-fetch-site", "none");
        self.send(request.body(Full::default())?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let exchange = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        timeout(TIMEOUT, exchange).await.context("no response within 30 s")?
    }
}
