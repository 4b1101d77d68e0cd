//! Where the alerts of a project go.

use domain::ids::DestinationId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Where alerts go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Destination))]
pub struct DestinationResponse {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "dst_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub destination_id: DestinationId,
    /// `email`, `slack`, `slack_app`, `teams`, `discord`, `pagerduty`, `ntfy`, `webhook` or `activity`.
    pub kind: String,
    /// The address, the host that messages go to, or the activity.
    pub address: String,
    /// The task queue of an activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What people call it: its label, or its address.
    pub label: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Since when it rejects every message for good.
    #[serde(with = "time::serde::rfc3339::option")]
    pub broken_at: Option<OffsetDateTime>,
    /// Since when it takes nothing; null once it took a message again.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub failing_since: Option<OffsetDateTime>,
    /// How many attempts have failed since then.
    #[serde(default)]
    pub failed_attempts: i32,
    /// The other side's response to the last message that it did not take, verbatim.
    #[serde(default)]
    pub last_answer: Option<String>,
    /// Whether it gets each incident by itself; otherwise messages about causes stand for most.
    #[serde(default)]
    pub every_incident: bool,
}

/// A new destination: one of `email`, `slack`, `slack_app` with `channel` and `signing_secret`, `teams`, `discord`, `pagerduty`,
/// `ntfy`, `webhook`, and `activity` with `queue`.
#[derive(Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DestinationBody))]
pub struct DestinationRequest {
    /// An e-mail address.
    pub email: Option<String>,
    /// The URL of a Slack incoming webhook.
    pub slack: Option<String>,
    /// The Bot User OAuth Token of your own Slack app, `xoxb-…`.
    pub slack_app: Option<String>,
    /// The id of the channel that the app posts to, such as `C0123ABCDEF`.
    pub channel: Option<String>,
    /// The app's Signing Secret, by which the buttons of its messages are verified.
    pub signing_secret: Option<String>,
    /// Where the methods of Slack's Web API are; `https://slack-gov.com/api/` for a workspace of GovSlack.
    pub slack_api: Option<String>,
    /// The URL of a Teams workflow that posts webhook alerts to a channel.
    pub teams: Option<String>,
    /// The URL of a Discord webhook.
    pub discord: Option<String>,
    /// The integration key of a PagerDuty service's Events API V2 integration.
    pub pagerduty: Option<String>,
    /// Where PagerDuty takes events; `https://events.eu.pagerduty.com/v2/enqueue` for an account in the EU.
    pub endpoint: Option<String>,
    /// The URL of an ntfy topic.
    pub ntfy: Option<String>,
    /// The access token of the ntfy server, where the topic is protected.
    pub token: Option<String>,
    /// An HTTPS endpoint that receives signed JSON.
    pub webhook: Option<String>,
    /// An activity of your own worker, which gets the JSON of a webhook.
    pub activity: Option<String>,
    /// The task queue of that worker; it begins with `sendpromptly-ext.`.
    pub queue: Option<String>,
    /// What people call it in lists and timelines, 1 to 255 characters. Otherwise a mail goes by
    /// its address, a webhook by its host, an activity by its name, a Slack app by its channel, and
    /// all others by the last four characters of their secret.
    pub label: Option<String>,
    /// Whether it gets each incident by itself, the default of webhooks and activities, or messages
    /// about causes, that of all others.
    pub every_incident: Option<bool>,
}

domain::debug_without!(DestinationRequest {
    shown: [email, channel, slack_api, endpoint, activity, queue, label, every_incident],
    hidden: [slack, slack_app, signing_secret, teams, discord, pagerduty, ntfy, token, webhook],
});

/// What changes of a destination: at least one of these.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DestinationChange))]
pub struct DestinationUpdateRequest {
    /// 1 to 255 characters, or null: then it has the name of its kind's default again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether it gets each incident by itself, the default of webhooks and activities, or messages
    /// about causes, that of all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_incident: Option<bool>,
}

/// A destination that was added.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddedDestination {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "dst_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub destination_id: DestinationId,
    pub kind: String,
    /// What signs the messages of a webhook, `whsec_…`; shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
}

domain::debug_without!(AddedDestination {
    shown: [destination_id, kind],
    hidden: [signing_secret],
});

/// A webhook's new signing secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotatedSecret {
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "dst_01K9QE0A1B2C3D4E5F6G7H8J9K")
    )]
    pub destination_id: DestinationId,
    /// `whsec_…`; shown this once.
    pub signing_secret: String,
    /// Until when the secrets before it sign as well.
    #[serde(with = "time::serde::rfc3339")]
    pub older_sign_until: OffsetDateTime,
}

domain::debug_without!(RotatedSecret {
    shown: [destination_id, older_sign_until],
    hidden: [signing_secret],
});

/// What became of a test message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = TestOutcome))]
pub struct TestMessageResponse {
    pub delivered: bool,
    /// The other side's response, verbatim.
    pub answer: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::is_json;

    #[test]
    fn no_secret_is_printed() {
        let secret = || Some("canary".to_owned());
        let request = DestinationRequest {
            slack: secret(),
            slack_app: secret(),
            signing_secret: secret(),
            teams: secret(),
            discord: secret(),
            pagerduty: secret(),
            ntfy: secret(),
            token: secret(),
            webhook: secret(),
            ..DestinationRequest::default()
        };
        let destination_id = "dst_00000000000000000000000001".parse().expect("an id");
        let (kind, signing_secret) = ("webhook".to_owned(), secret());
        let added = AddedDestination { destination_id, kind, signing_secret };
        let printed = format!("{request:?} {added:?}");
        assert!(!printed.contains("canary"), "{printed}");
    }

    #[test]
    fn an_added_destination_has_exactly_the_fields_of_the_contract() {
        let destination_id = "dst_00000000000000000000000001".parse().expect("an id");
        let added = AddedDestination { destination_id, kind: "email".into(), signing_secret: None };
        is_json(&added, r#"{"destination_id":"dst_00000000000000000000000001","kind":"email"}"#);
        let (kind, signing_secret) = ("webhook".into(), Some("whsec_x".into()));
        is_json(
            &AddedDestination { destination_id, kind, signing_secret },
            r#"{"destination_id":"dst_00000000000000000000000001","kind":"webhook","signing_secret":"whsec_x"}"#,
        );
    }
}
