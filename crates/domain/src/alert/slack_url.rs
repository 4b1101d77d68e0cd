//! The address of a Slack incoming webhook.
//!
//! Anyone who knows the URL can post with it, so it is a secret: neither `Debug` nor an error shows
//! more than its host. Any public `https` host will do, since Slack-compatible receivers exist. A
//! receiver in a private network is judged as a repair URL is, by the project's mode and the
//! allowed networks; beside that no secret goes over plain `http` to the public internet, not even
//! a test project's.

use crate::destination::shorten;
use crate::project::Mode;
use crate::repair_url::{AllowedNetworks, UrlError, read_secret_outbound};
use crate::secret_url::secret_url;

secret_url! {
    /// Where alerts for one Slack channel go.
    SlackUrl
}

/// A Slack URL was rejected; the text names the field and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Slack URL {0}")]
pub struct SlackUrlError(pub UrlError);

impl SlackUrl {
    /// Reads the URL of an incoming webhook as the project's mode and the allowed networks demand.
    ///
    /// # Errors
    /// The first error that was found.
    pub fn parse(text: &str, mode: Mode, allow: &AllowedNetworks) -> Result<Self, SlackUrlError> {
        read_secret_outbound(text, mode, allow).map(Self).map_err(SlackUrlError)
    }

    /// How it is called unless an operator gives it a label: by the end of its secret, as keys are.
    /// Where the secret is too short to show a part of it, by its host.
    #[must_use]
    pub fn default_label(&self) -> String {
        let secret = self.0.path().rsplit('/').next().unwrap_or_default();
        shorten("Slack", secret, self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, allow: &str) -> Result<SlackUrl, UrlError> {
        parse_in(Mode::Test, text, allow)
    }

    fn parse_in(mode: Mode, text: &str, allow: &str) -> Result<SlackUrl, UrlError> {
        let allow = allow.parse().expect("the networks parse");
        SlackUrl::parse(text, mode, &allow).map_err(|error| error.0)
    }

    #[test]
    fn what_is_http_in_a_live_project_is_judged_as_a_repair_url_is() {
        use crate::repair_url::RepairUrl;
        for (url, allow) in [
            ("http://127.0.0.1:9000/slack", "127.0.0.0/8"),
            ("http://10.1.2.3/slack", "10.0.0.0/8"),
            ("http://[fd12::1]/slack", "fd12::/16"),
            ("http://localhost:9000/slack", "127.0.0.0/8"),
            ("http://localhost:9000/slack", "localhost:9000"),
            ("http://mattermost:8065/slack", "mattermost:8065"),
            ("http://mattermost:8065/slack", "mattermost:8066,10.0.0.0/8"),
            ("http://hooks.example.com/slack", ""),
            ("https://hooks.example.com/slack", ""),
            ("https://10.1.2.3/slack", "10.0.0.0/8"),
            ("https://10.1.2.3/slack", ""),
        ] {
            let allowed = allow.parse().expect("the networks parse");
            let repair = RepairUrl::parse(url, Mode::Live, &allowed);
            let slack = parse_in(Mode::Live, url, allow);
            assert_eq!(
                slack.map(|_| ()),
                repair.map(|_| ()).map_err(|error| error.0),
                "{url} {allow}"
            );
        }
        let error = UrlError::HttpsRequired { entry: None };
        let rejected = parse_in(Mode::Live, "http://127.0.0.1:9000/slack", "127.0.0.0/8");
        assert_eq!(rejected, Err(error));
    }

    #[test]
    fn a_webhook_needs_https() {
        assert!(parse("https://hooks.slack.com/services/T0/B0/secret", "").is_ok());
        let plain = parse("http://hooks.slack.com/services/T0/B0/secret", "127.0.0.0/8");
        assert_eq!(plain, Err(UrlError::HttpsAlways));
        assert_eq!(parse("ftp://hooks.slack.com/secret", ""), Err(UrlError::HttpsAlways));
    }

    #[test]
    fn a_local_receiver_is_reached_only_where_its_network_is_allowed() {
        assert!(parse("http://127.0.0.1:9000/slack", "127.0.0.0/8").is_ok());
        let rejected = parse("http://127.0.0.1:9000/slack", "");
        assert!(matches!(rejected, Err(UrlError::AddressRejected { .. })));
        let named = "http://mattermost:8065/hooks/secret";
        assert!(parse(named, "mattermost:8065").is_ok());
        for other in ["", "mattermost:8066", "chat:8065", "10.0.0.0/8"] {
            assert_eq!(parse(named, other), Err(UrlError::HttpsAlways), "{other}");
        }
    }

    #[test]
    fn two_webhooks_have_two_labels_and_a_short_secret_shows_nothing() {
        for (url, label) in [
            ("https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstWxYz", "Slack …WxYz"),
            ("https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstAbCd", "Slack …AbCd"),
            ("https://hooks.slack.com/services/T0/B0/secret", "Slack at hooks.slack.com"),
            ("https://chat.cometcart.test/", "Slack at chat.cometcart.test"),
        ] {
            assert_eq!(parse(url, "").expect("a good URL").default_label(), label);
        }
    }

    #[test]
    fn the_secret_part_is_never_printed() {
        let url = parse("https://hooks.slack.com/services/T0/B0/secret", "").expect("a good URL");
        assert_eq!(format!("{url:?}"), "SlackUrl(hooks.slack.com/…)");
        let error =
            SlackUrl::parse("http://hooks.slack.com/secret", Mode::Test, &AllowedNetworks::none());
        assert_eq!(
            error.expect_err("no https").to_string(),
            "the Slack URL must begin with https://"
        );
    }
}
