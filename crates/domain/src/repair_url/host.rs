//! Hosts of one's own network that the operator of the installation lists by name.
//!
//! An entry is a name and, if wanted, a port: `billing:3000` is that port alone, `billing` every
//! port. Names are compared exactly, as a URL spells them in its normal form: there are no
//! wildcards and no parts of names, so that an entry never opens more than what was written.

use url::{Host, Url};

/// One host, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AllowedHost {
    name: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `name` or `name:port`.
    ///
    /// # Errors
    /// What is wrong, to be said after the entry.
    pub(super) fn parse(entry: &str) -> Result<Self, &'static str> {
        if entry.contains('*') {
            return Err("there are no wildcards, list each host");
        }
        if entry.contains("://") {
            return Err("leave out the scheme, as in billing:3000");
        }
        if entry.contains('/') {
            return Err("it is no network, and a host has no path");
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(read_port(port)?)),
            None => (entry, None),
        };
        match Host::parse(name) {
            Ok(Host::Domain(name)) if is_plain(&name) => Ok(Self { name, port }),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => {
                Err("an address is listed without a port, as a network such as 10.1.2.3/32")
            }
            _ => Err("a host is a name and, if wanted, a port, such as billing or billing:3000"),
        }
    }

    /// Whether the URL leads there.
    pub(super) fn is_host_of(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        matches!(url.host(), Some(Host::Domain(name)) if name == self.name)
            && self.port.is_none_or(|only| Some(only) == port)
    }
}

/// How the host of a URL is listed; `None` where it is an address.
pub(super) fn entry_for(url: &Url) -> Option<String> {
    match (url.host()?, url.port_or_known_default()) {
        (Host::Domain(name), Some(port)) => Some(format!("{name}:{port}")),
        _ => None,
    }
}

fn read_port(text: &str) -> Result<u16, &'static str> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or("a port is a number from 1 to 65535")
}

/// What resolvers look up; a URL's host may hold more.
fn is_plain(name: &str) -> bool {
    name.split('.').all(|label| !label.is_empty() && label.len() <= 63)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(entry: &str, url: &str) -> bool {
        let url = Url::parse(url).expect("a URL");
        AllowedHost::parse(entry).expect(entry).is_host_of(&url)
    }

    #[test]
    fn a_host_is_met_by_its_exact_name_and_port() {
        for (entry, url) in [
            ("billing:3000", "http://billing:3000/repair"),
            ("Billing:3000", "http://BILLING:3000/"),
            ("billing", "http://billing:3000/"),
            ("billing", "https://billing/"),
            ("billing:80", "http://billing/"),
            ("billing:443", "https://billing/"),
            ("billing_api.shop.internal:8080", "http://billing_api.shop.internal:8080/"),
        ] {
            assert!(leads(entry, url), "{entry} {url}");
        }
        for (entry, url) in [
            ("billing:3000", "http://billing:3001/"),
            ("billing:3000", "http://billing/"),
            ("billing", "http://billing.example.com/"),
            ("billing", "http://my-billing/"),
            ("billing", "http://billing./"),
            ("shop.internal", "http://billing.shop.internal/"),
            ("localhost:3000", "http://127.0.0.1:3000/"),
        ] {
            assert!(!leads(entry, url), "{entry} {url}");
        }
    }

    #[test]
    fn what_is_no_host_says_why() {
        for (bad, why) in [
            ("*.internal", "no wildcards"),
            ("*", "no wildcards"),
            ("http://billing:3000", "leave out the scheme"),
            ("billing:3000/repair", "no path"),
            ("10.0.0.0/33", "no network"),
            ("10.1.2.3:3000", "without a port"),
            ("127.1", "as a network"),
            ("0x7f.1", "as a network"),
            ("[::1]:3000", "without a port"),
            ("billing:", "a port is a number"),
            ("billing:0", "a port is a number"),
            ("billing:99999", "a port is a number"),
            ("billing:+80", "a port is a number"),
            ("alice@billing", "is a name"),
            ("billing api", "is a name"),
            (".internal", "is a name"),
        ] {
            let message = AllowedHost::parse(bad).expect_err(bad);
            assert!(message.contains(why), "{bad}: {message}");
        }
    }
}
