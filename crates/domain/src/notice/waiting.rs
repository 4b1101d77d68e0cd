//! The message about incidents that were told before and still stand, or are back after a snooze.

use time::{Duration, OffsetDateTime};

use super::cause::{at_risk, customers, one_or_more};
use super::{NamedIncident, NoticeKind, NoticeList, NoticeOrigin, NoticeText, name_customers};
use crate::alert::{format_timestamp, one_line};
use crate::cause::Cause;
use crate::money::Amount;
use crate::project::Mode;
use crate::reminder::ReminderReason;
use crate::urgency::{AtStake, Urgency};

/// Incidents that people are told of again, as they stand when that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFacts {
    pub reason: ReminderReason,
    /// Which reminder since they wait.
    pub nth: i32,
    /// What they have in common; none of snoozes that are over.
    pub cause: Option<Cause>,
    pub incidents: i64,
    /// How many references they are about.
    pub customers: i64,
    /// What was paid for them, one sum per currency.
    pub at_risk: Vec<Amount>,
    pub oldest_opened_at: Option<OffsetDateTime>,
    /// For how long that one has been open.
    pub age: Duration,
    /// The newest, at most [`super::MAX_NAMED`].
    pub newest: Vec<NamedIncident>,
    /// The list of them.
    pub incidents_url: String,
}

impl WaitingFacts {
    /// The message, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let heading = self.heading(self.urgency(origin.mode));
        let lists = match self.reason {
            ReminderReason::Resolved => Vec::new(),
            ReminderReason::Reminder
            | ReminderReason::Escalated
            | ReminderReason::CameBack
            | ReminderReason::SnoozeOver => {
                vec![NoticeList {
                    title: "Customers, newest first",
                    items: name_customers(&self.newest, self.incidents),
                }]
            }
        };
        NoticeText {
            kind: NoticeKind::IncidentsWaiting,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: self.explanation(),
            lists,
            link: "Open the incidents",
            url: one_line(&self.incidents_url),
        }
    }

    /// How urgent it is that an operator sees to them.
    #[must_use]
    pub fn urgency(&self, mode: Mode) -> Urgency {
        let (age, customers) = (self.age, self.customers);
        Urgency::decide(mode, &AtStake { age, customers, at_risk: &self.at_risk })
    }

    fn heading(&self, urgency: Urgency) -> String {
        let urgent = urgency.words().map(|words| format!("{words}: ")).unwrap_or_default();
        let of = self.cause.as_ref().map(|cause| format!(" of {}", cause.title()));
        let of = of.unwrap_or_default();
        let (noun, waits, stands, is) = match self.incidents {
            1 => ("incident", "waits", "stands", "is"),
            _ => ("incidents", "wait", "stand", "are"),
        };
        let count = self.incidents;
        let said = match self.reason {
            ReminderReason::Reminder => format!("{count} {noun}{of} still {waits} for somebody"),
            ReminderReason::Escalated => {
                format!("Escalated: {count} {noun}{of} {waits} for somebody")
            }
            ReminderReason::CameBack => format!("{count} acknowledged {noun}{of} still {stands}"),
            ReminderReason::SnoozeOver => format!("{count} snoozed {noun} {is} back"),
            ReminderReason::Resolved => format!("What was escalated{of} is resolved"),
        };
        format!("{urgent}{said}")
    }

    fn explanation(&self) -> String {
        let one_or_more = |one, more| one_or_more(self.incidents, one, more);
        let said = match self.reason {
            ReminderReason::Reminder => {
                let them = one_or_more("it", "them");
                format!("Nobody has acknowledged {them}; this is reminder {}.", self.nth)
            }
            ReminderReason::Escalated => {
                let them = one_or_more("it", "them");
                format!("Those who were told before have not acknowledged {them}.")
            }
            ReminderReason::CameBack => one_or_more(
                "It was acknowledged and is still not resolved.",
                "They were acknowledged and are still not resolved.",
            )
            .to_owned(),
            ReminderReason::SnoozeOver => one_or_more(
                "Its snooze is over, and it is not resolved.",
                "Their snooze is over, and they are not resolved.",
            )
            .to_owned(),
            ReminderReason::Resolved => return "Nothing of it is left to do.".to_owned(),
        };
        let oldest = self
            .oldest_opened_at
            .map(|at| format!("; the oldest opened on {}", format_timestamp(at)));
        format!(
            "{said} {} {}{}.{}",
            one_or_more("It concerns", "They concern"),
            customers(self.customers),
            oldest.unwrap_or_default(),
            at_risk(&self.at_risk)
        )
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::super::{code, plain};
    use super::*;
    use crate::catalogue::EffectType;
    use crate::ids::{EventId, IncidentId, ProjectId};
    use crate::incident::Reason;

    fn text(reason: ReminderReason, incidents: i64) -> NoticeText {
        text_after(Duration::minutes(59), reason, incidents, &[])
    }

    fn text_after(
        age: Duration,
        reason: ReminderReason,
        incidents: i64,
        at_risk: &[Amount],
    ) -> NoticeText {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(1));
        let cause = Cause {
            project_id,
            reason: Reason::FailedResult,
            error_code: Some("db_write_failed".into()),
            event_type: "invoice.paid".into(),
            effect_type: EffectType::CreditGrant,
        };
        let newest = NamedIncident {
            incident_id: IncidentId::from_uuid(Uuid::from_u128(2)),
            event_id: EventId::from_uuid(Uuid::from_u128(3)),
            internal_reference: "user\n_1".into(),
        };
        let facts = WaitingFacts {
            reason,
            nth: 2,
            cause: Some(cause).filter(|_| reason != ReminderReason::SnoozeOver),
            incidents,
            customers: incidents,
            at_risk: at_risk.to_vec(),
            age,
            oldest_opened_at: Some(datetime!(2026-11-21 02:14:00 UTC)),
            newest: vec![newest],
            incidents_url: "https://sendpromptly.cometcart.test/incidents?cause=cau_1".into(),
        };
        facts.text(&NoticeOrigin { project_id, project_name: "CometCart".into(), mode: Mode::Live })
    }

    #[test]
    fn each_reason_says_why_people_are_told_again() {
        let of = "of db_write_failed on invoice.paid";
        for (reason, incidents, heading) in [
            (
                ReminderReason::Reminder,
                200,
                format!("Critical: 200 incidents {of} still wait for somebody"),
            ),
            (ReminderReason::Reminder, 1, format!("1 incident {of} still waits for somebody")),
            (
                ReminderReason::Escalated,
                2,
                format!("Escalated: 2 incidents {of} wait for somebody"),
            ),
            (ReminderReason::CameBack, 2, format!("2 acknowledged incidents {of} still stand")),
            (ReminderReason::SnoozeOver, 1, "1 snoozed incident is back".to_owned()),
            (ReminderReason::Resolved, 0, format!("What was escalated {of} is resolved")),
        ] {
            assert_eq!(text(reason, incidents).heading, heading);
        }
        let reminder = text(ReminderReason::Reminder, 200);
        assert_eq!(
            reminder.explanation,
            "Nobody has acknowledged them; this is reminder 2. They concern 200 customers; the oldest opened on 21 \
             November 2026, 02:14:00 UTC."
        );
        assert_eq!(reminder.lists[0].items, [code("user _1"), plain("and 199 more")]);
        assert_eq!(text(ReminderReason::Resolved, 0).lists, []);
    }

    #[test]
    fn one_incident_is_spoken_of_as_one() {
        for (reason, said) in [
            (ReminderReason::Reminder, "Nobody has acknowledged it; this is reminder 2."),
            (ReminderReason::Escalated, "Those who were told before have not acknowledged it."),
            (ReminderReason::CameBack, "It was acknowledged and is still not resolved."),
            (ReminderReason::SnoozeOver, "Its snooze is over, and it is not resolved."),
        ] {
            let explanation = text(reason, 1).explanation;
            let concerns = format!("{said} It concerns 1 customer; the oldest opened on");
            assert!(explanation.starts_with(&concerns), "{explanation}");
        }
    }

    #[test]
    fn a_message_begins_with_how_urgent_it_is_and_ends_with_the_money() {
        let of = "of db_write_failed on invoice.paid";
        let sum = |value, code: &str| Amount { value, currency: code.parse().expect("a currency") };
        let at_risk = [sum(4900, "USD"), sum(1500, "JPY")];
        let hour = Duration::hours(1);
        let text = text_after(hour, ReminderReason::Escalated, 2, &at_risk);
        let heading = format!("High urgency: Escalated: 2 incidents {of} wait for somebody");
        assert_eq!(text.heading, heading);
        assert_eq!(text.subject, format!("[CometCart live] {heading}"));
        let money = "02:14:00 UTC. At risk: 49.00 USD + 1,500 JPY.";
        assert!(text.explanation.ends_with(money), "{}", text.explanation);
        let text = text_after(hour, ReminderReason::CameBack, 10, &at_risk);
        assert_eq!(text.heading, format!("Critical: 10 acknowledged incidents {of} still stand"));
    }
}
