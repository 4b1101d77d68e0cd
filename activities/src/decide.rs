//! Every `?` in an activity is a decision: [`or_retry`](Decide::or_retry) or
//! [`or_fail`](Decide::or_fail).
//!
//! A retry is for what recovers by itself: a database or a network that is away. A failure is for
//! what a person must handle; it ends the workflow, so it is rare.

use std::error::Error;
use std::time::Duration;

use store::StoreError;
use temporalio_common::ActivityError;
use temporalio_common::error::ApplicationFailure;

/// Decides what a failure means, where it happens.
pub(crate) trait Decide<T> {
    /// Retried with the back-off of the activity's options.
    fn or_retry(self) -> Result<T, ActivityError>;
    /// Never retried; `kind` names the failure in the history.
    fn or_fail(self, kind: &'static str) -> Result<T, ActivityError>;
}

impl<T, E: Error + Send + Sync + 'static> Decide<T> for Result<T, E> {
    fn or_retry(self) -> Result<T, ActivityError> {
        self.map_err(|error| ActivityError::application(ApplicationFailure::new(error)))
    }

    fn or_fail(self, kind: &'static str) -> Result<T, ActivityError> {
        self.map_err(|error| {
            let failure =
                ApplicationFailure::builder(error).type_name(kind.to_owned()).non_retryable(true);
            ActivityError::application(failure.build())
        })
    }
}

/// The store's failures: a missing row needs a person, everything else recovers by itself. A row
/// that holds what this release does not know was written by a newer one, and a worker of that one
/// takes a later attempt.
pub(crate) fn stored<T>(result: Result<T, StoreError>) -> Result<T, ActivityError> {
    match result {
        Err(error @ StoreError::Missing(_)) => Err(error).or_fail("unknown_event"),
        other => other.or_retry(),
    }
}

/// A failure that is retried after this long. To Temporal a zero means never, so it becomes a
/// moment.
pub(crate) fn retry_after(delay: Duration, words: String) -> ActivityError {
    let failure =
        ApplicationFailure::builder(words).next_retry_delay(delay.max(Duration::from_millis(1)));
    ActivityError::application(failure.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_final(error: StoreError) -> bool {
        match stored::<()>(Err(error)) {
            Err(ActivityError::Application(failure)) => failure.is_non_retryable(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_of_a_newer_release_is_tried_again_and_a_missing_one_is_not() {
        let (column, source) = ("3".to_owned(), "\"disputed\" is no Effect".into());
        assert!(!is_final(StoreError::Inconsistent { column, source }));
        assert!(is_final(StoreError::Missing("payment_events")));
    }
}
