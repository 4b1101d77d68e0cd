//! How a command says no.
//!
//! A [`Failure`] is a rejection or a lack that the user can fix: it has one of the contract's
//! stable codes and a sentence that names the cure. Everything else that comes up as an
//! [`anyhow::Error`] is `internal_error`, with its causes shown, because who sits at the command
//! line runs the installation. The exit code is 1 in every case but one: 2 says that `replay` could say
//! nothing, because its 1 says that histories drift; clap keeps 2 for commands that it cannot read.

use std::fmt::Display;
use std::str::FromStr;

use activities::destinations::email::MailSettingsError;
use domain::ids::MalformedId;
use embedded::LockError;
use serde::Serialize;
use store::{Fault, StoreError};

use crate::config::ConfigError;
use crate::local::LocalError;

/// A rejection or a lack that the user can fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// A value breaks a rule.
    #[error("{0}")]
    Validation(String),
    /// The incident is not in a state that allows this.
    #[error("{0}")]
    IncidentConflict(String),
    /// Something that the command needs does not respond.
    #[error("{0}")]
    Unavailable(String),
    /// Histories could not be replayed, so nothing can be said of them.
    #[error("{0}")]
    NotReplayed(String),
    /// A test message did not arrive.
    #[error("{0}")]
    Undelivered(String),
}

impl Failure {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Validation(_) => "validation_error",
            Self::IncidentConflict(_) => "incident_conflict",
            Self::Unavailable(_) | Self::NotReplayed(_) => "unavailable",
            Self::Undelivered(_) => "undelivered",
        }
    }

    /// A value of an option breaks a rule; `why` continues a sentence that begins with its name.
    pub fn option(name: &str, why: impl Display) -> Self {
        Self::Validation(format!("{name} {why}"))
    }
}

/// Reads an id that the user entered. A malformed one names nothing, like one that was never made.
///
/// # Errors
/// [`Failure::NotFound`], which says what such an id looks like.
pub fn parse_id<T: FromStr<Err = MalformedId>>(what: &str, text: &str) -> Result<T, Failure> {
    text.trim().parse().map_err(|error: MalformedId| {
        Failure::NotFound(format!("there is no {what} {text:?}: its id {error}"))
    })
}

/// There is nothing under a well-formed id.
pub fn no_such(what: &str, id: impl Display) -> Failure {
    Failure::NotFound(format!("there is no {what} {id}"))
}

/// What ended work on a database: its fault, in its server's words, and the cure; else the error as it is.
pub fn database_failure(
    name: &str,
    cure: fn(Fault) -> &'static str,
    error: StoreError,
) -> anyhow::Error {
    match error.fault() {
        Some(fault) => {
            let (said, cure) = (error.root_cause(), cure(fault));
            Failure::Unavailable(format!("{name} {fault} ({said}): {cure}")).into()
        }
        None => error.into(),
    }
}

/// The exit code for anything that ended a command.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(Failure::NotReplayed(_)) => 2,
        _ => 1,
    }
}

/// The code of anything that ended a command.
#[must_use]
pub fn code(error: &anyhow::Error) -> &'static str {
    error.chain().find_map(known_code).unwrap_or("internal_error")
}

/// What people read: every cause that adds something, outermost first; and the cure of a fault of the database.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    let said = error.chain().fold(String::new(), |said, cause| {
        let cause = cause.to_string();
        match (said.is_empty(), said.contains(&cause)) {
            (true, _) => cause,
            (false, true) => said,
            (false, false) => format!("{said}: {cause}"),
        }
    });
    let fault = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>()?.fault());
    match fault {
        Some(fault) => format!("{said}; {}", fault.cure()),
        None => said,
    }
}

/// The line that `--json` prints for a failure.
#[must_use]
pub fn json(error: &anyhow::Error) -> String {
    let body = Envelope { error: Body { code: code(error), message: message(error) } };
    // Two strings always serialise; should they not, the shape still holds.
    serde_json::to_string(&body).unwrap_or_else(|_| {
        r#"{"error":{"code":"internal_error","message":"the error could not be written"}}"#.into()
    })
}

#[derive(Serialize)]
struct Envelope {
    error: Body,
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
    message: String,
}

fn known_code(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code());
    }
    if cause.is::<ConfigError>() || cause.is::<MailSettingsError>() {
        return Some("validation_error");
    }
    if cause.is::<LocalError>() || cause.is::<LockError>() {
        return Some("unavailable");
    }
    let store = cause.downcast_ref::<StoreError>()?;
    store.is_unavailable().then_some("unavailable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use domain::ids::IncidentId;

    #[test]
    fn each_failure_has_its_code_and_the_json_shape_of_the_contract() {
        let error = anyhow::Error::from(Failure::IncidentConflict("one is \"running\"".into()));
        assert_eq!(
            json(&error),
            r#"{"error":{"code":"incident_conflict","message":"one is \"running\""}}"#
        );
        for (failure, wanted) in [
            (Failure::NotFound(String::new()), "not_found"),
            (Failure::Validation(String::new()), "validation_error"),
            (Failure::Unavailable(String::new()), "unavailable"),
            (Failure::Undelivered(String::new()), "undelivered"),
        ] {
            assert_eq!(code(&failure.into()), wanted);
        }
    }

    #[test]
    fn a_code_is_found_below_added_context() {
        let lost: Result<(), _> = Err(no_such("project", "prj_1"));
        let error = lost.context("while looking").expect_err("an error");
        assert_eq!(code(&error), "not_found");
        assert_eq!(message(&error), "while looking: there is no project prj_1");
    }

    #[test]
    fn settings_that_make_no_sense_are_validation_errors() {
        assert_eq!(code(&MailSettingsError::Url.into()), "validation_error");
        let malformed = store::seal::SealError::MalformedKey;
        assert_eq!(code(&ConfigError::MasterKey(malformed).into()), "validation_error");
    }

    #[test]
    fn anything_else_is_an_internal_error_with_its_cause() {
        let error = anyhow::anyhow!("the disk is full");
        assert_eq!(code(&error), "internal_error");
        assert_eq!(message(&error), "the disk is full");
    }

    #[test]
    fn a_cause_that_was_said_already_is_not_repeated() {
        let seal = store::seal::SealError::Damaged;
        let said = seal.to_string();
        let error = anyhow::Error::from(StoreError::Seal(seal)).context(said.clone());
        assert_eq!(message(&error), said);
    }

    #[tokio::test]
    async fn a_fault_of_the_database_is_said_with_its_cure() {
        let ask = async || store::pool::migrate("postgres://bob@127.0.0.1:1/shop").await;
        let refused = ask().await.expect_err("nobody listens there");
        let named = database_failure("the database of DATABASE_URL", Fault::cure, refused);
        assert_eq!(code(&named), "unavailable");
        let (said, cure) = (message(&named), Fault::Silent.cure());
        assert!(said.starts_with("the database of DATABASE_URL does not respond ("), "{said}");
        assert!(said.ends_with(&format!("): {cure}")), "{said}");
        let later = message(&ask().await.expect_err("nobody listens there").into());
        assert!(later.ends_with(&format!("; {cure}")), "{later}");
        let missing = database_failure("it", Fault::cure, StoreError::Missing("projects"));
        assert_eq!(message(&missing), "a row of projects is missing");
    }

    #[test]
    fn a_malformed_id_is_not_found_and_says_what_one_looks_like() {
        let failure = parse_id::<IncidentId>("incident", "ev_1").expect_err("no incident id");
        assert_eq!(
            failure,
            Failure::NotFound(
                "there is no incident \"ev_1\": its id must look like inc_… with 26 characters of \
                 base 32"
                    .into()
            )
        );
    }
}
