//! What an entry of the audit keeps beside who, when and about what: one variant per action.
//!
//! An entry is stored as two columns, `action` and `detail`, and never changes.
//! [`AuditEvent::action`] and [`AuditEvent::detail`] give them, [`AuditEvent::read`] takes them
//! back. Entries are kept for ever and several releases write them, so reading fails on none: an
//! action that is not known here, or one whose detail has another form, is [`AuditEvent::Unknown`]
//! and keeps what was stored.

use serde_json::{Value, json};

use super::Action;
use super::detail::{
    AcknowledgedDetail, AddedDestinationDetail, AddedExtensionDetail, AlertDetail,
    AlertRulesDetail, AmbiguityDetail, AnsweredDetail, ArchivedDetail, AssignedDetail, BulkDetail,
    BulkEndDetail, BulkStartedDetail, CallbackDetail, CommentDetail, DeclaredDetail,
    DestinationDetail, ErasedDetail, ErasedTextsDetail, EveryIncidentDetail, ExtensionDetail,
    FilterDetail, GivenUpMentionDetail, HeldDetail, InterruptedDetail, KeyDetail, LockOutDetail,
    MaintenanceDetail, MasterKeyDetail, NewProjectDetail, NoDetail, OpenedDetail, OperatorDetail,
    ParkedDetail, PasswordDetail, PlannedDetail, PolicyDetail, PolicyResetDetail, PolicyStopDetail,
    ProjectChanges, ProofLinkDetail, ReceiptDetail, ReleasedDetail, RemindedDetail,
    RenamedDestinationDetail, ReprocessDetail, ReprocessEndDetail, ReprocessRejectionDetail,
    ResolvedDetail, ResultDetail, ReturnedDetail, RoleChangeDetail, RotatedKeyDetail, SecretDetail,
    SharedFilterDetail, SignInDetail, SignOutDetail, SignalDetail, SlackUserDetail,
    SnoozeEndDetail, SnoozedDetail, StallDetail, TestDetail, TokenDetail, ToldDetail,
    TriedExtensionDetail, UnansweredDetail, UnclaimedDetail, WhyDetail,
};

macro_rules! audit_events {
    ($($variant:ident($detail:ty)),+ $(,)?) => {
        /// What happened, with what is known of it.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AuditEvent {
            $(#[doc = concat!("[`Action::", stringify!($variant), "`]")] $variant($detail),)+
            /// What this release does not know, as it is stored.
            Unknown {
                /// The column `action`.
                action: String,
                /// The column `detail`.
                detail: Value,
            },
        }

        impl AuditEvent {
            /// What kind of thing happened, even if its detail has a form that is not known here.
            #[must_use]
            pub fn kind(&self) -> Option<Action> {
                match self {
                    $(Self::$variant(_) => Some(Action::$variant),)+
                    Self::Unknown { action, .. } => action.parse().ok(),
                }
            }

            /// The column `action`.
            #[must_use]
            pub fn action(&self) -> &str {
                match self {
                    $(Self::$variant(_) => Action::$variant.as_str(),)+
                    Self::Unknown { action, .. } => action,
                }
            }

            /// The column `detail`: always an object.
            #[must_use]
            pub fn detail(&self) -> Value {
                match self {
                    $(Self::$variant(detail) => json!(detail),)+
                    Self::Unknown { detail, .. } => detail.clone(),
                }
            }

            /// Takes the two columns back.
            #[must_use]
            pub fn read(action: &str, detail: Value) -> Self {
                let known = action.parse::<Action>().ok().filter(|_| detail.is_object());
                let read = known.and_then(|known| match known {
                    $(Action::$variant => {
                        serde_json::from_value(detail.clone()).map(Self::$variant).ok()
                    })+
                });
                read.unwrap_or_else(|| Self::Unknown { action: action.to_owned(), detail })
            }
        }
    };
}

audit_events! {
    ReceiptAccepted(ReceiptDetail),
    ResultSucceeded(ResultDetail),
    ResultFailed(ResultDetail),
    ResultRepeated(ResultDetail),
    ResultContradicted(ResultDetail),
    ResultRefused(WhyDetail),
    ResultSuperseded(ResultDetail),
    ResultAmbiguous(AmbiguityDetail),
    ResultUnclaimed(UnclaimedDetail),
    SnapshotViewed(NoDetail),
    SnapshotDownloaded(NoDetail),
    IncidentOpened(OpenedDetail),
    IncidentAcknowledged(AcknowledgedDetail),
    IncidentAssigned(AssignedDetail),
    IncidentReleased(ReleasedDetail),
    IncidentCommented(CommentDetail),
    CauseCommented(CommentDetail),
    MentionGivenUp(GivenUpMentionDetail),
    IncidentResolved(ResolvedDetail),
    ResolveRefused(WhyDetail),
    ReprocessRequested(ReprocessDetail),
    ReprocessRefused(ReprocessRejectionDetail),
    ReprocessSucceeded(ReprocessEndDetail),
    ReprocessFailed(ReprocessEndDetail),
    ReprocessNoResult(ReprocessEndDetail),
    ReprocessUndelivered(ReprocessEndDetail),
    ReprocessEnded(ReprocessEndDetail),
    ReprocessInterrupted(InterruptedDetail),
    ReprocessPlanned(PlannedDetail),
    ReprocessSkipped(WhyDetail),
    CallbackDelivered(CallbackDetail),
    CallbackFailed(CallbackDetail),
    AlertDelivered(AlertDetail),
    AlertGivenUp(AlertDetail),
    AlertSuperseded(AlertDetail),
    AlertTold(ToldDetail),
    AlertHeld(HeldDetail),
    IncidentReminded(RemindedDetail),
    IncidentSnoozed(SnoozedDetail),
    IncidentSnoozeEnded(SnoozeEndDetail),
    AlertRulesChanged(AlertRulesDetail),
    MaintenanceStarted(MaintenanceDetail),
    MaintenanceEnded(MaintenanceDetail),
    DestinationBroken(AlertDetail),
    WatchRestarted(NoDetail),
    WatchPaused(StallDetail),
    WatchStuck(StallDetail),
    SignalAdjusted(SignalDetail),
    RelayParked(ParkedDetail),
    ProjectCreated(NewProjectDetail),
    ProjectUpdated(ProjectChanges),
    ProjectDeclared(DeclaredDetail),
    ProjectNameRemoved(DeclaredDetail),
    ProjectArchived(ArchivedDetail),
    ProjectRestored(NoDetail),
    PolicyChanged(PolicyDetail),
    PolicyStopped(PolicyStopDetail),
    PolicyReset(PolicyResetDetail),
    BulkStarted(BulkStartedDetail),
    BulkPaused(BulkDetail),
    BulkResumed(BulkDetail),
    BulkEnded(BulkEndDetail),
    KeyCreated(KeyDetail),
    KeyRevoked(KeyDetail),
    DestinationAdded(AddedDestinationDetail),
    DestinationRemoved(DestinationDetail),
    DestinationRenamed(RenamedDestinationDetail),
    DestinationUpdated(EveryIncidentDetail),
    DestinationTested(TestDetail),
    ExtensionAdded(AddedExtensionDetail),
    ExtensionPaused(ExtensionDetail),
    ExtensionResumed(ExtensionDetail),
    ExtensionRemoved(ExtensionDetail),
    ExtensionTried(TriedExtensionDetail),
    ExtensionAnswered(AnsweredDetail),
    ExtensionUnanswered(UnansweredDetail),
    SecretRotated(SecretDetail),
    SecretRevoked(SecretDetail),
    MasterKeyRotationStarted(MasterKeyDetail),
    MasterKeyRotated(RotatedKeyDetail),
    CustomerErased(ErasedDetail),
    CustomerTextsErased(ErasedTextsDetail),
    CustomerReturned(ReturnedDetail),
    ProofLinkCreated(ProofLinkDetail),
    ProofLinkRevoked(ProofLinkDetail),
    OperatorAdded(OperatorDetail),
    OperatorRemoved(OperatorDetail),
    OperatorRoleChanged(RoleChangeDetail),
    OperatorPasswordChanged(PasswordDetail),
    OperatorSlackUserChanged(SlackUserDetail),
    OperatorSignedIn(SignInDetail),
    OperatorSignedOut(SignOutDetail),
    OperatorLockedOut(LockOutDetail),
    TokenCreated(TokenDetail),
    TokenRevoked(TokenDetail),
    FilterShared(SharedFilterDetail),
    FilterRemoved(FilterDetail),
}

#[cfg(test)]
mod tests;
