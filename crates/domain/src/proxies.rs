//! Where a request comes from, where proxies stand in front.
//!
//! The other end of a connection is the client, unless it is a proxy that the operator of the
//! installation names: then the client is what that proxy says in `X-Forwarded-For`. Each hop appends
//! whom it saw, so the list is read from its end, and the first address that is no named proxy counts;
//! what stands before it may have been made up by the client. Nothing is guessed: where a proxy says
//! nothing that can be read, or one that nobody named seems to be there, the address is unknown, and what
//! is limited by address is not limited then, because everyone would have the same.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// The networks of one's own proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry of the list is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must list addresses and networks with commas between them, such as 10.0.0.7,fd00::/64; {0:?} is neither"
)]
pub struct MalformedProxy(pub String);

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddress {
    /// From there.
    Known(IpAddr),
    /// From behind a proxy that says nothing of use.
    Unsaid,
    /// From behind what seems to be a proxy that nobody named.
    Unnamed(IpAddr),
}

impl ClientAddress {
    /// Whom limits count as one: an address, or of IPv6 the network of 64 bits that every household and
    /// every machine gets. `None` where it is not known.
    #[must_use]
    pub fn group(self) -> Option<IpAddr> {
        match self {
            Self::Known(ip) => Some(group(ip)),
            Self::Unsaid | Self::Unnamed(_) => None,
        }
    }
}

/// Whom limits count as one, see [`ClientAddress::group`].
#[must_use]
pub fn group(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip @ IpAddr::V4(_) => ip,
    }
}

impl TrustedProxies {
    /// Whether the address is that of one.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let plain = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&plain))
    }

    /// Where a request comes from: `peer` is the other end of its connection, `forwarded` the lines of
    /// `X-Forwarded-For` in their order.
    #[must_use]
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> ClientAddress {
        let peer = peer.to_canonical();
        let mut hops = forwarded.rev().flat_map(|line| line.rsplit(','));
        if !self.contains(peer) {
            let seems_proxied = is_local(peer) && hops.next().is_some();
            let unnamed = ClientAddress::Unnamed(peer);
            return if seems_proxied { unnamed } else { ClientAddress::Known(peer) };
        }
        let mut first = None;
        for hop in hops {
            let Some(ip) = read_hop(hop) else { return ClientAddress::Unsaid };
            if !self.contains(ip) {
                return ClientAddress::Known(ip);
            }
            first = Some(ip);
        }
        first.map_or(ClientAddress::Unsaid, ClientAddress::Known)
    }
}

impl FromStr for TrustedProxies {
    type Err = MalformedProxy;

    /// Reads `SENDPROMPTLY_TRUSTED_PROXIES`; an address without a length is a network of one.
    fn from_str(text: &str) -> Result<Self, MalformedProxy> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let read = |entry: &str| {
            let network = entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| MalformedProxy(entry.to_owned()))
        };
        entries.map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// An address as proxies write it: plain, or with a port, of IPv6 in brackets then.
fn read_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.parse().ok().or_else(|| {
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let host = bracketed.or_else(|| text.split_once(':')).map(|(host, _)| host);
        host.and_then(|host| host.parse().ok())
    });
    plain.map(|ip: IpAddr| ip.to_canonical())
}

/// Where one's own proxies usually are: on the machine, or in a network of one's own.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || (a == 100 && (b & 0xc0) == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> ClientAddress {
        let trusted: TrustedProxies = trusted.parse().expect("a list");
        trusted.client(peer.parse().expect("an address"), forwarded.iter().copied())
    }

    fn known(ip: &str) -> ClientAddress {
        ClientAddress::Known(ip.parse().expect("an address"))
    }

    #[test]
    fn the_client_is_the_other_end_unless_that_is_a_named_proxy() {
        let ours = "10.0.0.0/8, 192.0.2.7 ,fd00::/64";
        for (peer, forwarded, expected) in [
            ("198.51.100.1", &[][..], known("198.51.100.1")),
            // A client that makes something up.
            ("198.51.100.1", &["203.0.113.9"], known("198.51.100.1")),
            ("10.0.0.7", &["203.0.113.9"], known("203.0.113.9")),
            ("::ffff:10.0.0.7", &["203.0.113.9"], known("203.0.113.9")),
            ("192.0.2.7", &["203.0.113.9:4711"], known("203.0.113.9")),
            ("fd00::1", &["[2001:db8::9]:4711"], known("2001:db8::9")),
            ("fd00::1", &["2001:db8::9"], known("2001:db8::9")),
            // The end counts, past one's own proxies, whatever the client put before it.
            ("10.0.0.7", &["127.0.0.1, 203.0.113.9, 10.0.0.8"], known("203.0.113.9")),
            ("10.0.0.7", &["127.0.0.1", "203.0.113.9", "10.0.0.8"], known("203.0.113.9")),
            ("10.0.0.7", &["10.0.0.9, 10.0.0.8"], known("10.0.0.9")),
            ("10.0.0.7", &[], ClientAddress::Unsaid),
            ("10.0.0.7", &["unknown"], ClientAddress::Unsaid),
            ("10.0.0.7", &["203.0.113.9, nonsense, 10.0.0.8"], ClientAddress::Unsaid),
            ("10.0.0.7", &[""], ClientAddress::Unsaid),
        ] {
            assert_eq!(client(ours, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_proxy_that_nobody_named_is_noticed_by_where_it_is_and_what_it_says() {
        let unnamed = |ip: &str| ClientAddress::Unnamed(ip.parse().expect("an address"));
        for local in ["127.0.0.1", "172.18.0.5", "fd12::1", "::1", "100.64.0.1"] {
            assert_eq!(client("", local, &["203.0.113.9"]), unnamed(local));
            assert_eq!(client("", local, &[]), known(local), "a client on the machine");
        }
    }

    #[test]
    fn limits_count_a_network_of_64_bits_as_one() {
        assert_eq!(known("2001:db8::9").group(), known("2001:db8::77").group());
        assert_ne!(known("2001:db8::9").group(), known("2001:db8:0:1::9").group());
        assert_ne!(known("203.0.113.9").group(), known("203.0.113.10").group());
        assert_eq!(known("::ffff:203.0.113.9").group(), known("203.0.113.9").group());
        assert_eq!(ClientAddress::Unsaid.group(), None);
    }

    #[test]
    fn an_entry_that_is_no_network_is_named() {
        for bad in ["nginx", "10.0.0.0/33", "10.0.0.7:80", "10.0.0.7 10.0.0.8"] {
            let error = format!("10.0.0.1,{bad}").parse::<TrustedProxies>().expect_err(bad);
            assert_eq!(error, MalformedProxy(bad.to_owned()));
        }
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
    }
}
