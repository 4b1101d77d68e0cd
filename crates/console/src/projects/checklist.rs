//! Going live: what has been seen to work, and what to do for the rest.
//!
//! Nothing is ticked manually. A step counts once its own trace is in the audit or in the settings.

use domain::ids::ProjectId;
use domain::project::Mode;
use store::progress::{Progress, project_progress};
use store::projects::{Project, list_in_use};
use store::{PgPool, StoreError};
use time::OffsetDateTime;

use super::head;
use crate::when::When;

/// One thing that has to be seen before a project is trusted.
pub(super) struct ChecklistStep {
    /// What to do, or what was done.
    pub(super) title: &'static str,
    /// Whether it was seen.
    pub(super) seen: bool,
    /// When it was seen first, where that is known.
    pub(super) when: Option<When>,
    /// What to do to make it happen.
    pub(super) next: &'static str,
    /// Where to do it, and what the link says.
    pub(super) place: (String, &'static str),
}

/// The steps on the way to live.
pub(super) struct Checklist {
    pub(super) steps: Vec<ChecklistStep>,
}

/// Where a step is done.
#[derive(Clone, Copy)]
struct StepLink {
    /// Below the project's page.
    path: &'static str,
    /// What the link says.
    link: &'static str,
}

const KEYS: StepLink = StepLink { path: "/keys", link: "API keys" };
const DESTINATIONS: StepLink = StepLink { path: "/destinations", link: "Destinations" };
const TEST: StepLink = StepLink { path: "/integration-test", link: "Integration Test" };
const SETTINGS: StepLink = StepLink { path: "#settings", link: "Settings" };

impl Checklist {
    /// Reads how far a project has come.
    pub(super) async fn load(
        db: &PgPool,
        project: &Project,
        now: OffsetDateTime,
    ) -> Result<Self, StoreError> {
        let progress = project_progress(db, project.id).await?;
        let make = ChecklistBuilder { id: project.id, now };
        let mut steps = Vec::from(make.calls(&progress));
        steps.extend(make.people(&progress));
        steps.extend(make.repair(&progress, project));
        if project.mode == Mode::Test {
            let mut all = list_in_use(db, None).await?.into_iter();
            let live = all.find(|project| project.mode == Mode::Live);
            steps.push(make.live(live.map(|project| project.created_at)));
        }
        Ok(Self { steps })
    }

    /// How many steps were seen.
    pub(super) fn seen(&self) -> usize {
        self.steps.iter().filter(|step| step.seen).count()
    }

    /// Whether every step was.
    pub(super) fn is_complete(&self) -> bool {
        self.seen() == self.steps.len()
    }

    /// The page's sentence.
    pub(super) fn heading(&self, name: &str) -> String {
        match (self.seen(), self.steps.len()) {
            (seen, all) if seen == all => format!("{name} works, end to end"),
            (seen, all) => format!("{name}: {seen} of {all} set-up steps done"),
        }
    }
}

struct ChecklistBuilder {
    id: ProjectId,
    now: OffsetDateTime,
}

impl ChecklistBuilder {
    fn step(
        &self,
        todo: &'static str,
        done: &'static str,
        at: Option<OffsetDateTime>,
        next: &'static str,
        place: StepLink,
    ) -> ChecklistStep {
        ChecklistStep {
            title: if at.is_some() { done } else { todo },
            seen: at.is_some(),
            when: at.map(|at| When::ago(at, self.now)),
            next,
            place: (format!("{}{}", head::path(self.id), place.path), place.link),
        }
    }

    fn calls(&self, progress: &Progress) -> [ChecklistStep; 4] {
        [
            self.step(
                "Create an API key",
                "An API key was created",
                progress.key_made,
                "Your app sends one with both calls.",
                KEYS,
            ),
            self.step(
                "Send a receipt",
                "A receipt was accepted",
                progress.receipt_seen,
                "Send one when your app receives a payment event.",
                TEST,
            ),
            self.step(
                "Report a success",
                "A success was reported",
                progress.success_seen,
                "Send a result once your app has applied what was paid for.",
                TEST,
            ),
            self.step(
                "Report a failure",
                "A failure was reported",
                progress.failure_seen,
                "Report one on purpose, to know what it looks like.",
                TEST,
            ),
        ]
    }

    fn people(&self, progress: &Progress) -> [ChecklistStep; 3] {
        [
            self.step(
                "Open an incident",
                "An incident was opened",
                progress.incident_seen,
                "A failure opens one immediately, silence when the time is over.",
                TEST,
            ),
            self.step(
                "Test a destination",
                "A destination was tested",
                progress.destination_tested,
                "Add an address, a channel, a service or a webhook and press Test.",
                DESTINATIONS,
            ),
            self.step(
                "Get an alert",
                "An alert was delivered",
                progress.alert_delivered,
                "Every destination is notified of the next incident.",
                DESTINATIONS,
            ),
        ]
    }

    fn repair(&self, progress: &Progress, project: &Project) -> [ChecklistStep; 3] {
        let (todo, done) = match project.mode {
            Mode::Test => ("Set a repair URL", "A repair URL is set"),
            Mode::Live => ("Set an https repair URL", "An https repair URL is set"),
        };
        let seen = project.repair_url.is_some();
        let set = ChecklistStep {
            title: if seen { done } else { todo },
            seen,
            ..self.step(
                todo,
                done,
                None,
                "It is where Reprocess asks your app to do the work again.",
                SETTINGS,
            )
        };
        [
            set,
            self.step(
                "Accept a callback",
                "A callback was accepted",
                progress.callback_delivered,
                "Press Reprocess on an incident; your endpoint answers 2xx.",
                TEST,
            ),
            self.step(
                "Repair by a reprocess",
                "A reprocess succeeded",
                progress.reprocess_succeeded,
                "Report the success with the callback's replay_id.",
                TEST,
            ),
        ]
    }

    fn live(&self, at: Option<OffsetDateTime>) -> ChecklistStep {
        let place = ("/projects/new".to_owned(), "Create a project");
        ChecklistStep {
            place,
            ..self.step(
                "Create a live project",
                "A live project exists",
                at,
                "Create one for real money, with keys of its own.",
                SETTINGS,
            )
        }
    }
}
