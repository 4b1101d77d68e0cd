//! A lazy connection to Temporal.
//!
//! The SDK's client connects eagerly and waits without end. Here the first use connects, within 5
//! s, and a failure is remembered for a second, so that many callers do not queue up behind a
//! server that is down. Once there, the connection recovers by itself, and is replaced by another one
//! where its credentials are (`credentials`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use temporalio_client::{Client, Connection, ConnectionOptions, GrpcCompression};
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeNamespaceRequest, DescribeNamespaceResponse,
};
use tokio::sync::Mutex;
use tonic::IntoRequest;

use crate::backlog::Seen;
use crate::credentials::Credentials;
use crate::environment::{Foreign, Remembered};
use crate::settings::TemporalSettings;
use crate::version::WorkerVersion;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FAILURE_MEMORY: Duration = Duration::from_secs(1);
/// A worker whose heartbeat is older is gone, as [`store::health::read_workers`] has it.
const GONE_AFTER: Duration = Duration::from_secs(45);

/// Temporal could not be used. Cloneable, so that a failure can be remembered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The settings make no sense.
    #[error("the Temporal settings are wrong: {0}")]
    Settings(String),
    /// The server cannot be reached or does not want us now.
    #[error("Temporal is out of reach: {0}")]
    Unreachable(String),
    /// The server takes no more for now, of anyone or of this namespace.
    #[error("Temporal takes no more for now: {0}")]
    Busy(String),
    /// The server rejects this very request, and will reject it again.
    #[error("Temporal refused the request: {0}")]
    Rejected(String),
    /// The server has no such namespace.
    #[error(
        "Temporal has no namespace {0}: run `sendpromptly setup temporal`, or see TEMPORAL_NAMESPACE"
    )]
    NoNamespace(String),
    /// The namespace belongs to another database.
    #[error("{0}; {cure}", cure = Foreign::CURE)]
    Foreign(Foreign),
}

impl EngineError {
    /// What kind of failure it is, as a label of the metrics.
    pub(crate) const fn cause(&self) -> &'static str {
        match self {
            Self::Settings(_) => "settings",
            Self::Unreachable(_) => "unreachable",
            Self::Busy(_) => "busy",
            Self::Rejected(_) => "rejected",
            Self::NoNamespace(_) => "namespace",
            Self::Foreign(_) => "environment",
        }
    }
}

/// Temporal, connected when first needed.
pub struct Engine {
    process: &'static str,
    console: Option<String>,
    settings: TemporalSettings,
    task_queue: String,
    version: Option<WorkerVersion>,
    probes: bool,
    retention: bool,
    shares_processors: bool,
    state: Mutex<State>,
    renewals: AtomicU64,
    pub(crate) environment: Mutex<Remembered>,
    pub(crate) queue: Seen,
    beat_at: StdMutex<Option<Instant>>,
}

#[derive(Default)]
struct State {
    connected: Option<Connected>,
    failed: Option<(Instant, EngineError)>,
}

struct Connected {
    client: Client,
    credentials: Credentials,
}

impl Engine {
    /// Temporal by these settings; watches run on this task queue.
    #[must_use]
    pub fn new(settings: TemporalSettings, task_queue: impl Into<String>) -> Self {
        Self {
            process: "sendpromptly",
            console: None,
            settings,
            task_queue: task_queue.into(),
            version: None,
            probes: false,
            retention: false,
            shares_processors: false,
            state: Mutex::default(),
            renewals: AtomicU64::default(),
            environment: Mutex::default(),
            queue: Seen::default(),
            beat_at: StdMutex::default(),
        }
    }

    /// The same, for a process that Temporal's tools list under this name.
    #[must_use]
    pub fn named(self, process: &'static str) -> Self {
        Self { process, ..self }
    }

    /// The same, where people find the console at this address, without a slash at the end. Watches
    /// that are started then link to their event.
    #[must_use]
    pub fn with_console(self, url: impl Into<String>) -> Self {
        Self { console: Some(url.into()), ..self }
    }

    /// The same, whose workers are of this version, if of any.
    #[must_use]
    pub fn with_version(self, version: Option<WorkerVersion>) -> Self {
        Self { version, ..self }
    }

    /// The same, which probes once a minute that all works, where a dead-man URL is set.
    #[must_use]
    pub fn with_probes(self, probes: bool) -> Self {
        Self { probes, ..self }
    }

    /// The same, whose workers see that retention is scheduled.
    #[must_use]
    pub fn with_retention(self) -> Self {
        Self { retention: true, ..self }
    }

    /// The same, where Temporal runs on the processors that take receipts.
    #[must_use]
    pub fn with_shared_processors(self) -> Self {
        Self { shares_processors: true, ..self }
    }

    pub(crate) const fn shares_processors(&self) -> bool {
        self.shares_processors
    }

    /// Whether workers here see that retention is scheduled.
    #[must_use]
    pub const fn retains(&self) -> bool {
        self.retention
    }

    /// Notes that a worker of this process has said that it polls.
    pub fn note_heartbeat(&self) {
        *self.beat_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Notes that no worker of this process polls any more.
    pub fn end_heartbeat(&self) {
        *self.beat_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a worker of this process polls, as far as is known.
    pub(crate) fn polls(&self) -> bool {
        let beat_at = *self.beat_at.lock().unwrap_or_else(PoisonError::into_inner);
        beat_at.is_some_and(|at| at.elapsed() < GONE_AFTER)
    }

    /// Whether a dead-man URL is set, and probes are started for it.
    #[must_use]
    pub const fn probes(&self) -> bool {
        self.probes
    }

    /// Which version workers here are of, where they are of any.
    #[must_use]
    pub const fn version(&self) -> Option<&WorkerVersion> {
        self.version.as_ref()
    }

    pub(crate) fn console(&self) -> Option<&str> {
        self.console.as_deref()
    }

    /// How Temporal's tools list this process: its name and version, and where it runs.
    #[must_use]
    pub fn identity(&self) -> String {
        let (version, host) = (env!("CARGO_PKG_VERSION"), gethostname::gethostname());
        format!("{} {version}@{}#{}", self.process, host.to_string_lossy(), std::process::id())
    }

    /// The task queue of the watches.
    #[must_use]
    pub fn task_queue(&self) -> &str {
        &self.task_queue
    }

    /// The namespace, by the settings alone.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub fn namespace(&self) -> Result<String, EngineError> {
        Ok(self.settings.options()?.1.namespace)
    }

    /// Whether this is Temporal Cloud, where namespaces and search attributes are made elsewhere.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        self.settings.options().is_ok_and(|(connection, _)| leads_to_cloud(&connection))
    }

    /// The client, connecting if need be.
    ///
    /// # Errors
    /// When the settings are wrong or the server does not respond within 5 s.
    pub async fn client(&self) -> Result<Client, EngineError> {
        let mut state = self.state.lock().await;
        if let Some(connected) = &mut state.connected {
            if connected.credentials.are_replaced(&self.settings, Instant::now()) {
                self.renew(connected).await;
            }
            return Ok(connected.client.clone());
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < FAILURE_MEMORY
        {
            return Err(error.clone());
        }
        match Box::pin(connect(&self.settings, self.identity())).await {
            Ok(connected) => {
                let client = connected.client.clone();
                state.connected = Some(connected);
                Ok(client)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Connects with the credentials that the settings hold by now. Where the server does not take them,
    /// as a certificate whose authority it does not know yet, the connection of before goes on.
    async fn renew(&self, connected: &mut Connected) {
        match Box::pin(connect(&self.settings, self.identity())).await {
            Ok(renewed) => {
                tracing::info!("connected to Temporal with its new credentials");
                *connected = renewed;
                self.renewals.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                connected.credentials.were_rejected(Instant::now());
                tracing::warn!(%error, "could not connect to Temporal with its new credentials");
            }
        }
    }

    /// How often the connection was replaced. Who keeps a client goes on with another one when it was.
    #[must_use]
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// Whether Temporal responds and knows the namespace, within 5 s.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check(&self) -> Result<(), EngineError> {
        self.describe_namespace().await.map(|_| ())
    }

    /// What Temporal says of the namespace, within 5 s.
    pub(crate) async fn describe_namespace(
        &self,
    ) -> Result<DescribeNamespaceResponse, EngineError> {
        let client = self.client().await?;
        let namespace = client.options().namespace.clone();
        let request = DescribeNamespaceRequest {
            namespace: namespace.clone(),
            ..DescribeNamespaceRequest::default()
        };
        let mut service = client.connection().workflow_service();
        ask(service.describe_namespace(request.into_request())).await.map_err(|status| match status
            .code()
        {
            tonic::Code::NotFound => EngineError::NoNamespace(namespace),
            _ => judge_status(&status),
        })
    }
}

/// By the host, or by whose certificate is expected where the host is one of the own network, as behind
/// a private link of the cloud's provider.
fn leads_to_cloud(connection: &ConnectionOptions) -> bool {
    let expected = connection.tls_options.as_ref().and_then(|tls| tls.domain.as_deref());
    let hosts = [connection.target.host_str(), expected];
    hosts.into_iter().flatten().any(|host| {
        let host = host.to_ascii_lowercase();
        host.ends_with(".tmprl.cloud") || host.ends_with(".api.temporal.io")
    })
}

/// Waits at most 5 s for a response; none by then is a status as well.
pub(crate) async fn ask<T>(
    response: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<T, tonic::Status> {
    match tokio::time::timeout(CONNECT_TIMEOUT, response).await {
        Ok(response) => response.map(tonic::Response::into_inner),
        Err(_) => Err(tonic::Status::deadline_exceeded("no answer within 5 s")),
    }
}

async fn connect(settings: &TemporalSettings, identity: String) -> Result<Connected, EngineError> {
    let (mut connection, options) = settings.options()?;
    let credentials = Credentials::new(&connection, Instant::now());
    prepare(&mut connection, identity);
    let connecting = Connection::connect(connection);
    let connection = tokio::time::timeout(CONNECT_TIMEOUT * 2, connecting)
        .await
        .map_err(|_| EngineError::Unreachable("no connection within 10 s".to_owned()))?
        .map_err(|error| EngineError::Unreachable(error.to_string()))?;
    let client = Client::new(connection, options);
    let client = client.map_err(|error| EngineError::Settings(error.to_string()))?;
    Ok(Connected { client, credentials })
}

/// What the settings do not say of a connection.
fn prepare(connection: &mut ConnectionOptions, identity: String) {
    connection.identity = identity;
    connection.connect_timeout = Some(CONNECT_TIMEOUT);
    // A message of ours has a few hundred bytes; each would be given a compressor of 380 kB, which
    // costs more time than it saves and leaves holes in the heap that no other use fills.
    connection.grpc_compression = GrpcCompression::None;
    // The library would connect to all addresses of a name beside each other, and ask the one that is settled first, be it by
    // an error: where one cannot be reached from here, as of IPv6 in a container, no connection would be made. With this
    // off it tries them in turn, and looks the name up again whenever it connects.
    connection.dns_load_balancing = None;
}

/// Distinguishes a request that will never work from a server that is not there.
pub(crate) fn judge_status(status: &tonic::Status) -> EngineError {
    match status.code() {
        tonic::Code::InvalidArgument | tonic::Code::OutOfRange | tonic::Code::Unimplemented => {
            EngineError::Rejected(status.message().to_owned())
        }
        tonic::Code::NotFound if status.message().starts_with("Namespace ") => {
            let name = status.message().split(' ').nth(1);
            EngineError::NoNamespace(name.unwrap_or_default().to_owned())
        }
        tonic::Code::ResourceExhausted => EngineError::Busy(status.message().to_owned()),
        code => EngineError::Unreachable(format!("{code:?}: {}", status.message())),
    }
}

#[cfg(test)]
mod tests {
    use temporalio_client::{TlsOptions, Url};

    use super::*;

    #[test]
    fn the_addresses_of_a_name_are_tried_in_turn() {
        let target: Url = "http://temporal.example.com:7233".parse().expect("a URL");
        let mut connection = ConnectionOptions::new(target).build();
        prepare(&mut connection, "sendpromptly-worker".to_owned());
        assert!(connection.dns_load_balancing.is_none());
        assert_eq!(connection.identity, "sendpromptly-worker");
    }

    #[test]
    fn the_cloud_is_known_by_its_host_and_behind_a_private_link_by_its_certificate() {
        let leads = |url: &str, expected: Option<&str>| {
            let target: Url = url.parse().expect("a URL");
            let tls = TlsOptions::builder().maybe_domain(expected.map(str::to_owned)).build();
            leads_to_cloud(&ConnectionOptions::new(target).tls_options(tls).build())
        };
        assert!(leads("https://shop.a1b2c.tmprl.cloud:7233", None));
        assert!(leads("https://eu-west-1.aws.api.temporal.io:7233", None));
        let link = "https://vpce-0123.vpce-svc-4567.eu-west-1.vpce.amazonaws.com:7233";
        assert!(leads(link, Some("shop.a1b2c.tmprl.cloud")));
        assert!(!leads(link, None));
        assert!(!leads("https://temporal.example.com:7233", Some("temporal.example.com")));
    }
}
