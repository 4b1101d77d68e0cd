//! What a proof page says, to the customer who paid.
//!
//! Of the timeline only moments and milestones come in here, so that no name, address, note, error
//! or key can go out. What is "late" is counted from when the app accepted the payment event: that
//! is what was seen here, while the provider's own time is only its claim.

use time::{Duration, OffsetDateTime};

use crate::alert::format_duration;
use crate::catalogue::{EffectType, Provider};
use crate::incident::Reason;
use crate::timeline::Tone;

use super::{Milestone, VisibleEvent};

/// What a proof is about.
#[derive(Debug, Clone)]
pub struct ProofSubject {
    /// Who took the money.
    pub provider: Provider,
    /// What was paid for.
    pub effect: EffectType,
    /// When it was paid, as the provider says.
    pub occurred_at: OffsetDateTime,
    /// When the app took it.
    pub received_at: OffsetDateTime,
    /// Why the incident was opened.
    pub reason: Reason,
    /// When the team resolved it manually, if it did.
    pub resolved_manually_at: Option<OffsetDateTime>,
}

/// One line of the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How it looks.
    pub tone: Tone,
    /// What happened.
    pub lead: &'static str,
    /// How the sentence goes on.
    pub rest: String,
    /// When.
    pub at: OffsetDateTime,
}

/// The two sentences that the page begins with: what was received, and what became of it.
#[must_use]
pub fn heading(subject: &ProofSubject, timeline: &[VisibleEvent]) -> (&'static str, String) {
    let words = words(&subject.effect);
    let took = |at: OffsetDateTime| at - subject.received_at;
    let happened = |wanted| timeline.iter().find(|event| event.milestone == wanted);
    let arrived = happened(Milestone::Succeeded);
    let ending = match (arrived, subject.resolved_manually_at) {
        (None, _) if happened(Milestone::Superseded).is_some() => {
            "A later change took its place: nothing is due any more.".to_owned()
        }
        (Some(event), _) if took(event.at) < Duration::MINUTE => {
            format!("{} within a minute.", words.arrived)
        }
        (Some(event), _) => {
            format!("{} {} late.", words.arrived, format_duration(took(event.at)))
        }
        (None, Some(at)) if took(at) < Duration::MINUTE => {
            format!("The team took care of {} by hand, within a minute.", words.object)
        }
        (None, Some(at)) => {
            let later = format_duration(took(at));
            format!("The team took care of {} by hand, {later} later.", words.object)
        }
        (None, None) => format!("{}; the team knows.", words.not_yet),
    };
    (words.received, ending)
}

/// What happened, step by step.
#[must_use]
pub fn steps(subject: &ProofSubject, timeline: &[VisibleEvent]) -> Vec<Step> {
    let confirmed = Step {
        tone: Tone::Good,
        lead: words(&subject.effect).confirmed,
        rest: format!(" by {}", subject.provider.name()),
        at: subject.occurred_at,
    };
    let alerted = timeline.iter().any(|event| event.milestone == Milestone::TeamAlerted);
    let done = timeline.iter().filter_map(|event| step(subject, *event, alerted));
    std::iter::once(confirmed).chain(done).collect()
}

/// An event in the customer's terms. It claims an alert only where a message was accepted.
fn step(
    subject: &ProofSubject,
    VisibleEvent { at, milestone }: VisibleEvent,
    alerted: bool,
) -> Option<Step> {
    use Tone::{Bad, Good, Work};
    let words = words(&subject.effect);
    let (tone, lead, rest) = match milestone {
        Milestone::Accepted => (Good, "Accepted", " for processing"),
        Milestone::IncidentOpened => {
            let lead = match subject.reason {
                Reason::MissingResult => words.missing,
                Reason::FailedResult => words.failed,
            };
            (Bad, lead, if alerted { ", team alerted" } else { "" })
        }
        Milestone::Acknowledged => (Work, "Taken up", " by the team"),
        Milestone::RepairStarted => (Work, "Repair started", " by the team"),
        Milestone::RepairFailed => (Bad, "Repair did not work", ""),
        Milestone::Succeeded => (Good, words.done, ", confirmed by the app"),
        Milestone::Superseded => (Good, "Replaced", " by a later change"),
        Milestone::Resolved => {
            subject.resolved_manually_at?;
            (Good, "Taken care of", " by hand, by the team")
        }
        Milestone::TeamAlerted => return None,
    };
    Some(Step { tone, lead, rest: rest.to_owned(), at })
}

struct Words {
    received: &'static str,
    confirmed: &'static str,
    arrived: &'static str,
    not_yet: &'static str,
    object: &'static str,
    missing: &'static str,
    failed: &'static str,
    done: &'static str,
}

const fn words(effect: &EffectType) -> &'static Words {
    match effect {
        EffectType::AccessUnlock => &ACCESS,
        EffectType::CreditGrant => &CREDITS,
        EffectType::SeatUpdate => &SEATS,
        EffectType::SubscriptionStateApply => &SUBSCRIPTION,
        EffectType::AccessRevocation => &REVOCATION,
        EffectType::CreditDeduction => &DEDUCTION,
        EffectType::Declared(_) => &OTHER,
    }
}

const ACCESS: Words = Words {
    received: "Your payment was received.",
    confirmed: "Payment confirmed",
    arrived: "Your access was unlocked",
    not_yet: "Your access is not unlocked yet",
    object: "your access",
    missing: "Access not unlocked in time",
    failed: "Unlocking access failed",
    done: "Access unlocked",
};

const CREDITS: Words = Words {
    received: "Your payment was received.",
    confirmed: "Payment confirmed",
    arrived: "Your credits arrived",
    not_yet: "Your credits have not arrived yet",
    object: "your credits",
    missing: "Credits not added in time",
    failed: "Adding credits failed",
    done: "Credits added",
};

const SEATS: Words = Words {
    received: "Your payment was received.",
    confirmed: "Payment confirmed",
    arrived: "Your seats were changed",
    not_yet: "Your seats are not changed yet",
    object: "your seats",
    missing: "Seats not changed in time",
    failed: "Changing seats failed",
    done: "Seats changed",
};

const SUBSCRIPTION: Words = Words {
    received: "The change of your subscription was received.",
    confirmed: "Change confirmed",
    arrived: "It took effect",
    not_yet: "It has not taken effect yet",
    object: "it",
    missing: "Subscription not changed in time",
    failed: "Changing the subscription failed",
    done: "Subscription changed",
};

const REVOCATION: Words = Words {
    received: "The end of your access was asked for.",
    confirmed: "Request confirmed",
    arrived: "It ended",
    not_yet: "It has not ended yet",
    object: "it",
    missing: "Access not ended in time",
    failed: "Ending access failed",
    done: "Access ended",
};

const DEDUCTION: Words = Words {
    received: "Credits of yours were to be taken back.",
    confirmed: "Request confirmed",
    arrived: "They were taken back",
    not_yet: "They have not been taken back yet",
    object: "them",
    missing: "Credits not taken back in time",
    failed: "Taking credits back failed",
    done: "Credits taken back",
};

const OTHER: Words = Words {
    received: "Your payment was received.",
    confirmed: "Payment confirmed",
    arrived: "What you paid for was delivered",
    not_yet: "What you paid for is not delivered yet",
    object: "it",
    missing: "Not delivered in time",
    failed: "Delivery failed",
    done: "Delivered",
};

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::audit::Action;

    const RECEIVED: OffsetDateTime = datetime!(2026-11-21 14:02:12 UTC);

    fn credits() -> ProofSubject {
        ProofSubject {
            provider: Provider::Stripe,
            effect: EffectType::CreditGrant,
            occurred_at: datetime!(2026-11-21 14:02:09 UTC),
            received_at: RECEIVED,
            reason: Reason::MissingResult,
            resolved_manually_at: None,
        }
    }

    fn visible(actions: &[(i64, Action)]) -> Vec<VisibleEvent> {
        actions
            .iter()
            .filter_map(|(minute, action)| {
                VisibleEvent::new(RECEIVED + Duration::minutes(*minute), *action)
            })
            .collect()
    }

    fn headed(subject: &ProofSubject, timeline: &[VisibleEvent]) -> String {
        let (received, ending) = heading(subject, timeline);
        format!("{received} {ending}")
    }

    fn sentences(subject: &ProofSubject, timeline: &[VisibleEvent]) -> Vec<String> {
        let steps = steps(subject, timeline).into_iter();
        steps.map(|step| format!("{}{}", step.lead, step.rest)).collect()
    }

    #[test]
    fn what_is_put_right_within_a_minute_is_not_called_late() {
        let mut timeline = visible(&[(0, Action::ResultSucceeded)]);
        timeline[0].at = RECEIVED + Duration::seconds(59);
        let failed = ProofSubject { reason: Reason::FailedResult, ..credits() };
        assert_eq!(heading(&failed, &timeline).1, "Your credits arrived within a minute.");
        timeline[0].at = RECEIVED - Duration::SECOND;
        assert_eq!(heading(&failed, &timeline).1, "Your credits arrived within a minute.");
        timeline[0].at = RECEIVED + Duration::MINUTE;
        assert_eq!(heading(&failed, &timeline).1, "Your credits arrived 1 minute late.");
        let resolved_at = Some(RECEIVED + Duration::SECOND);
        let subject = ProofSubject { resolved_manually_at: resolved_at, ..credits() };
        let ending = "The team took care of your credits by hand, within a minute.";
        assert_eq!(heading(&subject, &[]).1, ending);
    }

    #[test]
    fn a_repair_is_told_without_anything_that_only_concerns_the_team() {
        let timeline = visible(&[
            (0, Action::ReceiptAccepted),
            (30, Action::IncidentOpened),
            (30, Action::AlertDelivered),
            (30, Action::DestinationBroken),
            (45, Action::IncidentAcknowledged),
            (46, Action::ReprocessRefused),
            (50, Action::ReprocessRequested),
            (50, Action::CallbackFailed),
            (51, Action::CallbackDelivered),
            (51, Action::ResultSucceeded),
            (51, Action::IncidentResolved),
            (60, Action::ProofLinkCreated),
            (61, Action::ResultContradicted),
        ]);
        assert_eq!(
            headed(&credits(), &timeline),
            "Your payment was received. Your credits arrived 51 minutes late."
        );
        assert_eq!(
            sentences(&credits(), &timeline),
            [
                "Payment confirmed by Stripe",
                "Accepted for processing",
                "Credits not added in time, team alerted",
                "Taken up by the team",
                "Repair started by the team",
                "Credits added, confirmed by the app",
            ]
        );
    }

    #[test]
    fn what_is_open_is_said_to_be_open_and_nobody_is_alerted_who_was_not() {
        let timeline = visible(&[
            (0, Action::ReceiptAccepted),
            (1, Action::IncidentOpened),
            (2, Action::ReprocessRequested),
            (3, Action::ReprocessNoResult),
        ]);
        let failed = ProofSubject { reason: Reason::FailedResult, ..credits() };
        assert_eq!(
            headed(&failed, &timeline),
            "Your payment was received. Your credits have not arrived yet; the team knows."
        );
        assert_eq!(
            sentences(&failed, &timeline)[2..],
            ["Adding credits failed", "Repair started by the team", "Repair did not work"]
        );
    }

    #[test]
    fn the_team_is_alerted_by_whichever_message_reached_it() {
        let open = [(0, Action::ReceiptAccepted), (30, Action::IncidentOpened)];
        for reached in [Action::AlertDelivered, Action::AlertTold, Action::IncidentReminded] {
            let timeline = visible(&[open[0], open[1], (31, reached)]);
            let said = &sentences(&credits(), &timeline)[2];
            assert_eq!(said, "Credits not added in time, team alerted", "{reached}");
        }
        for missed in [Action::AlertHeld, Action::AlertGivenUp, Action::AlertSuperseded] {
            let timeline = visible(&[open[0], open[1], (31, missed)]);
            assert_eq!(
                sentences(&credits(), &timeline)[2],
                "Credits not added in time",
                "{missed}"
            );
        }
    }

    #[test]
    fn what_was_resolved_by_hand_is_not_said_to_have_arrived() {
        let resolved_at = RECEIVED + Duration::hours(2);
        let subject = ProofSubject { resolved_manually_at: Some(resolved_at), ..credits() };
        let mut timeline =
            visible(&[(30, Action::IncidentOpened), (120, Action::IncidentResolved)]);
        assert_eq!(
            headed(&subject, &timeline),
            "Your payment was received. The team took care of your credits by hand, 2 hours later."
        );
        assert_eq!(sentences(&subject, &timeline)[2], "Taken care of by hand, by the team");
        timeline.extend(visible(&[(180, Action::ResultSucceeded)]));
        assert!(headed(&subject, &timeline).ends_with("Your credits arrived 3 hours late."));
    }

    #[test]
    fn an_event_that_a_later_one_replaced_is_told_as_such() {
        let timeline = visible(&[(30, Action::IncidentOpened), (31, Action::ResultSuperseded)]);
        let ending = "A later change took its place: nothing is due any more.";
        assert!(headed(&credits(), &timeline).ends_with(ending));
        assert_eq!(sentences(&credits(), &timeline)[2], "Replaced by a later change");
    }

    #[test]
    fn each_effect_has_its_words() {
        let timeline = visible(&[(31, Action::ResultSucceeded)]);
        for (effect, late, open) in [
            (
                EffectType::AccessUnlock,
                "Your payment was received. Your access was unlocked 31 minutes late.",
                "Your payment was received. Your access is not unlocked yet; the team knows.",
            ),
            (
                EffectType::SeatUpdate,
                "Your payment was received. Your seats were changed 31 minutes late.",
                "Your payment was received. Your seats are not changed yet; the team knows.",
            ),
            (
                EffectType::SubscriptionStateApply,
                "The change of your subscription was received. It took effect 31 minutes late.",
                "The change of your subscription was received. It has not taken effect yet; the team knows.",
            ),
            (
                EffectType::AccessRevocation,
                "The end of your access was asked for. It ended 31 minutes late.",
                "The end of your access was asked for. It has not ended yet; the team knows.",
            ),
            (
                EffectType::CreditDeduction,
                "Credits of yours were to be taken back. They were taken back 31 minutes late.",
                "Credits of yours were to be taken back. They have not been taken back yet; the team knows.",
            ),
            (
                "license_issue".parse().expect("a declared one"),
                "Your payment was received. What you paid for was delivered 31 minutes late.",
                "Your payment was received. What you paid for is not delivered yet; the team knows.",
            ),
        ] {
            let subject = ProofSubject { effect, ..credits() };
            assert_eq!(headed(&subject, &timeline), late);
            assert_eq!(headed(&subject, &[]), open);
        }
    }
}
