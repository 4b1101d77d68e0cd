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
//! may be cut off at its limit, break off, or still be coming at the deadline. What comes before
//! the status is bounded too: the head in bytes, by [`client`], and interim responses in number, by
//! [`interim`].

mod client;
mod error;
mod interim;
mod resolver;
mod response;
mod retry_after;
#[cfg(test)]
pub(crate) mod test_clients;
#[cfg(test)]
mod tests;

pub use error::{ClientUnavailable, ErrorClass, ExchangeError};
pub(crate) use response::without;
pub use response::{HttpResponse, WholeResponse};
pub use retry_after::retry_after;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::repair_url::{AllowedNetworks, rejected_range};
use http::header::{ACCEPT, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use self::client::HttpClient;
use self::error::{Failure, millis};
use self::interim::InterimResponses;
use self::resolver::Reach;

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
    client: HttpClient,
    /// For hosts that are listed by name; `None` where none is.
    named: Option<HttpClient>,
    policy: Arc<HttpPolicy>,
}

impl GuardedClient {
    /// Sets the client up; TLS trusts what the system trusts.
    ///
    /// # Errors
    /// When the system's trusted certificates cannot be loaded.
    pub fn new(policy: HttpPolicy) -> Result<Self, ClientUnavailable> {
        let policy = Arc::new(policy);
        let client = client::build(&policy, Reach::Public)?;
        let named = policy.allow.has_hosts().then(|| client::build(&policy, Reach::NamedHost));
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
        let sending = self.send_body(Method::POST, url, headers, body);
        read_answer(sending, url, self.policy.total_timeout, hidden).await
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
        self.exchange_reading(Method::POST, url, headers, body, limits).await
    }

    /// The same by another method.
    ///
    /// # Errors
    /// When no status came in time.
    pub async fn exchange_reading(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&str, String)],
        body: Vec<u8>,
        limits: ReadLimits,
    ) -> Result<WholeResponse, ExchangeError> {
        let started = Instant::now();
        let deadline = started + limits.timeout;
        let status = timeout_at(deadline, self.send_body(method, url, headers, body)).await;
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

    /// Asks for what is there.
    ///
    /// # Errors
    /// When no status came in time.
    pub async fn get(&self, url: &Url, timeout: Duration) -> Result<HttpResponse, ExchangeError> {
        let asking = async { self.send(url, request(Method::GET, url, Bytes::new())?).await };
        read_answer(asking, url, timeout, &[]).await
    }

    async fn send_body(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = request(method, url, body.into())?;
        for (name, value) in headers {
            let name = name.parse::<HeaderName>().map_err(|_| Failure::unsendable())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| Failure::unsendable())?;
            // Signatures and gateway keys: whatever prints headers shows a placeholder.
            value.set_sensitive(true);
            // One of a name that is ours too, such as `User-Agent`, takes its place.
            request.headers_mut().insert(name, value);
        }
        self.send(url, request).await
    }

    /// Sends the request and waits for the status, but not for the body.
    async fn send(
        &self,
        url: &Url,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        self.check_literal(url)?;
        let interim = InterimResponses::count(&mut request);
        // What is given up here ends its connection.
        tokio::select! {
            sent = self.client_for(url).request(request) => {
                sent.map_err(|error| Failure::from_client(&error, self.policy.connect_timeout))
            }
            () = interim.too_many() => Err(Failure::too_many_interim_responses()),
        }
    }

    fn client_for(&self, url: &Url) -> &HttpClient {
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

/// Waits for the status and reads what is kept of the response, both within this time.
async fn read_answer(
    sending: impl Future<Output = Result<Response<Incoming>, Failure>>,
    url: &Url,
    limit: Duration,
    hidden: &[&str],
) -> Result<HttpResponse, ExchangeError> {
    let started = Instant::now();
    let deadline = started + limit;
    let outcome = timeout_at(deadline, sending).await;
    let outcome =
        outcome.unwrap_or_else(|_| Err(Failure::timed_out(format!("no answer within {limit:?}"))));
    match outcome {
        Ok(response) => {
            let answer = response::read(response, url, deadline, hidden).await;
            Ok(HttpResponse { latency_ms: millis(started.elapsed()), ..answer })
        }
        Err(failure) => Err(failure.after(millis(started.elapsed()))),
    }
}

/// A request with the headers that each of ours has. `Host` and the body's length are the
/// client's to add.
fn request(method: Method, url: &Url, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse::<Uri>().map_err(|_| Failure::unsendable_url())?;
    let agent = concat!("sendpromptly/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
    Ok(request)
}
