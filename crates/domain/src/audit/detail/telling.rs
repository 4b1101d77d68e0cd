//! Of what people were told, of what they were not told yet, and of the rules for both.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::alert::AlertKind;
use crate::alert_rules::AlertRules;
use crate::ids::{AlertId, DestinationId, MaintenanceId};
use crate::maintenance::HoldReason;
use crate::notice::NoticeKind;
use crate::reminder::{ReminderReason, SnoozeEnd};

details! {
    /// Of an alert, a notice, or what they found out about their destination.
    AlertDetail {
        /// None where a test message found it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        alert: Option<NotificationKind>,
        destination_id: DestinationId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<i32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    }

    /// Of an alert that a message about its incident's cause stood for.
    ToldDetail {
        alert: AlertKind,
        destination_id: DestinationId,
        /// That message.
        told_by: AlertId,
    }

    /// Of an alert that was held back: the digest that stands for it, or the message about its cause, comes when that is
    /// over.
    HeldDetail {
        alert: AlertKind,
        destination_id: DestinationId,
        held_by: HoldReason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        maintenance_id: Option<MaintenanceId>,
        /// When that is expected to end.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    }

    /// Of an incident that a message named that told people again.
    RemindedDetail {
        reminder: ReminderReason,
        destination_id: DestinationId,
        /// That message.
        told_by: AlertId,
    }

    /// Of an incident that is snoozed: until a time, or until the next one of its cause where there is none.
    SnoozedDetail {
        #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
        until: Option<OffsetDateTime>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }

    /// Of a snooze that is over, and by what.
    SnoozeEndDetail { ended_by: SnoozeEnd }

    /// Of a project's rules for alerts, as they are from then on.
    AlertRulesDetail {
        #[serde(flatten)]
        rules: AlertRules,
    }

    /// Of a maintenance window that begins or is ended; `note` says what it is for.
    MaintenanceDetail {
        maintenance_id: MaintenanceId,
        #[serde(with = "time::serde::rfc3339")]
        ends_at: OffsetDateTime,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }
}

impl AlertDetail {
    /// An alert or a notice to a destination, of which nothing more is said.
    #[must_use]
    pub fn new(alert: NotificationKind, destination_id: DestinationId) -> Self {
        Self { alert: Some(alert), destination_id, attempts: None, why: None }
    }
}

/// What people were notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NotificationKind {
    /// About an incident.
    Alert(AlertKind),
    /// About a project.
    Notice(NoticeKind),
}
