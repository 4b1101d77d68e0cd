//! The address of a webhook destination: any HTTPS endpoint that verifies our signature.
//!
//! Many such addresses carry a key in their path or query, so the whole URL is a secret: neither
//! `Debug` nor an error shows more than its host. It is judged as a Slack URL is: a receiver in a
//! private network by the project's mode and the allowed networks, and plain `http` never to the
//! public internet.

use crate::project::Mode;
use crate::repair_url::{AllowedNetworks, UrlError, read_secret_outbound};
use crate::secret_url::secret_url;

secret_url! {
    /// Where alerts go as signed JSON.
    WebhookUrl
}

/// A webhook URL was rejected; the text names the field and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook URL {0}")]
pub struct WebhookUrlError(pub UrlError);

impl WebhookUrl {
    /// Reads a webhook's URL as the project's mode and the allowed networks demand.
    ///
    /// # Errors
    /// The first error that was found.
    pub fn parse(text: &str, mode: Mode, allow: &AllowedNetworks) -> Result<Self, WebhookUrlError> {
        read_secret_outbound(text, mode, allow).map(Self).map_err(|error| match error {
            UrlError::Credentials => WebhookUrlError(UrlError::CredentialsWithoutHeader),
            error => WebhookUrlError(error),
        })
    }

    /// How it is called unless an operator gives it a label. No part of the URL but the host may be
    /// shown, because it is not known which part is the key.
    #[must_use]
    pub fn default_label(&self) -> String {
        format!("Webhook at {}", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::SlackUrl;

    #[test]
    fn it_is_judged_as_a_slack_url_is() {
        for mode in [Mode::Test, Mode::Live] {
            for (url, allow) in [
                ("https://alerts.example.com/in?key=secret", ""),
                ("http://alerts.example.com/in", ""),
                ("http://127.0.0.1:9000/in", "127.0.0.0/8"),
                ("http://127.0.0.1:9000/in", ""),
                ("http://alerts:8065/in", "alerts:8065"),
                ("https://10.1.2.3/in", "10.0.0.0/8"),
                ("https://10.1.2.3/in", ""),
                ("https://169.254.169.254/in", ""),
                ("ftp://alerts.example.com/", ""),
                ("https://alerts.example.com/#now", ""),
                ("alerts.example.com", ""),
            ] {
                let allow = allow.parse().expect("the networks parse");
                let webhook = WebhookUrl::parse(url, mode, &allow);
                let slack = SlackUrl::parse(url, mode, &allow);
                assert_eq!(
                    webhook.map(|_| ()).map_err(|error| error.0),
                    slack.map(|_| ()).map_err(|error| error.0),
                    "{url}"
                );
            }
        }
    }

    #[test]
    fn nothing_of_it_but_the_host_is_shown() {
        let allow = AllowedNetworks::none();
        let parse = |text| WebhookUrl::parse(text, Mode::Live, &allow);
        let url = parse("https://alerts.example.com/in/secret?key=secret").expect("a good URL");
        assert_eq!(format!("{url:?}"), "WebhookUrl(alerts.example.com/…)");
        assert_eq!(url.default_label(), "Webhook at alerts.example.com");
        assert_eq!(
            parse("https://bob:secret@alerts.example.com/in").expect_err("credentials").to_string(),
            "the webhook URL must not contain a user name or password: take out the part before the @"
        );
    }
}
