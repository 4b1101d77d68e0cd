//! The steps of a payment: which have been seen, when, and what to do for the next one.

use domain::test_shop::PaymentKind;
use store::progress::EventProgress;
use time::OffsetDateTime;

use crate::integration_test::steps::{StepClock, TestStep};

/// What the steps depend on beside the event.
pub(super) struct StepContext {
    pub(super) now: OffsetDateTime,
    /// Where mails are, if they are files.
    pub(super) mails: Option<String>,
    /// Whether people are not told now.
    pub(super) is_held: bool,
}

/// Every step of such a payment, in order.
pub(super) fn steps(
    kind: PaymentKind,
    seen: &EventProgress,
    context: &StepContext,
) -> Vec<TestStep> {
    let make = StepBuilder { seen, context, clock: StepClock(context.now) };
    let mut steps = match kind {
        PaymentKind::Succeeds => vec![make.receipt(), make.success()],
        PaymentKind::Fails => vec![make.receipt(), make.failure()],
        PaymentKind::Missing => vec![make.receipt()],
    };
    if kind != PaymentKind::Succeeds {
        let rest = [make.incident(kind), make.alert(), make.reprocess(), make.callback()];
        steps.extend(rest);
        steps.push(make.resolved());
    }
    TestStep::mark_next(&mut steps);
    steps
}

struct StepBuilder<'a> {
    seen: &'a EventProgress,
    context: &'a StepContext,
    clock: StepClock,
}

impl StepBuilder<'_> {
    fn receipt(&self) -> TestStep {
        let next = "The shop sends a receipt: it took invoice.paid, and credits are due.";
        let step =
            self.clock.step("A customer pays, and the shop says so", self.seen.receipt, next);
        let event = self.seen.event_id.map(|id| (format!("/events/{id}"), "See the event"));
        TestStep { place: event, ..step }
    }

    fn success(&self) -> TestStep {
        let next = "The shop reports that the credits were added.";
        self.clock.step(
            "The customer has the credits, and nobody is alarmed",
            self.seen.success,
            next,
        )
    }

    fn failure(&self) -> TestStep {
        let next = "The shop reports the failure. Had it died instead, the minute would go by.";
        self.clock.step("The credits cannot be written: db_write_failed", self.seen.failure, next)
    }

    fn incident(&self, kind: PaymentKind) -> TestStep {
        let next = match kind {
            PaymentKind::Missing => "The shop says nothing more. It has a minute.",
            PaymentKind::Fails | PaymentKind::Succeeds => "A failure opens one immediately.",
        };
        let place = self.incident_path("").map(|path| (path, "See the incident"));
        TestStep { place, ..self.clock.step("An incident opens", self.seen.incident_opened, next) }
    }

    fn alert(&self) -> TestStep {
        let next = if self.context.is_held {
            "Telling waits: maintenance or quiet hours, see Alerting."
        } else {
            "Every destination gets a message."
        };
        let step = self.clock.step("People are told", self.seen.alert_delivered, next);
        let mail = self.context.mails.as_ref().zip(self.seen.incident_id);
        let mail = mail.filter(|_| step.seen.is_some());
        let place = mail.map(|(mails, id)| (format!("{mails}/{id}"), "Open the mail"));
        TestStep { place, ..step }
    }

    fn reprocess(&self) -> TestStep {
        let at = self.seen.reprocess_requested;
        let next = "It is yours: press Reprocess on the incident's page.";
        let place = self.incident_path("").filter(|_| at.is_none() && self.seen.resolved.is_none());
        let step = self.clock.step("An operator asks the shop to do it again", at, next);
        TestStep { place: place.map(|path| (path, "Go to Reprocess")), ..step }
    }

    fn callback(&self) -> TestStep {
        let next = "The shop checks the signature, responds 202, does the work and reports it.";
        self.clock.step("The shop accepts the signed callback", self.seen.callback_delivered, next)
    }

    fn resolved(&self) -> TestStep {
        let next = "The shop reports the success with the replay_id of the callback.";
        let step = self.clock.step("The customer has what was paid for", self.seen.resolved, next);
        let proof = self.incident_path("#acts").filter(|_| self.seen.resolved.is_some());
        TestStep { place: proof.map(|path| (path, "Show the customer the proof")), ..step }
    }

    fn incident_path(&self, part: &str) -> Option<String> {
        self.seen.incident_id.map(|id| format!("/incidents/{id}{part}"))
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{EventId, IncidentId};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 14:02:09 UTC);

    fn context() -> StepContext {
        StepContext { now: NOW, mails: None, is_held: false }
    }

    fn main_of(seen: &EventProgress, kind: PaymentKind) -> Vec<&'static str> {
        let steps = steps(kind, seen, &context());
        steps
            .iter()
            .filter(|step| step.main)
            .filter_map(|step| Some(step.place.as_ref()?.1))
            .collect()
    }

    #[test]
    fn the_next_thing_to_do_is_the_one_button_that_stands_out() {
        let nothing = EventProgress::default();
        for kind in PaymentKind::ALL {
            assert_eq!(main_of(&nothing, *kind), [""; 0]);
        }
        let opened = EventProgress {
            event_id: Some(EventId::from_uuid(uuid::Uuid::nil())),
            incident_id: Some(IncidentId::from_uuid(uuid::Uuid::nil())),
            receipt: Some(NOW),
            failure: Some(NOW),
            incident_opened: Some(NOW),
            ..nothing
        };
        assert_eq!(main_of(&opened, PaymentKind::Fails), ["Go to Reprocess"]);
        let resolved =
            EventProgress { reprocess_requested: Some(NOW), resolved: Some(NOW), ..opened };
        assert_eq!(main_of(&resolved, PaymentKind::Fails), [""; 0]);
        let last = steps(PaymentKind::Fails, &resolved, &context()).pop().expect("a step");
        assert_eq!(last.place.map(|(_, text)| text), Some("Show the customer the proof"));
    }

    #[test]
    fn a_payment_that_succeeds_alarms_nobody_and_one_in_maintenance_says_so() {
        let seen =
            EventProgress { receipt: Some(NOW), success: Some(NOW), ..EventProgress::default() };
        let steps_of = |kind, context: &StepContext| steps(kind, &seen, context);
        assert_eq!(steps_of(PaymentKind::Succeeds, &context()).len(), 2);
        let held = StepContext { is_held: true, ..context() };
        let told = steps_of(PaymentKind::Missing, &held);
        let told = told.iter().find(|step| step.title == "People are told").expect("a step");
        assert!(told.next().expect("not yet").starts_with("Telling waits"));
    }
}
