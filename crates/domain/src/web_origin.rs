//! Origins: where a web page comes from, as browsers name it.
//!
//! Two origins are the same if scheme, host and port are (RFC 6454, section 5), so they are
//! compared in their normal form: capitals, a slash at the end and the scheme's own port make no
//! difference.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// An http or https origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin {
    scheme: String,
    host: Host,
    port: u16,
}

impl WebOrigin {
    /// The origin of a page's address.
    #[must_use]
    pub fn from_url(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let (host, port) = (url.host()?.to_owned(), url.port_or_known_default()?);
        Some(Self { scheme: url.scheme().to_owned(), host, port })
    }

    /// Reads the header `Origin`, which holds nothing but an origin; `null` is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (_, authority) = text.split_once("://")?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return None;
        }
        Self::from_url(text)
    }

    /// Whether it is the machine itself without TLS, as in development.
    #[must_use]
    pub fn is_plain_loopback(&self) -> bool {
        let loopback = match &self.host {
            Host::Ipv4(ip) => IpAddr::V4(*ip).is_loopback(),
            Host::Ipv6(ip) => IpAddr::V6(*ip).is_loopback(),
            Host::Domain(name) => name == "localhost",
        };
        self.scheme == "http" && loopback
    }

    /// Whether browsers keep a secure cookie there: over TLS, or on the machine itself, which they
    /// treat as safe whatever the scheme.
    #[must_use]
    pub fn keeps_sessions(&self) -> bool {
        self.scheme == "https" || self.is_plain_loopback()
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port_in_whatever_spelling() {
        let public = WebOrigin::from_url("https://Pay.Example.com/watch/").expect("an origin");
        for same in [
            "https://pay.example.com",
            "https://pay.example.com/",
            "https://pay.example.com:443",
            "HTTPS://PAY.EXAMPLE.COM",
        ] {
            assert_eq!(WebOrigin::parse(same).as_ref(), Some(&public), "{same}");
        }
        for other in [
            "http://pay.example.com",
            "https://pay.example.com:8443",
            "https://example.com",
            "https://evil.pay.example.com",
            "https://pay.example.com.evil.example",
        ] {
            assert_ne!(WebOrigin::parse(other).expect(other), public, "{other}");
        }
        assert_eq!(public.to_string(), "https://pay.example.com");
        let plain = WebOrigin::from_url("http://[::1]:8080").expect("an origin");
        assert_eq!(plain.to_string(), "http://[::1]:8080");
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_none() {
        for text in [
            "null",
            "",
            "pay.example.com",
            "https://",
            "https://pay.example.com/path",
            "https://alice@pay.example.com",
            "https://pay.example.com?x",
            "https://pay.example.com#x",
            "https://pay.example.com\\x",
            "file:///x",
            "javascript:alert(1)",
            "https://pay.example.com https://evil.example",
            "chrome-extension://abc",
        ] {
            assert_eq!(WebOrigin::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_machine_itself_has_several_names() {
        for (text, loopback, keeps) in [
            ("http://127.0.0.1:8080", true, true),
            ("http://localhost:8080", true, true),
            ("http://[::1]:8080", true, true),
            ("https://localhost:8080", false, true),
            ("https://pay.example.com", false, true),
            ("http://pay.example.com", false, false),
            ("http://10.0.0.5:8080", false, false),
            ("http://localhost.evil.example:8080", false, false),
        ] {
            let origin = WebOrigin::parse(text).expect(text);
            assert_eq!(origin.is_plain_loopback(), loopback, "{text}");
            assert_eq!(origin.keeps_sessions(), keeps, "{text}");
        }
    }
}
