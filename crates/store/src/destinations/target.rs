//! Where alerts go: what is sealed of it, what is shown, and how it is read again.
//!
//! Of a kind with nothing but a URL the URL is sealed; of one with more, JSON.

use domain::alert::{SlackUrl, WebhookUrl};
use domain::destination::{
    DestinationKind, NtfyToken, ProviderUrl, RoutingKey, SlackApp, SlackChannel,
    SlackSigningSecret, SlackToken,
};
use domain::extension::{ActivityName, InvalidActivityName, QueueName};
use domain::signature::SigningSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::StoreError;

/// Where one alert goes, ready to send.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    Email(String),
    /// A Slack incoming webhook, which is a secret.
    Slack(String),
    /// A channel of a Slack app.
    SlackApp {
        /// Where the methods of the Web API are.
        api: String,
        app: SlackApp,
    },
    /// A workflow of Teams, whose URL is a secret.
    Teams(String),
    /// An incoming webhook of Discord, whose URL is a secret.
    Discord(String),
    /// A service of PagerDuty.
    PagerDuty {
        /// Where its events go.
        endpoint: String,
        key: RoutingKey,
    },
    /// A topic of an ntfy server.
    Ntfy {
        /// The topic's, which is a secret.
        url: String,
        token: Option<NtfyToken>,
    },
    /// An endpoint that takes signed JSON.
    Webhook {
        /// Its URL, which is a secret.
        url: String,
        /// What signs, newest first.
        secrets: Vec<SigningSecret>,
    },
    /// A team's own activity on a task queue of its own.
    Activity {
        activity: ActivityName,
        queue: QueueName,
    },
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Email(address) => write!(f, "Email({address})"),
            Self::Slack(_) => f.write_str("Slack(…)"),
            Self::SlackApp { app, .. } => write!(f, "SlackApp({})", app.channel.as_str()),
            Self::Teams(_) => f.write_str("Teams(…)"),
            Self::Discord(_) => f.write_str("Discord(…)"),
            Self::PagerDuty { .. } => f.write_str("PagerDuty(…)"),
            Self::Ntfy { .. } => f.write_str("Ntfy(…)"),
            Self::Webhook { .. } => f.write_str("Webhook(…)"),
            Self::Activity { activity, queue } => write!(f, "Activity({activity} on {queue})"),
        }
    }
}

impl Target {
    #[must_use]
    pub const fn kind_of(&self) -> DestinationKind {
        match self {
            Self::Email(_) => DestinationKind::Email,
            Self::Slack(_) => DestinationKind::Slack,
            Self::SlackApp { .. } => DestinationKind::SlackApp,
            Self::Teams(_) => DestinationKind::Teams,
            Self::Discord(_) => DestinationKind::Discord,
            Self::PagerDuty { .. } => DestinationKind::PagerDuty,
            Self::Ntfy { .. } => DestinationKind::Ntfy,
            Self::Webhook { .. } => DestinationKind::Webhook,
            Self::Activity { .. } => DestinationKind::Activity,
        }
    }

    /// The kind's text, as in the database and the API.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind_of().as_str()
    }

    /// What signs at present, for a webhook.
    #[must_use]
    pub fn current_secret(&self) -> Option<&SigningSecret> {
        self.secrets().first()
    }

    pub(super) fn secrets(&self) -> &[SigningSecret] {
        match self {
            Self::Email(_)
            | Self::Slack(_)
            | Self::SlackApp { .. }
            | Self::Teams(_)
            | Self::Discord(_)
            | Self::PagerDuty { .. }
            | Self::Ntfy { .. }
            | Self::Activity { .. } => &[],
            Self::Webhook { secrets, .. } => secrets,
        }
    }

    pub(super) const fn queue(&self) -> Option<&QueueName> {
        match self {
            Self::Email(_)
            | Self::Slack(_)
            | Self::SlackApp { .. }
            | Self::Teams(_)
            | Self::Discord(_)
            | Self::PagerDuty { .. }
            | Self::Ntfy { .. }
            | Self::Webhook { .. } => None,
            Self::Activity { queue, .. } => Some(queue),
        }
    }

    /// What is to be sealed of it.
    pub(super) fn to_sealed(&self) -> Option<String> {
        match self {
            Self::Email(_) | Self::Activity { .. } => None,
            Self::Slack(url)
            | Self::Teams(url)
            | Self::Discord(url)
            | Self::Webhook { url, .. } => Some(url.clone()),
            Self::Ntfy { url, token } => {
                let token = token.as_ref().map(NtfyToken::reveal);
                Some(json!({ "url": url, "token": token }).to_string())
            }
            Self::SlackApp { api, app: SlackApp { token, channel, secret } } => Some(
                json!({
                    "api": api,
                    "token": token.reveal(),
                    "channel": channel.as_str(),
                    "secret": secret.reveal(),
                })
                .to_string(),
            ),
            Self::PagerDuty { endpoint, key } => {
                Some(json!({ "endpoint": endpoint, "key": key.reveal() }).to_string())
            }
        }
    }

    /// The address by which its provider counts messages, as a hash that gives away nothing of what it is made of: none
    /// where it counts otherwise. ntfy counts by sender; all else here holds a long secret, so that the hash needs no key.
    pub(super) fn paced_by(&self) -> Option<i64> {
        let parts: [&str; 2] = match self {
            Self::Email(_) | Self::Ntfy { .. } | Self::Webhook { .. } | Self::Activity { .. } => {
                return None;
            }
            Self::Slack(url) | Self::Teams(url) | Self::Discord(url) => [url.as_str(), ""],
            Self::SlackApp { app, .. } => [app.token.reveal(), app.channel.as_str()],
            Self::PagerDuty { key, .. } => [key.reveal(), ""],
        };
        let digest = Sha256::digest(format!("{} {}", self.kind(), parts.join(" ")));
        let bytes = digest.first_chunk::<8>()?;
        Some(i64::from_be_bytes(*bytes))
    }

    /// What it is called unless an operator says otherwise; none where that is its address.
    pub(super) fn default_label(&self) -> Option<String> {
        match self {
            Self::Email(_) | Self::Activity { .. } => None,
            Self::Slack(url) => SlackUrl::from_stored(url).map(|url| url.default_label()),
            Self::Teams(url) | Self::Discord(url) | Self::Ntfy { url, .. } => {
                ProviderUrl::from_stored(url).map(|url| url.default_label(self.kind_of()))
            }
            Self::SlackApp { app, .. } => Some(app.channel.default_label()),
            Self::PagerDuty { key, .. } => Some(key.default_label()),
            Self::Webhook { url, .. } => {
                WebhookUrl::from_stored(url).map(|url| url.default_label())
            }
        }
    }
}

/// A destination's row, with its sealed value opened and without its secrets.
pub(super) struct StoredTarget {
    pub(super) kind: String,
    pub(super) address: String,
    pub(super) opened: Option<String>,
    pub(super) queue: Option<QueueName>,
}

impl StoredTarget {
    /// The target, a webhook's without what signs.
    ///
    /// # Errors
    /// When the row holds what no code of ours writes, or only that of a newer release.
    pub(super) fn read(self) -> Result<Target, StoreError> {
        let kind = self.kind.parse::<DestinationKind>();
        let kind = kind.map_err(|error| inconsistent(error.into()))?;
        match (kind, self.opened, self.queue) {
            (DestinationKind::Email, None, None) => Ok(Target::Email(self.address)),
            (DestinationKind::Activity, None, Some(queue)) => {
                let activity = self.address.parse();
                let activity =
                    activity.map_err(|error: InvalidActivityName| inconsistent(error.into()))?;
                Ok(Target::Activity { activity, queue })
            }
            (DestinationKind::Slack, Some(url), None) => Ok(Target::Slack(url)),
            (DestinationKind::SlackApp, Some(text), None) => read_app(&text),
            (DestinationKind::Teams, Some(url), None) => Ok(Target::Teams(url)),
            (DestinationKind::Discord, Some(url), None) => Ok(Target::Discord(url)),
            (DestinationKind::PagerDuty, Some(text), None) => read_service(&text),
            (DestinationKind::Ntfy, Some(text), None) => read_topic(&text),
            (DestinationKind::Webhook, Some(url), None) => {
                Ok(Target::Webhook { url, secrets: Vec::new() })
            }
            (
                DestinationKind::Email
                | DestinationKind::Activity
                | DestinationKind::Slack
                | DestinationKind::SlackApp
                | DestinationKind::Teams
                | DestinationKind::Discord
                | DestinationKind::PagerDuty
                | DestinationKind::Ntfy
                | DestinationKind::Webhook,
                ..,
            ) => Err(inconsistent(
                format!("a row of kind {kind} lacks a part or has one too many").into(),
            )),
        }
    }
}

fn read_service(text: &str) -> Result<Target, StoreError> {
    let sealed: Value = serde_json::from_str(text).unwrap_or_default();
    let key = RoutingKey::parse(sealed["key"].as_str().unwrap_or_default());
    match (key, sealed["endpoint"].as_str()) {
        (Ok(key), Some(endpoint)) => Ok(Target::PagerDuty { endpoint: endpoint.to_owned(), key }),
        _ => Err(inconsistent("no service of PagerDuty".into())),
    }
}

fn read_app(text: &str) -> Result<Target, StoreError> {
    let sealed: Value = serde_json::from_str(text).unwrap_or_default();
    let part = |name: &str| sealed[name].as_str().unwrap_or_default();
    let app = (
        SlackToken::parse(part("token")),
        SlackChannel::parse(part("channel")),
        SlackSigningSecret::parse(part("secret")),
    );
    match (app, sealed["api"].as_str()) {
        ((Ok(token), Ok(channel), Ok(secret)), Some(api)) => {
            let app = SlackApp { token, channel, secret };
            Ok(Target::SlackApp { api: api.to_owned(), app })
        }
        _ => Err(inconsistent("no Slack app".into())),
    }
}

fn read_topic(text: &str) -> Result<Target, StoreError> {
    let sealed: Value = serde_json::from_str(text).unwrap_or_default();
    let token = sealed["token"].as_str().map(NtfyToken::parse).transpose();
    match (sealed["url"].as_str(), token) {
        (Some(url), Ok(token)) => Ok(Target::Ntfy { url: url.to_owned(), token }),
        _ => Err(inconsistent("no topic of ntfy".into())),
    }
}

/// The column of the kind.
fn inconsistent(source: sqlx::error::BoxDynError) -> StoreError {
    StoreError::Inconsistent { column: "2".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use domain::destination::SLACK_API;

    use super::*;

    fn stored(target: &Target, address: &str) -> StoredTarget {
        StoredTarget {
            kind: target.kind().to_owned(),
            address: address.to_owned(),
            opened: target.to_sealed(),
            queue: target.queue().cloned(),
        }
    }

    #[test]
    fn what_leads_to_one_place_is_paced_by_one_address() {
        let app = |channel: &str| SlackApp {
            token: SlackToken::parse("xoxb-0123456789-0123456789-abcd").expect("a token"),
            channel: SlackChannel::parse(channel).expect("a channel"),
            secret: SlackSigningSecret::parse("0123456789abcdef0123456789abcdef").expect("one"),
        };
        let channel =
            |channel| Target::SlackApp { api: SLACK_API.into(), app: app(channel) }.paced_by();
        let url = "https://hooks.slack.com/services/T0/B0/s";
        let all = [
            channel("C0123ABCDEF"),
            channel("C0123ABCDEG"),
            Target::Slack(url.into()).paced_by(),
            Target::Slack(format!("{url}2")).paced_by(),
            Target::Teams(url.into()).paced_by(),
        ];
        assert_eq!(all[0], channel("C0123ABCDEF"));
        assert_eq!(all[2], Target::Slack(url.into()).paced_by());
        assert!(all.iter().all(Option::is_some));
        assert_eq!(std::collections::BTreeSet::from(all).len(), all.len());
        assert_eq!(Target::Email("bob@example.com".into()).paced_by(), None);
    }

    #[test]
    fn what_is_sealed_is_read_again() {
        let key = RoutingKey::parse("0123456789abcdef0123456789abcdef").expect("a key");
        let endpoint = "https://events.eu.pagerduty.com/v2/enqueue".to_owned();
        let token = NtfyToken::parse("tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2").expect("a token");
        let app = SlackApp {
            token: SlackToken::parse("xoxb-0123456789-0123456789-abcd").expect("a token"),
            channel: SlackChannel::parse("C0123ABCDEF").expect("a channel"),
            secret: SlackSigningSecret::parse("0123456789abcdef0123456789abcdef").expect("one"),
        };
        let (activity, queue) = ("alerts.page", "sendpromptly-ext.alerts");
        let (activity, queue) =
            (activity.parse().expect("a name"), queue.parse().expect("a queue"));
        for (target, address) in [
            (Target::Email("bob@example.com".into()), "bob@example.com"),
            (Target::Slack("https://hooks.slack.com/services/T0/B0/s".into()), "hooks.slack.com"),
            (Target::Teams("https://prod-1.westeurope.logic.azure.com/".into()), "logic.azure.com"),
            (Target::Discord("https://discord.com/api/webhooks/1/s".into()), "discord.com"),
            (Target::SlackApp { api: SLACK_API.into(), app }, "C0123ABCDEF"),
            (Target::PagerDuty { endpoint, key }, "events.eu.pagerduty.com"),
            (Target::Ntfy { url: "https://ntfy.sh/topic".into(), token: Some(token) }, "ntfy.sh"),
            (Target::Ntfy { url: "https://ntfy.sh/topic".into(), token: None }, "ntfy.sh"),
            (Target::Webhook { url: "https://a.test/".into(), secrets: vec![] }, "a.test"),
            (Target::Activity { activity, queue }, "alerts.page"),
        ] {
            assert_eq!(stored(&target, address).read().ok(), Some(target.clone()), "{target:?}");
            assert!(!format!("{target:?}").contains("0123456789"), "{target:?}");
        }
    }

    #[test]
    fn what_no_code_of_ours_writes_is_an_error_without_the_secret() {
        let url = Target::Slack("https://hooks.slack.com/services/T0/B0/secret".into());
        for kind in ["pagerduty", "slack_app", "ntfy", "email", "activity", "pager"] {
            let stored = StoredTarget { kind: kind.into(), ..stored(&url, "hooks.slack.com") };
            let error = stored.read().expect_err(kind).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
