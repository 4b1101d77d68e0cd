//! What can be done next, and why the rest cannot.

use domain::incident::IncidentState;
use domain::rejection::{Earlier, Rejection};
use domain::verdict::{self, EventState};

use super::details::IncidentDetails;
use crate::layout::Layout;

/// What can be done next.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that the template asks")]
pub(super) struct NextAction {
    /// Whether there is anything left to do.
    pub(super) over: bool,
    /// Whether this person may act at all.
    pub(super) may_act: bool,
    /// Whether a reprocess can start.
    pub(super) reprocess: bool,
    /// Whether the project has neither a repair URL nor an extension, without which none can.
    pub(super) needs_repair_url: bool,
    /// Whether there is a repair endpoint to be checked.
    pub(super) has_repair_url: bool,
    /// Whether it can be acknowledged.
    pub(super) acknowledge: bool,
    /// Where the repair endpoint redirects the last callback, until that is the repair URL.
    pub(super) redirect: Option<String>,
    /// Why not, as sentences.
    pub(super) why_not: Vec<String>,
}

impl NextAction {
    pub(super) fn new(details: &IncidentDetails, layout: &Layout) -> Self {
        let state = EventState {
            effect: details.event.effect,
            incident: Some(details.incident.state),
            running: details.running.as_ref().map(|running| running.replay_id),
            reprocessed_before: !details.reprocesses.is_empty(),
        };
        let over = details.incident.state == IncidentState::Resolved;
        let reprocess = verdict::judge_reprocess(state).is_ok();
        let acknowledge = verdict::judge_acknowledge(state).is_ok();
        let may_act = layout.may_act();
        let needs_repair_url =
            details.project.repair_url.is_none() && !details.repaired_by_extension;
        let mut why_not = if over { Vec::new() } else { reasons(details, state) };
        if !may_act {
            why_not = vec![
                "You can view this. To act on it, you need the role operator or admin.".to_owned(),
            ];
        }
        Self {
            over,
            may_act,
            reprocess: may_act && reprocess && !needs_repair_url,
            needs_repair_url,
            has_repair_url: details.project.repair_url.is_some(),
            acknowledge: may_act && acknowledge,
            redirect: if over { None } else { redirect(details) },
            why_not,
        }
    }

    /// Whether a note would go anywhere.
    pub(super) fn takes_note(&self) -> bool {
        self.reprocess || self.acknowledge
    }

    /// What becomes of a note.
    pub(super) fn note_label(&self) -> &'static str {
        match (self.reprocess, self.acknowledge) {
            (true, true) => "Note, saved with Reprocess or Acknowledge",
            (true, false) => "Note, saved with Reprocess",
            _ => "Note, saved with Acknowledge",
        }
    }

    /// Whether anything cannot be done now, and so there is something to say.
    pub(super) fn has_reasons(&self) -> bool {
        !self.why_not.is_empty() || (self.may_act && self.needs_repair_url)
    }
}

/// Why a reprocess cannot start, and why there is nothing to acknowledge, each as a sentence.
fn reasons(details: &IncidentDetails, state: EventState) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Err(rejection) = verdict::judge_reprocess(state) {
        reasons.push(match explain(details, rejection) {
            why @ Rejection::Reprocessing(..) => {
                format!("{why}. Another can start when it has ended.")
            }
            why => format!("Reprocess cannot start: {why}."),
        });
    }
    if let Err(rejection) = verdict::judge_acknowledge(state) {
        let why = explain(details, rejection);
        reasons.push(format!("There is nothing to acknowledge: {why}."));
    }
    reasons
}

/// Adds to a rejection who was faster.
fn explain(details: &IncidentDetails, rejection: Rejection) -> Rejection {
    match rejection {
        Rejection::Reprocessing(Some(replay_id), _) => {
            let running = details.reprocesses.iter().find(|one| one.id == replay_id);
            let earlier = running.map(|one| Earlier {
                actor: one.requested_by.clone(),
                ago: details.now - one.requested_at,
            });
            Rejection::Reprocessing(Some(replay_id), earlier)
        }
        Rejection::Acknowledged(_) => {
            let by = details.acknowledged_by.clone();
            let earlier = by.zip(details.incident.acknowledged_at);
            Rejection::Acknowledged(
                earlier.map(|(actor, at)| Earlier { actor, ago: details.now - at }),
            )
        }
        rejection => rejection,
    }
}

/// Where the last callback attempt was redirected to.
fn redirect(details: &IncidentDetails) -> Option<String> {
    let item = details.timeline.iter().rev().find(|item| !item.attempts.is_empty());
    let target = item?.attempts.last()?.redirect_to.clone()?;
    let known = details.project.repair_url.as_deref().and_then(|url| url.split('?').next());
    (known != Some(target.as_str())).then_some(target)
}
