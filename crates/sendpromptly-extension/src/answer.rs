//! What an extension answers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an extension found, by name: texts, numbers, yes or no, or `null`.
pub type Evidence = BTreeMap<String, Value>;

/// The answer of a probe, at [`Point::BeforeIncident`](crate::Point::BeforeIncident) and
/// [`Point::AfterFailure`](crate::Point::AfterFailure).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// Whether the effect was applied; `None` if the probe cannot tell.
    pub settled: Option<bool>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
}

impl ProbeAnswer {
    const fn new(settled: Option<bool>) -> Self {
        Self { settled, note: None, evidence: Evidence::new() }
    }

    /// The effect was applied. Say by what that can be seen.
    #[must_use]
    pub const fn settled() -> Self {
        Self::new(Some(true))
    }

    /// The effect was not applied.
    #[must_use]
    pub const fn not_settled() -> Self {
        Self::new(Some(false))
    }

    /// Neither can be said.
    #[must_use]
    pub const fn cannot_tell() -> Self {
        Self::new(None)
    }
}

/// The answer at [`Point::Reprocess`](crate::Point::Reprocess).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReprocessAnswer {
    pub outcome: ReprocessOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
}

impl ReprocessAnswer {
    const fn new(outcome: ReprocessOutcome) -> Self {
        Self { outcome, error_code: None, note: None, evidence: Evidence::new() }
    }

    /// The effect is applied now.
    #[must_use]
    pub const fn applied() -> Self {
        Self::new(ReprocessOutcome::Applied)
    }

    /// Your app will report a result with the reprocess's `replay_id`.
    #[must_use]
    pub const fn accepted() -> Self {
        Self::new(ReprocessOutcome::Accepted)
    }

    /// The effect could not be applied, for good.
    #[must_use]
    pub fn failed(error_code: impl Into<String>) -> Self {
        Self { error_code: Some(error_code.into()), ..Self::new(ReprocessOutcome::Failed) }
    }

    /// Not this extension's work: the fallback is.
    #[must_use]
    pub const fn declined() -> Self {
        Self::new(ReprocessOutcome::Declined)
    }
}

macro_rules! explained {
    ($($answer:ident),+) => {$(
        impl $answer {
            /// With a sentence for people, of at most [`MAX_NOTE`](crate::MAX_NOTE) characters.
            #[must_use]
            pub fn note(mut self, note: impl Into<String>) -> Self {
                self.note = Some(note.into());
                self
            }

            /// With an entry more of what can be looked up: a text, a number, yes or no.
            #[must_use]
            pub fn evidence(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
                self.evidence.insert(name.into(), value.into());
                self
            }
        }
    )+};
}
explained!(ProbeAnswer, ReprocessAnswer);

/// What came of a reprocess by an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReprocessOutcome {
    /// The effect is applied now.
    Applied,
    /// The app will report.
    Accepted,
    /// The effect could not be applied.
    Failed,
    /// Not this extension's work: the fallback is.
    Declined,
}

/// The text is no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownOutcome;

impl fmt::Display for UnknownOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = ReprocessOutcome::ALL.map(ReprocessOutcome::as_str);
        write!(f, "must be one of {}", all.join(", "))
    }
}

impl std::error::Error for UnknownOutcome {}

impl ReprocessOutcome {
    /// Every outcome, in declaration order.
    pub const ALL: [Self; 4] = [Self::Applied, Self::Accepted, Self::Failed, Self::Declined];

    /// As the contract spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Declined => "declined",
        }
    }
}

impl fmt::Display for ReprocessOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ReprocessOutcome {
    type Err = UnknownOutcome;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(UnknownOutcome)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_outcome_has_one_spelling() {
        for outcome in ReprocessOutcome::ALL {
            assert_eq!(json!(outcome), json!(outcome.as_str()));
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
        assert_eq!("Applied".parse::<ReprocessOutcome>(), Err(UnknownOutcome));
    }

    #[test]
    fn what_was_not_said_is_left_out() {
        assert_eq!(json!(ProbeAnswer::cannot_tell()), json!({ "settled": null }));
        let settled = ProbeAnswer::settled().note("seen").evidence("row", 7).evidence("ok", true);
        let expected =
            json!({ "settled": true, "note": "seen", "evidence": { "ok": true, "row": 7 } });
        assert_eq!(json!(settled), expected);
        assert_eq!(serde_json::from_value::<ProbeAnswer>(expected).expect("an answer"), settled);
        let failed = ReprocessAnswer::failed("account_locked");
        assert_eq!(json!(failed), json!({ "outcome": "failed", "error_code": "account_locked" }));
    }
}
