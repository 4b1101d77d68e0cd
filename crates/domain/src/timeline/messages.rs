//! What entries about messages say: which one it is, and to whom.

use super::Names;
use super::body::reasoned;
use crate::alert::{AlertKind, format_timestamp, one_line};
use crate::audit::detail::{
    AlertDetail, EveryIncidentDetail, HeldDetail, NotificationKind, RemindedDetail, TestDetail,
};
use crate::ids::DestinationId;
use crate::notice::NoticeKind;
use crate::reminder::{ReminderReason, SnoozeEnd};

pub(super) fn message(of: &AlertDetail, names: &Names) -> String {
    let place = destination_name(of.destination_id, names);
    match of.alert {
        Some(kind) => format!("{}, to {place}", kind_of_message(kind)),
        None => place,
    }
}

const fn kind_of_message(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::Alert(AlertKind::IncidentOpened) => "incident opened",
        NotificationKind::Alert(AlertKind::IncidentAcknowledged) => "incident acknowledged",
        NotificationKind::Alert(AlertKind::ReprocessFailed) => "reprocess failed",
        NotificationKind::Alert(AlertKind::IncidentResolved) => "incident resolved",
        NotificationKind::Notice(NoticeKind::ResultsUnclaimed) => "results without a receipt",
        NotificationKind::Notice(NoticeKind::DestinationBroken) => "a broken destination",
        NotificationKind::Notice(NoticeKind::PolicyStopped) => "automatic reprocess stopped",
        NotificationKind::Notice(NoticeKind::ExtensionSilent) => {
            "an extension that does not answer"
        }
        NotificationKind::Notice(NoticeKind::ReceiptsSilent) => "receipts that do not come",
        NotificationKind::Notice(NoticeKind::ReceiptsResumed) => "receipts that come again",
        NotificationKind::Notice(NoticeKind::CauseUpdated) => "incidents of one cause",
        NotificationKind::Notice(NoticeKind::CauseEnded) => {
            "a cause whose incidents are all resolved"
        }
        NotificationKind::Notice(NoticeKind::IncidentsWaiting) => "incidents that still stand",
        NotificationKind::Notice(NoticeKind::AlertsDigest) => "a digest of what was held back",
    }
}

pub(super) fn held(of: &HeldDetail, names: &Names) -> String {
    let alert = AlertDetail::new(NotificationKind::Alert(of.alert), of.destination_id);
    let window = of.maintenance_id.map(|id| format!(" {id}")).unwrap_or_default();
    let until = format_timestamp(of.until);
    format!("{}: {}{window} until {until}", message(&alert, names), of.held_by.words())
}

pub(super) fn reminded(of: &RemindedDetail, names: &Names) -> String {
    let why = match of.reminder {
        ReminderReason::Reminder => "a reminder",
        ReminderReason::Escalated => "an escalation",
        ReminderReason::CameBack => "it was acknowledged and still stands",
        ReminderReason::SnoozeOver => "its snooze is over",
        ReminderReason::Resolved => "it is resolved",
    };
    let place = destination_name(of.destination_id, names);
    format!("{why}, to {place} ({})", of.told_by)
}

pub(super) const fn snooze_end(by: SnoozeEnd) -> &'static str {
    match by {
        SnoozeEnd::Time => "its time has come",
        SnoozeEnd::NextOfCause => "the next one of its cause opened",
        SnoozeEnd::Resolved => "the incident is resolved",
        SnoozeEnd::Operator => "by hand",
    }
}

pub(super) fn every_incident(of: &EveryIncidentDetail, names: &Names) -> String {
    let what = if of.every_incident { "each incident by itself" } else { "messages about causes" };
    format!("{} gets {what}", destination_name(of.destination_id, names))
}

/// What people call a destination, or the id where that is all there is.
pub fn destination_name(id: DestinationId, names: &Names) -> String {
    names.destinations.get(&id).map_or_else(|| id.to_string(), |address| one_line(address))
}

pub(super) fn test(of: &TestDetail, names: &Names) -> String {
    let place = destination_name(of.destination_id, names);
    if of.delivered {
        return format!("{place} accepted the message");
    }
    reasoned(&format!("{place} did not accept the message"), Some(&of.answer))
}
