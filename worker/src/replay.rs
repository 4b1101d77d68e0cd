//! Replays histories with the watch of this binary, as a worker would that takes the next task.
//!
//! Nothing runs and nothing is written: commands are compared with those in the history.

use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_sdk::WorkflowRegistrationError;
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayFailure, WorkflowReplayer, WorkflowReplayerOptions,
};
use workflows::{BulkReprocess, EffectWatch, Retention, WatchProbe};

/// How a history replays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// With the same commands.
    Fits,
    /// With other commands, or not at all: a watch with this history would stand still.
    Drifts(String),
    /// It cannot be said, because the history is not whole.
    Unreadable(String),
}

/// A replayer could not be made, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The watch could not be registered.
    #[error(transparent)]
    Register(#[from] WorkflowRegistrationError),
    /// The replay itself failed.
    #[error("histories cannot be replayed: {0}")]
    Replay(#[from] WorkflowReplayError),
}

/// Replays with this binary's watch.
pub struct Replayer(WorkflowReplayer);

impl Replayer {
    /// A replayer of this binary's watch.
    ///
    /// # Errors
    /// When the SDK rejects it.
    pub fn new() -> Result<Self, ReplayError> {
        let options = WorkflowReplayerOptions::new()
            .register_workflow::<EffectWatch>()?
            .register_workflow::<WatchProbe>()?
            .register_workflow::<Retention>()?
            .register_workflow::<BulkReprocess>()?
            .build();
        Ok(Self(WorkflowReplayer::new(options)?))
    }

    /// Replays one history.
    ///
    /// # Errors
    /// When the replayer itself stops.
    pub async fn replay(&self, history: History) -> Result<Replay, ReplayError> {
        match self.0.replay_workflow(history.into()).await {
            Ok(()) => Ok(Replay::Fits),
            Err(WorkflowReplayError::Replay(failure)) => Ok(judge(failure)),
            Err(error) => Err(error.into()),
        }
    }
}

fn judge(failure: WorkflowReplayFailure) -> Replay {
    match failure {
        WorkflowReplayFailure::Nondeterminism { message }
        | WorkflowReplayFailure::WorkflowTaskFailure { message } => Replay::Drifts(message),
        other => Replay::Unreadable(other.to_string()),
    }
}
