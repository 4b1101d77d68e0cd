//! What the app says about a failure, as far as it says anything.

use serde::{Deserialize, Serialize};

/// An error of the app. In JSON its two keys are among those of what it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppError {
    /// The app's short name of the failure.
    #[serde(rename = "error_code")]
    pub code: Option<String>,
    /// The app's message about the failure.
    #[serde(rename = "error_message")]
    pub message: Option<String>,
}

impl AppError {
    /// What there is of code and message, in this order.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        [self.code.as_deref(), self.message.as_deref()].into_iter().flatten()
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Failure {
        kind: String,
        #[serde(flatten)]
        error: AppError,
    }

    #[test]
    fn its_keys_stand_among_the_others_and_may_be_missing() {
        let error = AppError { code: Some("locked".to_owned()), message: None };
        let json = serde_json::to_string(&Failure { kind: "failed".to_owned(), error });
        let text = r#"{"kind":"failed","error_code":"locked","error_message":null}"#;
        assert_eq!(json.expect("json"), text);
        let failure: Failure = serde_json::from_str(r#"{"kind":"failed"}"#).expect("a failure");
        assert_eq!(failure.error, AppError::default());
    }

    #[test]
    fn its_parts_are_what_was_said() {
        let error = AppError { code: None, message: Some("disk full".to_owned()) };
        assert_eq!(error.parts().collect::<Vec<_>>(), ["disk full"]);
        assert!(!error.is_empty() && AppError::default().is_empty());
    }
}
