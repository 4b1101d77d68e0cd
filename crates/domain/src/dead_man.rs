//! The dead-man URL: the check of a service such as Healthchecks, which raises the alarm when it is not called.
//!
//! Its path is the key of the check, so the whole URL is a secret: neither `Debug` nor an error shows
//! it. It is judged as a Slack URL of a test project is: `https`, or a host of the operator's own network,
//! by its name or its address, that the allowed networks hold.

use std::fmt;

use url::Url;

use crate::project::Mode;
use crate::repair_url::{AllowedNetworks, UrlError, read_secret_outbound};

/// Where a probe that ends well calls.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadManUrl(Url);

impl DeadManUrl {
    /// Reads the URL as the allowed networks demand.
    ///
    /// # Errors
    /// The first error that was found; none shows more than an address that is not reached.
    pub fn parse(text: &str, allow: &AllowedNetworks) -> Result<Self, UrlError> {
        read_secret_outbound(text, Mode::Test, allow).map(Self).map_err(|error| match error {
            UrlError::Credentials => UrlError::CredentialsWithoutHeader,
            UrlError::HttpsRequired { .. } | UrlError::Scheme { .. } => UrlError::HttpsAlways,
            error => error,
        })
    }

    /// The URL, its key included.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for DeadManUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeadManUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, allow: &str) -> Result<DeadManUrl, UrlError> {
        DeadManUrl::parse(text, &allow.parse().expect("networks"))
    }

    #[test]
    fn it_is_https_or_a_host_of_the_own_network() {
        for (text, allow) in [
            ("https://hc-ping.com/0d2c7b1e-canary", ""),
            ("https://status.example.com/api/push/canary?status=up", ""),
            ("http://10.1.2.3:8000/ping/canary", "10.0.0.0/8"),
            ("http://healthchecks:8000/ping/canary", "healthchecks:8000"),
        ] {
            let url = parse(text, allow).expect(text);
            assert_eq!(url.as_url().as_str(), text);
            assert!(!format!("{url:?}").contains("canary"), "{url:?}");
        }
    }

    #[test]
    fn an_error_names_the_cure_and_never_the_key() {
        for (text, error) in [
            ("http://hc-ping.com/canary", UrlError::HttpsAlways),
            ("ftp://hc-ping.com/canary", UrlError::HttpsAlways),
            ("https://alice:canary@hc-ping.com/", UrlError::CredentialsWithoutHeader),
            ("https://hc-ping.com/x#canary", UrlError::Fragment),
            ("hc-ping/canary", UrlError::Malformed),
        ] {
            let found = parse(text, "").expect_err(text);
            assert_eq!(found, error, "{text}");
            assert!(!found.to_string().contains("canary"), "{found}");
        }
        let inside = parse("https://169.254.169.254/canary", "").expect_err("metadata");
        assert!(inside.to_string().contains("SENDPROMPTLY_CALLBACK_ALLOW"), "{inside}");
    }
}
