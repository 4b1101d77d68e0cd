//! What of a timeline a customer may see: of each item its moment and, if it is a milestone, which
//! one.
//!
//! Nothing else of an item passes this module. The match names every action, so a new one cannot
//! become visible, or hidden, without anyone deciding it.

use time::OffsetDateTime;

use crate::audit::Action;
use crate::timeline::TimelineItem;

/// What a customer may know to have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    Accepted,
    IncidentOpened,
    /// A message reached the team; it is said beside the incident, not by itself.
    TeamAlerted,
    Acknowledged,
    RepairStarted,
    RepairFailed,
    Succeeded,
    Superseded,
    /// However that came; only a manual one is said by itself.
    Resolved,
}

/// A milestone and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisibleEvent {
    pub at: OffsetDateTime,
    pub milestone: Milestone,
}

impl VisibleEvent {
    /// An action as a customer may see it; `None` for what only concerns the team.
    #[must_use]
    pub fn new(at: OffsetDateTime, action: Action) -> Option<Self> {
        Some(Self { at, milestone: milestone(action)? })
    }
}

/// The part of a timeline that a customer may see.
#[must_use]
pub fn visible_events(timeline: &[TimelineItem]) -> Vec<VisibleEvent> {
    timeline.iter().filter_map(|item| VisibleEvent::new(item.at, item.action()?)).collect()
}

#[expect(clippy::too_many_lines, reason = "a table: one line per action")]
const fn milestone(action: Action) -> Option<Milestone> {
    match action {
        Action::ReceiptAccepted => Some(Milestone::Accepted),
        Action::ResultSucceeded => Some(Milestone::Succeeded),
        Action::ResultSuperseded => Some(Milestone::Superseded),
        Action::IncidentOpened => Some(Milestone::IncidentOpened),
        Action::IncidentAcknowledged => Some(Milestone::Acknowledged),
        Action::IncidentResolved => Some(Milestone::Resolved),
        Action::ReprocessRequested => Some(Milestone::RepairStarted),
        Action::ReprocessFailed | Action::ReprocessNoResult | Action::ReprocessUndelivered => {
            Some(Milestone::RepairFailed)
        }
        // By a message of its own, by one about its cause, a digest, or a reminder.
        Action::AlertDelivered | Action::AlertTold | Action::IncidentReminded => {
            Some(Milestone::TeamAlerted)
        }
        Action::IncidentAssigned
        | Action::IncidentReleased
        | Action::IncidentCommented
        | Action::CauseCommented
        | Action::MentionGivenUp
        | Action::ResultFailed
        | Action::ResultRepeated
        | Action::ResultContradicted
        | Action::ResultRefused
        | Action::ResultAmbiguous
        | Action::ResultUnclaimed
        | Action::SnapshotViewed
        | Action::SnapshotDownloaded
        | Action::ReprocessRefused
        | Action::ReprocessSucceeded
        | Action::ReprocessEnded
        | Action::ReprocessInterrupted
        | Action::ReprocessPlanned
        | Action::ReprocessSkipped
        | Action::PolicyChanged
        | Action::PolicyStopped
        | Action::PolicyReset
        | Action::BulkStarted
        | Action::BulkPaused
        | Action::BulkResumed
        | Action::BulkEnded
        | Action::ResolveRefused
        | Action::CallbackDelivered
        | Action::CallbackFailed
        | Action::AlertGivenUp
        | Action::AlertSuperseded
        | Action::AlertHeld
        | Action::IncidentSnoozed
        | Action::IncidentSnoozeEnded
        | Action::AlertRulesChanged
        | Action::MaintenanceStarted
        | Action::MaintenanceEnded
        | Action::DestinationBroken
        | Action::WatchRestarted
        | Action::WatchPaused
        | Action::WatchStuck
        | Action::SignalAdjusted
        | Action::RelayParked
        | Action::ProjectCreated
        | Action::ProjectUpdated
        | Action::ProjectDeclared
        | Action::ProjectNameRemoved
        | Action::ProjectArchived
        | Action::ProjectRestored
        | Action::KeyCreated
        | Action::KeyRevoked
        | Action::DestinationAdded
        | Action::DestinationRemoved
        | Action::DestinationRenamed
        | Action::DestinationUpdated
        | Action::DestinationTested
        | Action::ExtensionAdded
        | Action::ExtensionPaused
        | Action::ExtensionResumed
        | Action::ExtensionRemoved
        | Action::ExtensionTried
        | Action::ExtensionAnswered
        | Action::ExtensionUnanswered
        | Action::OperatorAdded
        | Action::ProofLinkCreated
        | Action::ProofLinkRevoked
        | Action::MasterKeyRotationStarted
        | Action::MasterKeyRotated
        | Action::CustomerErased
        | Action::CustomerTextsErased
        | Action::CustomerReturned
        | Action::SecretRotated
        | Action::SecretRevoked
        | Action::OperatorSignedIn
        | Action::OperatorSignedOut
        | Action::OperatorLockedOut
        | Action::OperatorPasswordChanged
        | Action::OperatorRoleChanged
        | Action::OperatorSlackUserChanged
        | Action::OperatorRemoved
        | Action::TokenCreated
        | Action::TokenRevoked
        | Action::FilterShared
        | Action::FilterRemoved => None,
    }
}
