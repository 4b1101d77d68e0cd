//! Where alerts go: one folder per kind of destination, and one way to send to any of them.
//!
//! [`send`] makes a single attempt and returns the outcome: accepted, rejected for now, rejected
//! for good, or the recipient does not exist. It stores nothing itself; a crash after the message
//! left and before the response was recorded repeats the message with the same id, which mail
//! programs fold into one.

pub mod activity;
pub mod discord;
pub mod email;
mod exchange;
pub mod ntfy;
pub mod pagerduty;
#[cfg(test)]
pub(crate) mod samples;
pub mod slack;
pub mod slack_app;
pub mod teams;
pub mod webhook;

use std::time::Duration;

use domain::alert::{AlertFacts, AlertKind, SlackUrl, WebhookUrl, one_line};
use domain::destination::{DestinationKind, NtfyToken, ProviderUrl, RoutingKey};
use domain::extension::{ActivityName, QueueName};
use domain::ids::{AlertId, IncidentId};
use domain::mention::MentionFacts;
use domain::notice::{NoticeFacts, NoticeOrigin};
use domain::repair_url::AllowedNetworks;
use domain::signature::SigningSecret;
use store::destinations as saved;
use time::OffsetDateTime;

use self::activity::ActivityRunner;
use self::email::EmailSender;
use self::slack_app::AppChannel;
use crate::http::GuardedClient;

/// The longest response that is kept, in bytes.
const MAX_ANSWER: usize = 500;

/// What messages leave by.
#[derive(Debug, Clone)]
pub struct Senders {
    /// For e-mail.
    pub email: EmailSender,
    /// For all whose address is a URL; its policy says which networks those may point to.
    pub http: GuardedClient,
    /// For teams' own activities; none in a process that does not know Temporal.
    pub activities: Option<ActivityRunner>,
}

#[derive(Debug, Clone)]
pub enum Recipient {
    /// A mailbox.
    Email { address: String },
    /// A Slack channel.
    Slack {
        /// The URL of its incoming webhook.
        url: SlackUrl,
    },
    /// A channel of a Slack app.
    SlackApp(AppChannel),
    /// A channel of Teams.
    Teams {
        /// The URL of a workflow that posts to it.
        url: ProviderUrl,
    },
    /// A channel of Discord.
    Discord {
        /// The URL of its incoming webhook.
        url: ProviderUrl,
    },
    /// A topic of an ntfy server.
    Ntfy { url: ProviderUrl, token: Option<NtfyToken> },
    /// A service of PagerDuty.
    PagerDuty { endpoint: ProviderUrl, key: RoutingKey },
    /// An endpoint that takes signed JSON.
    Webhook {
        url: WebhookUrl,
        /// What signs, newest first.
        secrets: Vec<SigningSecret>,
        /// What the signature is dated with.
        at: OffsetDateTime,
    },
    /// A team's own activity.
    Activity { activity: ActivityName, queue: QueueName },
}

impl Recipient {
    /// A stored destination, ready to be sent to.
    ///
    /// # Errors
    /// When its URL leads where messages of the project may not go. That waits like every
    /// other failure: the operator may allow the network.
    pub fn from_saved(
        saved: saved::SavedTarget,
        allow: &AllowedNetworks,
    ) -> Result<Self, SendFailure> {
        let (mode, destination_id) = (saved.mode, saved.id);
        let read = |kind: DestinationKind, url: &str| {
            let name = kind.description().name;
            let url = ProviderUrl::parse(kind, url, mode, allow);
            url.map_err(|error| unreachable(format!("the URL of {name} {error}")))
        };
        Ok(match saved.target {
            saved::Target::Email(address) => Self::Email { address },
            saved::Target::Slack(url) => {
                Self::Slack { url: SlackUrl::parse(&url, mode, allow).map_err(unreachable)? }
            }
            saved::Target::SlackApp { api, app } => {
                let api = read(DestinationKind::SlackApp, &api)?;
                Self::SlackApp(AppChannel { destination_id, api, app })
            }
            saved::Target::Teams(url) => Self::Teams { url: read(DestinationKind::Teams, &url)? },
            saved::Target::Discord(url) => {
                Self::Discord { url: read(DestinationKind::Discord, &url)? }
            }
            saved::Target::PagerDuty { endpoint, key } => {
                Self::PagerDuty { endpoint: read(DestinationKind::PagerDuty, &endpoint)?, key }
            }
            saved::Target::Ntfy { url, token } => {
                Self::Ntfy { url: read(DestinationKind::Ntfy, &url)?, token }
            }
            saved::Target::Webhook { url, secrets } => {
                let url = WebhookUrl::parse(&url, mode, allow).map_err(unreachable)?;
                Self::Webhook { url, secrets, at: saved.at }
            }
            saved::Target::Activity { activity, queue } => Self::Activity { activity, queue },
        })
    }
}

/// A URL leads where messages may not go.
fn unreachable(error: impl std::fmt::Display) -> SendFailure {
    SendFailure::permanent(&error.to_string())
}

/// The message was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the provider said.
    pub answer: String,
    /// What the provider calls the message, where what follows of its conversation edits it.
    pub posted: Option<String>,
    /// How long the provider wants no other message.
    pub pause: Option<Duration>,
}

/// The message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{answer}")]
pub struct SendFailure {
    /// What to do next.
    pub kind: FailureKind,
    /// What the provider said, for the destination's owner.
    pub answer: String,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Another attempt may help.
    Transient {
        /// How long the provider asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// This message will never be taken.
    Permanent,
    /// The destination says that the recipient does not exist: a mailbox that does not exist, a
    /// webhook that was removed. Whether that makes it broken is judged over time.
    Gone,
}

/// What makes the messages of one incident one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The message's own id, the same for every attempt at the same alert and destination.
    pub message_id: String,
    /// The id of the conversation's first message and what it reported, unless this is the first.
    pub first: Option<(String, AlertKind)>,
    /// What it follows where it is the first about its incident: the first message about its cause.
    pub root: Option<String>,
    /// The incident by which a service that follows our state knows what the message is about.
    pub conversation: Option<IncidentId>,
    /// What the provider calls the message of that conversation, if it said so.
    pub posted: Option<String>,
    /// Whether it is about all incidents of its cause, of which none waits for an operator any more.
    pub stands_for_cause: bool,
}

impl Thread {
    /// A message that follows no other.
    #[must_use]
    pub const fn alone(message_id: String) -> Self {
        Self {
            message_id,
            first: None,
            root: None,
            conversation: None,
            posted: None,
            stands_for_cause: false,
        }
    }
}

/// One notice, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeMessage {
    /// What a webhook knows the message by, the same for every attempt.
    pub id: AlertId,
    /// The message's id in mail, the same for every attempt.
    pub message_id: String,
    /// The id in mail of the message that it follows.
    pub root: Option<String>,
    /// The moment up to which it is about.
    pub happened_at: OffsetDateTime,
    pub origin: NoticeOrigin,
    pub facts: NoticeFacts,
    /// The incident that began the episode of the cause that it is about.
    pub conversation: Option<IncidentId>,
    /// What the provider calls the message of that conversation, if it said so.
    pub posted: Option<String>,
}

/// Sends one alert to one destination, once. A webhook knows the message by `id`, the same for
/// every attempt.
///
/// # Errors
/// When the message was not taken; the failure says whether another attempt may help.
pub async fn send(
    senders: &Senders,
    recipient: &Recipient,
    id: AlertId,
    thread: &Thread,
    facts: &AlertFacts,
) -> Result<Sent, SendFailure> {
    let legible = facts.clone().sanitize();
    let conversation = thread.conversation.unwrap_or(facts.incident_id);
    let message = || {
        let message = webhook::alert_message(id, facts);
        message.ok_or_else(|| SendFailure::permanent("programs are told of no acknowledgement"))
    };
    match recipient {
        Recipient::Email { address } => senders.email.send(address, thread, &legible).await,
        Recipient::Slack { url } => slack::send(&senders.http, url, &legible).await,
        Recipient::SlackApp(to) => slack_app::send(&senders.http, to, thread, &legible).await,
        Recipient::Teams { url } => {
            teams::send(&senders.http, url, &teams::alert_card(&legible)).await
        }
        Recipient::Discord { url } => {
            discord::send_alert(&senders.http, url, thread.posted.as_deref(), &legible).await
        }
        Recipient::Ntfy { url, token } => {
            let notification = ntfy::alert_notification(conversation, &legible);
            ntfy::send(&senders.http, url, token.as_ref(), notification).await
        }
        Recipient::PagerDuty { endpoint, key } => {
            let event = pagerduty::alert_event(conversation, &legible);
            pagerduty::send(&senders.http, endpoint, key, event).await
        }
        Recipient::Webhook { url, secrets, at } => {
            webhook::send(&senders.http, url, secrets, *at, &message()?).await
        }
        Recipient::Activity { activity, queue } => {
            activity::send(senders.activities.as_ref(), activity, queue, &message()?).await
        }
    }
}

/// Tells an operator by mail that a comment mentions them.
///
/// # Errors
/// When the message was not taken.
pub async fn send_mention(
    senders: &Senders,
    address: &str,
    message_id: &str,
    facts: &MentionFacts,
) -> Result<Sent, SendFailure> {
    senders.email.send_mention(address, &Thread::alone(message_id.to_owned()), facts).await
}

/// Sends one notice to one destination, once.
///
/// # Errors
/// When the message was not taken.
pub async fn send_notice(
    senders: &Senders,
    recipient: &Recipient,
    notice: &NoticeMessage,
) -> Result<Sent, SendFailure> {
    let text = notice.facts.text(&notice.origin);
    match recipient {
        Recipient::Email { address } => {
            let root = notice.root.clone();
            let thread = Thread { root, ..Thread::alone(notice.message_id.clone()) };
            senders.email.send_notice(address, &thread, &text).await
        }
        Recipient::Slack { url } => slack::send_notice(&senders.http, url, &text).await,
        Recipient::SlackApp(to) => slack_app::send_notice(&senders.http, to, notice, &text).await,
        Recipient::Teams { url } => {
            teams::send(&senders.http, url, &teams::notice_card(&text)).await
        }
        Recipient::Discord { url } => {
            let message = discord::notice_message(&text, notice.happened_at);
            discord::send(&senders.http, url, &message, notice.posted.as_deref()).await
        }
        Recipient::Ntfy { url, token } => {
            let notification = ntfy::notice_notification(notice);
            ntfy::send(&senders.http, url, token.as_ref(), notification).await
        }
        Recipient::PagerDuty { endpoint, key } => {
            pagerduty::send(&senders.http, endpoint, key, pagerduty::notice_event(notice)).await
        }
        Recipient::Webhook { url, secrets, at } => {
            let message = webhook::notice_message(notice, &text);
            webhook::send(&senders.http, url, secrets, *at, &message).await
        }
        Recipient::Activity { activity, queue } => {
            let message = webhook::notice_message(notice, &text);
            activity::send(senders.activities.as_ref(), activity, queue, &message).await
        }
    }
}

impl Sent {
    fn new(answer: &str) -> Self {
        Self { answer: kept(answer), posted: None, pause: None }
    }
}

impl SendFailure {
    fn new(kind: FailureKind, answer: &str) -> Self {
        Self { kind, answer: kept(answer) }
    }

    fn transient(answer: &str) -> Self {
        Self::new(FailureKind::Transient { retry_after: None }, answer)
    }

    fn permanent(answer: &str) -> Self {
        Self::new(FailureKind::Permanent, answer)
    }
}

/// The text up to so many characters, the last of which says that something is missing.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

fn kept(answer: &str) -> String {
    let mut answer = one_line(answer);
    answer.truncate(answer.floor_char_boundary(MAX_ANSWER));
    answer
}
