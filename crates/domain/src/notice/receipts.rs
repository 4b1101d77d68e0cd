//! The notices about receipts that stopped, and that came again.

use time::OffsetDateTime;

use super::{NoticeKind, NoticeList, NoticeOrigin, NoticeText, plain};
use crate::alert::{format_duration, format_timestamp, one_line};
use crate::ids::SilenceId;
use crate::silence::{Usual, describe_flow};

/// Receipts that are expected and do not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptsSilent {
    pub silence_id: SilenceId,
    /// None where nothing of the whole project comes.
    pub event_type: Option<String>,
    /// When the last one came.
    pub since: OffsetDateTime,
    pub usual: Usual,
    /// The project's page.
    pub project_url: String,
}

/// Receipts that came again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptsResumed {
    pub silence_id: SilenceId,
    /// None where nothing of the whole project came.
    pub event_type: Option<String>,
    /// When the last one before came.
    pub since: OffsetDateTime,
    pub resumed_at: OffsetDateTime,
    /// The project's page.
    pub project_url: String,
}

impl ReceiptsSilent {
    /// The notice about them, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let flow = one_line(&describe_flow(self.event_type.as_deref()));
        let heading = format!("No {flow} since {}", format_timestamp(self.since));
        let usual = self.usual.to_string();
        NoticeText {
            kind: NoticeKind::ReceiptsSilent,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: format!(
                "They are expected: {usual}. A payment without a receipt is not watched, so a \
                customer who does not get what they paid for is not noticed."
            ),
            lists: vec![NoticeList {
                title: "What to check",
                items: vec![
                    plain("Does the payment provider still deliver its webhooks to your app?"),
                    plain(
                        "Do your app's receipt calls fail? Its log has their errors: a revoked key, \
                        another address, a release that no longer makes them.",
                    ),
                    plain(
                        "If the pause is meant, change what the project expects in its settings.",
                    ),
                ],
            }],
            link: "Open the project",
            url: one_line(&self.project_url),
        }
    }
}

impl ReceiptsResumed {
    /// The notice about them, every text on one line and readable.
    #[must_use]
    pub fn text(&self, origin: &NoticeOrigin) -> NoticeText {
        let flow = one_line(&describe_flow(self.event_type.as_deref()));
        let heading = match self.event_type {
            Some(_) => format!("{} come again", flow.replacen("receipts", "Receipts", 1)),
            None => "Receipts come again".to_owned(),
        };
        let (since, resumed_at) = (format_timestamp(self.since), format_timestamp(self.resumed_at));
        NoticeText {
            kind: NoticeKind::ReceiptsResumed,
            origin: origin.line(),
            subject: origin.subject(&heading),
            heading,
            explanation: format!(
                "None came for {}: from {since} to {resumed_at}.",
                format_duration(self.resumed_at - self.since)
            ),
            lists: vec![NoticeList {
                title: "What to do",
                items: vec![plain(
                    "If your app took payments in that time, send their receipts now: until then they \
                    are not watched. One that was sent before changes nothing.",
                )],
            }],
            link: "Open the project",
            url: one_line(&self.project_url),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::project::Mode;
    use crate::silence::ExpectedHours;

    const SINCE: OffsetDateTime = datetime!(2026-11-21 14:02:09 UTC);

    fn origin() -> NoticeOrigin {
        NoticeOrigin {
            project_id: "prj_00000000000000000000000001".parse().expect("an id"),
            project_name: "CometCart".into(),
            mode: Mode::Live,
        }
    }

    fn silent(event_type: Option<&str>, usual: Usual) -> NoticeText {
        let silent = ReceiptsSilent {
            silence_id: "sil_00000000000000000000000001".parse().expect("an id"),
            event_type: event_type.map(str::to_owned),
            since: SINCE,
            usual,
            project_url: "https://sendpromptly.cometcart.test/projects/prj_1".into(),
        };
        silent.text(&origin())
    }

    #[test]
    fn silence_is_named_with_its_flow_and_what_is_usual() {
        let text = silent(Some("invoice\n.paid"), Usual::PerHour(12));
        assert_eq!(
            text.subject,
            "[CometCart live] No receipts of invoice .paid since 21 November 2026, 14:02:09 UTC"
        );
        assert!(text.explanation.starts_with("They are expected: usually 12 an hour. A payment"));
        let text = silent(None, Usual::OneIn(ExpectedHours::new(6).expect("hours")));
        assert_eq!(text.heading, "No receipts since 21 November 2026, 14:02:09 UTC");
        assert!(
            text.explanation.starts_with("They are expected: at least one every 6 hours."),
            "{}",
            text.explanation
        );
    }

    #[test]
    fn what_comes_again_says_how_long_it_did_not() {
        let resumed = |event_type: Option<&str>| {
            ReceiptsResumed {
                silence_id: "sil_00000000000000000000000001".parse().expect("an id"),
                event_type: event_type.map(str::to_owned),
                since: SINCE,
                resumed_at: SINCE + time::Duration::minutes(150),
                project_url: "https://sendpromptly.cometcart.test/projects/prj_1".into(),
            }
            .text(&origin())
        };
        let text = resumed(Some("invoice.paid"));
        assert_eq!(text.heading, "Receipts of invoice.paid come again");
        assert!(
            text.explanation.starts_with("None came for 2 h 30 min: from 21 November"),
            "{}",
            text.explanation
        );
        assert_eq!(resumed(None).heading, "Receipts come again");
    }
}
