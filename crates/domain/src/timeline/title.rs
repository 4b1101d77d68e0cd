//! The short title of each action, and how it looks.

use super::Tone;
use crate::audit::Action;

/// What an action is called.
#[must_use]
pub fn title(action: Action) -> &'static str {
    toned(action).1
}

#[expect(clippy::too_many_lines, reason = "a table: one line per action")]
pub(super) const fn toned(action: Action) -> (Tone, &'static str) {
    use Action as A;
    use Tone::{Bad, Good, Plain, Warn, Work};
    match action {
        A::ReceiptAccepted => (Good, "Receipt accepted"),
        A::ResultSucceeded => (Good, "Success reported"),
        A::ResultFailed => (Bad, "Failure reported"),
        A::ResultRepeated => (Plain, "Reported again"),
        A::ResultContradicted => (Bad, "Contradiction reported"),
        A::ResultSuperseded => (Good, "Reported as superseded"),
        A::ResultAmbiguous => (Warn, "Result not assigned"),
        A::ResultUnclaimed => (Bad, "A result never found its receipt"),
        A::ResultRefused => (Plain, "Result rejected"),
        A::SnapshotViewed => (Plain, "Snapshot viewed"),
        A::SnapshotDownloaded => (Plain, "Snapshot downloaded"),
        A::IncidentOpened => (Bad, "Incident opened"),
        A::IncidentAcknowledged => (Work, "Acknowledged"),
        A::IncidentResolved => (Good, "Resolved"),
        A::ReprocessRequested => (Work, "Reprocess requested"),
        A::ReprocessRefused => (Plain, "Reprocess rejected"),
        A::ReprocessSucceeded => (Good, "Reprocess succeeded"),
        A::ReprocessFailed => (Bad, "Reprocess failed"),
        A::ReprocessNoResult => (Bad, "Reprocess got no result"),
        A::ReprocessUndelivered => (Bad, "Reprocess was not delivered"),
        A::ReprocessEnded => (Plain, "Reprocess ended"),
        A::ReprocessInterrupted => (Plain, "Callback attempt interrupted"),
        A::ReprocessPlanned => (Work, "Automatic reprocess planned"),
        A::ReprocessSkipped => (Warn, "Not reprocessed automatically"),
        A::PolicyChanged => (Plain, "Automatic reprocess changed"),
        A::PolicyStopped => (Bad, "Automatic reprocess stopped"),
        A::PolicyReset => (Plain, "Automatic reprocess goes on"),
        A::BulkStarted => (Work, "Bulk reprocess started"),
        A::BulkPaused => (Warn, "Bulk reprocess paused"),
        A::BulkResumed => (Work, "Bulk reprocess goes on"),
        A::BulkEnded => (Plain, "Bulk reprocess ended"),
        A::ResolveRefused => (Plain, "Resolve rejected"),
        A::CallbackDelivered => (Good, "Callback delivered"),
        A::CallbackFailed => (Bad, "Callback failed"),
        A::AlertDelivered => (Good, "Alert delivered"),
        A::AlertGivenUp => (Bad, "Alert given up"),
        A::AlertSuperseded => (Plain, "Alert not sent"),
        A::AlertTold => (Good, "Told by the message about its cause"),
        A::DestinationBroken => (Bad, "Destination broken"),
        A::WatchRestarted => (Plain, "Watch restarted"),
        A::WatchPaused => (Bad, "Paused in Temporal"),
        A::WatchStuck => (Bad, "Stuck in Temporal"),
        A::SignalAdjusted => (Plain, "Part of a signal ignored"),
        A::RelayParked => (Bad, "Message to Temporal parked"),
        A::ProjectCreated => (Plain, "Project created"),
        A::ProjectUpdated => (Plain, "Project changed"),
        A::ProjectDeclared => (Plain, "Name declared"),
        A::ProjectNameRemoved => (Plain, "Declared name removed"),
        A::KeyCreated => (Plain, "API key created"),
        A::KeyRevoked => (Plain, "API key revoked"),
        A::DestinationAdded => (Plain, "Destination added"),
        A::DestinationRemoved => (Plain, "Destination removed"),
        A::DestinationRenamed => (Plain, "Destination renamed"),
        A::DestinationTested => (Plain, "Destination tested"),
        A::ExtensionAdded => (Plain, "Extension added"),
        A::ExtensionPaused => (Plain, "Extension paused"),
        A::ExtensionResumed => (Plain, "Extension resumed"),
        A::ExtensionRemoved => (Plain, "Extension removed"),
        A::ExtensionTried => (Plain, "Extension tried"),
        A::ExtensionAnswered => (Plain, "Extension answered"),
        A::ExtensionUnanswered => (Warn, "Extension did not answer"),
        A::OperatorAdded => (Plain, "Operator added"),
        A::ProofLinkCreated => (Plain, "Proof link created"),
        A::ProofLinkRevoked => (Plain, "Proof link revoked"),
        A::MasterKeyRotationStarted => (Work, "Sealing again with a master key began"),
        A::MasterKeyRotated => (Plain, "Sealed again with a master key"),
        A::SecretRotated => (Plain, "Signing secret rotated"),
        A::SecretRevoked => (Plain, "Signing secret revoked"),
        A::OperatorSignedIn => (Plain, "Signed in"),
        A::OperatorSignedOut => (Plain, "Signed out"),
        A::OperatorLockedOut => (Bad, "Sign-in locked"),
        A::OperatorPasswordChanged => (Plain, "Password changed"),
        A::OperatorRoleChanged => (Plain, "Role changed"),
        A::OperatorRemoved => (Plain, "Operator removed"),
        A::TokenCreated => (Plain, "Operator token created"),
        A::TokenRevoked => (Plain, "Operator token revoked"),
    }
}
