//! How an exchange without a response went wrong, and whether another attempt may help.
//!
//! An address in the URL that is rejected will always be rejected, so that is final. All the rest
//! is the state of some network or server at one moment, a name that points to a private address
//! included: that is most often a mistake in the receiver's DNS, and trying again on the schedule
//! does no harm, because nothing is ever connected to.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use domain::alert::one_line;
use hyper_util::client::legacy;
use tower::timeout::error::Elapsed;

use super::resolver::LookUpError;

/// The longest message, in bytes; it is stored with the attempt and shown to its owner.
const MAX_MESSAGE: usize = 500;

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up (are the system's CA certificates installed?)")]
pub struct ClientUnavailable(#[source] pub(super) io::Error);

/// What went wrong. The names are stored with each attempt and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The URL holds an address that is not reached.
    AddressRejected,
    /// The host's name gave only addresses that are not reached.
    NameRejected,
    /// The host's name could not be looked up.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// No connection was made in time.
    ConnectTimedOut,
    /// It took too long.
    TimedOut,
    Reset,
    /// What came was no HTTP response, or the connection was closed without one.
    Protocol,
}

impl ErrorClass {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressRejected => "address_refused",
            Self::NameRejected => "name_refused",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ConnectTimedOut | Self::TimedOut => "timed_out",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
        }
    }

    /// Whether another attempt may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::AddressRejected => false,
            Self::NameRejected
            | Self::Dns
            | Self::Connect
            | Self::Tls
            | Self::ConnectTimedOut
            | Self::TimedOut
            | Self::Reset
            | Self::Protocol => true,
        }
    }
}

/// An exchange without a response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", class.as_str())]
pub struct ExchangeError {
    /// What went wrong.
    pub class: ErrorClass,
    /// More about it, for the owner of the URL; never the URL itself, which may hold a secret.
    pub message: String,
    /// How long it took, in milliseconds.
    pub latency_ms: i64,
}

impl ExchangeError {
    /// Whether another attempt may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.class.is_retryable()
    }
}

/// An [`ExchangeError`] whose clock has not been stopped yet.
pub(super) struct Failure {
    class: ErrorClass,
    message: String,
}

impl Failure {
    pub(super) fn address_refused(ip: IpAddr, range: &str) -> Self {
        let message = format!("{ip} is not reached ({range})");
        Self { class: ErrorClass::AddressRejected, message }
    }

    /// A header that HTTP has no way to send; which one is not said, because it may be a secret.
    pub(super) fn unsendable() -> Self {
        let message = "a header of the request cannot be sent".to_owned();
        Self { class: ErrorClass::Protocol, message }
    }

    /// A URL that is none in HTTP; what is saved has been checked, so this is not seen.
    pub(super) fn unsendable_url() -> Self {
        Self { class: ErrorClass::Protocol, message: "the URL cannot be requested".to_owned() }
    }

    pub(super) fn too_many_interim_responses() -> Self {
        let message = "interim (1xx) responses kept coming, and no other".to_owned();
        Self { class: ErrorClass::Protocol, message }
    }

    pub(super) fn timed_out(message: String) -> Self {
        Self { class: ErrorClass::TimedOut, message }
    }

    /// Reads the HTTP library's error, whose kinds are distinguished by their causes.
    pub(super) fn from_client(error: &legacy::Error, connect_timeout: Duration) -> Self {
        let causes = || std::iter::successors(error.source(), |&cause| cause.source());
        if let Some(resolve_name) = causes().find_map(|cause| cause.downcast_ref::<LookUpError>()) {
            return Self::resolve_name(resolve_name);
        }
        let root = causes().last().map_or_else(|| error.to_string(), ToString::to_string);
        if causes().any(is_tls) {
            return Self { class: ErrorClass::Tls, message: root };
        }
        let is_late = error.is_connect() && causes().any(is_time_out);
        if is_late || causes().any(<dyn Error>::is::<Elapsed>) {
            let message = format!("no connection within {connect_timeout:?}");
            return Self { class: ErrorClass::ConnectTimedOut, message };
        }
        let class = match () {
            () if error.is_connect() => ErrorClass::Connect,
            () if causes().any(<dyn Error>::is::<io::Error>) => ErrorClass::Reset,
            () => ErrorClass::Protocol,
        };
        Self { class, message: root }
    }

    fn resolve_name(error: &LookUpError) -> Self {
        let class = match error {
            LookUpError::Rejected { .. } => ErrorClass::NameRejected,
            LookUpError::Failed { .. } | LookUpError::Late { .. } | LookUpError::Empty { .. } => {
                ErrorClass::Dns
            }
        };
        Self { class, message: error.to_string() }
    }

    pub(super) fn after(self, latency_ms: i64) -> ExchangeError {
        let mut message = one_line(&self.message);
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        ExchangeError { class: self.class, message, latency_ms }
    }
}

/// Whole milliseconds, as attempts are stored.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The time of the last address is over a moment before the time of the connection, or the system's own is.
fn is_time_out(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// The TLS library's errors travel inside one or two `io::Error`s, which pass over their own
/// content when they are asked for a cause.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(content) => is_tls(content),
        None => cause.is::<rustls::Error>(),
    }
}
