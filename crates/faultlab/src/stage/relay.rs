//! The destinations of a round beside mail and Slack: each kind at a double that takes whatever comes.
//!
//! What is secret of one, in its URL or its key, is the shop's token: by it the facts know whose a message was, and
//! look for it where it must not be.

use domain::destination::RoutingKey;
use domain::signature::SigningSecret;
use store::destinations::Target;

use super::cast::random;

/// A kind of destination whose service is asked over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relay {
    Discord,
    Ntfy,
    PagerDuty,
    Teams,
    Webhook,
}

impl Relay {
    /// What it is called in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discord => "Discord",
            Self::Ntfy => "the ntfy server",
            Self::PagerDuty => "PagerDuty",
            Self::Teams => "Teams",
            Self::Webhook => "the webhook's receiver",
        }
    }

    /// Where messages of a shop with this token go; 32 letters and digits are a key of PagerDuty's, too.
    pub fn target(self, origin: &str, token: &str) -> anyhow::Result<Target> {
        Ok(match self {
            Self::Discord => Target::Discord(format!("{origin}/api/webhooks/1234/{token}")),
            Self::Ntfy => Target::Ntfy { url: format!("{origin}/{token}"), token: None },
            Self::PagerDuty => Target::PagerDuty {
                endpoint: format!("{origin}/v2/enqueue"),
                key: RoutingKey::parse(token)?,
            },
            Self::Teams => Target::Teams(format!("{origin}/workflows/1234/invoke?sig={token}")),
            Self::Webhook => Target::Webhook {
                url: format!("{origin}/alerts/{token}"),
                secrets: vec![SigningSecret::from_bytes(random()?)],
            },
        })
    }
}
