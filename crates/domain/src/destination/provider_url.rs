//! A URL of a provider of messages: it leads to the provider, and nowhere else.
//!
//! Each of them lets whoever knows it send messages, so it is a secret: neither `Debug` nor an error shows more than
//! its host. It is judged as a Slack URL is; beside that its host is the provider's, so that a URL in the wrong field
//! is noticed, or one of the operator's own network that the operator of the installation lists, where a relay may be.

use url::Url;

use super::{DestinationKind, shorten};
use crate::project::Mode;
use crate::repair_url::{AllowedNetworks, UrlError, is_own, read_secret_outbound};
use crate::secret_url::secret_url;

secret_url! {
    /// Where messages of a kind go.
    ProviderUrl
}

/// What is wrong with a URL. The text continues a sentence that begins with the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderUrlError {
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A host of someone else.
    #[error("must lead to {0}")]
    Host(&'static str),
    /// A page of the provider that takes no messages.
    #[error("must be {0}")]
    Path(&'static str),
}

impl ProviderUrl {
    /// Reads the URL of a kind, as the project's mode and the allowed networks demand.
    ///
    /// # Errors
    /// The first error that was found.
    pub fn parse(
        kind: DestinationKind,
        text: &str,
        mode: Mode,
        allow: &AllowedNetworks,
    ) -> Result<Self, ProviderUrlError> {
        let url = read_secret_outbound(text, mode, allow)?;
        let (hosts, path) = (Hosts::new(kind), PathRule::new(kind));
        // A relay may have paths of its own; a topic is a topic everywhere.
        if is_own(&url, allow) && kind != DestinationKind::Ntfy {
            return Ok(Self(url));
        }
        if !(hosts.is)(url.host_str().unwrap_or_default()) {
            return Err(ProviderUrlError::Host(hosts.named));
        }
        if !(path.is)(&url) {
            return Err(ProviderUrlError::Path(path.named));
        }
        Ok(Self(url))
    }

    /// Whether it leads to the provider itself, and not to a relay of the operator's own.
    #[must_use]
    pub fn is_of_provider(&self, kind: DestinationKind) -> bool {
        (Hosts::new(kind).is)(self.0.host_str().unwrap_or_default())
    }

    /// How it is called unless an operator gives it a label: by the end of what is secret in it.
    #[must_use]
    pub fn default_label(&self, kind: DestinationKind) -> String {
        let signature = self.0.query_pairs().find(|(name, _)| name == "sig");
        let last = self.0.path().rsplit('/').next().unwrap_or_default();
        let secret = signature.map_or_else(|| last.to_owned(), |(_, value)| value.into_owned());
        shorten(kind.description().name, &secret, self.host())
    }
}

/// Which hosts are a provider's.
struct Hosts {
    is: fn(&str) -> bool,
    named: &'static str,
}

impl Hosts {
    const fn new(kind: DestinationKind) -> Self {
        match kind {
            DestinationKind::PagerDuty => Self {
                is: |host| ["events.pagerduty.com", "events.eu.pagerduty.com"].contains(&host),
                named: "events.pagerduty.com, or events.eu.pagerduty.com for an account in the EU",
            },
            DestinationKind::Teams => Self {
                is: |host| TEAMS.iter().any(|end| host.ends_with(end)),
                named: "a workflow of Teams, at a host that ends with .logic.azure.com or .api.powerplatform.com; a \
                    connector's URL at webhook.office.com does not post any more",
            },
            DestinationKind::Discord => Self {
                is: |host| {
                    let host =
                        host.strip_prefix("ptb.").or(host.strip_prefix("canary.")).unwrap_or(host);
                    ["discord.com", "discordapp.com"].contains(&host)
                },
                named: "discord.com, as Copy Webhook URL gives it",
            },
            DestinationKind::SlackApp => Self {
                is: |host| ["slack.com", "slack-gov.com"].contains(&host),
                named: "slack.com, or slack-gov.com for a workspace of GovSlack",
            },
            DestinationKind::Email
            | DestinationKind::Slack
            | DestinationKind::Ntfy
            | DestinationKind::Webhook
            | DestinationKind::Activity => Self { is: |_| true, named: "" },
        }
    }
}

/// How hosts end that run workflows of Teams, those of public clouds of governments too
/// (<https://learn.microsoft.com/azure/logic-apps/logic-apps-limits-and-configuration>).
const TEAMS: [&str; 4] =
    [".logic.azure.com", ".api.powerplatform.com", ".logic.azure.us", ".api.powerplatform.us"];

/// What takes messages there.
struct PathRule {
    is: fn(&Url) -> bool,
    named: &'static str,
}

impl PathRule {
    const fn new(kind: DestinationKind) -> Self {
        match kind {
            DestinationKind::PagerDuty => Self {
                is: |url| url.path() == "/v2/enqueue" && url.query().is_none(),
                named: "the endpoint of the Events API, such as https://events.eu.pagerduty.com/v2/enqueue",
            },
            DestinationKind::Teams => Self {
                is: |url| {
                    url.path().ends_with("/invoke")
                        && url.query_pairs().any(|(name, _)| name == "sig")
                },
                named: "the whole URL of the workflow, up to the end of sig=…",
            },
            DestinationKind::Discord => Self {
                is: is_webhook,
                named: "the URL of a webhook, such as https://discord.com/api/webhooks/1234/abcd, with nothing behind \
                    its token",
            },
            DestinationKind::Ntfy => Self {
                is: is_topic,
                named: "the URL of one topic, such as https://ntfy.sh/cometcart-x7Kq2mWp: up to 64 letters, digits, _ and -",
            },
            DestinationKind::SlackApp => Self {
                is: |url| url.path() == "/api/" && url.query().is_none(),
                named: "where the methods of the Web API are, such as https://slack-gov.com/api/",
            },
            DestinationKind::Email
            | DestinationKind::Slack
            | DestinationKind::Webhook
            | DestinationKind::Activity => Self { is: |_| true, named: "" },
        }
    }
}

/// `/api/webhooks/ID/TOKEN`, with or without a version.
fn is_webhook(url: &Url) -> bool {
    let parts: Vec<_> = url.path_segments().into_iter().flatten().collect();
    let parts = match &parts[..] {
        ["api", version, rest @ ..] if version.starts_with('v') => rest,
        ["api", rest @ ..] => rest,
        _ => return false,
    };
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts, ["webhooks", id, token] if is_id(id) && !token.is_empty())
        && url.query().is_none()
}

fn is_topic(url: &Url) -> bool {
    let topic = url.path().strip_prefix('/').unwrap_or_default();
    let is_name = topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    (1..=64).contains(&topic.len()) && is_name && url.query().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(kind: DestinationKind, text: &str, allow: &str) -> Option<String> {
        let allow = allow.parse().expect("the networks parse");
        ProviderUrl::parse(kind, text, Mode::Live, &allow).err().map(|error| error.to_string())
    }

    #[test]
    fn an_endpoint_is_pagerdutys_or_of_the_operators_own_network() {
        let pagerduty = |text, allow| reject(DestinationKind::PagerDuty, text, allow);
        assert_eq!(pagerduty("https://events.pagerduty.com/v2/enqueue", ""), None);
        assert_eq!(pagerduty("https://events.eu.pagerduty.com/v2/enqueue", ""), None);
        assert_eq!(pagerduty("https://10.1.2.3/v2/enqueue", "10.0.0.0/8"), None);
        assert_eq!(pagerduty("http://relay:8080/page", "relay:8080"), None);
        for (text, starts) in [
            (
                "https://events.pagerduty.com.evil.test/v2/enqueue",
                "must lead to events.pagerduty.com, or",
            ),
            ("https://cometcart.pagerduty.com/service-directory", "must lead to"),
            ("https://events.pagerduty.com/", "must be the endpoint of the Events API"),
            ("https://events.pagerduty.com/v2/enqueue?key=1", "must be the endpoint"),
            ("http://events.pagerduty.com/v2/enqueue", "must begin with https://"),
            ("https://10.1.2.3/v2/enqueue", "must not point to 10.1.2.3"),
            ("", "must be a full address"),
        ] {
            let error = pagerduty(text, "").expect(text);
            assert!(error.starts_with(starts), "{text}: {error}");
        }
    }

    const WORKFLOW: &str = "https://default0a1b.c2.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/1f/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=abcdefghijklmnopqrstuvWxYz";
    const OLD_WORKFLOW: &str = "https://prod-12.westeurope.logic.azure.com:443/workflows/1f/triggers/manual/paths/invoke?api-version=2016-06-01&sig=abcdefghijklmnopqrstuvAbCd";
    const WEBHOOK: &str =
        "https://discord.com/api/webhooks/1234567890/abcdefghijklmnopqrstuv_-WxYz";

    #[test]
    fn each_kind_of_url_is_known_by_its_form_and_named_by_its_end() {
        use DestinationKind::{Discord, Ntfy, Teams};
        let read =
            |kind, text| ProviderUrl::parse(kind, text, Mode::Live, &AllowedNetworks::none());
        for (kind, text, label) in [
            (Teams, WORKFLOW, "Teams …WxYz"),
            (Teams, OLD_WORKFLOW, "Teams …AbCd"),
            (Discord, WEBHOOK, "Discord …WxYz"),
            (
                Discord,
                "https://ptb.discord.com/api/v10/webhooks/1/abc",
                "Discord at ptb.discord.com",
            ),
            (
                Discord,
                "https://canary.discord.com/api/webhooks/1/abc",
                "Discord at canary.discord.com",
            ),
            (Ntfy, "https://ntfy.sh/cometcart-payments-x7Kq", "ntfy …x7Kq"),
            (Ntfy, "https://ntfy.cometcart.test/alerts", "ntfy at ntfy.cometcart.test"),
        ] {
            let url = read(kind, text).expect(text);
            assert_eq!(url.default_label(kind), label);
        }
    }

    #[test]
    fn a_url_in_the_wrong_field_or_cut_off_is_noticed() {
        use DestinationKind::{Discord, Ntfy, Teams};
        for (kind, text, starts) in [
            (Teams, WEBHOOK, "must lead to a workflow of Teams"),
            (
                Teams,
                "https://cometcart.webhook.office.com/webhookb2/1/IncomingWebhook/2/3",
                "must lead to a workflow",
            ),
            (
                Teams,
                "https://prod-1.westeurope.logic.azure.com/workflows/1f",
                "must be the whole URL",
            ),
            (
                Discord,
                "https://discord.com.evil.test/api/webhooks/1/abc",
                "must lead to discord.com",
            ),
            (Discord, "https://discord.com/channels/1/2", "must be the URL of a webhook"),
            (
                Discord,
                "https://discord.com/api/webhooks/1/abc/slack",
                "must be the URL of a webhook",
            ),
            (
                Discord,
                "https://discord.com/api/webhooks/1/abc?wait=true",
                "must be the URL of a webhook",
            ),
            (Ntfy, "https://ntfy.sh/", "must be the URL of one topic"),
            (Ntfy, "https://ntfy.sh/a/b", "must be the URL of one topic"),
            (Ntfy, "https://ntfy.sh/caf%C3%A9", "must be the URL of one topic"),
            (Ntfy, "http://ntfy.sh/alerts", "must begin with https://"),
        ] {
            let error = reject(kind, text, "").expect(text);
            assert!(error.starts_with(starts), "{text}: {error}");
        }
        assert_eq!(reject(Ntfy, "http://ntfy:8080/alerts", "ntfy:8080"), None);
        assert!(reject(Ntfy, "http://ntfy:8080/", "ntfy:8080").is_some());
    }

    #[test]
    fn the_web_api_is_slacks_and_that_of_govslack() {
        let slack = |text| reject(DestinationKind::SlackApp, text, "");
        assert_eq!(slack(crate::destination::SLACK_API), None);
        assert_eq!(slack("https://slack-gov.com/api/"), None);
        for (text, starts) in [
            ("https://slack.com.evil.test/api/", "must lead to slack.com"),
            ("https://slack-gov.com/", "must be where the methods of the Web API are"),
        ] {
            let error = slack(text).expect(text);
            assert!(error.starts_with(starts), "{text}: {error}");
        }
    }

    #[test]
    fn nothing_of_it_but_the_host_is_shown() {
        let allow = "relay:8080".parse().expect("a host");
        let kind = DestinationKind::PagerDuty;
        let url = ProviderUrl::parse(kind, "http://relay:8080/secret", Mode::Test, &allow);
        assert_eq!(format!("{:?}", url.expect("a URL")), "ProviderUrl(relay/…)");
    }
}
