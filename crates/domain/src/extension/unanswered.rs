//! Why a call to an extension was not answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ExtensionKind, MAX_ANSWER_BYTES, MAX_ATTEMPT};
use crate::or_unknown::OrUnknown;
use crate::text_enum::text_enum;

text_enum! {
    /// Why there is no answer.
    Unanswered {
        /// No worker took the task within half the budget; over HTTPS, nothing could be reached.
        NobodyTookIt = "nobody_took_it",
        /// It was taken and not answered within the budget, nor in an attempt's [`MAX_ATTEMPT`].
        TooSlow = "too_slow",
        /// It was taken, and whoever took it was not heard of again.
        Died = "died",
        /// It answered that it failed.
        Failed = "failed",
        /// Its answer has not the form of one.
        Unreadable = "unreadable",
        /// Its answer has more than [`MAX_ANSWER_BYTES`].
        TooLarge = "too_large",
        /// It was not asked: it had its calls of that second.
        Busy = "busy",
    }
}

/// The longest type of a failure that is kept, in characters.
const MAX_TYPE: usize = 100;

/// Why there is no answer, and the type of the failure if it was one. A reason that another release
/// wrote is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub why: OrUnknown<Unanswered>,
    /// The type of the failure as its worker named it, the status of a response, or the encoding of an
    /// answer that is no JSON. Never the failure's message, which may hold anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
}

impl Silence {
    /// Without the type of a failure.
    #[must_use]
    pub const fn new(why: Unanswered) -> Self {
        Self { why: OrUnknown::Known(why), error_type: None }
    }

    /// A failure of this type.
    #[must_use]
    pub fn failed(error_type: impl Into<String>) -> Self {
        let why = OrUnknown::Known(Unanswered::Failed);
        Self { why, error_type: Some(error_type.into()).filter(|text| !text.is_empty()) }
    }

    /// An answer in this encoding, such as `binary/encrypted`, which is none of JSON.
    #[must_use]
    pub fn encoded(encoding: &[u8]) -> Self {
        let line = String::from_utf8_lossy(encoding);
        let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_TYPE).collect();
        Self {
            error_type: Some(line).filter(|text| !text.is_empty()),
            ..Self::new(Unanswered::Unreadable)
        }
    }

    /// What a failure of this type means, named as its text names it: our own worker says
    /// so why an endpoint did not answer. Any other type is the extension's.
    #[must_use]
    pub fn from_type(error_type: &str) -> Self {
        let (why, more) = match error_type.split_once(" (") {
            Some((why, more)) => (why, more.strip_suffix(')')),
            None => (error_type, None),
        };
        match why.parse() {
            Ok(why) => Self { why: OrUnknown::Known(why), error_type: more.map(str::to_owned) },
            Err(_) => Self::failed(error_type),
        }
    }

    /// Whether another attempt may get an answer.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self.why {
            OrUnknown::Known(Unanswered::Failed) => {
                let status = self.error_type.as_deref().and_then(|text| text.parse::<u16>().ok());
                status.is_some_and(|status| status >= 500 || matches!(status, 408 | 425 | 429))
            }
            OrUnknown::Known(
                Unanswered::NobodyTookIt
                | Unanswered::TooSlow
                | Unanswered::Died
                | Unanswered::Busy,
            )
            | OrUnknown::Unknown(_) => true,
            OrUnknown::Known(Unanswered::Unreadable | Unanswered::TooLarge) => false,
        }
    }

    /// Takes the two columns back.
    #[must_use]
    pub fn from_stored(why: &str, error_type: Option<String>) -> Self {
        let unknown = || OrUnknown::Unknown(why.into());
        let why = why.parse().map_or_else(|_| unknown(), OrUnknown::Known);
        Self { why, error_type }
    }

    /// What happened and what to look at, as a sentence.
    #[must_use]
    pub fn sentence(&self, kind: ExtensionKind) -> String {
        let OrUnknown::Known(why) = &self.why else {
            return format!("Not answered: {}.", self.why);
        };
        match (why, kind) {
            (Unanswered::NobodyTookIt, ExtensionKind::Activity) => {
                "No worker took the task. Is one running on this task queue, in this namespace?"
                    .into()
            }
            (Unanswered::NobodyTookIt, ExtensionKind::Https) => {
                "The endpoint could not be reached.".into()
            }
            (Unanswered::TooSlow, _) => format!(
                "It did not answer in time: an attempt may take {} s, and all of them its budget.",
                MAX_ATTEMPT.as_secs()
            ),
            (Unanswered::Died, _) => {
                "It took the call and was not heard of again: its process may have ended.".into()
            }
            (Unanswered::Failed, ExtensionKind::Activity) => {
                let error_type = self.error_type.as_deref().unwrap_or("an error without a type");
                format!(
                    "It failed with {error_type}, on every attempt that its retry policy gives."
                )
            }
            (Unanswered::Failed, ExtensionKind::Https) => {
                let status = self.error_type.as_deref().unwrap_or("an error");
                format!("It responded with {status}.")
            }
            (Unanswered::Unreadable, _) => unreadable(self.error_type.as_deref()),
            (Unanswered::TooLarge, _) => {
                format!("Its answer has more than {} KiB.", MAX_ANSWER_BYTES / 1024)
            }
            (Unanswered::Busy, _) => "It was not asked: it had its calls of that second.".into(),
        }
    }
}

fn unreadable(encoding: Option<&str>) -> String {
    match encoding {
        None => "Its answer has not the form that the contract says.".to_owned(),
        Some(encoding) => format!(
            "Its answer is encoded as {encoding}, and only plain JSON is read: its worker must have no \
             payload codec, and return an object."
        ),
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error_type {
            Some(error_type) => write!(f, "{} ({error_type})", self.why),
            None => self.why.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_our_worker_says_of_an_endpoint_comes_back_whole() {
        let unreached = Silence {
            error_type: Some("dns".to_owned()),
            ..Silence::new(Unanswered::NobodyTookIt)
        };
        for silence in [Silence::new(Unanswered::TooLarge), Silence::failed("503"), unreached] {
            assert_eq!(Silence::from_type(&silence.to_string()), silence);
        }
        assert_eq!(Silence::from_type("Ledger (old)"), Silence::failed("Ledger (old)"));
        assert_eq!(Silence::from_type(""), Silence::failed(""));
    }

    #[test]
    fn an_answer_that_is_no_json_is_said_to_be_encoded_otherwise() {
        let encrypted = Silence::encoded(b"binary/encrypted");
        assert_eq!(encrypted.to_string(), "unreadable (binary/encrypted)");
        let sentence = encrypted.sentence(ExtensionKind::Activity);
        assert!(sentence.starts_with("Its answer is encoded as binary/encrypted,"), "{sentence}");
        assert_eq!(Silence::encoded(b"\n"), Silence::new(Unanswered::Unreadable));
        let long = Silence::encoded(&b"x\n".repeat(200)).error_type.expect("an encoding");
        assert_eq!(long, "x".repeat(MAX_TYPE));
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        for status in ["500", "503", "408", "425", "429"] {
            assert!(Silence::failed(status).may_pass(), "{status}");
        }
        for status in ["400", "401", "404", "302", "url_refused"] {
            assert!(!Silence::failed(status).may_pass(), "{status}");
        }
        assert!(Silence::new(Unanswered::TooSlow).may_pass());
        assert!(!Silence::new(Unanswered::Unreadable).may_pass());
    }

    #[test]
    fn every_reason_has_its_sentence_and_an_unknown_one_is_kept() {
        for kind in ExtensionKind::ALL {
            for why in Unanswered::ALL {
                let sentence = Silence::new(*why).sentence(*kind);
                assert!(sentence.ends_with(['.', '?']), "{why}: {sentence}");
            }
        }
        let newer = Silence::from_stored("bewitched", None);
        assert_eq!(newer.sentence(ExtensionKind::Https), "Not answered: bewitched.");
        assert_eq!(json!(newer), json!({ "why": "bewitched" }));
        let failed = Silence::failed("ValueError");
        assert_eq!(json!(failed), json!({ "why": "failed", "error_type": "ValueError" }));
        assert_eq!(failed.to_string(), "failed (ValueError)");
        assert_eq!(serde_json::from_value::<Silence>(json!(failed)).expect("read"), failed);
    }
}
