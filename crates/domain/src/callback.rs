//! The repair callback: its body, its headers' names, its schedule, and what a response means.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::app_error::AppError;
use crate::catalogue::{EffectType, Provider};
use crate::ids::{EventId, IncidentId, ProjectId, ReplayId};
use crate::incident::Reason;
use crate::project::Mode;

/// The body of the callback. It is made once per reprocess and kept, so that every attempt sends
/// the same bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallbackBody {
    /// Always `reprocess`.
    #[serde(rename = "type")]
    pub kind: CallbackKind,
    /// Stable over all attempts: the key for the receiver's idempotency.
    pub replay_id: ReplayId,
    pub incident_id: IncidentId,
    pub event_id: EventId,
    pub project_id: ProjectId,
    /// Whether real money is concerned.
    pub mode: Mode,
    /// Who took the money.
    pub provider: Provider,
    /// The provider's id of the event.
    pub provider_event_id: String,
    /// The provider's event type.
    pub event_type: String,
    /// The effect that is due.
    pub effect_type: EffectType,
    /// The app's own reference.
    pub internal_reference: String,
    /// Which of several such effects; there only where the receipt said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_key: Option<String>,
    /// The provider's time.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// The shop, for Shopify.
    pub shopify_shop_domain: Option<String>,
    /// Why the app is asked.
    pub reason: CallbackReason,
    /// When it was requested.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
}

/// The body as it is sent where its project wants the snapshot in it: the last member, byte for byte as the app
/// sent it in its receipt, or null where none is kept.
#[must_use]
pub fn with_snapshot(body: &str, snapshot: Option<&str>) -> String {
    let members = body.strip_suffix('}').unwrap_or(body);
    format!("{members},\"snapshot\":{}}}", snapshot.unwrap_or("null"))
}

crate::text_enum::text_enum! {
    /// What a callback asks for.
    CallbackKind { Reprocess = "reprocess" }
}

/// Why the app is asked to do the work again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallbackReason {
    /// The incident's reason.
    pub kind: Reason,
    /// The app's last error.
    #[serde(flatten)]
    pub error: AppError,
}

/// How long after the previous attempt each attempt starts.
pub const SCHEDULE: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
];

/// How long after a response that looks final the attempt starts that confirms it: a deploy or a
/// proxy's restart is over by then.
pub const CONFIRM_AFTER: Duration = Duration::from_mins(1);

/// The longest that a receiver's `Retry-After` is respected.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(6);

/// What a response's status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerVerdict {
    /// Delivered: the app took the work.
    Delivered,
    /// Worth another attempt.
    Retry,
    /// Looks final, and is given during deploys and by proxies too: final once it was confirmed by
    /// another response of this kind.
    RetryOnce,
    /// No attempt will help.
    Stop,
}

/// Judges the status of a response.
#[must_use]
pub const fn judge_answer(status: u16) -> AnswerVerdict {
    match status {
        200..=299 => AnswerVerdict::Delivered,
        300..=399 | 401 | 403 | 404 | 409 | 410 => AnswerVerdict::RetryOnce,
        400..=499 if !matches!(status, 408 | 425 | 429) => AnswerVerdict::Stop,
        // Beside 5xx also what HTTP has no class for, and counts as 5xx (RFC 9110, section 15).
        _ => AnswerVerdict::Retry,
    }
}

/// The attempts of one reprocess that have ended, without those that a crash of ours cut off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptTally {
    /// All of them: what counts against the schedule.
    pub made: u32,
    /// Those whose response was [`AnswerVerdict::RetryOnce`].
    pub doubtful: u32,
}

impl AttemptTally {
    /// Counts attempts by their statuses; an attempt without a response has none.
    #[must_use]
    pub fn count(statuses: impl IntoIterator<Item = Option<u16>>) -> Self {
        statuses.into_iter().fold(Self::default(), |tally, status| {
            let doubtful = matches!(status.map(judge_answer), Some(AnswerVerdict::RetryOnce));
            Self { made: tally.made + 1, doubtful: tally.doubtful + u32::from(doubtful) }
        })
    }
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptDecision {
    /// The app took the work: wait for its result.
    AwaitResult,
    /// Another attempt after this wait, which [`next_delay`] spreads.
    Retry(Duration),
    /// The reprocess ends as undelivered.
    GiveUp,
}

/// Decides what follows an attempt; `tally` counts it, too.
///
/// One response that looks final never decides, not even the last one of the schedule.
#[must_use]
pub fn decide_attempt(verdict: AnswerVerdict, tally: AttemptTally) -> AttemptDecision {
    match verdict {
        AnswerVerdict::Delivered => AttemptDecision::AwaitResult,
        AnswerVerdict::Retry => {
            planned_wait(tally.made).map_or(AttemptDecision::GiveUp, AttemptDecision::Retry)
        }
        AnswerVerdict::RetryOnce if tally.doubtful <= 1 => AttemptDecision::Retry(CONFIRM_AFTER),
        AnswerVerdict::RetryOnce | AnswerVerdict::Stop => AttemptDecision::GiveUp,
    }
}

/// The schedule's wait after so many attempts, or `None` when all are used up.
#[must_use]
pub fn planned_wait(made: u32) -> Option<Duration> {
    SCHEDULE.get(usize::try_from(made).ok()?).copied()
}

/// How long to wait before the next attempt.
///
/// `jitter` is a random number from 0 to 1 that moves the planned wait by up to 10 % either way,
/// and `retry_after` is what the receiver asked for.
#[must_use]
pub fn next_delay(planned: Duration, jitter: f64, retry_after: Option<Duration>) -> Duration {
    let spread = planned.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0));
    retry_after.map_or(spread, |requested| requested.min(MAX_RETRY_AFTER).max(spread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_snapshot_is_the_last_member_byte_for_byte() {
        let body = r#"{"type":"reprocess","reason":{"kind":"missing_result"}}"#;
        let sent = with_snapshot(body, Some(r#"{ "a" : 1e5 }"#));
        assert_eq!(
            sent,
            r#"{"type":"reprocess","reason":{"kind":"missing_result"},"snapshot":{ "a" : 1e5 }}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&sent).is_ok());
        assert!(with_snapshot(body, None).ends_with(r#"},"snapshot":null}"#));
    }

    #[test]
    fn answers_are_judged_as_the_contract_says() {
        for (verdict, statuses) in [
            (AnswerVerdict::Delivered, &[200, 204, 299][..]),
            (AnswerVerdict::Retry, &[408, 425, 429, 500, 503, 599, 101, 600, 999]),
            (AnswerVerdict::RetryOnce, &[301, 302, 307, 308, 401, 403, 404, 409, 410]),
            (AnswerVerdict::Stop, &[400, 402, 405, 406, 413, 415, 422, 451]),
        ] {
            for status in statuses {
                assert_eq!(judge_answer(*status), verdict, "{status}");
            }
        }
    }

    #[test]
    fn a_first_answer_that_looks_final_is_confirmed_after_a_minute_and_a_second_one_decides() {
        let after = |statuses: &[u16]| {
            let verdict = judge_answer(*statuses.last().expect("an answer"));
            decide_attempt(verdict, AttemptTally::count(statuses.iter().copied().map(Some)))
        };
        for first in [302, 308, 401, 403, 404, 409, 410] {
            assert_eq!(after(&[first]), AttemptDecision::Retry(CONFIRM_AFTER), "{first}");
            for second in [first, 308, 410] {
                assert_eq!(after(&[first, second]), AttemptDecision::GiveUp, "{first} {second}");
            }
            assert_eq!(after(&[first, 200]), AttemptDecision::AwaitResult, "{first}");
            assert_eq!(after(&[first, 422]), AttemptDecision::GiveUp, "{first}");
            let (ten_minutes, hour) = (Duration::from_mins(10), Duration::from_hours(1));
            assert_eq!(after(&[first, 503]), AttemptDecision::Retry(ten_minutes), "{first}");
            assert_eq!(after(&[503, first, 503]), AttemptDecision::Retry(hour), "{first}");
            assert_eq!(after(&[503, first, 503, 404]), AttemptDecision::GiveUp, "{first}");
            let last = [503, 503, 503, 503, first];
            assert_eq!(after(&last), AttemptDecision::Retry(CONFIRM_AFTER), "{first} as the last");
        }
        assert_eq!(after(&[422]), AttemptDecision::GiveUp);
    }

    #[test]
    fn five_attempts_are_all() {
        let after = |made| decide_attempt(AnswerVerdict::Retry, AttemptTally { made, doubtful: 0 });
        assert_eq!(after(1), AttemptDecision::Retry(Duration::from_mins(1)));
        assert_eq!(after(4), AttemptDecision::Retry(Duration::from_hours(6)));
        assert_eq!(after(5), AttemptDecision::GiveUp);
        assert_eq!(after(6), AttemptDecision::GiveUp, "a confirmation came on top");
    }

    #[test]
    fn a_receivers_wish_lengthens_the_wait_up_to_six_hours() {
        let minute = Duration::from_mins(1);
        let requested = |secs| next_delay(minute, 0.5, Some(Duration::from_secs(secs)));
        assert_eq!(requested(1), minute);
        assert_eq!(requested(300), Duration::from_mins(5));
        assert_eq!(requested(1_000_000), MAX_RETRY_AFTER);
    }

    #[test]
    fn the_confirming_attempt_comes_when_the_documents_say() {
        let [soonest, latest] = [0.0, 1.0].map(|jitter| next_delay(CONFIRM_AFTER, jitter, None));
        let row =
            format!("starts {} to {} s after", soonest.as_secs(), latest.as_secs_f64().round());
        let documents = include_str!("../../../docs/api.md");
        assert!(documents.contains(&row), "docs/api.md does not say: {row}");
    }

    proptest! {
        #[test]
        fn jitter_stays_within_ten_per_cent(made in 1_u32..5, jitter in any::<f64>()) {
            let planned = planned_wait(made).expect("an attempt is left");
            let delay = next_delay(planned, jitter, None).as_secs_f64();
            prop_assert!((0.899..=1.101).contains(&(delay / planned.as_secs_f64())));
        }
    }
}
