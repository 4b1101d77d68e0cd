//! Answers to people in Slack. The sending itself lives with the activities, which the API does not know: the process
//! that starts the service provides it.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

/// An answer under way. One that is not taken is in the log.
pub type Answering = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Posts an answer to the `response_url` of a press, if that is one of Slack's.
pub type AnswerSlack = Arc<dyn Fn(String, Value) -> Answering + Send + Sync>;
