//! A team's worker in any language: it takes one task from its queue and responds with bytes.

use e2e::World;
use serde_json::Value;
use temporalio_client::Client;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_common::protos::temporal::api::failure::v1::failure::FailureInfo;
use temporalio_common::protos::temporal::api::failure::v1::{ApplicationFailureInfo, Failure};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueRequest, PollActivityTaskQueueResponse,
    RespondActivityTaskCompletedRequest, RespondActivityTaskFailedRequest,
};
use tonic::IntoRequest;

use super::queue;

/// What it does with a task.
pub enum Deed {
    Answer(&'static [u8]),
    Fail(&'static str),
    /// Its process is killed: nothing is heard of it again.
    Die,
}

/// Takes one task and does this with it; gives the activity and its input.
pub async fn take_one(world: &World, deed: Deed) -> (String, Value) {
    take_from(world, &queue(world), deed).await
}

/// The same on this task queue.
pub async fn take_from(world: &World, queue: &str, deed: Deed) -> (String, Value) {
    let client = world.temporal().await;
    let namespace = client.options().namespace.clone();
    let mut service = client.connection().workflow_service();
    let task = take(queue, &client).await;
    let payloads = task.input.expect("an input").payloads;
    let input = serde_json::from_slice(&payloads[0].data).expect("JSON");
    match deed {
        Deed::Answer(data) => {
            let response = RespondActivityTaskCompletedRequest {
                task_token: task.task_token,
                namespace,
                result: Some(json_payload(data)),
                ..RespondActivityTaskCompletedRequest::default()
            };
            let sent = service.respond_activity_task_completed(response.into_request()).await;
            sent.expect("a response");
        }
        Deed::Fail(kind) => {
            let response = RespondActivityTaskFailedRequest {
                task_token: task.task_token,
                namespace,
                failure: Some(failure(kind)),
                ..RespondActivityTaskFailedRequest::default()
            };
            let sent = service.respond_activity_task_failed(response.into_request()).await;
            sent.expect("a response");
        }
        Deed::Die => {}
    }
    (task.activity_type.expect("a type").name, input)
}

/// Polls until there is a task.
async fn take(queue: &str, client: &Client) -> PollActivityTaskQueueResponse {
    let mut service = client.connection().workflow_service();
    loop {
        let poll = PollActivityTaskQueueRequest {
            namespace: client.options().namespace.clone(),
            task_queue: Some(TaskQueue { name: queue.to_owned(), ..TaskQueue::default() }),
            identity: "credits-worker".to_owned(),
            ..PollActivityTaskQueueRequest::default()
        };
        let task = service.poll_activity_task_queue(poll.into_request()).await;
        let task = task.expect("a poll").into_inner();
        if !task.task_token.is_empty() {
            return task;
        }
    }
}

fn json_payload(data: &[u8]) -> Payloads {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    Payloads { payloads: vec![Payload { metadata, data: data.to_vec(), ..Payload::default() }] }
}

fn failure(kind: &str) -> Failure {
    let info = ApplicationFailureInfo { r#type: kind.to_owned(), ..Default::default() };
    Failure {
        message: "a secret of theirs".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Failure::default()
    }
}
