//! Whether the worker of an extension is there, in words.
//!
//! The page does not wait for Temporal: where it does not say within a moment, the page says so.

use std::time::Duration;

use domain::alert::format_duration;
use domain::extension::ExtensionTarget;
use engine::extension::Polling;

use crate::state::ConsoleState;

const TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of a worker.
pub(super) struct WorkerState {
    pub(super) is_well: bool,
    pub(super) text: String,
}

/// What is known of the worker of an activity; an endpoint has none.
pub(super) async fn find(state: &ConsoleState, target: &ExtensionTarget) -> Option<WorkerState> {
    let queue = target.queue()?;
    let asked = tokio::time::timeout(TIMEOUT, state.engine.find_polling(queue)).await;
    let (is_well, text) = match asked {
        Ok(Ok(Polling::Now)) => (true, format!("A worker polls {queue}.")),
        Ok(Ok(Polling::Ended(ago))) => {
            let ago = format_duration(time::Duration::try_from(ago).unwrap_or_default());
            (false, format!("No worker polls {queue}. The last one began its last poll {ago} ago."))
        }
        Ok(Ok(Polling::Never)) => (false, format!("No worker polls {queue}.")),
        Ok(Err(_)) | Err(_) => {
            (false, format!("Temporal does not say whether a worker polls {queue}."))
        }
    };
    Some(WorkerState { is_well, text })
}
