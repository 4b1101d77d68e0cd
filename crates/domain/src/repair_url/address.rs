//! Which addresses requests on behalf of users may reach.
//!
//! Everything that is not plainly the public internet is rejected, unless the operator lists the
//! network in `SENDPROMPTLY_CALLBACK_ALLOW`; a host that is listed there by name ([`super::host`])
//! is also reached at private addresses, and at none of the other rejected ones. An IPv6 address
//! that only wraps an IPv4 one (mapped, NAT64) is judged by what it wraps; the tunnels of the past
//! (6to4, Teredo, IPv4-compatible) and everything outside the global unicast block `2000::/3` are
//! rejected whole.
//!
//! Where a cloud hands out credentials to whoever asks from the inside (`METADATA`), no network opens
//! the way: such an address is reached only where it is listed itself, alone.
//!
//! Sources: the IANA special-purpose registries,
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

use super::host::AllowedHost;

/// IPv4 ranges that are rejected, and what to call them.
const REJECTED_V4: &[(Ipv4Net, &str)] = &[
    (v4([0, 0, 0, 0], 8), "unspecified, this network"),
    (v4([10, 0, 0, 0], 8), "private network"),
    (v4([100, 64, 0, 0], 10), "carrier-grade NAT"),
    (v4([127, 0, 0, 0], 8), "loopback"),
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private network"),
    (v4([192, 0, 0, 0], 24), "reserved for protocols"),
    (v4([192, 0, 2, 0], 24), "documentation"),
    (v4([192, 88, 99, 0], 24), "6to4 relay"),
    (v4([192, 168, 0, 0], 16), "private network"),
    (v4([198, 18, 0, 0], 15), "benchmarking"),
    (v4([198, 51, 100, 0], 24), "documentation"),
    (v4([203, 0, 113, 0], 24), "documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
];

/// IPv6 ranges that are rejected. All that is outside [`GLOBAL_UNICAST`] is rejected anyway, so the
/// rows out there only give a better name.
const REJECTED_V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "IPv4-compatible"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "local NAT64"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard-only"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "benchmarking"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved for protocols"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local network"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];
/// Where clouds give whoever asks from the inside credentials or the data of the machine, by their own
/// documentation.
const METADATA: &[IpAddr] = &[
    // AWS, Azure, Google Cloud, OpenStack, DigitalOcean, Hetzner and most others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // AWS: credentials of ECS tasks, and of EKS pods.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    // Tencent Cloud, Scaleway.
    IpAddr::V4(Ipv4Addr::new(169, 254, 0, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),
    // Alibaba Cloud, Oracle Cloud at Customer, Azure's agent.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // The same by IPv6: AWS twice, Google Cloud, Scaleway, OpenStack.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];
/// What they are called.
const METADATA_NAME: &str = "cloud metadata";
/// Where the services of one's own network are.
const PRIVATE: [&str; 4] =
    ["private network", "carrier-grade NAT", "loopback", "unique local network"];
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// Networks and hosts that the operator opens on top of the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks {
    networks: Vec<IpNet>,
    hosts: Vec<AllowedHost>,
}

/// An entry of the list is neither a network nor a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "SENDPROMPTLY_CALLBACK_ALLOW must list networks and hosts with commas between them, such as \
     10.1.0.0/16,fd00::/8,billing:3000; {entry:?} is neither: {why}"
)]
pub struct MalformedNetwork {
    /// The entry that could not be read.
    pub entry: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl AllowedNetworks {
    /// Only the public internet.
    #[must_use]
    pub const fn none() -> Self {
        Self { networks: Vec::new(), hosts: Vec::new() }
    }

    /// Whether the address is in one of the networks, also in its IPv4-mapped form. A cloud's
    /// metadata is in none that holds anything beside it.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let plain = ip.to_canonical();
        let mut opening = self
            .networks
            .iter()
            .filter(|network| network.contains(&ip) || network.contains(&plain));
        if is_metadata(ip) {
            opening.any(|network| network.prefix_len() == network.max_prefix_len())
        } else {
            opening.next().is_some()
        }
    }

    /// Whether the URL's host is listed by its name, for the URL's port.
    #[must_use]
    pub fn names_host_of(&self, url: &Url) -> bool {
        self.hosts.iter().any(|host| host.is_host_of(url))
    }

    /// Whether any host is listed by its name.
    #[must_use]
    pub fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }
}

impl FromStr for AllowedNetworks {
    type Err = MalformedNetwork;

    /// Reads `SENDPROMPTLY_CALLBACK_ALLOW`; an address without a length is a network of one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut allowed = Self::none();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            if let Some(network) = read_network(entry) {
                allowed.networks.push(network);
                continue;
            }
            let host = AllowedHost::parse(entry);
            let wrong = |why| MalformedNetwork { entry: entry.to_owned(), why };
            allowed.hosts.push(host.map_err(wrong)?);
        }
        Ok(allowed)
    }
}

/// Whether a request on behalf of a user may be sent to the address.
#[must_use]
pub fn address_allowed(ip: IpAddr, allow: &AllowedNetworks) -> bool {
    rejected_range(ip, allow).is_none()
}

/// The name of the rejected range that the address is in, or `None` when it may be reached.
#[must_use]
pub fn rejected_range(ip: IpAddr, allow: &AllowedNetworks) -> Option<&'static str> {
    if allow.contains(ip) {
        return None;
    }
    if METADATA.contains(&ip) {
        return Some(METADATA_NAME);
    }
    match ip {
        IpAddr::V4(ip) => named(REJECTED_V4, |range| range.contains(&ip)),
        IpAddr::V6(ip) => match wrapped_v4(ip) {
            Some(wrapped) => rejected_range(IpAddr::V4(wrapped), allow),
            None => named(REJECTED_V6, |range| range.contains(&ip))
                .or_else(|| (!GLOBAL_UNICAST.contains(&ip)).then_some("reserved")),
        },
    }
}

/// The same for an address that a host has which is listed by its name: private ones may be reached
/// there, and all the others are rejected as ever, so that no name leads to a cloud's metadata.
#[must_use]
pub fn rejected_range_of_named_host(ip: IpAddr, allow: &AllowedNetworks) -> Option<&'static str> {
    rejected_range(ip, allow).filter(|range| !PRIVATE.contains(range))
}

/// The address that a URL's host means without a DNS query: an IP address, or `localhost` and the
/// names below it, which are loopback by RFC 6761.
#[must_use]
pub fn host_address<S: AsRef<str>>(host: &Host<S>) -> Option<IpAddr> {
    match host {
        Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
        Host::Domain(name) => {
            let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
            let local = name == "localhost" || name.ends_with(".localhost");
            local.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
    }
}

/// The IPv4 address that this one is only another way to reach: IPv4-mapped or NAT64.
///
/// The local NAT64 block `64:ff9b:1::/48` is not unwrapped: the position of the IPv4 address in it
/// is the network's own choice, so the block is rejected unless it is listed as allowed.
fn wrapped_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    ip.to_ipv4_mapped().or_else(|| {
        let [.., a, b, c, d] = ip.octets();
        NAT64.contains(&ip).then_some(Ipv4Addr::new(a, b, c, d))
    })
}

/// Whether a cloud's metadata is reached at the address, in whatever form.
fn is_metadata(ip: IpAddr) -> bool {
    let wrapped = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => wrapped_v4(ip).map(IpAddr::V4),
    };
    METADATA.contains(&wrapped.unwrap_or(ip))
}

fn named<N>(ranges: &[(N, &'static str)], holds: impl Fn(&N) -> bool) -> Option<&'static str> {
    ranges.iter().find(|(range, _)| holds(range)).map(|(_, name)| *name)
}

fn read_network(entry: &str) -> Option<IpNet> {
    entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)).ok()
}

const fn v4(octets: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), length)
}

const fn v6(segments: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range_of(ip: &str) -> Option<&'static str> {
        rejected_range(ip.parse().expect("an address"), &AllowedNetworks::none())
    }

    #[test]
    fn every_rejected_ipv4_range_is_rejected_from_its_first_to_its_last_address() {
        for (name, first, last) in [
            ("unspecified, this network", "0.0.0.0", "0.255.255.255"),
            ("private network", "10.0.0.0", "10.255.255.255"),
            ("carrier-grade NAT", "100.64.0.0", "100.127.255.255"),
            ("loopback", "127.0.0.0", "127.255.255.255"),
            ("cloud metadata", "168.63.129.16", "168.63.129.16"),
            ("cloud metadata", "169.254.169.254", "169.254.169.254"),
            ("link-local", "169.254.0.0", "169.254.255.255"),
            ("private network", "172.16.0.0", "172.31.255.255"),
            ("reserved for protocols", "192.0.0.0", "192.0.0.255"),
            ("documentation", "192.0.2.0", "192.0.2.255"),
            ("6to4 relay", "192.88.99.0", "192.88.99.255"),
            ("private network", "192.168.0.0", "192.168.255.255"),
            ("benchmarking", "198.18.0.0", "198.19.255.255"),
            ("documentation", "198.51.100.0", "198.51.100.255"),
            ("documentation", "203.0.113.0", "203.0.113.255"),
            ("multicast", "224.0.0.0", "239.255.255.255"),
            ("reserved", "240.0.0.0", "255.255.255.254"),
            ("broadcast", "255.255.255.255", "255.255.255.255"),
        ] {
            assert_eq!((range_of(first), range_of(last)), (Some(name), Some(name)), "{first}");
        }
    }

    #[test]
    fn every_rejected_ipv6_range_is_rejected() {
        for (name, ips) in [
            ("unspecified", ["::", "::"]),
            ("loopback", ["::1", "0:0:0:0:0:0:0:1"]),
            ("IPv4-compatible", ["::127.0.0.1", "::8.8.8.8"]),
            ("loopback", ["::ffff:127.0.0.1", "::ffff:7f00:1"]),
            ("cloud metadata", ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]),
            ("private network", ["64:ff9b::10.0.0.1", "64:ff9b::c0a8:101"]),
            ("local NAT64", ["64:ff9b:1::", "64:ff9b:1:ffff::8.8.8.8"]),
            ("discard-only", ["100::", "100::ffff:ffff:ffff:ffff"]),
            ("Teredo", ["2001::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]),
            ("benchmarking", ["2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"]),
            ("reserved for protocols", ["2001:1::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"]),
            ("documentation", ["2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]),
            ("documentation", ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"]),
            ("6to4", ["2002:7f00:1::", "2002:808:808::1"]),
            ("cloud metadata", ["fd00:ec2::254", "fd00:ec2::254"]),
            ("unique local network", ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
            ("link-local", ["fe80::1", "febf::1"]),
            ("site-local", ["fec0::1", "feff::1"]),
            ("multicast", ["ff00::", "ff02::1"]),
            ("reserved", ["5f00::1", "4000::1"]),
            ("reserved", ["64:ff9b:2::1", "1fff:ffff::1"]),
        ] {
            for ip in ips {
                assert_eq!(range_of(ip), Some(name), "{ip}");
            }
        }
    }

    #[test]
    fn public_addresses_pass() {
        for ip in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2606:4700:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert_eq!(range_of(ip), None, "{ip}");
        }
    }

    #[test]
    fn allowed_networks_pass_in_their_wrapped_forms_too() {
        let allow: AllowedNetworks =
            " 127.0.0.0/8, fd12::/16 ,,10.1.2.3 ".parse().expect("the list parses");
        for ip in [
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "fd12::1",
            "10.1.2.3",
            "::ffff:10.1.2.3",
        ] {
            assert!(address_allowed(ip.parse().expect("an address"), &allow), "{ip}");
        }
        for ip in ["10.1.2.4", "::1", "fd13::1", "::127.0.0.1", "2002:7f00:1::"] {
            assert!(!address_allowed(ip.parse().expect("an address"), &allow), "{ip}");
        }
    }

    #[test]
    fn no_network_opens_a_clouds_metadata_which_is_listed_alone_or_not_at_all() {
        let parse = |list: &str| list.parse::<AllowedNetworks>().expect("the list parses");
        let wide = parse(
            "169.254.0.0/16,168.63.129.0/24,100.64.0.0/10,192.0.0.0/24,0.0.0.0/0,fd00::/8,fe80::/10,\
             ::/0,64:ff9b::/96,::ffff:169.254.0.0/112",
        );
        for ip in METADATA {
            let alone = parse(&ip.to_string());
            assert_eq!(rejected_range(*ip, &AllowedNetworks::none()), Some(METADATA_NAME), "{ip}");
            assert_eq!(rejected_range(*ip, &wide), Some(METADATA_NAME), "{ip}");
            assert_eq!(rejected_range_of_named_host(*ip, &wide), Some(METADATA_NAME), "{ip}");
            assert_eq!(rejected_range(*ip, &alone), None, "{ip}");
        }
        for form in ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"] {
            let form = form.parse().expect("an address");
            assert_eq!(rejected_range(form, &wide), Some(METADATA_NAME), "{form}");
            assert_eq!(rejected_range(form, &parse("169.254.169.254/32")), None, "{form}");
        }
        let neighbour = "169.254.169.253".parse().expect("an address");
        assert_eq!(rejected_range(neighbour, &wide), None);
    }

    #[test]
    fn a_mapped_network_opens_its_mapped_addresses() {
        let allow: AllowedNetworks = "::ffff:127.0.0.0/104".parse().expect("the list parses");
        assert!(allow.contains("::ffff:127.0.0.1".parse().expect("an address")));
        assert!(!allow.contains("127.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn an_entry_that_is_no_network_is_named_in_the_error() {
        for bad in ["127.0.0.0/33", "10.0.0.0/8 192.168.0.0/16", "*", "http://billing:3000"] {
            let error = format!("127.0.0.0/8,{bad}").parse::<AllowedNetworks>().expect_err(bad);
            assert_eq!(error.entry, bad);
            assert!(error.to_string().contains("SENDPROMPTLY_CALLBACK_ALLOW"));
        }
        assert_eq!("".parse(), Ok(AllowedNetworks::none()));
    }

    #[test]
    fn a_host_that_is_listed_by_name_has_private_addresses_and_none_of_the_others() {
        let allow: AllowedNetworks = "billing:3000,10.0.0.0/8".parse().expect("the list parses");
        let rejected = |ip: &str| {
            rejected_range_of_named_host(ip.parse().expect("an address"), &allow).is_some()
        };
        for ip in [
            "172.18.0.5",
            "192.168.1.1",
            "127.0.0.1",
            "100.64.0.1",
            "::1",
            "fd12::1",
            "8.8.8.8",
            "::ffff:192.168.1.1",
            "10.1.2.3",
        ] {
            assert!(!rejected(ip), "{ip}");
        }
        for ip in [
            "169.254.169.254",
            "fd00:ec2::254",
            "168.63.129.16",
            "169.254.1.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "fe80::1",
            "2002:7f00:1::",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "::127.0.0.1",
        ] {
            assert!(rejected(ip), "{ip}");
        }
        // The name's permission is the name's alone.
        assert!(!address_allowed("172.18.0.5".parse().expect("an address"), &allow));
    }

    /// Random addresses, half of them inside a rejected range.
    fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
        let inside = (0..REJECTED_V4.len(), any::<u32>()).prop_map(|(row, bits)| {
            let range = REJECTED_V4[row].0;
            let host_bits = bits & range.hostmask().to_bits();
            Ipv4Addr::from_bits(range.network().to_bits() | host_bits)
        });
        prop_oneof![inside, any::<u32>().prop_map(Ipv4Addr::from_bits)]
    }

    proptest! {
        #[test]
        fn what_is_rejected_in_ipv4_is_rejected_in_every_ipv6_form(ip in any_v4()) {
            let allow = AllowedNetworks::none();
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let teredo = Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low);
            let forms = [
                ip.to_ipv6_mapped(),
                ip.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, high, low >> 8, low << 8, 0, 0),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                teredo,
            ];
            if !address_allowed(IpAddr::V4(ip), &allow) {
                for form in forms {
                    prop_assert!(!address_allowed(IpAddr::V6(form), &allow), "{form}");
                }
            }
        }

        #[test]
        fn a_wrapped_address_is_judged_as_the_address_it_wraps(ip in any_v4()) {
            let allow: AllowedNetworks = "10.0.0.0/8".parse().expect("the network parses");
            let plain = address_allowed(IpAddr::V4(ip), &allow);
            prop_assert_eq!(address_allowed(IpAddr::V6(ip.to_ipv6_mapped()), &allow), plain);
        }
    }
}
