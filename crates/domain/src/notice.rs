//! What a project's people are notified of beside its incidents: one text that every kind of
//! destination shows in its own way.

mod cause;
mod digest;
mod receipts;
mod waiting;

use time::OffsetDateTime;

pub use self::cause::{CauseFacts, MAX_NAMED, NamedIncident, ResolutionCounts, StateCounts};
pub use self::digest::{DigestCause, DigestFacts, MAX_CAUSES};
pub use self::receipts::{ReceiptsResumed, ReceiptsSilent};
pub use self::waiting::WaitingFacts;
use crate::alert::{format_timestamp, one_line};
use crate::catalogue::EffectType;
use crate::destination::DestinationKind;
use crate::extension::Point;
use crate::ids::{DestinationId, ExtensionId, ProjectId};
use crate::incident::Reason;
use crate::project::Mode;
use crate::reprocess_policy::StopReason;
use crate::text_enum::text_enum;

text_enum! {
    /// The kind of a notice.
    NoticeKind {
        ResultsUnclaimed = "results_unclaimed",
        DestinationBroken = "destination_broken",
        PolicyStopped = "policy_stopped",
        ExtensionSilent = "extension_silent",
        ReceiptsSilent = "receipts_silent",
        ReceiptsResumed = "receipts_resumed",
        CauseUpdated = "cause_updated",
        CauseEnded = "cause_ended",
        AlertsDigest = "alerts_digest",
        IncidentsWaiting = "incidents_waiting",
    }
}

impl NoticeKind {
    /// How often one destination gets it at most, as a sentence's end.
    #[must_use]
    pub const fn how_often(self) -> &'static str {
        match self {
            Self::ResultsUnclaimed
            | Self::DestinationBroken
            | Self::PolicyStopped
            | Self::ExtensionSilent => "once a day at most",
            Self::ReceiptsSilent => "once each time that receipts stop",
            Self::ReceiptsResumed => "once each time that receipts come again",
            Self::CauseUpdated => {
                "at 10, 100 and 1,000 incidents of a cause, otherwise every 15 minutes at most"
            }
            Self::CauseEnded => "once when all incidents of a cause are resolved",
            Self::IncidentsWaiting => "as often as the project's rules for alerts say",
            Self::AlertsDigest => "once at the end of quiet hours or a maintenance",
        }
    }
}

/// What a notice is about, with the facts that its text is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeFacts {
    ResultsUnclaimed(ResultsUnclaimed),
    DestinationBroken(DestinationBroken),
    PolicyStopped(PolicyStopped),
    ExtensionSilent(ExtensionSilent),
    ReceiptsSilent(ReceiptsSilent),
    ReceiptsResumed(ReceiptsResumed),
    CauseUpdated(CauseFacts),
    CauseEnded(CauseFacts),
    AlertsDigest(DigestFacts),
    IncidentsWaiting(WaitingFacts),
}

impl NoticeFacts {
    /// The notice about them, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        match self {
            Self::ResultsUnclaimed(facts) => facts.text(origin),
            Self::DestinationBroken(facts) => facts.text(origin),
            Self::PolicyStopped(facts) => facts.text(origin),
            Self::ExtensionSilent(facts) => facts.text(origin),
            Self::ReceiptsSilent(facts) => facts.text(origin),
            Self::ReceiptsResumed(facts) => facts.text(origin),
            Self::CauseUpdated(facts) => facts.update_text(origin),
            Self::CauseEnded(facts) => facts.end_text(origin),
            Self::AlertsDigest(facts) => facts.text(origin),
            Self::IncidentsWaiting(facts) => facts.text(origin),
        }
    }
}

/// A notice, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText {
    pub kind: NoticeKind,
    /// The project and its mode, as in `CometCart · live`.
    pub origin: String,
    /// The line of a mail that says what it is about.
    pub subject: String,
    /// The sentence that it begins with, without a full stop.
    pub heading: String,
    /// What that means.
    pub explanation: String,
    /// Lists below it, each with its title.
    pub lists: Vec<NoticeList>,
    /// What the link says.
    pub link: &'static str,
    /// Where the next step is made.
    pub url: String,
}

/// A list in a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeList {
    /// What is listed, without a colon.
    pub title: &'static str,
    pub items: Vec<NoticeItem>,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeItem {
    /// What it says.
    pub text: String,
    /// Whether it is an id, which is set in a fixed-width face.
    pub code: bool,
}

/// Whose notice it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeOrigin {
    pub project_id: ProjectId,
    pub project_name: String,
    /// Whether real money is watched.
    pub mode: Mode,
}

/// Results that never found their receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsUnclaimed {
    /// How many there are.
    pub count: i64,
    /// How many of them said that the effect failed.
    pub failures: i64,
    /// The provider's ids of some of them, at most five, failures first.
    pub provider_event_ids: Vec<String>,
    /// The audit log, narrowed to these results.
    pub audit_url: String,
}

/// A destination that broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationBroken {
    /// What people call it: its label, or its address.
    pub label: String,
    pub destination_id: DestinationId,
    /// Its kind, as `slack`.
    pub kind: String,
    /// Since when it counts as broken.
    pub broken_at: OffsetDateTime,
    /// What it responded last, if that is known.
    pub answer: Option<String>,
    /// The page with the project's destinations.
    pub destinations_url: String,
}

/// A policy that stopped for a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStopped {
    pub effect_type: EffectType,
    pub event_type: String,
    /// Why the incidents were opened.
    pub reason: Reason,
    pub error_code: Option<String>,
    pub why: StopReason,
    /// The page with the project's policies.
    pub policies_url: String,
}

/// An extension that has not answered many calls in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionSilent {
    pub extension_id: ExtensionId,
    /// What people call it.
    pub name: String,
    pub point: Point,
    /// How many calls in a row it has not answered by now.
    pub unanswered: i32,
    /// Why the last one was not answered, as a sentence.
    pub last: Option<String>,
    /// The extension's page.
    pub extension_url: String,
}

const CHECKS: [&str; 2] = [
    "The receipt call failed: look for its error in your app's log, and send the receipt again.",
    "Receipt and result differ: provider, provider_event_id, shopify_shop_domain, event_type, \
     effect_type, internal_reference and effect_key must be the same wherever the result names them.",
];

/// How many results never found their receipt, as a sentence without a full stop.
#[must_use]
pub fn describe_unclaimed(count: i64, failures: i64) -> String {
    match (count, failures) {
        (1, 0) => "1 result never found its receipt".to_owned(),
        (1, _) => "1 failure never found its receipt".to_owned(),
        (count, 0) => format!("{count} results never found their receipt"),
        (count, failures) if failures >= count => {
            format!("{count} failures never found their receipt")
        }
        (count, 1) => format!("{count} results never found their receipt, 1 of them a failure"),
        (count, failures) => {
            format!("{count} results never found their receipt, {failures} of them failures")
        }
    }
}

impl ResultsUnclaimed {
    /// The notice about them, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let heading = describe_unclaimed(self.count, self.failures);
        let ids = name_some(&self.provider_event_ids, self.count);
        NoticeText {
            kind: NoticeKind::ResultsUnclaimed,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: self.explanation(),
            lists: vec![
                NoticeList { title: self.ids_title(), items: ids },
                NoticeList { title: "What to check", items: CHECKS.map(plain).to_vec() },
            ],
            link: "See all of them in the audit log",
            url: one_line(&self.audit_url),
        }
    }
}

impl ResultsUnclaimed {
    fn explanation(&self) -> String {
        let reported = if self.count == 1 {
            "Your app reported it, and within 24 hours no receipt came that it fits."
        } else {
            "Your app reported them, and within 24 hours no receipt came that they fit."
        };
        let unwatched = match self.failures {
            0 => "a failure would have opened no incident.".to_owned(),
            1 => "the failure opened no incident, and the customer may still wait for what they paid for."
                .to_owned(),
            failures => format!(
                "the {failures} failures opened no incident, and the customers may still wait for what \
                they paid for."
            ),
        };
        format!("{reported} Without a receipt a payment is not watched: {unwatched}")
    }

    fn ids_title(&self) -> &'static str {
        match self.failures {
            failures if failures > 0 && failures < self.count => {
                "Provider event ids, failures first"
            }
            _ => "Provider event ids",
        }
    }
}

impl DestinationBroken {
    /// The notice about it, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let kind = self.kind.parse().unwrap_or(DestinationKind::Email);
        let cure = kind.description().cure;
        let heading = format!("Alerts no longer reach {}", one_line(&self.label));
        let answered = self.answer.as_deref().map(one_line).filter(|answer| !answer.is_empty());
        let answered = answered
            .map(|answer| format!(" It answered: {}.", answer.trim_end_matches('.')))
            .unwrap_or_default();
        NoticeText {
            kind: NoticeKind::DestinationBroken,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: format!(
                "It has been broken since {}.{answered} Its alerts wait, each for 24 hours at most. \
                Other destinations still receive theirs.",
                format_timestamp(self.broken_at)
            ),
            lists: vec![NoticeList {
                title: "What to do",
                items: vec![
                    plain(cure),
                    plain(
                        "If nothing is wrong with it, press Test on the destinations page. Once it accepts \
                        a message, the alerts that wait for it are sent.",
                    ),
                ],
            }],
            link: "Open the destinations",
            url: one_line(&self.destinations_url),
        }
    }
}

impl PolicyStopped {
    /// The notice about it, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let effect_type = one_line(self.effect_type.as_str());
        let heading = format!("Automatic reprocess of {effect_type} has stopped");
        let opened_by = match (self.reason, &self.error_code) {
            (Reason::MissingResult, _) => "without a result in time".to_owned(),
            (Reason::FailedResult, Some(code)) => format!("that fail with {}", one_line(code)),
            (Reason::FailedResult, None) => "that fail without an error code".to_owned(),
        };
        NoticeText {
            kind: NoticeKind::PolicyStopped,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: format!(
                "It stopped for events of type {} {opened_by}, because {}. Their incidents now wait for \
                an operator; for other causes it goes on.",
                one_line(&self.event_type),
                self.why,
            ),
            lists: vec![NoticeList {
                title: "What to do",
                items: vec![
                    plain("Find out why your app does not apply these, and fix it."),
                    plain("Reprocess the open incidents, or resolve them."),
                    plain("Then reset the policy. It does not start again by itself."),
                ],
            }],
            link: "Open the policy",
            url: one_line(&self.policies_url),
        }
    }
}

impl ExtensionSilent {
    /// The notice about it, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let heading = format!("Extension {} does not answer", one_line(&self.name));
        let last = self.last.as_deref().map(|last| format!(" The last one: {}", one_line(last)));
        let meanwhile = match self.point {
            Point::BeforeIncident | Point::AfterFailure => {
                "Incidents open as they would without it."
            }
            Point::Reprocess => "Reprocesses go on as its fallback says.",
        };
        NoticeText {
            kind: NoticeKind::ExtensionSilent,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: format!(
                "It has not answered {} calls in a row.{} {meanwhile}",
                self.unanswered,
                last.unwrap_or_default()
            ),
            lists: vec![NoticeList {
                title: "What to do",
                items: vec![
                    plain("See on its page why its last calls were not answered."),
                    plain("Start or fix it, then press Test there."),
                    plain("To do without it for a while, pause it."),
                ],
            }],
            link: "Open the extension",
            url: one_line(&self.extension_url),
        }
    }
}

impl NoticeOrigin {
    fn line(&self) -> String {
        one_line(&format!("{} · {}", self.project_name, self.mode))
    }

    fn subject(&self, heading: &str) -> String {
        one_line(&format!("[{} {}] {heading}", self.project_name, self.mode))
    }
}

fn plain(text: &str) -> NoticeItem {
    NoticeItem { text: text.to_owned(), code: false }
}

fn code(text: &str) -> NoticeItem {
    NoticeItem { text: one_line(text), code: true }
}

/// Those that are known by name, and how many more there are.
fn name_some<'a>(known: impl IntoIterator<Item = &'a String>, all: i64) -> Vec<NoticeItem> {
    let mut items: Vec<_> = known.into_iter().map(|text| code(text)).collect();
    let unnamed = all - i64::try_from(items.len()).unwrap_or(i64::MAX);
    if unnamed > 0 {
        items.push(plain(&format!("and {unnamed} more")));
    }
    items
}

fn name_customers(known: &[NamedIncident], all: i64) -> Vec<NoticeItem> {
    name_some(known.iter().map(|one| &one.internal_reference), all)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn origin() -> NoticeOrigin {
        NoticeOrigin {
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            project_name: "Comet\nCart".into(),
            mode: Mode::Live,
        }
    }

    fn results(count: i64, failures: i64) -> NoticeText {
        ResultsUnclaimed {
            count,
            failures,
            provider_event_ids: vec!["evt_1\u{202e}".into()],
            audit_url: "https://sendpromptly.cometcart.test/audit".into(),
        }
        .text(&origin())
    }

    #[test]
    fn one_and_many_results_have_their_own_words() {
        assert_eq!(results(1, 0).heading, "1 result never found its receipt");
        assert_eq!(results(1, 0).lists[0].items, [code("evt_1")]);
        assert_eq!(results(7, 0).subject, "[Comet Cart live] 7 results never found their receipt");
        assert_eq!(results(7, 0).lists[0].items, [code("evt_1"), plain("and 6 more")]);
        assert_eq!(results(7, 0).origin, "Comet Cart · live");
    }

    #[test]
    fn failures_are_counted_where_people_look_first() {
        for (count, failures, heading, title) in [
            (1, 1, "1 failure never found its receipt", "Provider event ids"),
            (3, 3, "3 failures never found their receipt", "Provider event ids"),
            (
                7,
                1,
                "7 results never found their receipt, 1 of them a failure",
                "Provider event ids, failures first",
            ),
            (
                7,
                3,
                "7 results never found their receipt, 3 of them failures",
                "Provider event ids, failures first",
            ),
        ] {
            let text = results(count, failures);
            assert_eq!(text.heading, heading);
            assert_eq!(text.lists[0].title, title);
            assert!(text.explanation.contains("opened no incident"), "{}", text.explanation);
        }
        assert!(results(7, 3).explanation.contains("the 3 failures"));
    }

    #[test]
    fn a_broken_destination_is_named_with_its_answer_and_the_cure() {
        let mut broken = DestinationBroken {
            label: "Slack …WxYz".into(),
            destination_id: "dst_00000000000000000000000001".parse().expect("an id"),
            kind: "slack".into(),
            broken_at: datetime!(2026-11-21 14:32:09 UTC),
            answer: Some("404\nno_service".into()),
            destinations_url: "https://sendpromptly.cometcart.test/projects/prj_1/destinations"
                .into(),
        };
        let text = broken.text(&origin());
        assert_eq!(text.heading, "Alerts no longer reach Slack …WxYz");
        assert_eq!(
            text.explanation,
            "It has been broken since 21 November 2026, 14:32:09 UTC. It answered: 404 no_service. \
            Its alerts wait, each for 24 hours at most. Other destinations still receive theirs."
        );
        assert!(text.lists[0].items[0].text.starts_with("Create a new webhook"));
        (broken.label, broken.kind, broken.answer) = ("bob@x.test".into(), "email".into(), None);
        let text = broken.text(&origin());
        assert_eq!(text.heading, "Alerts no longer reach bob@x.test");
        assert!(text.explanation.contains("UTC. Its alerts"), "{}", text.explanation);
    }

    #[test]
    fn a_silent_extension_is_named_with_what_goes_on_without_it() {
        let mut silent = ExtensionSilent {
            extension_id: "ext_00000000000000000000000001".parse().expect("an id"),
            name: "credits\n.verify".into(),
            point: Point::BeforeIncident,
            unanswered: 20,
            last: Some("No worker took the task.".into()),
            extension_url: "https://sendpromptly.cometcart.test/projects/prj_1/extensions/ext_1"
                .into(),
        };
        let text = silent.text(&origin());
        assert_eq!(text.subject, "[Comet Cart live] Extension credits .verify does not answer");
        assert_eq!(
            text.explanation,
            "It has not answered 20 calls in a row. The last one: No worker took the task. \
            Incidents open as they would without it."
        );
        (silent.point, silent.last) = (Point::Reprocess, None);
        assert_eq!(
            silent.text(&origin()).explanation,
            "It has not answered 20 calls in a row. Reprocesses go on as its fallback says."
        );
    }

    #[test]
    fn a_stopped_policy_says_for_what_and_why_and_how_to_go_on() {
        let mut stopped = PolicyStopped {
            effect_type: EffectType::CreditGrant,
            event_type: "invoice.paid".into(),
            reason: Reason::FailedResult,
            error_code: Some("account\nlocked".into()),
            why: StopReason::Failed { failed: 5, of: 7 },
            policies_url: "https://sendpromptly.cometcart.test/projects/prj_1/policies".into(),
        };
        let text = stopped.text(&origin());
        assert_eq!(
            text.subject,
            "[Comet Cart live] Automatic reprocess of credit_grant has stopped"
        );
        assert_eq!(
            text.explanation,
            "It stopped for events of type invoice.paid that fail with account locked, because 5 of \
            the last 7 automatic reprocesses failed. Their incidents now wait for an operator; for \
            other causes it goes on."
        );
        (stopped.reason, stopped.error_code) = (Reason::MissingResult, None);
        stopped.why = StopReason::Customers { limit: 20 };
        let text = stopped.text(&origin());
        assert!(
            text.explanation.contains(
                "invoice.paid without a result in time, because more than 20 customers are affected"
            ),
            "{}",
            text.explanation
        );
    }
}
