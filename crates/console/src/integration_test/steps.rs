//! The steps of a run: which have been seen, when, and what to do for the next one.

use store::progress::EventProgress;
use store::projects::Project;
use time::OffsetDateTime;

use super::calls::Calls;
use crate::when::When;

/// How far both events of a run have come.
pub(super) struct ReportsSeen {
    pub(super) applied: EventProgress,
    pub(super) failed: EventProgress,
}

/// Who is told of an incident of the project.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Telling {
    /// How many destinations get messages.
    pub(super) working: usize,
    /// How many get none, because they are broken.
    pub(super) broken: usize,
    /// Whether maintenance or quiet hours last.
    pub(super) is_held: bool,
}

pub(super) struct TestStep {
    pub(super) title: &'static str,
    pub(super) seen: Option<When>,
    /// Whether it is the next one that a button leads to.
    pub(super) main: bool,
    /// What happens here, or what to do to make it happen.
    pub(super) next: &'static str,
    /// Where to do it, and what the link says.
    pub(super) place: Option<(String, &'static str)>,
    /// The call that does it.
    pub(super) call: Option<SampleCall>,
}

impl TestStep {
    /// Makes the first one that leads somewhere and was not seen the next one.
    pub(super) fn mark_next(steps: &mut [Self]) {
        let mut waiting =
            steps.iter_mut().filter(|step| step.seen.is_none() && step.place.is_some());
        if let Some(next) = waiting.next() {
            next.main = true;
        }
    }

    /// What to do, as long as it was not seen.
    pub(super) fn next(&self) -> Option<&'static str> {
        self.seen.is_none().then_some(self.next)
    }
}

/// Makes steps as they are seen at a moment.
pub(super) struct StepClock(pub(super) OffsetDateTime);

impl StepClock {
    /// A step, and when it was seen, if it was.
    pub(super) fn step(
        &self,
        title: &'static str,
        at: Option<OffsetDateTime>,
        next: &'static str,
    ) -> TestStep {
        let seen = at.map(|at| When::ago(at, self.0));
        TestStep { title, seen, main: false, next, place: None, call: None }
    }
}

/// A call ready to paste.
pub(super) struct SampleCall {
    pub(super) what: &'static str,
    pub(super) text: String,
    /// What it is folded under, where it is not the usual way.
    pub(super) unless: Option<&'static str>,
}

/// Every step of a run, in order.
pub(super) fn steps(
    seen: &ReportsSeen,
    calls: Calls,
    project: &Project,
    telling: Telling,
    now: OffsetDateTime,
) -> Vec<TestStep> {
    let ReportsSeen { applied, failed } = *seen;
    let make = StepBuilder { project, applied, failed, telling, clock: StepClock(now) };
    let Calls { first_receipt, success, second_receipt, failure, repaired } = calls;
    let mut steps = vec![
        make.first_receipt(first_receipt),
        make.success(success),
        make.second_receipt(second_receipt),
        make.failure(failure),
        make.incident(),
        make.alert(),
        make.reprocess(),
        make.callback(),
        make.resolved(repaired),
    ];
    TestStep::mark_next(&mut steps);
    steps
}

struct StepBuilder<'a> {
    project: &'a Project,
    applied: EventProgress,
    failed: EventProgress,
    telling: Telling,
    clock: StepClock,
}

impl StepBuilder<'_> {
    fn first_receipt(&self, call: String) -> TestStep {
        let step = self.clock.step(
            "Your app receives a payment event",
            self.applied.receipt,
            "Send its receipt:",
        );
        TestStep { call: Some(usual("the first receipt", call)), ..step }
    }

    fn success(&self, call: String) -> TestStep {
        let step = self.clock.step(
            "It applies what was paid for",
            self.applied.success,
            "Report the success:",
        );
        TestStep { call: Some(usual("the success", call)), ..step }
    }

    fn second_receipt(&self, call: String) -> TestStep {
        let step =
            self.clock.step("It receives another one", self.failed.receipt, "Send its receipt:");
        TestStep { call: Some(usual("the second receipt", call)), ..step }
    }

    fn failure(&self, call: String) -> TestStep {
        let next = "Report the failure:";
        let step = self.clock.step("This time something goes wrong", self.failed.failure, next);
        TestStep { call: Some(usual("the failure", call)), ..step }
    }

    fn incident(&self) -> TestStep {
        let place = self.incident_path().map(|path| (path, "See the incident"));
        let next = "A failure opens one immediately, silence when the time is over.";
        TestStep {
            place,
            ..self.clock.step("An incident is opened", self.failed.incident_opened, next)
        }
    }

    fn alert(&self) -> TestStep {
        let destinations = |link| Some((self.project_path("/destinations"), link));
        let (next, place) = match self.telling {
            Telling { working: 0, broken: 0, .. } => (
                "There is no destination yet. Add an address, a channel, a service or a webhook, and start again.",
                destinations("Add a destination"),
            ),
            Telling { working: 0, .. } => (
                "No destination works, so nobody is told. Test one until it does, and start again.",
                destinations("See what is broken"),
            ),
            Telling { is_held: true, .. } => {
                ("Telling waits: maintenance or quiet hours, see Alerting.", None)
            }
            Telling { .. } => ("Every destination gets a message.", None),
        };
        let step =
            self.clock.step("The destinations are notified", self.failed.alert_delivered, next);
        TestStep { place: place.filter(|_| step.seen.is_none()), ..step }
    }

    fn reprocess(&self) -> TestStep {
        let (next, place) = match (&self.project.repair_url, self.incident_path()) {
            (None, _) => (
                "The project has no repair URL. Set it first.",
                Some((self.project_path("#settings"), "Set the repair URL")),
            ),
            (Some(_), None) => ("Once there is an incident, press Reprocess on its page.", None),
            (Some(_), Some(path)) => {
                ("Press Reprocess on the incident's page.", Some((path, "Go to Reprocess")))
            }
        };
        let step = self.clock.step(
            "An operator starts a reprocess",
            self.failed.reprocess_requested,
            next,
        );
        TestStep { place: place.filter(|_| step.seen.is_none()), ..step }
    }

    fn callback(&self) -> TestStep {
        let next = if self.failed.reprocess_requested.is_some() {
            "Your repair endpoint is being asked. The incident's page shows each attempt."
        } else {
            "Your repair endpoint gets a signed request, checks it and answers 2xx."
        };
        self.clock.step("Your app accepts the callback", self.failed.callback_delivered, next)
    }

    fn resolved(&self, call: String) -> TestStep {
        let next = "Your app reports the success with the replay_id of the callback.";
        let unless = Some("No repair endpoint yet? Report the success yourself");
        let call = SampleCall { what: "the late success", text: call, unless };
        let step =
            self.clock.step("The customer has what was paid for", self.failed.resolved, next);
        TestStep { call: Some(call), ..step }
    }

    fn project_path(&self, end: &str) -> String {
        format!("/projects/{}{end}", self.project.id)
    }

    fn incident_path(&self) -> Option<String> {
        self.failed.incident_id.map(|id| format!("/incidents/{id}"))
    }
}

const fn usual(what: &'static str, text: String) -> SampleCall {
    SampleCall { what, text, unless: None }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn why_nobody_is_told_is_said() {
        let project = ::samples::project();
        let said = |working, broken, is_held| {
            let telling = Telling { working, broken, is_held };
            let clock = StepClock(datetime!(2026-11-21 14:02:09 UTC));
            let (applied, failed) = (EventProgress::default(), EventProgress::default());
            let make = StepBuilder { project: &project, applied, failed, telling, clock };
            let step = make.alert();
            (step.next, step.place.map(|(_, link)| link))
        };
        let (none, add) = said(0, 0, true);
        assert!(none.starts_with("There is no destination yet."), "{none}");
        assert_eq!(add, Some("Add a destination"));
        let (broken, see) = said(0, 1, false);
        assert!(broken.starts_with("No destination works"), "{broken}");
        assert_eq!(see, Some("See what is broken"));
        let (held, nowhere) = said(1, 1, true);
        assert!(held.starts_with("Telling waits: maintenance or quiet hours"), "{held}");
        assert_eq!(nowhere, None);
        assert_eq!(said(1, 1, false).0, "Every destination gets a message.");
    }
}
