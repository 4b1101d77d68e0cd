//! The kinds of places that alerts go to, described once: their fields, what people call them, how fast their
//! provider takes messages.
//!
//! A kind's text is also the name of its first field, in which its address is entered. Console, command line, API
//! and its document follow this description, and their tests hold them to it.

mod ntfy;
mod pagerduty;
mod provider_url;
mod slack_app;

pub use ntfy::{MalformedNtfyToken, NtfyToken};
pub use pagerduty::{MalformedRoutingKey, PAGERDUTY_ENDPOINT, RoutingKey};
pub use provider_url::{ProviderUrl, ProviderUrlError};
pub use slack_app::{
    ForeignRequest, MalformedSlackChannel, MalformedSlackSigningSecret, MalformedSlackToken,
    MalformedSlackUserId, SLACK_API, SlackApp, SlackChannel, SlackResponseUrl, SlackSigningSecret,
    SlackToken, SlackUserId,
};

use std::time::Duration;

use crate::text_enum::text_enum;

text_enum! {
    /// A kind of destination.
    DestinationKind {
        Email = "email",
        Slack = "slack",
        SlackApp = "slack_app",
        Teams = "teams",
        Discord = "discord",
        PagerDuty = "pagerduty",
        Ntfy = "ntfy",
        Webhook = "webhook",
        Activity = "activity",
    }
}

/// A field of a kind's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDescription {
    /// Its name in API, forms and on the command line.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What to enter, in a sentence or two; may be empty.
    pub hint: &'static str,
    pub example: &'static str,
    pub is_required: bool,
    /// Whether what is entered is never shown again, in a form that was rejected neither.
    pub is_secret: bool,
}

/// What is to be known of a kind of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindDescription {
    pub kind: DestinationKind,
    /// What people call it, at the beginning of a sentence.
    pub name: &'static str,
    /// What a field that only this kind has is for, as in `is only for an activity`.
    pub noun: &'static str,
    /// The address first.
    pub fields: &'static [FieldDescription],
    /// What the button says that adds one.
    pub button: &'static str,
    /// The title of the label's field, by which the forms of a page differ.
    pub label_title: &'static str,
    /// By what it is named without a label, at the end of a sentence.
    pub named_by: &'static str,
    pub label_example: &'static str,
    /// What it said when it broke.
    pub gone: &'static str,
    /// What to do about that.
    pub cure: &'static str,
}

impl DestinationKind {
    /// How long its provider wants between two messages, where it says so: Slack takes one a second for each of its
    /// webhooks, and in each channel of an app (<https://docs.slack.dev/apis/web-api/rate-limits>), so much less than the four of Teams
    /// (<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>);
    /// PagerDuty takes about 120 a minute for each key
    /// (<https://developer.pagerduty.com/docs/events-api-v2-rate-limits>), and ntfy, after a burst of 60, one in five
    /// seconds (<https://docs.ntfy.sh/publish/#limitations>), for which 429 is left. Discord says it with each answer.
    #[must_use]
    pub const fn pace(self) -> Option<Duration> {
        match self {
            Self::Email | Self::Webhook | Self::Activity => None,
            Self::Slack | Self::SlackApp | Self::Teams | Self::Discord | Self::Ntfy => {
                Some(Duration::from_secs(1))
            }
            Self::PagerDuty => Some(Duration::from_millis(500)),
        }
    }

    /// Whether people see a state there that follows ours, so that it is told of acknowledgements too.
    #[must_use]
    pub const fn follows_state(self) -> bool {
        match self {
            Self::Email
            | Self::Slack
            | Self::Teams
            | Self::Discord
            | Self::Ntfy
            | Self::Webhook
            | Self::Activity => false,
            Self::SlackApp | Self::PagerDuty => true,
        }
    }

    #[must_use]
    pub const fn description(self) -> &'static KindDescription {
        match self {
            Self::Email => &EMAIL,
            Self::Slack => &SLACK,
            Self::SlackApp => &SLACK_APP,
            Self::Teams => &TEAMS,
            Self::Discord => &DISCORD,
            Self::PagerDuty => &PAGERDUTY,
            Self::Ntfy => &NTFY,
            Self::Webhook => &WEBHOOK,
            Self::Activity => &ACTIVITY,
        }
    }

    /// Every field that one of the kinds has, each once.
    pub fn all_fields() -> impl Iterator<Item = (Self, &'static FieldDescription)> {
        Self::ALL
            .iter()
            .flat_map(|kind| kind.description().fields.iter().map(move |it| (*kind, it)))
    }
}

const GONE: &str = "It answered twice, ten minutes apart, that this address does not exist.";
const CURE: &str = "Add the right address as a destination and remove this one.";

const fn field(
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    example: &'static str,
) -> FieldDescription {
    FieldDescription { name, title, hint, example, is_required: true, is_secret: false }
}

const fn secret(field: FieldDescription) -> FieldDescription {
    FieldDescription { is_secret: true, ..field }
}

const fn optional(field: FieldDescription) -> FieldDescription {
    FieldDescription { is_required: false, ..field }
}

const EMAIL: KindDescription = KindDescription {
    kind: DestinationKind::Email,
    name: "E-mail",
    noun: "e-mail",
    fields: &[field("email", "E-mail address", "", "bob@example.com")],
    button: "Add the address",
    label_title: "Label of the address (optional)",
    named_by: "its address",
    label_example: "Bob, on call",
    gone: GONE,
    cure: CURE,
};

const SLACK: KindDescription = KindDescription {
    kind: DestinationKind::Slack,
    name: "Slack",
    noun: "Slack",
    fields: &[secret(field(
        "slack",
        "Slack webhook URL",
        "In Slack: Apps, Incoming Webhooks, Add to a channel. The URL is a secret: it is kept encrypted and not shown.",
        "https://hooks.slack.com/services/…",
    ))],
    button: "Add the channel",
    label_title: "Label (optional)",
    named_by: "the last four characters of its URL",
    label_example: "#payments",
    gone: "It answered twice, ten minutes apart, that this webhook does not exist.",
    cure: "Create a new webhook in Slack, add its URL as a destination and remove this one.",
};

const SLACK_APP: KindDescription = KindDescription {
    kind: DestinationKind::SlackApp,
    name: "Slack app",
    noun: "a Slack app",
    fields: &[
        secret(field(
            "slack_app",
            "Bot token of your Slack app",
            "In your app: OAuth & Permissions, with the scope chat:write. It is kept encrypted and not shown.",
            "xoxb-…",
        )),
        field(
            "channel",
            "Channel ID",
            "At the end of the channel's details. Invite the app to it: /invite @your-app",
            "C0123ABCDEF",
        ),
        secret(field(
            "signing_secret",
            "Signing secret of your Slack app",
            "In your app: Basic Information. Buttons are verified with it. It is kept encrypted and not shown.",
            "32 digits and letters",
        )),
        optional(field(
            "slack_api",
            "Address of the Web API (optional)",
            "Only for a workspace of GovSlack: https://slack-gov.com/api/",
            SLACK_API,
        )),
    ],
    button: "Add the app's channel",
    label_title: "Label of the app's channel (optional)",
    named_by: "the channel's ID",
    label_example: "#payments",
    gone: "It answered twice, ten minutes apart, that the app may not post to this channel.",
    cure: "Do what its answer asks for, or add the app's channel with a token that it has now and remove this one.",
};

const TEAMS: KindDescription = KindDescription {
    kind: DestinationKind::Teams,
    name: "Teams",
    noun: "Teams",
    fields: &[secret(field(
        "teams",
        "Teams workflow URL",
        "In Teams: the channel's menu, Workflows, Send webhook alerts to a channel. The URL is a secret: it is kept \
            encrypted and not shown.",
        "https://….api.powerplatform.com/…",
    ))],
    button: "Add the workflow",
    label_title: "Label of the Teams channel (optional)",
    named_by: "the last four characters of its signature",
    label_example: "Payments",
    gone: "It answered twice, ten minutes apart, that this workflow does not exist or has another URL.",
    cure: "Create the workflow again in Teams, add its URL as a destination and remove this one.",
};

const DISCORD: KindDescription = KindDescription {
    kind: DestinationKind::Discord,
    name: "Discord",
    noun: "Discord",
    fields: &[secret(field(
        "discord",
        "Discord webhook URL",
        "In Discord: the channel's settings, Integrations, Webhooks, New Webhook, Copy Webhook URL. The URL is a \
            secret: it is kept encrypted and not shown.",
        "https://discord.com/api/webhooks/…",
    ))],
    button: "Add the Discord channel",
    label_title: "Label of the Discord channel (optional)",
    named_by: "the last four characters of its token",
    label_example: "#payments",
    gone: "It answered twice, ten minutes apart, that this webhook does not exist.",
    cure: "Create a new webhook in Discord, add its URL as a destination and remove this one.",
};

const NTFY: KindDescription = KindDescription {
    kind: DestinationKind::Ntfy,
    name: "ntfy",
    noun: "ntfy",
    fields: &[
        secret(field(
            "ntfy",
            "ntfy topic URL",
            "The topic that you subscribe to, at ntfy.sh or your own server. Whoever knows it can read it: it is kept \
                encrypted and not shown.",
            "https://ntfy.sh/cometcart-x7Kq2mWp",
        )),
        optional(secret(field(
            "token",
            "Access token (optional)",
            "Where the topic is protected. It is kept encrypted and not shown.",
            "tk_…",
        ))),
    ],
    button: "Add the topic",
    label_title: "Label of the topic (optional)",
    named_by: "the last four characters of its topic",
    label_example: "On-call phone",
    gone: GONE,
    cure: "Add the right topic as a destination and remove this one.",
};

const PAGERDUTY: KindDescription = KindDescription {
    kind: DestinationKind::PagerDuty,
    name: "PagerDuty",
    noun: "PagerDuty",
    fields: &[
        secret(field(
            "pagerduty",
            "PagerDuty integration key",
            "In PagerDuty: Services, your service, Integrations, Add integration, Events API V2. The key is a secret: \
                it is kept encrypted and not shown.",
            "32 letters and digits",
        )),
        optional(field(
            "endpoint",
            "Events endpoint (optional)",
            "Only for an account in PagerDuty's EU region: https://events.eu.pagerduty.com/v2/enqueue",
            PAGERDUTY_ENDPOINT,
        )),
    ],
    button: "Add the service",
    label_title: "Label of the service (optional)",
    named_by: "the last four characters of its key",
    label_example: "Payments on call",
    gone: "It answered twice, ten minutes apart, that it does not know this integration key.",
    cure: "Copy the key of the service's Events API V2 integration, add it as a destination and remove this one.",
};

const WEBHOOK: KindDescription = KindDescription {
    kind: DestinationKind::Webhook,
    name: "Webhook",
    noun: "a webhook",
    fields: &[secret(field(
        "webhook",
        "Webhook URL",
        "Any HTTPS endpoint: it receives signed JSON. The URL is a secret: it is kept encrypted and not shown.",
        "https://alerts.example.com/…",
    ))],
    button: "Add the webhook",
    label_title: "Label of the webhook (optional)",
    named_by: "its host",
    label_example: "Ticket system",
    gone: "It answered 410 twice, ten minutes apart: this URL is gone for good.",
    cure: "Add the right URL as a destination and remove this one.",
};

const ACTIVITY: KindDescription = KindDescription {
    kind: DestinationKind::Activity,
    name: "Activity",
    noun: "an activity",
    fields: &[
        field(
            "activity",
            "Activity",
            "One of your own worker: it receives the JSON of a webhook.",
            "alerts.page",
        ),
        field(
            "queue",
            "Task queue",
            "The queue of that worker. It begins with sendpromptly-ext.",
            "sendpromptly-ext.alerts",
        ),
    ],
    button: "Add the activity",
    label_title: "Label of the activity (optional)",
    named_by: "its activity",
    label_example: "On-call",
    gone: GONE,
    cure: CURE,
};

/// What a secret is called unless an operator gives it a label: by its end, as keys are. Where it is too short to
/// show a part of it, by the host that it is for.
pub(crate) fn shorten(name: &str, secret: &str, host: &str) -> String {
    /// How many characters are shown.
    const SHOWN: usize = 4;
    /// How many must stay hidden: twelve letters and digits are 71 bits.
    const LEAST_HIDDEN: usize = 12;
    match secret.len().checked_sub(SHOWN) {
        Some(hidden) if hidden >= LEAST_HIDDEN && secret.is_ascii() => {
            format!("{name} …{}", &secret[hidden..])
        }
        _ => format!("{name} at {host}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_field_has_the_name_of_the_kind_and_each_name_is_there_once() {
        let mut names = BTreeSet::new();
        for kind in DestinationKind::ALL {
            let description = kind.description();
            assert_eq!(description.kind, *kind);
            assert_eq!(description.fields[0].name, kind.as_str());
            assert!(description.fields[0].is_required, "{kind}");
        }
        for (kind, field) in DestinationKind::all_fields() {
            assert!(names.insert(field.name), "{kind} {}", field.name);
            assert!(!["label", "every_incident"].contains(&field.name), "{kind}");
            let says = field.hint.contains("kept encrypted and not shown");
            assert_eq!(field.is_secret, says, "{kind} {}", field.name);
        }
    }

    #[test]
    fn two_secrets_have_two_names_and_a_short_one_shows_nothing() {
        assert_eq!(shorten("Slack", "abcdefghijklmnopWxYz", "x.test"), "Slack …WxYz");
        assert_eq!(shorten("Slack", "abcdefghijklmnop", "x.test"), "Slack …mnop");
        assert_eq!(shorten("Slack", "abcdefghijklmno", "x.test"), "Slack at x.test");
        assert_eq!(shorten("Slack", "ééééééééééééééééé", "x.test"), "Slack at x.test");
    }
}
