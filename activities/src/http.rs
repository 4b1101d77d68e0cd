//! The one guarded HTTP client: every request to an address that a user typed goes through here.
//!
//! It connects only to addresses that [`domain::repair_url::address_allowed`] lets pass. A host
//! name is resolved once, by [`resolver`], and the connection goes to what was checked there, so a
//! name that changes between check and connect gains nothing; an IP address in the URL is checked
//! before the request, because the HTTP library asks no resolver about those. A host that the
//! operator of the installation listed by name has a client of its own, whose resolver lets private
//! addresses pass as well: the resolver gets a name and no port, so it cannot decide that itself.
//! Redirects are responses, proxy variables are ignored, nothing is decompressed, and no connection
//! outlives its request.
//!
//! An exchange that ends before its status is an [`ExchangeError`] that says whether another
//! attempt may help. Once the status has come it counts, and what came of the body is kept: a body
//! may be cut off at its limit, break off, or still be coming at the deadline.

mod error;
mod resolver;
mod response;
mod retry_after;
#[cfg(test)]
pub(crate) mod test_clients;
#[cfg(test)]
mod tests;

pub use error::{ClientUnavailable, ErrorClass, ExchangeError};
pub use response::{HttpResponse, WholeResponse};
pub use retry_after::retry_after;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::repair_url::{AllowedNetworks, rejected_range};
use reqwest::header::HeaderValue;
use reqwest::{Response, redirect};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use self::error::{Failure, millis};
use self::resolver::{CheckedResolver, Reach};

/// What the client may reach and how long it waits.
#[derive(Debug, Clone)]
pub struct HttpPolicy {
    /// Networks and hosts that may be reached on top of the public internet.
    pub allow: AllowedNetworks,
    /// From the first look-up to the end of the TLS handshake.
    pub connect_timeout: Duration,
    /// The whole exchange, body included.
    pub total_timeout: Duration,
}

impl HttpPolicy {
    /// The contract's times: 5 s to connect, 30 s for the whole exchange.
    #[must_use]
    pub const fn new(allow: AllowedNetworks) -> Self {
        Self {
            allow,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
        }
    }
}

/// How much of a response is read, and how long the whole exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Of the body.
    pub bytes: usize,
    pub timeout: Duration,
}

/// The client. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    client: reqwest::Client,
    /// For hosts that are listed by name; `None` where none is.
    named: Option<reqwest::Client>,
    policy: Arc<HttpPolicy>,
}

impl GuardedClient {
    /// Sets the client up; TLS trusts what the system trusts.
    ///
    /// # Errors
    /// When the system's trusted certificates cannot be loaded.
    pub fn new(policy: HttpPolicy) -> Result<Self, ClientUnavailable> {
        // The provider is the process's own choice; an earlier choice by other code is kept.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = Arc::new(policy);
        let client = build(&policy, Reach::Public)?;
        let named = policy.allow.has_hosts().then(|| build(&policy, Reach::NamedHost));
        Ok(Self { client, named: named.transpose()?, policy })
    }

    /// Posts `body` and reads the response, whatever its status.
    ///
    /// # Errors
    /// When no status came in time.
    pub async fn post(
        &self,
        url: &Url,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<HttpResponse, ExchangeError> {
        self.post_hiding(url, headers, body, &[]).await
    }

    /// The same, with texts of the request that must not come back in what is kept of the response.
    ///
    /// # Errors
    /// When no status came in time.
    pub async fn post_hiding(
        &self,
        url: &Url,
        headers: &[(&str, String)],
        body: Vec<u8>,
        hidden: &[&str],
    ) -> Result<HttpResponse, ExchangeError> {
        let started = Instant::now();
        let deadline = started + self.policy.total_timeout;
        let status = timeout_at(deadline, self.send(url, headers, body)).await;
        let outcome = status.unwrap_or_else(|_| {
            let limit = self.policy.total_timeout;
            Err(Failure::timed_out(format!("no answer within {limit:?}")))
        });
        match outcome {
            Ok(response) => {
                let answer = response::read(response, deadline, hidden).await;
                Ok(HttpResponse { latency_ms: millis(started.elapsed()), ..answer })
            }
            Err(failure) => Err(failure.after(millis(started.elapsed()))),
        }
    }

    /// Posts `body` and reads the response's own up to a limit, as the bytes that came.
    ///
    /// # Errors
    /// When no status came in time.
    pub async fn post_reading(
        &self,
        url: &Url,
        headers: &[(&str, String)],
        body: Vec<u8>,
        limits: ReadLimits,
    ) -> Result<WholeResponse, ExchangeError> {
        let started = Instant::now();
        let deadline = started + limits.timeout;
        let status = timeout_at(deadline, self.send(url, headers, body)).await;
        let outcome = status.unwrap_or_else(|_| {
            Err(Failure::timed_out(format!("no answer within {:?}", limits.timeout)))
        });
        match outcome {
            Ok(response) => {
                response::read_whole(response, deadline, limits.bytes).await.ok_or_else(|| {
                    let late = format!("no whole answer within {:?}", limits.timeout);
                    Failure::timed_out(late).after(millis(started.elapsed()))
                })
            }
            Err(failure) => Err(failure.after(millis(started.elapsed()))),
        }
    }

    /// Asks for a status alone: of the body nothing is read.
    ///
    /// # Errors
    /// When no status came in time.
    pub async fn get_status(&self, url: &Url, timeout: Duration) -> Result<u16, ExchangeError> {
        let started = Instant::now();
        let asking = async {
            self.check_literal(url)?;
            self.exchange(self.client_for(url).get(url.clone())).await
        };
        let outcome = timeout_at(started + timeout, asking).await;
        let outcome = outcome
            .unwrap_or_else(|_| Err(Failure::timed_out(format!("no answer within {timeout:?}"))));
        outcome
            .map(|response| response.status().as_u16())
            .map_err(|failure| failure.after(millis(started.elapsed())))
    }

    /// Sends the request and waits for the status, but not for the body.
    async fn send(
        &self,
        url: &Url,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Response, Failure> {
        self.check_literal(url)?;
        let mut request = self.client_for(url).post(url.clone()).body(body);
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| Failure::unsendable())?;
            // Signatures and gateway keys: whatever prints headers shows a placeholder.
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        self.exchange(request).await
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        let sent = request.send().await;
        sent.map_err(|error| Failure::from_reqwest(&error, self.policy.connect_timeout))
    }

    fn client_for(&self, url: &Url) -> &reqwest::Client {
        let named = self.named.as_ref().filter(|_| self.policy.allow.names_host_of(url));
        named.unwrap_or(&self.client)
    }

    /// Checks a host that is an address already, which no resolver will see.
    fn check_literal(&self, url: &Url) -> Result<(), Failure> {
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match rejected_range(ip, &self.policy.allow) {
            Some(range) => Err(Failure::address_refused(ip, range)),
            None => Ok(()),
        }
    }
}

fn build(policy: &Arc<HttpPolicy>, reach: Reach) -> Result<reqwest::Client, ClientUnavailable> {
    reqwest::Client::builder()
        .dns_resolver(CheckedResolver::new(Arc::clone(policy), reach))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // A pooled connection would carry a request to an address that was checked long ago.
        .pool_max_idle_per_host(0)
        .http1_only()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .connect_timeout(policy.connect_timeout)
        .user_agent(concat!("sendpromptly/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(ClientUnavailable)
}
