//! Who did what: the vocabulary of the audit and of every timeline.

pub mod chain;
pub mod detail;
mod event;
mod flaw;
pub mod texts;

pub use event::AuditEvent;
pub use flaw::Flaw;

use std::fmt;

use crate::ids::KeyId;
use crate::text_enum::text_enum;

text_enum! {
    /// What happened. One entry per transition, written in the transition's own transaction.
    Action {
        ReceiptAccepted = "receipt.accepted",
        ResultSucceeded = "result.succeeded",
        ResultFailed = "result.failed",
        ResultRepeated = "result.repeated",
        ResultContradicted = "result.contradicted",
        ResultRefused = "result.refused",
        ResultSuperseded = "result.superseded",
        ResultAmbiguous = "result.ambiguous",
        ResultUnclaimed = "result.unclaimed",
        SnapshotViewed = "snapshot.viewed",
        SnapshotDownloaded = "snapshot.downloaded",
        IncidentOpened = "incident.opened",
        IncidentResolved = "incident.resolved",
        ReprocessRequested = "reprocess.requested",
        ReprocessRefused = "reprocess.refused",
        ReprocessSucceeded = "reprocess.succeeded",
        ReprocessFailed = "reprocess.failed",
        ReprocessNoResult = "reprocess.no_result",
        ReprocessUndelivered = "reprocess.undelivered",
        ReprocessEnded = "reprocess.ended",
        ReprocessInterrupted = "reprocess.interrupted",
        ReprocessPlanned = "reprocess.planned",
        ReprocessSkipped = "reprocess.skipped",
        ResolveRefused = "resolve.refused",
        CallbackDelivered = "callback.delivered",
        CallbackFailed = "callback.failed",
        AlertDelivered = "alert.delivered",
        AlertGivenUp = "alert.given_up",
        AlertSuperseded = "alert.superseded",
        AlertTold = "alert.told",
        AlertHeld = "alert.held",
        IncidentReminded = "incident.reminded",
        IncidentSnoozed = "incident.snoozed",
        IncidentSnoozeEnded = "incident.snooze_ended",
        AlertRulesChanged = "alert_rules.changed",
        MaintenanceStarted = "maintenance.started",
        MaintenanceEnded = "maintenance.ended",
        DestinationBroken = "destination.broken",
        WatchRestarted = "watch.restarted",
        WatchPaused = "watch.paused",
        WatchStuck = "watch.stuck",
        SignalAdjusted = "signal.adjusted",
        RelayParked = "relay.parked",
        ProjectCreated = "project.created",
        ProjectUpdated = "project.updated",
        ProjectDeclared = "project.declared",
        ProjectNameRemoved = "project.name_removed",
        ProjectArchived = "project.archived",
        ProjectRestored = "project.restored",
        PolicyChanged = "policy.changed",
        PolicyStopped = "policy.stopped",
        PolicyReset = "policy.reset",
        BulkStarted = "bulk.started",
        BulkPaused = "bulk.paused",
        BulkResumed = "bulk.resumed",
        BulkEnded = "bulk.ended",
        KeyCreated = "key.created",
        KeyRevoked = "key.revoked",
        DestinationAdded = "destination.added",
        DestinationRemoved = "destination.removed",
        DestinationRenamed = "destination.renamed",
        DestinationUpdated = "destination.updated",
        DestinationTested = "destination.tested",
        ExtensionAdded = "extension.added",
        ExtensionPaused = "extension.paused",
        ExtensionResumed = "extension.resumed",
        ExtensionRemoved = "extension.removed",
        ExtensionTried = "extension.tried",
        ExtensionAnswered = "extension.answered",
        ExtensionUnanswered = "extension.unanswered",
        OperatorAdded = "operator.added",
        IncidentAcknowledged = "incident.acknowledged",
        IncidentAssigned = "incident.assigned",
        IncidentReleased = "incident.released",
        IncidentCommented = "incident.commented",
        CauseCommented = "cause.commented",
        MentionGivenUp = "mention.given_up",
        ProofLinkCreated = "proof_link.created",
        ProofLinkRevoked = "proof_link.revoked",
        SecretRotated = "secret.rotated",
        SecretRevoked = "secret.revoked",
        MasterKeyRotationStarted = "master_key.rotation_started",
        MasterKeyRotated = "master_key.rotated",
        CustomerErased = "customer.erased",
        CustomerTextsErased = "customer.texts_erased",
        CustomerReturned = "customer.returned",
        OperatorSignedIn = "operator.signed_in",
        OperatorSignedOut = "operator.signed_out",
        OperatorLockedOut = "operator.locked_out",
        OperatorPasswordChanged = "operator.password_changed",
        OperatorRoleChanged = "operator.role_changed",
        OperatorSlackUserChanged = "operator.slack_user_changed",
        OperatorRemoved = "operator.removed",
        TokenCreated = "token.created",
        TokenRevoked = "token.revoked",
        FilterShared = "filter.shared",
        FilterRemoved = "filter.removed",
    }
}

impl Action {
    /// What it is about: `incident` of `incident.opened`.
    #[must_use]
    pub fn group(self) -> &'static str {
        let text = self.as_str();
        text.split_once('.').map_or(text, |(group, _)| group)
    }

    /// Whether a text names an action, or with its dot a group of them, such as `incident.`.
    #[must_use]
    pub fn is_named_by(text: &str) -> bool {
        let group = text.strip_suffix('.');
        Self::ALL.iter().any(|one| one.as_str() == text || Some(one.group()) == group)
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The app, with one of its keys.
    Key(KeyId),
    /// A user of the `temporal` command line, by the name that they gave.
    Temporal(Option<String>),
    /// A user of our command line, by the name of their account.
    Cli(String),
    /// A signed-in operator, by e-mail address.
    Operator(String),
    /// A project's own policy, which acts without a person.
    Policy,
    /// An extension that is trusted to settle, by its name.
    Extension(String),
    /// The product itself.
    System,
}

impl Actor {
    /// Takes back what is stored. What only another release knows counts as the product itself.
    #[must_use]
    pub fn read(text: &str) -> Self {
        match text.split_once(':') {
            Some(("key", id)) => id.parse().map_or(Self::System, Self::Key),
            Some(("temporal", "unknown")) => Self::Temporal(None),
            Some(("temporal", name)) => Self::Temporal(Some(name.to_owned())),
            Some(("cli", name)) => Self::Cli(name.to_owned()),
            Some(("operator", email)) => Self::Operator(email.to_owned()),
            Some(("extension", name)) => Self::Extension(name.to_owned()),
            None if text == "policy" => Self::Policy,
            None | Some(_) => Self::System,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Temporal(name) => write!(f, "temporal:{}", name.as_deref().unwrap_or("unknown")),
            Self::Cli(name) => write!(f, "cli:{name}"),
            Self::Operator(email) => write!(f, "operator:{email}"),
            Self::Policy => f.write_str("policy"),
            Self::Extension(name) => write!(f, "extension:{name}"),
            Self::System => f.write_str("system"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_as_it_was_written_and_is_of_a_kind_that_the_documents_name() {
        let page = include_str!("../../../docs/security.md");
        let named = page.lines().skip_while(|line| !line.starts_with("Actors are "));
        let named: String = named.take_while(|line| !line.is_empty()).collect();
        for actor in [
            Actor::Key("key_00000000000000000000000001".parse().expect("an id")),
            Actor::Temporal(None),
            Actor::Temporal(Some("alice: on call".to_owned())),
            Actor::Cli("bob".to_owned()),
            Actor::Operator("alice@cometcart.test".to_owned()),
            Actor::Policy,
            Actor::Extension("credits.verify".to_owned()),
            Actor::System,
        ] {
            let written = actor.to_string();
            assert_eq!(Actor::read(&written), actor);
            let kind = written
                .split_once(':')
                .map_or_else(|| written.clone(), |(kind, _)| format!("{kind}:…"));
            assert!(named.contains(&format!("`{kind}`")), "docs/security.md does not name {kind}");
        }
        assert_eq!(Actor::read("robot:x"), Actor::System);
    }

    #[test]
    fn the_documents_list_every_action_and_no_other() {
        let page = include_str!("../../../docs/audit.md");
        let (_, chapter) = page.split_once("\n## What is written\n").expect("the chapter");
        let rows = chapter.lines().take_while(|line| !line.starts_with("## "));
        let cells = rows.filter_map(|line| line.strip_prefix("| ")?.split('|').nth(1));
        let listed: Vec<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        for action in Action::ALL {
            let times = listed.iter().filter(|name| **name == action.as_str()).count();
            assert_eq!(times, 1, "{}", action.as_str());
        }
        assert_eq!(listed.len(), Action::ALL.len());
    }

    #[test]
    fn actions_and_their_groups_are_known_by_name() {
        for named in ["incident.opened", "incident.", "proof_link.", "token.revoked"] {
            assert!(Action::is_named_by(named), "{named}");
        }
        for other in
            ["", ".", "incident", "incident.sneezed", "incident..", "incident.\0", "Incident."]
        {
            assert!(!Action::is_named_by(other), "{other:?}");
        }
    }
}
