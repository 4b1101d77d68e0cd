//! The repair callback: its body, its headers' names, its schedule, and what an answer means.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

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
    /// The incident.
    pub incident_id: IncidentId,
    /// The event.
    pub event_id: EventId,
    /// The project.
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
    /// When somebody asked for it.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
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
    /// The app's last error code.
    pub error_code: Option<String>,
    /// The app's last error message.
    pub error_message: Option<String>,
}

/// How long after the previous attempt each attempt starts.
pub const SCHEDULE: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
];

/// The longest that a receiver's `Retry-After` is respected.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(6);

/// What an answer's status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerVerdict {
    /// Delivered: the app took the work.
    Delivered,
    /// Worth another attempt.
    Retry,
    /// No attempt will help.
    Stop,
}

/// Judges the status of an answer.
#[must_use]
pub const fn judge_answer(status: u16) -> AnswerVerdict {
    match status {
        200..=299 => AnswerVerdict::Delivered,
        408 | 425 | 429 | 500..=599 => AnswerVerdict::Retry,
        _ => AnswerVerdict::Stop,
    }
}

/// How long to wait before the next attempt, or `None` when all are used up.
///
/// `made` counts the attempts made so far, `jitter` is a random number from 0 to 1 that moves the
/// schedule by up to 10 % either way, and `retry_after` is what the receiver asked for.
#[must_use]
pub fn next_delay(made: u32, jitter: f64, retry_after: Option<Duration>) -> Option<Duration> {
    let planned = SCHEDULE.get(usize::try_from(made).ok()?)?;
    let spread = planned.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0));
    Some(retry_after.map_or(spread, |wish| wish.min(MAX_RETRY_AFTER).max(spread)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_judged_as_the_contract_says() {
        for (status, verdict) in [
            (200, AnswerVerdict::Delivered),
            (204, AnswerVerdict::Delivered),
            (302, AnswerVerdict::Stop),
            (400, AnswerVerdict::Stop),
            (408, AnswerVerdict::Retry),
            (410, AnswerVerdict::Stop),
            (425, AnswerVerdict::Retry),
            (429, AnswerVerdict::Retry),
            (500, AnswerVerdict::Retry),
            (599, AnswerVerdict::Retry),
        ] {
            assert_eq!(judge_answer(status), verdict, "{status}");
        }
    }

    #[test]
    fn five_attempts_are_all() {
        assert_eq!(next_delay(0, 0.5, None), Some(Duration::ZERO));
        assert_eq!(next_delay(1, 0.5, None), Some(Duration::from_mins(1)));
        assert_eq!(next_delay(4, 0.5, None), Some(Duration::from_hours(6)));
        assert_eq!(next_delay(5, 0.5, None), None);
    }

    #[test]
    fn a_receivers_wish_lengthens_the_wait_up_to_six_hours() {
        let wish = |secs| next_delay(1, 0.5, Some(Duration::from_secs(secs)));
        assert_eq!(wish(1), Some(Duration::from_mins(1)));
        assert_eq!(wish(300), Some(Duration::from_mins(5)));
        assert_eq!(wish(1_000_000), Some(MAX_RETRY_AFTER));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_ten_per_cent(made in 0_u32..5, jitter in any::<f64>()) {
            let planned = SCHEDULE[made as usize].as_secs_f64();
            let delay = next_delay(made, jitter, None).expect("an attempt is left").as_secs_f64();
            prop_assert!((0.899..=1.101).contains(&(delay / planned.max(f64::MIN_POSITIVE))) || planned == 0.0);
        }
    }
}
