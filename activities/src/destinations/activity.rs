//! A team's own activity: the message that a webhook would get, as the input of an activity on the
//! task queue of their worker.
//!
//! It runs without a workflow, under the message's id. So a message that is sent again because our
//! worker died joins the run that goes on, and one that the activity has taken is not given to it
//! again while Temporal remembers that. One attempt each: what fails is tried again by the
//! destination's back-off, as every other message is, after the time that the activity asks for if
//! it asks for more.
//!
//! How an activity is run is not known here: the process that starts the service provides it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api_types::webhook::WebhookMessage;
use domain::alert::one_line;
use domain::extension::{ActivityName, QueueName, Silence, Unanswered};

use super::{FailureKind, SendFailure, Sent};

/// How long the whole may take: longer than a watch waits for an alert, since an attempt that is
/// under way goes on without the watch. Half of it is for a worker to take the task.
pub const BUDGET: Duration = Duration::from_secs(40);
/// Temporal takes 400 bytes.
const MAX_SUMMARY: usize = 200;

/// What an activity is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id, and the run's.
    pub id: String,
    pub activity: String,
    pub queue: String,
    /// What Temporal's own pages show of it.
    pub summary: String,
    /// A [`WebhookMessage`] as JSON.
    pub message: Vec<u8>,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// Temporal cannot be used, and why.
    Unavailable(String),
    Failed {
        silence: Silence,
        /// The activity said that another attempt is futile.
        for_good: bool,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
}

/// A run under way: what the activity returned, or why it was not done.
pub type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, Undelivered>> + Send>>;

/// Runs teams' activities.
#[derive(Clone)]
pub struct ActivityRunner(Arc<dyn Fn(Delivery) -> Running + Send + Sync>);

impl ActivityRunner {
    #[must_use]
    pub fn new(run: impl Fn(Delivery) -> Running + Send + Sync + 'static) -> Self {
        Self(Arc::new(run))
    }
}

impl std::fmt::Debug for ActivityRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ActivityRunner")
    }
}

/// Has the activity deliver one message.
pub(super) async fn send(
    runner: Option<&ActivityRunner>,
    activity: &ActivityName,
    queue: &QueueName,
    message: &WebhookMessage,
) -> Result<Sent, SendFailure> {
    let runner = runner.ok_or_else(|| SendFailure::transient("this process runs no activities"))?;
    let json = serde_json::to_vec(message);
    let json = json.map_err(|error| SendFailure::transient(&error.to_string()))?;
    let mut summary = one_line(&message.data.summary);
    summary.truncate(summary.floor_char_boundary(MAX_SUMMARY));
    let delivery = Delivery {
        id: message.id.clone(),
        activity: activity.to_string(),
        queue: queue.to_string(),
        summary,
        message: json,
    };
    match (runner.0)(delivery).await {
        Ok(returned) if returned.is_empty() || returned == b"null" => Ok(Sent::new("completed")),
        Ok(returned) => {
            Ok(Sent::new(&format!("completed: {}", String::from_utf8_lossy(&returned))))
        }
        Err(Undelivered::Unavailable(why)) => Err(SendFailure::transient(&why)),
        Err(Undelivered::Failed { silence, for_good, retry_after }) => {
            let kind = if for_good {
                FailureKind::Permanent
            } else {
                FailureKind::Transient { retry_after }
            };
            Err(SendFailure::new(kind, &explain(&silence, queue)))
        }
    }
}

/// What came of it, for the destination's owner. Of a failure that is its type, never its message.
fn explain(silence: &Silence, queue: &QueueName) -> String {
    let half = BUDGET.as_secs() / 2;
    if silence.why == Unanswered::NobodyTookIt {
        return format!("no worker took it from {queue} within {half} s");
    }
    if silence.why == Unanswered::TooSlow {
        return format!("not completed within {half} s");
    }
    match &silence.error_type {
        Some(error_type) => format!("failed with {error_type}"),
        None => silence.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::samples::opened;
    use crate::destinations::webhook::alert_message;

    async fn sent(end: Result<Vec<u8>, Undelivered>) -> Result<Sent, SendFailure> {
        let runner = ActivityRunner::new(move |delivery| {
            let end = end.clone();
            Box::pin(async move {
                let message: WebhookMessage =
                    serde_json::from_slice(&delivery.message).expect("a message");
                assert_eq!(delivery.id, message.id);
                assert_eq!(delivery.summary, message.data.summary);
                end
            })
        });
        let (activity, queue) = ("alerts.page", "sendpromptly-ext.alerts");
        let (activity, queue) = (activity.parse().expect("one"), queue.parse().expect("one"));
        let id = "alr_01K9QF3Z7M8V2T4B6N0C1D5E9G".parse().expect("an id");
        let message = alert_message(id, &opened()).expect("a message");
        send(Some(&runner), &activity, &queue, &message).await
    }

    fn failed(silence: Silence, for_good: bool, asked: Option<u64>) -> Undelivered {
        Undelivered::Failed { silence, for_good, retry_after: asked.map(Duration::from_secs) }
    }

    #[tokio::test]
    async fn whatever_it_returns_is_delivered() {
        for (returned, answer) in [
            (&b""[..], "completed"),
            (b"null", "completed"),
            (br#"{"page":7}"#, r#"completed: {"page":7}"#),
            (b"\xff", "completed: \u{fffd}"),
        ] {
            let sent = sent(Ok(returned.to_vec())).await.expect("delivered");
            assert_eq!(sent.answer, answer);
        }
    }

    #[tokio::test]
    async fn a_failure_says_what_happened_and_whether_another_attempt_may_help() {
        let transient = |asked: Option<u64>| FailureKind::Transient {
            retry_after: asked.map(Duration::from_secs),
        };
        let nobody = "no worker took it from sendpromptly-ext.alerts within 20 s";
        for (end, kind, answer) in [
            (failed(Silence::new(Unanswered::NobodyTookIt), false, None), transient(None), nobody),
            (
                failed(Silence::new(Unanswered::TooSlow), false, None),
                transient(None),
                "not completed within 20 s",
            ),
            (
                failed(Silence::failed("PagerDown"), false, Some(90)),
                transient(Some(90)),
                "failed with PagerDown",
            ),
            (
                failed(Silence::failed("NoSuchTeam"), true, None),
                FailureKind::Permanent,
                "failed with NoSuchTeam",
            ),
            (Undelivered::Unavailable("no Temporal".to_owned()), transient(None), "no Temporal"),
        ] {
            let failure = sent(Err(end)).await.expect_err("not delivered");
            assert_eq!((failure.kind, failure.answer.as_str()), (kind, answer));
        }
    }
}
