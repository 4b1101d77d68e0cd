//! Sentences about incidents, in the terms that a customer would use.
//!
//! `user_456 paid for credits. They were never added.` The subject of every sentence is the person
//! who paid; codes and ids come below it. The console can use the same headings, so that a mail
//! and the page that it links to begin alike.

use time::{Duration, OffsetDateTime, UtcOffset};

use super::{AlertFacts, AlertKind};
use crate::catalogue::EffectType;
use crate::incident::{Reason, Resolution};
use crate::reprocess::ReprocessState;

/// A longer reference would push the sentence out of a heading; the facts show it whole.
const REFERENCE_IN_HEADING: usize = 60;

/// The next step after a reprocess that did not help.
const AGAIN: &str = "Fix the endpoint, then open the incident and press Reprocess.";
/// The same where a policy repeats it, and what is said when it is the first.
const AGAIN_AUTOMATIC: &str = "It is being reprocessed automatically once more.";
const AUTOMATIC: &str = " It is being reprocessed automatically.";

/// What is wrong, when an incident is opened.
#[must_use]
pub fn heading_opened(effect: &EffectType, reference: &str, reason: Reason) -> String {
    let ending = match (effect, reason) {
        (EffectType::AccessUnlock, Reason::MissingResult) => "It was never unlocked.",
        (EffectType::AccessUnlock, Reason::FailedResult) => "Unlocking it failed.",
        (EffectType::CreditGrant, Reason::MissingResult) => "They were never added.",
        (EffectType::CreditGrant, Reason::FailedResult) => "Adding them failed.",
        (EffectType::SeatUpdate, Reason::MissingResult) => "It was never made.",
        (EffectType::SeatUpdate, Reason::FailedResult) => "Making it failed.",
        (EffectType::SubscriptionStateApply | EffectType::Declared(_), Reason::MissingResult) => {
            "It was never applied."
        }
        (EffectType::SubscriptionStateApply | EffectType::Declared(_), Reason::FailedResult) => {
            "Applying it failed."
        }
        (EffectType::AccessRevocation, Reason::MissingResult) => "It was never removed.",
        (EffectType::AccessRevocation, Reason::FailedResult) => "Removing it failed.",
        (EffectType::CreditDeduction, Reason::MissingResult) => "They were never taken back.",
        (EffectType::CreditDeduction, Reason::FailedResult) => "Taking them back failed.",
    };
    sentence(effect, reference, ending)
}

/// That an operator sees to it.
#[must_use]
pub fn heading_acknowledged(effect: &EffectType, reference: &str) -> String {
    sentence(effect, reference, "An operator sees to it.")
}

/// What is still wrong, when a reprocess has ended badly.
#[must_use]
pub fn heading_repair_failed(
    effect: &EffectType,
    reference: &str,
    ending: Option<ReprocessState>,
) -> String {
    let ending = match ending {
        Some(ReprocessState::NoResult) => "The reprocess got no result.",
        Some(ReprocessState::Undelivered) => "The reprocess was not delivered.",
        _ => "The reprocess failed.",
    };
    sentence(effect, reference, ending)
}

/// How it ended, when an incident is resolved.
#[must_use]
pub fn heading_resolved(
    effect: &EffectType,
    reference: &str,
    resolution: Option<Resolution>,
) -> String {
    let done = done(effect);
    match resolution {
        Some(Resolution::Reprocessed) => {
            sentence(effect, reference, &format!("{done} by the reprocess."))
        }
        Some(Resolution::LateSuccess) => sentence(effect, reference, &format!("{done} after all.")),
        Some(Resolution::Manual) => sentence(effect, reference, "This was resolved manually."),
        Some(Resolution::Superseded) => sentence(effect, reference, "Nothing is due any more."),
        None => sentence(effect, reference, "This is resolved."),
    }
}

/// What is known while the app may still report in time.
#[must_use]
pub fn heading_waiting(effect: &EffectType, reference: &str) -> String {
    sentence(effect, reference, "No confirmation yet.")
}

/// What is known when the app said that no effect is due.
#[must_use]
pub fn heading_superseded(effect: &EffectType, reference: &str) -> String {
    sentence(effect, reference, "Nothing is due any more.")
}

/// What is known when all went well.
#[must_use]
pub fn heading_applied(effect: &EffectType, reference: &str) -> String {
    sentence(effect, reference, &format!("{}.", done(effect)))
}

/// A duration as people say it: `12 seconds`, `43 minutes`, `1 h 12 min`, `2 days 3 h`. What is
/// left over is dropped, and less than a second is `under a second`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.whole_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => "under a second".to_owned(),
        (0, 0, 0) => counted(seconds, "second"),
        (0, 0, minutes) => counted(minutes, "minute"),
        (0, hours, minutes) if minutes % 60 == 0 => counted(hours, "hour"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) if hours % 24 == 0 => counted(days, "day"),
        (days, hours, _) => format!("{} {} h", counted(days, "day"), hours % 24),
    }
}

/// A moment as people write it, in UTC: `21 November 2026, 14:02:09 UTC`.
#[must_use]
pub fn format_timestamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (hour, minute, second) = at.to_hms();
    let (day, month, year) = (at.day(), at.month(), at.year());
    format!("{day} {month} {year}, {hour:02}:{minute:02}:{second:02} UTC")
}

/// Text that a person can read, line ends kept: control characters become their visible signs
/// (`␛`), tabs and line ends of other systems become plain ones, and characters that hide text or
/// change its direction are left out.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    unix.chars()
        .filter_map(|c| match c {
            '\n' => Some('\n'),
            '\t' => Some(' '),
            '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)),
            '\x7f' => Some('␡'),
            _ if c.is_control() || hides_text(c) => None,
            _ => Some(c),
        })
        .collect()
}

/// The same on a single line.
#[must_use]
pub fn one_line(text: &str) -> String {
    sanitize(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

impl AlertFacts {
    /// The sentence that the message begins with.
    #[must_use]
    pub fn heading(&self) -> String {
        let (effect, reference) = (&self.effect_type, self.internal_reference.as_str());
        match self.kind {
            AlertKind::IncidentOpened => heading_opened(effect, reference, self.reason),
            AlertKind::IncidentAcknowledged => heading_acknowledged(effect, reference),
            AlertKind::ReprocessFailed => {
                heading_repair_failed(effect, reference, self.reprocess_ending)
            }
            AlertKind::IncidentResolved => heading_resolved(effect, reference, self.resolution),
        }
    }

    /// The incident's state and since when, briefly.
    #[must_use]
    pub fn standing(&self) -> String {
        let open = format_duration(self.happened_at - self.opened_at);
        match (self.kind, self.reason) {
            (AlertKind::IncidentOpened, Reason::MissingResult) => {
                format!("Missing for {}", format_duration(self.happened_at - self.received_at))
            }
            (AlertKind::IncidentOpened, Reason::FailedResult) => {
                format!("Failed {}", format_elapsed(self.happened_at - self.received_at))
            }
            (AlertKind::IncidentAcknowledged, _) => format!("Acknowledged after {open}"),
            (AlertKind::ReprocessFailed, _) => format!("Open for {open}"),
            (AlertKind::IncidentResolved, _) => {
                format!("Resolved {}", format_elapsed(self.happened_at - self.opened_at))
            }
        }
    }

    /// One or two sentences about what led here.
    #[must_use]
    pub fn explanation(&self) -> String {
        match self.kind {
            AlertKind::IncidentOpened => self.why_opened(),
            AlertKind::IncidentAcknowledged => {
                format!("{} An operator acknowledged the incident.", self.taken())
            }
            AlertKind::ReprocessFailed => self.why_repair_failed(),
            AlertKind::IncidentResolved => self.how_resolved(),
        }
    }

    fn why_opened(&self) -> String {
        let taken = self.taken();
        let automatic = if self.automatic { AUTOMATIC } else { "" };
        let found = self.evidence.as_ref().map(|evidence| {
            format!(
                " {} found evidence that it was applied: if it is right, open the incident and \
                 resolve it by that.",
                evidence.extension
            )
        });
        let found = found.unwrap_or_default();
        match self.reason {
            Reason::MissingResult => {
                let wait = format_duration(self.timeout_at - self.received_at);
                let later = self.outage_grace_seconds.map(judged_later);
                let later = later.map_or_else(String::new, |later| format!("; {later}"));
                format!("{taken} It reported no result within {wait}{later}.{automatic}{found}")
            }
            Reason::FailedResult => {
                let later = later(self.happened_at - self.received_at);
                format!("{taken} It reported a failure {later}.{automatic}{found}")
            }
        }
    }

    fn why_repair_failed(&self) -> String {
        let taken = self.taken();
        let again = if self.automatic { AGAIN_AUTOMATIC } else { AGAIN };
        match self.reprocess_ending {
            Some(ReprocessState::NoResult) => {
                let wait = format_duration(Duration::minutes(i64::from(self.timeout_minutes)));
                format!(
                    "{taken} It accepted the callback and reported no result in {wait}. {again}"
                )
            }
            Some(ReprocessState::Undelivered) => format!(
                "{taken} Your repair endpoint did not accept the callback, and no further \
                 attempt is planned. {again}"
            ),
            _ => format!("{taken} It accepted the callback and then reported a failure. {again}"),
        }
    }

    fn how_resolved(&self) -> String {
        let taken = self.taken();
        let later = later(self.happened_at - self.received_at);
        match self.resolution {
            Some(Resolution::Manual) => {
                let who = self.resolved_by.as_deref().unwrap_or("An operator");
                format!("{taken} {who} resolved the incident manually {later}.")
            }
            Some(Resolution::LateSuccess) => {
                format!("{taken} It reported success {later}, without a reprocess.")
            }
            Some(Resolution::Superseded) => {
                format!("{taken} It reported {later} that no effect is due any more.")
            }
            Some(Resolution::Reprocessed) | None => {
                format!("{taken} It reported success {later}. Nothing is left to do.")
            }
        }
    }

    fn taken(&self) -> String {
        let provider = self.provider.name();
        format!(
            "Your app received {} from {provider} on {}.",
            self.event_type,
            format_timestamp(self.received_at)
        )
    }
}

/// Why silence was judged later than it was due.
#[must_use]
pub fn judged_later(outage_grace_seconds: i32) -> String {
    let later = format_duration(Duration::seconds(i64::from(outage_grace_seconds)));
    format!("the deadline was judged {later} later, because the SendPromptly API was away")
}

fn sentence(effect: &EffectType, reference: &str, ending: &str) -> String {
    let who = shortened(reference);
    match effect {
        EffectType::AccessUnlock => format!("{who} paid for access. {ending}"),
        EffectType::CreditGrant => format!("{who} paid for credits. {ending}"),
        EffectType::SeatUpdate => format!("{who} paid for a change of seats. {ending}"),
        EffectType::SubscriptionStateApply => format!("{who} changed subscription. {ending}"),
        EffectType::AccessRevocation => format!("{who} should have lost access. {ending}"),
        EffectType::CreditDeduction => format!("{who} should have lost credits. {ending}"),
        EffectType::Declared(name) => format!("{who} paid for {name}. {ending}"),
    }
}

/// `after 12 seconds`, or `within a second`.
#[must_use]
pub fn format_elapsed(passed: Duration) -> String {
    match passed {
        soon if soon < Duration::SECOND => "within a second".to_owned(),
        passed => format!("after {}", format_duration(passed)),
    }
}

/// `12 seconds later`, or `within a second`.
fn later(passed: Duration) -> String {
    match passed {
        soon if soon < Duration::SECOND => "within a second".to_owned(),
        passed => format!("{} later", format_duration(passed)),
    }
}

const fn done(effect: &EffectType) -> &'static str {
    match effect {
        EffectType::AccessUnlock => "It was unlocked",
        EffectType::CreditGrant => "They were added",
        EffectType::SeatUpdate => "It was made",
        EffectType::SubscriptionStateApply | EffectType::Declared(_) => "It was applied",
        EffectType::AccessRevocation => "It was removed",
        EffectType::CreditDeduction => "They were taken back",
    }
}

fn shortened(reference: &str) -> String {
    match reference.char_indices().nth(REFERENCE_IN_HEADING) {
        Some((end, _)) => format!("{}…", &reference[..end]),
        None => reference.to_owned(),
    }
}

fn counted(count: i64, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Zero-width and direction-changing characters, and the tag block.
fn hides_text(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{061c}' | '\u{feff}' | '\u{00ad}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::app_error::AppError;
    use crate::catalogue::Provider;
    use crate::ids::{EventId, IncidentId, ProjectId};
    use crate::project::Mode;

    /// An incident of alice's shop, just opened.
    pub(in super::super) fn opened() -> AlertFacts {
        AlertFacts {
            kind: AlertKind::IncidentOpened,
            automatic: false,
            test_message: false,
            project_id: ProjectId::from_uuid(Uuid::from_u128(3)),
            project_name: "CometCart".to_owned(),
            mode: Mode::Live,
            provider: Provider::Stripe,
            event_type: "invoice.paid".to_owned(),
            effect_type: EffectType::CreditGrant,
            internal_reference: "user_456".to_owned(),
            provider_event_id: "evt_1RQx8ZKp4tYw".to_owned(),
            amount: None,
            effect_key: None,
            shopify_shop_domain: None,
            incident_id: IncidentId::from_uuid(Uuid::from_u128(1)),
            event_id: EventId::from_uuid(Uuid::from_u128(2)),
            replay_id: None,
            reason: Reason::MissingResult,
            error: AppError::default(),
            occurred_at: datetime!(2026-11-21 14:02:01 UTC),
            received_at: datetime!(2026-11-21 14:02:09 UTC),
            timeout_at: datetime!(2026-11-21 14:32:09 UTC),
            outage_grace_seconds: None,
            opened_at: datetime!(2026-11-21 14:32:09 UTC),
            happened_at: datetime!(2026-11-21 14:32:09 UTC),
            told_at: None,
            resolution: None,
            resolved_by: None,
            reprocess_ending: None,
            timeout_minutes: 30,
            last_answer: None,
            evidence: None,
            incident_url: "https://sendpromptly.cometcart.test/incidents/inc_1".to_owned(),
        }
    }

    #[test]
    fn people_are_told_that_an_outage_of_ours_moved_the_judgement() {
        let facts = AlertFacts { outage_grace_seconds: Some(95), ..opened() };
        let text = facts.explanation();
        let wanted = "It reported no result within 30 minutes; the deadline was judged 1 minute later, because the \
                      SendPromptly API was away.";
        assert!(text.ends_with(wanted), "{text}");
    }

    #[test]
    fn people_are_told_that_a_policy_is_at_it() {
        let facts = AlertFacts { automatic: true, ..opened() };
        assert!(facts.explanation().ends_with(AUTOMATIC), "{}", facts.explanation());
        for ending in [None, Some(ReprocessState::NoResult), Some(ReprocessState::Undelivered)] {
            let kind = AlertKind::ReprocessFailed;
            let failed = AlertFacts { kind, reprocess_ending: ending, ..facts.clone() };
            let text = failed.explanation();
            assert!(text.ends_with(AGAIN_AUTOMATIC), "{text}");
            assert!(!text.contains("press Reprocess"), "{text}");
        }
        let resolved = AlertFacts { kind: AlertKind::IncidentResolved, ..facts };
        assert!(!resolved.explanation().contains("automatically"));
    }

    #[test]
    fn each_effect_has_its_words_for_silence_and_failure() {
        for (effect, missing, failed) in [
            (
                EffectType::AccessUnlock,
                "bob paid for access. It was never unlocked.",
                "bob paid for access. Unlocking it failed.",
            ),
            (
                EffectType::CreditGrant,
                "bob paid for credits. They were never added.",
                "bob paid for credits. Adding them failed.",
            ),
            (
                EffectType::SeatUpdate,
                "bob paid for a change of seats. It was never made.",
                "bob paid for a change of seats. Making it failed.",
            ),
            (
                EffectType::SubscriptionStateApply,
                "bob changed subscription. It was never applied.",
                "bob changed subscription. Applying it failed.",
            ),
            (
                EffectType::AccessRevocation,
                "bob should have lost access. It was never removed.",
                "bob should have lost access. Removing it failed.",
            ),
            (
                EffectType::CreditDeduction,
                "bob should have lost credits. They were never taken back.",
                "bob should have lost credits. Taking them back failed.",
            ),
            (
                "license_issue".parse().expect("a declared one"),
                "bob paid for license_issue. It was never applied.",
                "bob paid for license_issue. Applying it failed.",
            ),
        ] {
            assert_eq!(heading_opened(&effect, "bob", Reason::MissingResult), missing);
            assert_eq!(heading_opened(&effect, "bob", Reason::FailedResult), failed);
        }
    }

    #[test]
    fn what_is_not_broken_has_its_words_too() {
        let words = |effect| (heading_waiting(effect, "bob"), heading_applied(effect, "bob"));
        let (waiting, applied) = words(&EffectType::CreditGrant);
        assert_eq!(waiting, "bob paid for credits. No confirmation yet.");
        assert_eq!(applied, "bob paid for credits. They were added.");
        let (_, applied) = words(&EffectType::AccessRevocation);
        assert_eq!(applied, "bob should have lost access. It was removed.");
    }

    #[test]
    fn each_way_a_repair_fails_has_its_words() {
        for (ending, heading, explanation) in [
            (
                ReprocessState::Failed,
                "user_456 paid for credits. The reprocess failed.",
                "It accepted the callback and then reported a failure. Fix the endpoint, then open the \
                 incident and press Reprocess.",
            ),
            (
                ReprocessState::NoResult,
                "user_456 paid for credits. The reprocess got no result.",
                "It accepted the callback and reported no result in 30 minutes. Fix the endpoint, then \
                 open the incident and press Reprocess.",
            ),
            (
                ReprocessState::Undelivered,
                "user_456 paid for credits. The reprocess was not delivered.",
                "Your repair endpoint did not accept the callback, and no further attempt \
                 is planned. Fix the endpoint, then open the incident and press Reprocess.",
            ),
        ] {
            let facts = AlertFacts {
                kind: AlertKind::ReprocessFailed,
                reprocess_ending: Some(ending),
                happened_at: datetime!(2026-11-21 15:15:10 UTC),
                ..opened()
            };
            assert_eq!(facts.heading(), heading);
            assert_eq!(facts.standing(), "Open for 43 minutes");
            assert!(facts.explanation().ends_with(explanation), "{}", facts.explanation());
        }
    }

    #[test]
    fn each_resolution_has_its_words() {
        for (resolution, heading, explanation) in [
            (
                Resolution::Reprocessed,
                "user_456 paid for credits. They were added by the reprocess.",
                "It reported success 51 minutes later. Nothing is left to do.",
            ),
            (
                Resolution::LateSuccess,
                "user_456 paid for credits. They were added after all.",
                "It reported success 51 minutes later, without a reprocess.",
            ),
            (
                Resolution::Manual,
                "user_456 paid for credits. This was resolved manually.",
                "An operator resolved the incident manually 51 minutes later.",
            ),
            (
                Resolution::Superseded,
                "user_456 paid for credits. Nothing is due any more.",
                "It reported 51 minutes later that no effect is due any more.",
            ),
        ] {
            let facts = AlertFacts {
                kind: AlertKind::IncidentResolved,
                resolution: Some(resolution),
                happened_at: datetime!(2026-11-21 14:53:20 UTC),
                ..opened()
            };
            assert_eq!(facts.heading(), heading);
            assert_eq!(facts.standing(), "Resolved after 21 minutes");
            assert!(facts.explanation().ends_with(explanation), "{}", facts.explanation());
        }
    }

    #[test]
    fn who_resolved_an_incident_manually_is_named_where_that_is_known() {
        let facts = AlertFacts {
            kind: AlertKind::IncidentResolved,
            resolution: Some(Resolution::Manual),
            resolved_by: Some("bob@example.com".to_owned()),
            happened_at: datetime!(2026-11-21 14:53:20 UTC),
            ..opened()
        };
        let ending = "bob@example.com resolved the incident manually 51 minutes later.";
        assert!(facts.explanation().ends_with(ending), "{}", facts.explanation());
    }

    #[test]
    fn an_opened_incident_says_since_when_and_why() {
        let missing = opened();
        assert_eq!(missing.standing(), "Missing for 30 minutes");
        assert_eq!(
            missing.explanation(),
            "Your app received invoice.paid from Stripe on 21 November 2026, 14:02:09 UTC. It reported \
             no result within 30 minutes."
        );
        let failed = AlertFacts {
            reason: Reason::FailedResult,
            happened_at: datetime!(2026-11-21 14:02:21 UTC),
            ..opened()
        };
        assert_eq!(failed.standing(), "Failed after 12 seconds");
        assert!(failed.explanation().ends_with("It reported a failure 12 seconds later."));
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        for (seconds, text) in [
            (-5, "under a second"),
            (0, "under a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (43 * 60 + 59, "43 minutes"),
            (3600, "1 hour"),
            (3600 + 12 * 60, "1 h 12 min"),
            (7200 + 30, "2 hours"),
            (86_399, "23 h 59 min"),
            (86_400, "1 day"),
            (86_400 * 2 + 3 * 3600 + 60, "2 days 3 h"),
            (604_800, "7 days"),
        ] {
            assert_eq!(format_duration(Duration::seconds(seconds)), text);
        }
    }

    #[test]
    fn moments_are_told_in_utc() {
        let at = datetime!(2026-01-02 00:04:05 +02:00);
        assert_eq!(format_timestamp(at), "1 January 2026, 22:04:05 UTC");
    }

    #[test]
    fn a_long_reference_is_cut_in_the_heading_only() {
        let facts = AlertFacts { internal_reference: "ü".repeat(255), ..opened() };
        let cut = format!("{}… paid for credits. They were never added.", "ü".repeat(60));
        assert_eq!(facts.heading(), cut);
        assert!(facts.facts().iter().any(|fact| fact.value == "ü".repeat(255)));
    }

    proptest! {
        #[test]
        fn sanitized_text_holds_no_control_character_and_stays_as_it_is(text in any::<String>()) {
            let clean = sanitize(&text);
            prop_assert!(clean.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert_eq!(sanitize(&clean), clean.clone());
            prop_assert!(!one_line(&text).contains('\n'));
        }
    }
}
