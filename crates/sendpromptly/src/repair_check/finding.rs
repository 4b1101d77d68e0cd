//! What a check found, of an endpoint or of the installation.

use domain::alert::one_line;
use engine::health;
use serde::Serialize;

/// How much of what someone else said is quoted, in characters.
const MAX_QUOTE: usize = 300;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which one; stable.
    pub name: &'static str,
    pub status: Status,
    pub message: String,
    /// What to do about it, where the message does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// Not as it should be, and nothing works around it.
    Fail,
    /// It works, and could work better.
    Warn,
    /// Nothing could be said.
    Skip,
}

impl Check {
    /// It is as it should be.
    pub fn pass(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Pass, message: message.into(), cure: None }
    }

    /// It is not, and nothing works around it.
    pub fn fail(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Fail, message: message.into(), cure: None }
    }

    /// It works, and could work better.
    pub fn warn(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, message: message.into(), cure: None }
    }

    /// Nothing could be said.
    pub fn skip(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, status: Status::Skip, message: message.into(), cure: None }
    }
}

/// What `/readyz` says, in the same text, and what only an operator may see of it.
impl From<health::Check> for Check {
    fn from(check: health::Check) -> Self {
        let status = match check.status {
            health::Status::Ok => Status::Pass,
            health::Status::Degraded => Status::Warn,
            health::Status::Failed => Status::Fail,
            health::Status::Unknown => Status::Skip,
        };
        let cure = check.cure_beside_cause().map(str::to_owned);
        let cause = check.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        let message = format!("{}{cause}", check.detail);
        Self { name: check.name, status, message, cure }
    }
}

impl Check {
    /// What was found, with what to do about it.
    pub fn text(&self) -> String {
        match &self.cure {
            Some(cure) => format!("{}; to do: {cure}", self.message),
            None => self.message.clone(),
        }
    }
}

/// What someone else said, on one line behind a comma; empty where they said nothing.
#[must_use]
pub fn quote(text: &str) -> String {
    let words: String = one_line(text).chars().take(MAX_QUOTE).collect();
    if words.is_empty() { words } else { format!(", \"{words}\"") }
}
