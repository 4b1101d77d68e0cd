//! The digest at the end of a time in which people were not told: what opened, what healed, and what is left.

use time::OffsetDateTime;

use super::cause::{at_risk, customers, join, one_or_more};
use super::{
    NamedIncident, NoticeKind, NoticeList, NoticeOrigin, NoticeText, name_customers, plain,
};
use crate::alert::{format_timestamp, one_line};
use crate::cause::Cause;
use crate::ids::MaintenanceId;
use crate::maintenance::HoldReason;
use crate::money::Amount;

/// How many causes a digest names at most.
pub const MAX_CAUSES: usize = 10;

/// What was held back from a destination, as it stands when it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestFacts {
    pub reason: HoldReason,
    pub maintenance_id: Option<MaintenanceId>,
    /// What was said when the maintenance was started.
    pub note: Option<String>,
    pub since: OffsetDateTime,
    pub until: OffsetDateTime,
    /// How many incidents it is about.
    pub incidents: i64,
    /// How many of them opened in that time.
    pub opened: i64,
    /// How many of them are resolved by now.
    pub resolved: i64,
    /// How many references those are about that are not.
    pub customers_left: i64,
    /// What was paid for those, one sum per currency.
    pub at_risk: Vec<Amount>,
    /// What they have in common, the most incidents first, at most [`MAX_CAUSES`].
    pub causes: Vec<DigestCause>,
    /// The newest that are not resolved, at most [`super::MAX_NAMED`].
    pub left: Vec<NamedIncident>,
    /// The project's incidents.
    pub incidents_url: String,
}

/// What several incidents of a digest have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestCause {
    pub cause: Cause,
    pub incidents: i64,
    pub left: i64,
}

impl DigestFacts {
    /// How many are not resolved.
    #[must_use]
    pub const fn count_left(&self) -> i64 {
        self.incidents - self.resolved
    }

    /// The digest, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let parts = join([
            (self.opened, "opened"),
            (self.resolved, "resolved"),
            (self.count_left(), "left"),
        ]);
        let heading = format!("After {}: {parts}", self.reason.words());
        let note = self.note.as_deref().map(|note| format!(" ({})", one_line(note)));
        let left = if self.count_left() == 0 {
            "Nothing of it is left to do.".to_owned()
        } else {
            let wait = one_or_more(self.customers_left, "waits", "wait");
            let (who, at_risk) = (customers(self.customers_left), at_risk(&self.at_risk));
            format!("{who} still {wait}.{at_risk}")
        };
        let explanation = format!(
            "Alerts were held back from {} to {}: {}{}. Incidents: {parts}. {left}",
            format_timestamp(self.since),
            format_timestamp(self.until),
            self.reason.words(),
            note.unwrap_or_default(),
        );
        NoticeText {
            kind: NoticeKind::AlertsDigest,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation,
            lists: self.lists(),
            link: "Open the incidents of this project",
            url: one_line(&self.incidents_url),
        }
    }

    fn lists(&self) -> Vec<NoticeList> {
        let causes = self.causes.iter().map(|one| {
            let left = match one.left {
                0 => "all resolved".to_owned(),
                left => format!("{left} left"),
            };
            plain(&format!("{}: {}, {left}", one.cause.title(), one.incidents))
        });
        let mut lists = vec![NoticeList { title: "Causes", items: causes.collect() }];
        if !self.left.is_empty() {
            lists.push(NoticeList {
                title: "Customers who wait, newest first",
                items: name_customers(&self.left, self.count_left()),
            });
        }
        lists.retain(|list| !list.items.is_empty());
        lists
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::super::code;
    use super::*;
    use crate::catalogue::EffectType;
    use crate::ids::{EventId, IncidentId, ProjectId};
    use crate::incident::Reason;
    use crate::project::Mode;

    fn facts() -> DigestFacts {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(1));
        let left = NamedIncident {
            incident_id: IncidentId::from_uuid(Uuid::from_u128(2)),
            event_id: EventId::from_uuid(Uuid::from_u128(3)),
            internal_reference: "user\n_1".into(),
        };
        let cause = Cause {
            project_id,
            reason: Reason::FailedResult,
            error_code: Some("db_write_failed".into()),
            event_type: "invoice.paid".into(),
            effect_type: EffectType::CreditGrant,
        };
        DigestFacts {
            reason: HoldReason::Maintenance,
            maintenance_id: None,
            note: Some("deploy\n42".into()),
            since: datetime!(2026-11-21 02:14:00 UTC),
            until: datetime!(2026-11-21 02:30:00 UTC),
            incidents: 13,
            opened: 12,
            resolved: 10,
            customers_left: 2,
            at_risk: Vec::new(),
            causes: vec![DigestCause { cause, incidents: 13, left: 3 }],
            left: vec![left],
            incidents_url: "https://sendpromptly.cometcart.test/incidents?project=prj_1".into(),
        }
    }

    fn text(facts: &DigestFacts) -> NoticeText {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(1));
        facts.text(&NoticeOrigin { project_id, project_name: "CometCart".into(), mode: Mode::Live })
    }

    #[test]
    fn a_digest_says_what_opened_what_healed_and_what_is_left() {
        let text = text(&facts());
        assert_eq!(
            text.subject,
            "[CometCart live] After maintenance: 12 opened, 10 resolved, 3 left"
        );
        assert_eq!(
            text.explanation,
            "Alerts were held back from 21 November 2026, 02:14:00 UTC to 21 November 2026, 02:30:00 UTC: maintenance \
             (deploy 42). Incidents: 12 opened, 10 resolved, 3 left. 2 customers still wait."
        );
        assert_eq!(text.lists[0].items, [plain("db_write_failed on invoice.paid: 13, 3 left")]);
        assert_eq!(text.lists[1].items, [code("user _1"), plain("and 2 more")]);
    }

    #[test]
    fn a_digest_says_what_was_paid_for_what_is_left() {
        let sum = |value, code: &str| Amount { value, currency: code.parse().expect("a currency") };
        let at_risk = vec![sum(4900, "USD"), sum(1500, "JPY")];
        let text = text(&DigestFacts { at_risk, ..facts() });
        let said = "2 customers still wait. At risk: 49.00 USD + 1,500 JPY.";
        assert!(text.explanation.ends_with(said), "{}", text.explanation);
    }

    #[test]
    fn a_digest_speaks_of_one_customer_as_of_one() {
        let text = text(&DigestFacts { customers_left: 1, ..facts() });
        assert!(text.explanation.ends_with("1 customer still waits."), "{}", text.explanation);
    }

    #[test]
    fn a_digest_of_what_healed_by_itself_asks_for_nothing() {
        let healed = DigestFacts {
            reason: HoldReason::QuietHours,
            note: None,
            resolved: 13,
            customers_left: 0,
            left: Vec::new(),
            causes: Vec::new(),
            ..facts()
        };
        let text = text(&healed);
        assert_eq!(text.heading, "After quiet hours: 12 opened, 13 resolved");
        assert!(text.explanation.ends_with("Nothing of it is left to do."), "{}", text.explanation);
        assert_eq!(text.lists, []);
    }
}
