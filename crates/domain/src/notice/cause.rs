//! The messages about a cause of several incidents: that it grows, and that all of them are well again.

use time::{Duration, OffsetDateTime};

use super::{NoticeKind, NoticeList, NoticeOrigin, NoticeText, name_customers, plain};
use crate::alert::{format_duration, format_timestamp, one_line};
use crate::app_error::AppError;
use crate::cause::Cause;
use crate::ids::{EventId, IncidentId};
use crate::money::{Amount, describe_sums};
use crate::project::Mode;
use crate::urgency::{AtStake, Urgency};

/// How many incidents a message names at most.
pub const MAX_NAMED: usize = 20;

/// What a destination is told of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseFacts {
    pub cause: Cause,
    /// How many incidents its messages and the first alert are about.
    pub incidents: i64,
    /// How many of them this message is the first to be about.
    pub new: i64,
    /// How many references they are about.
    pub customers: i64,
    /// What was paid for those that are not resolved, one sum per currency.
    pub at_risk: Vec<Amount>,
    /// How many references those are about that are not resolved.
    pub customers_left: i64,
    /// For how long the oldest of these has been open.
    pub age: Duration,
    pub states: StateCounts,
    pub resolutions: ResolutionCounts,
    /// The newest of them, at most [`MAX_NAMED`].
    pub newest: Vec<NamedIncident>,
    /// What the app reported of the newest.
    pub last_error: AppError,
    pub first_opened_at: OffsetDateTime,
    pub last_opened_at: OffsetDateTime,
    /// When the last of them was resolved.
    pub last_resolved_at: Option<OffsetDateTime>,
    /// The list of the cause's incidents.
    pub cause_url: String,
}

/// How many incidents are not resolved, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub open: i64,
    pub acknowledged: i64,
    pub reprocessing: i64,
}

/// How many incidents are resolved, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResolutionCounts {
    pub reprocessed: i64,
    pub late_success: i64,
    pub manual: i64,
    pub superseded: i64,
}

/// An incident that a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedIncident {
    pub incident_id: IncidentId,
    pub event_id: EventId,
    pub internal_reference: String,
}

impl StateCounts {
    #[must_use]
    pub const fn total(self) -> i64 {
        self.open + self.acknowledged + self.reprocessing
    }

    /// All of it may have healed since the message was written.
    fn sentence(self) -> String {
        match self.total() {
            0 => "Nothing of it is left to do.".to_owned(),
            total => format!("{} not resolved: {}.", count(total, "is", "are"), self.parts()),
        }
    }

    fn parts(self) -> String {
        join([
            (self.open, "open"),
            (self.acknowledged, "acknowledged"),
            (self.reprocessing, "being reprocessed"),
        ])
    }
}

impl ResolutionCounts {
    #[must_use]
    pub const fn total(self) -> i64 {
        self.reprocessed + self.late_success + self.manual + self.superseded
    }

    fn parts(self) -> String {
        join([
            (self.reprocessed, "by a reprocess"),
            (self.late_success, "by a late success"),
            (self.manual, "manually"),
            (self.superseded, "because nothing is due any more"),
        ])
    }
}

impl CauseFacts {
    /// How urgent it is that an operator sees to what is left.
    #[must_use]
    pub fn urgency(&self, mode: Mode) -> Urgency {
        let (age, customers) = (self.age, self.customers_left);
        Urgency::decide(mode, &AtStake { age, customers, at_risk: &self.at_risk })
    }

    /// That it grows, every text on one line and readable.
    #[must_use]
    pub fn update_text(&self, origin: &NoticeOrigin) -> NoticeText {
        let incidents = count(self.incidents, "incident", "incidents");
        let heading = format!("{incidents} of {}", self.cause.title());
        let new = match self.new {
            0 => String::new(),
            1 => " 1 of them is new.".to_owned(),
            new => format!(" {new} of them are new."),
        };
        let resolved = match self.resolutions.total() {
            0 => String::new(),
            _ => format!(" Resolved: {}.", self.resolutions.parts()),
        };
        let explanation = format!(
            "{}{new} {} {}.{} The first opened on {}, the newest on {}.{resolved}",
            self.states.sentence(),
            one_or_more(self.incidents, "It concerns", "They concern"),
            customers(self.customers),
            at_risk(&self.at_risk),
            format_timestamp(self.first_opened_at),
            format_timestamp(self.last_opened_at),
        );
        let mut lists = vec![NoticeList {
            title: "Customers, newest first",
            items: name_customers(&self.newest, self.incidents),
        }];
        lists.extend(self.error());
        self.text(NoticeKind::CauseUpdated, origin, heading, explanation, lists)
    }

    /// That all are well again, every text on one line and readable.
    #[must_use]
    pub fn end_text(&self, origin: &NoticeOrigin) -> NoticeText {
        let heading = match (self.incidents, self.cause.title()) {
            (1, title) => format!("The incident of {title} is resolved"),
            (incidents, title) => format!("All {incidents} incidents of {title} are resolved"),
        };
        let lasted = self.last_resolved_at.map(|at| {
            let lasted = format_duration(at - self.first_opened_at);
            format!(
                " The last was resolved on {}, {lasted} after the first opened.",
                format_timestamp(at)
            )
        });
        let explanation = format!(
            "Resolved: {}. {} {}.{}",
            self.resolutions.parts(),
            one_or_more(self.incidents, "It concerned", "They concerned"),
            customers(self.customers),
            lasted.unwrap_or_default()
        );
        self.text(NoticeKind::CauseEnded, origin, heading, explanation, Vec::new())
    }

    fn text(
        &self,
        kind: NoticeKind,
        origin: &NoticeOrigin,
        heading: String,
        explanation: String,
        lists: Vec<NoticeList>,
    ) -> NoticeText {
        NoticeText {
            kind,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation,
            lists,
            link: "Open the incidents of this cause",
            url: one_line(&self.cause_url),
        }
    }

    fn error(&self) -> Option<NoticeList> {
        let message = self.last_error.message.as_deref().map(one_line)?;
        Some(NoticeList {
            title: "Error that your app reported last",
            items: vec![plain(&message)],
        })
    }
}

pub(super) fn customers(count: i64) -> String {
    match count {
        1 => "1 customer".to_owned(),
        count => format!("{count} customers"),
    }
}

/// The sentence about the money, after a space; nothing where none is known.
pub(super) fn at_risk(sums: &[Amount]) -> String {
    describe_sums(sums).map(|sums| format!(" At risk: {sums}.")).unwrap_or_default()
}

fn count(count: i64, one: &str, more: &str) -> String {
    format!("{count} {}", one_or_more(count, one, more))
}

/// The words for one, or for several.
pub(super) const fn one_or_more<'a>(count: i64, one: &'a str, more: &'a str) -> &'a str {
    if count == 1 { one } else { more }
}

/// The parts of which there are some: `210 by a reprocess, 4 manually`.
pub(super) fn join<const N: usize>(parts: [(i64, &str); N]) -> String {
    let some = parts.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::super::code;
    use super::*;
    use crate::catalogue::EffectType;
    use crate::ids::ProjectId;
    use crate::incident::Reason;

    fn origin() -> NoticeOrigin {
        NoticeOrigin {
            project_id: ProjectId::from_uuid(Uuid::from_u128(1)),
            project_name: "CometCart".into(),
            mode: Mode::Live,
        }
    }

    fn facts() -> CauseFacts {
        let newest = |reference: &str| NamedIncident {
            incident_id: IncidentId::from_uuid(Uuid::from_u128(2)),
            event_id: EventId::from_uuid(Uuid::from_u128(3)),
            internal_reference: reference.to_owned(),
        };
        CauseFacts {
            cause: Cause {
                project_id: origin().project_id,
                reason: Reason::FailedResult,
                error_code: Some("db_write_failed".into()),
                event_type: "invoice.paid".into(),
                effect_type: EffectType::CreditGrant,
            },
            incidents: 214,
            new: 114,
            customers: 201,
            at_risk: Vec::new(),
            customers_left: 180,
            age: Duration::minutes(16),
            states: StateCounts { open: 180, acknowledged: 4, reprocessing: 6 },
            resolutions: ResolutionCounts { reprocessed: 20, manual: 4, ..Default::default() },
            newest: vec![newest("user\n_1"), newest("user_2")],
            last_error: AppError { code: None, message: Some("disk\nfull".into()) },
            first_opened_at: datetime!(2026-11-21 02:14:00 UTC),
            last_opened_at: datetime!(2026-11-21 02:30:00 UTC),
            last_resolved_at: Some(datetime!(2026-11-21 04:24:00 UTC)),
            cause_url: "https://sendpromptly.cometcart.test/incidents?cause=cau_1".into(),
        }
    }

    #[test]
    fn an_update_says_how_many_there_are_how_they_stand_and_what_the_app_said() {
        let text = facts().update_text(&origin());
        assert_eq!(
            text.subject,
            "[CometCart live] 214 incidents of db_write_failed on invoice.paid"
        );
        assert_eq!(
            text.explanation,
            "190 are not resolved: 180 open, 4 acknowledged, 6 being reprocessed. 114 of them are new. They \
             concern 201 customers. The first opened on 21 November 2026, 02:14:00 UTC, the newest on 21 November \
             2026, 02:30:00 UTC. Resolved: 20 by a reprocess, 4 manually."
        );
        assert_eq!(text.lists[0].items, [code("user _1"), code("user_2"), plain("and 212 more")]);
        assert_eq!(text.lists[1].items, [plain("disk full")]);
        let sum = |value, code: &str| Amount { value, currency: code.parse().expect("a currency") };
        let at_risk = vec![sum(931_000, "USD"), sum(4900, "EUR")];
        let text = CauseFacts { at_risk, ..facts() }.update_text(&origin());
        let said = "201 customers. At risk: 9,310.00 USD + 49.00 EUR. The first";
        assert!(text.explanation.contains(said), "{}", text.explanation);
    }

    #[test]
    fn one_incident_is_spoken_of_as_one() {
        let states = StateCounts { open: 1, ..StateCounts::default() };
        let (incidents, customers) = (1, 1);
        let one = CauseFacts { incidents, new: 1, customers, states, ..facts() };
        let said = "1 is not resolved: 1 open. 1 of them is new. It concerns 1 customer. The first";
        let text = one.update_text(&origin());
        assert!(text.explanation.starts_with(said), "{}", text.explanation);
        let text = one.end_text(&origin());
        assert!(text.explanation.contains(". It concerned 1 customer."), "{}", text.explanation);
    }

    #[test]
    fn an_update_that_comes_when_all_are_resolved_says_so() {
        let states = StateCounts::default();
        let text = CauseFacts { states, new: 2, ..facts() }.update_text(&origin());
        let said = "Nothing of it is left to do. 2 of them are new. They concern 201 customers.";
        assert!(text.explanation.starts_with(said), "{}", text.explanation);
    }

    #[test]
    fn what_is_left_of_a_cause_is_urgent_and_what_is_over_is_not() {
        assert_eq!(facts().urgency(Mode::Live), Urgency::Critical);
        assert_eq!(facts().urgency(Mode::Test), Urgency::Normal);
        let left = CauseFacts { customers_left: 9, ..facts() };
        assert_eq!(left.urgency(Mode::Live), Urgency::Normal, "201 had waited");
        let over = CauseFacts { customers_left: 0, age: Duration::ZERO, ..facts() };
        assert_eq!(over.urgency(Mode::Live), Urgency::Normal);
    }

    #[test]
    fn the_end_says_how_each_was_resolved_and_how_long_it_took() {
        let resolutions =
            ResolutionCounts { reprocessed: 210, late_success: 3, manual: 1, superseded: 0 };
        let ended = CauseFacts { states: StateCounts::default(), resolutions, ..facts() };
        let text = ended.end_text(&origin());
        assert_eq!(
            text.heading,
            "All 214 incidents of db_write_failed on invoice.paid are resolved"
        );
        assert_eq!(
            text.explanation,
            "Resolved: 210 by a reprocess, 3 by a late success, 1 manually. They concerned 201 customers. The last \
             was resolved on 21 November 2026, 04:24:00 UTC, 2 h 10 min after the first opened."
        );
        assert_eq!(text.lists, []);
    }
}
