//! The address that callbacks go to, checked when it is saved and again before each use.
//!
//! A [`RepairUrl`] in hand means: `http` or `https` (in live projects `https`, but for hosts that
//! the operator of the installation lists by name), a host, no user name, no fragment, and, where
//! the host is an IP address in whatever spelling, an address that callbacks may reach. A host
//! *name* can point anywhere and change at any time: the client that connects asks
//! [`address_allowed`] about what the name resolved to, and connects to nothing else. A URL that
//! was saved under other rules simply fails to parse, and nothing is sent.

mod address;
mod host;
mod outbound;

pub use address::{
    AllowedNetworks, MalformedNetwork, address_allowed, host_address, rejected_range,
    rejected_range_of_named_host,
};
pub use outbound::{MAX_URL_LENGTH, UrlError};
pub(crate) use outbound::{is_own, read_outbound, read_secret_outbound};

use std::fmt;

use url::Url;

use crate::project::Mode;

/// The setting's name, as requests, forms and the command line spell it.
pub const FIELD: &str = "repair_url";

/// Where a project's callbacks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairUrl(Url);

/// A repair URL was rejected; the text names the field and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{FIELD} {0}")]
pub struct RepairUrlError(pub UrlError);

impl RepairUrl {
    /// Reads a repair URL as the project's mode and the allowed networks demand.
    ///
    /// # Errors
    /// The first error that was found.
    pub fn parse(text: &str, mode: Mode, allow: &AllowedNetworks) -> Result<Self, RepairUrlError> {
        read_outbound(text, mode, allow).map(Self).map_err(RepairUrlError)
    }

    /// The URL, in its normal form.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The text of the URL, in its normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for RepairUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, mode: Mode) -> Result<String, UrlError> {
        RepairUrl::parse(text, mode, &AllowedNetworks::none())
            .map(|url| url.to_string())
            .map_err(|error| error.0)
    }

    fn parse_with(text: &str, allow: &str) -> Result<String, UrlError> {
        let allow: AllowedNetworks = allow.parse().expect("the networks parse");
        RepairUrl::parse(text, Mode::Test, &allow)
            .map(|url| url.to_string())
            .map_err(|error| error.0)
    }

    #[test]
    fn an_ordinary_url_passes_in_both_modes() {
        for mode in [Mode::Test, Mode::Live] {
            let url = " https://shop.example.com:8443/repair?from=sendpromptly ";
            assert_eq!(parse(url, mode).as_deref(), Ok(url.trim()));
        }
    }

    #[test]
    fn plain_http_is_for_test_projects() {
        let url = "http://shop.example.com/repair";
        assert_eq!(parse(url, Mode::Test).as_deref(), Ok(url));
        let entry = Some("shop.example.com:80".to_owned());
        assert_eq!(parse(url, Mode::Live), Err(UrlError::HttpsRequired { entry }));
    }

    #[test]
    fn other_schemes_are_rejected_by_name() {
        for (text, scheme) in [
            ("ftp://shop.example.com/repair", "ftp"),
            ("file:///etc/passwd", "file"),
            ("gopher://shop.example.com/", "gopher"),
            ("javascript:alert(1)", "javascript"),
            ("shop.example.com:443/repair", "shop.example.com"),
        ] {
            let rejected = Err(UrlError::Scheme { scheme: scheme.to_owned() });
            assert_eq!(parse(text, Mode::Test), rejected, "{text}");
            assert_eq!(parse(text, Mode::Live), rejected, "{text}");
        }
    }

    #[test]
    fn parts_that_a_callback_cannot_use_are_rejected() {
        for (text, error) in [
            ("https://alice@shop.example.com/", UrlError::Credentials),
            ("https://alice:secret@shop.example.com/", UrlError::Credentials),
            ("https://:secret@shop.example.com/", UrlError::Credentials),
            ("https://alice:s/cret@shop.example.com/", UrlError::Credentials),
            ("https://shop.example.com/repair#now", UrlError::Fragment),
            ("https://shop.example.com/repair#", UrlError::Fragment),
            ("https://", UrlError::HostMissing),
            ("https:///", UrlError::HostMissing),
            ("", UrlError::Malformed),
            ("/repair", UrlError::Malformed),
            ("shop.example.com", UrlError::Malformed),
            ("https://shop.example.com/a\nb", UrlError::Malformed),
            ("https://shop.exa\tmple.com/", UrlError::Malformed),
            ("https://shop.example.com/a b", UrlError::Malformed),
            ("https://shop.example.com/\0", UrlError::Malformed),
            ("https://shop.example.com:99999/", UrlError::Malformed),
            ("https://256.256.256.256/", UrlError::Malformed),
            ("https://[fe80::1%25eth0]/", UrlError::Malformed),
        ] {
            assert_eq!(parse(text, Mode::Live), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_url_of_2048_characters_is_the_longest() {
        let url = |length: usize| format!("{:a<length$}", "https://shop.example.com/");
        assert!(parse(&url(MAX_URL_LENGTH), Mode::Live).is_ok());
        assert_eq!(parse(&url(MAX_URL_LENGTH + 1), Mode::Live), Err(UrlError::TooLong));
    }

    #[test]
    fn every_spelling_of_a_loopback_host_is_rejected() {
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.1.",
            "0x7f.1",
            "0x7F000001",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1:8080",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "localhost",
            "LocalHost.",
            "shop.localhost",
        ] {
            let error = parse(&format!("https://{host}/repair"), Mode::Live);
            assert!(matches!(error, Err(UrlError::AddressRejected { .. })), "{host}: {error:?}");
        }
    }

    #[test]
    fn a_public_address_passes() {
        for host in ["93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"] {
            assert!(parse(&format!("https://{host}/repair"), Mode::Live).is_ok(), "{host}");
        }
    }

    #[test]
    fn an_allowed_network_opens_its_addresses_and_no_others() {
        for host in ["127.0.0.1:9000", "127.1", "localhost", "[::ffff:127.0.0.1]"] {
            assert!(parse_with(&format!("http://{host}/"), "127.0.0.0/8").is_ok(), "{host}");
        }
        for host in ["10.0.0.1", "[::1]", "192.168.1.1"] {
            assert!(parse_with(&format!("http://{host}/"), "127.0.0.0/8").is_err(), "{host}");
        }
    }

    #[test]
    fn an_allowed_network_does_not_make_http_good_enough_for_live() {
        let allow = "127.0.0.0/8".parse().expect("the network parses");
        let rejected = RepairUrl::parse("http://127.0.0.1/", Mode::Live, &allow);
        let error = UrlError::HttpsRequired { entry: None };
        assert_eq!(rejected, Err(RepairUrlError(error)));
    }

    #[test]
    fn a_host_that_is_listed_by_name_may_be_http_and_private_in_live() {
        let allow = "billing:3000,localhost:9000".parse().expect("the hosts parse");
        for url in ["http://billing:3000/repair", "http://localhost:9000/"] {
            let parsed = RepairUrl::parse(url, Mode::Live, &allow);
            assert_eq!(parsed.map(|url| url.to_string()).as_deref(), Ok(url));
        }
        for url in ["http://billing:3001/", "http://billing.example.com:3000/", "http://billing/"] {
            let rejected = RepairUrl::parse(url, Mode::Live, &allow).expect_err(url).0;
            assert!(matches!(rejected, UrlError::HttpsRequired { entry: Some(_) }), "{rejected}");
        }
        for url in ["http://localhost:9001/", "http://127.0.0.1:9000/", "http://[::1]:9000/"] {
            let rejected = RepairUrl::parse(url, Mode::Live, &allow).expect_err(url).0;
            assert!(matches!(rejected, UrlError::AddressRejected { .. }), "{rejected}");
        }
        for (url, error) in [
            ("http://bob@billing:3000/", UrlError::Credentials),
            ("http://billing:3000/#x", UrlError::Fragment),
        ] {
            assert_eq!(RepairUrl::parse(url, Mode::Live, &allow), Err(RepairUrlError(error)));
        }
    }

    #[test]
    fn each_error_names_the_field_and_the_cure() {
        for (text, message) in [
            ("x", "repair_url must be a full address such as https://shop.example.com/repair"),
            (
                "ftp://x/",
                "repair_url must begin with https:// (in a test project http:// will do), not with \
                 ftp:",
            ),
            (
                "http://x.example/",
                "repair_url must begin with https:// in a live project. For a host of your own \
                 network, the operator of the installation lists x.example:80 in \
                 SENDPROMPTLY_CALLBACK_ALLOW of api and worker",
            ),
            (
                "https://10.1.2.3/",
                "repair_url must not point to 10.1.2.3 (private network): use a public host, or \
                 list its network in SENDPROMPTLY_CALLBACK_ALLOW, such as 10.1.2.3",
            ),
        ] {
            let error = RepairUrl::parse(text, Mode::Live, &AllowedNetworks::none())
                .expect_err("the URL is bad");
            assert_eq!(error.to_string(), message);
        }
    }
}
