//! What every URL that users let the product post to has in common.
//!
//! Repair URLs and the URLs of destinations are read here, so that a rule about schemes, hosts, user
//! names or fragments is written once. `http` is good enough in test projects; in live ones only for a host
//! that the operator of the installation lists by name, and not for a network's addresses, anyone
//! who has them.

use std::net::IpAddr;

use url::{ParseError, Url};

use super::address::{AllowedNetworks, host_address, rejected_range};
use super::host;
use crate::project::Mode;
use crate::url_credentials;

/// The longest URL, in characters. Longer ones break proxies and say nothing more.
pub const MAX_URL_LENGTH: usize = 2048;

/// What is wrong with a URL. The text continues a sentence that begins with the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No URL at all, or one with spaces or control characters in it.
    #[error("must be a full address such as https://shop.example.com/repair")]
    Malformed,
    /// More than [`MAX_URL_LENGTH`] characters.
    #[error("must have at most {MAX_URL_LENGTH} characters")]
    TooLong,
    /// A scheme that is not spoken here.
    #[error("must begin with https:// (in a test project http:// will do), not with {scheme}:")]
    Scheme {
        /// What it began with.
        scheme: String,
    },
    /// `http` where only `https` will do.
    #[error("must begin with https:// in a live project{}", unless_listed(entry.as_deref()))]
    HttpsRequired {
        /// How the operator of the installation lists this host, to let it be `http`; an address
        /// cannot be listed so.
        entry: Option<String>,
    },
    /// `http` to the public internet with a URL that is itself a secret.
    #[error("must begin with https://")]
    HttpsAlways,
    /// Nothing to connect to.
    #[error("must name a host, as in https://shop.example.com/repair")]
    HostMissing,
    /// A user name or a password.
    #[error(
        "must not contain a user name or password: take out the part before the @, and let a \
         callback header carry it, such as Authorization"
    )]
    Credentials,
    /// The same where no header can be added.
    #[error("must not contain a user name or password: take out the part before the @")]
    CredentialsWithoutHeader,
    /// A part that no server ever sees.
    #[error("must not contain a fragment: take out the # and what follows")]
    Fragment,
    /// An IP address in a range that is not reached.
    #[error(
        "must not point to {address} ({range}): use a public host, or list its network in \
         SENDPROMPTLY_CALLBACK_ALLOW, such as {address}"
    )]
    AddressRejected {
        /// The address, in its normal spelling.
        address: IpAddr,
        /// The name of the range that it is in.
        range: &'static str,
    },
}

/// Reads a URL that is safe to post to as far as its text shows.
///
/// # Errors
/// The first error, in the order in which a person would fix them.
pub(crate) fn read_outbound(
    text: &str,
    mode: Mode,
    allow: &AllowedNetworks,
) -> Result<Url, UrlError> {
    let url = read_plain(text, allow)?;
    let is_named = || allow.names_host_of(&url);
    match mode {
        Mode::Live if url.scheme() != "https" && !is_named() => {
            Err(UrlError::HttpsRequired { entry: host::entry_for(&url) })
        }
        Mode::Live | Mode::Test => Ok(url),
    }
}

/// Reads a URL that is itself a secret, so that it goes over plain `http` to hosts of the
/// operator's own network only, in test projects too.
///
/// # Errors
/// As [`read_outbound`].
pub(crate) fn read_secret_outbound(
    text: &str,
    mode: Mode,
    allow: &AllowedNetworks,
) -> Result<Url, UrlError> {
    let url = read_outbound(text, mode, allow).map_err(|error| match error {
        UrlError::Scheme { .. } => UrlError::HttpsAlways,
        error => error,
    })?;
    if url.scheme() == "https" || is_own(&url, allow) {
        return Ok(url);
    }
    Err(UrlError::HttpsAlways)
}

/// Whether a URL leads into a network, or to a host, that the operator of the installation lists.
pub(crate) fn is_own(url: &Url, allow: &AllowedNetworks) -> bool {
    let address = url.host().and_then(|host| host_address(&host));
    address.is_some_and(|ip| allow.contains(ip)) || allow.names_host_of(url)
}

/// As [`read_outbound`], whatever the scheme, as long as it is one of the two.
fn read_plain(text: &str, allow: &AllowedNetworks) -> Result<Url, UrlError> {
    let url = read_url(text.trim())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Scheme { scheme: url.scheme().to_owned() });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    let host = url.host().ok_or(UrlError::HostMissing)?;
    match host_address(&host).and_then(|ip| Some((ip, rejected_range(ip, allow)?))) {
        // An address is no name, so this is `localhost` or below.
        Some(_) if allow.names_host_of(&url) => Ok(url),
        Some((address, range)) => Err(UrlError::AddressRejected { address, range }),
        None => Ok(url),
    }
}

/// Parses strictly: the `url` crate follows browsers and drops tabs and line ends in silence.
fn read_url(text: &str) -> Result<Url, UrlError> {
    if text.chars().count() > MAX_URL_LENGTH {
        return Err(UrlError::TooLong);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(UrlError::Malformed);
    }
    Url::parse(text).map_err(|error| match error {
        ParseError::EmptyHost => UrlError::HostMissing,
        _ if url_credentials::find_unencoded(text).is_some() => UrlError::Credentials,
        _ => UrlError::Malformed,
    })
}

fn unless_listed(entry: Option<&str>) -> String {
    entry.map_or_else(String::new, |entry| {
        format!(
            ". For a host of your own network, the operator of the installation lists {entry} in \
             SENDPROMPTLY_CALLBACK_ALLOW of api and worker"
        )
    })
}
