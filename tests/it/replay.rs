//! `sendpromptly replay`: production's histories are replayed with this binary before it is deployed.

use domain::ids::EventId;
use e2e::{World, WorldOptions, eventually, run};
use serde_json::{Value, json};
use temporalio_client::{Client, WorkflowStartOptions};
use temporalio_common::protos::temporal::api::command::v1::command::Attributes;
use temporalio_common::protos::temporal::api::command::v1::{
    Command, ScheduleActivityTaskCommandAttributes,
};
use temporalio_common::protos::temporal::api::common::v1::ActivityType;
use temporalio_common::protos::temporal::api::enums::v1::CommandType;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest,
};
use time::{Duration, OffsetDateTime};
use tonic::IntoRequest;
use workflows::EffectWatch;
use workflows::effect_watch::WatchInput;
use workflows::names::workflow_id;

/// Replays the watches of a task queue until as many as expected can be listed.
async fn replay(world: &World, queue: &str, expected: usize) -> (i32, Value) {
    let query = format!("TaskQueue='{queue}'");
    eventually(&format!("{expected} watches of {queue}"), async || {
        let (code, report) = world.cli(&["replay", "--query", &query]).await.expect("a command");
        (report["replayed"] == expected).then_some((code, report))
    })
    .await
}

/// A watch that another release led: it asked the database before it set its timer.
async fn led_by_another_release(client: &Client, queue: &str) -> String {
    let event_id = EventId::from_uuid(uuid::Uuid::now_v7());
    let id = workflow_id(event_id);
    let input = WatchInput::new(event_id, OffsetDateTime::now_utc() + Duration::HOUR, false, &[]);
    let options = WorkflowStartOptions::new(queue, id.clone()).build();
    client.start_workflow(EffectWatch::run, input, options).await.expect("a watch");
    let namespace = client.options().namespace.clone();
    let queue = TaskQueue { name: queue.to_owned(), ..TaskQueue::default() };
    let poll = PollWorkflowTaskQueueRequest {
        namespace: namespace.clone(),
        task_queue: Some(queue.clone()),
        identity: "another release".to_owned(),
        ..PollWorkflowTaskQueueRequest::default()
    };
    let mut service = client.connection().workflow_service();
    let task = service.poll_workflow_task_queue(poll.into_request()).await.expect("a task");
    let done = RespondWorkflowTaskCompletedRequest {
        task_token: task.into_inner().task_token,
        namespace,
        commands: vec![ask_first(queue)],
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    service
        .respond_workflow_task_completed(done.into_request())
        .await
        .expect("a task that is done");
    id
}

/// The step that the real watch does not begin with.
fn ask_first(queue: TaskQueue) -> Command {
    let ask = ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType { name: "read_standing".to_owned() }),
        task_queue: Some(queue),
        start_to_close_timeout: Some(std::time::Duration::from_mins(1).try_into().expect("a time")),
        ..ScheduleActivityTaskCommandAttributes::default()
    };
    let mut command = Command {
        attributes: Some(Attributes::ScheduleActivityTaskCommandAttributes(ask)),
        ..Command::default()
    };
    command.set_command_type(CommandType::ScheduleActivityTask);
    command
}

#[test]
fn histories_of_this_release_replay_and_those_that_drift_are_named() {
    run(async {
        let world = World::start().await;
        let client = world.temporal().await;
        let applied = world.receipt("evt_1").await;
        world.result(applied, "success", json!({})).await;
        e2e::temporal::finished(&client, applied).await;
        world.receipt("evt_2").await;
        let failed = world.receipt("evt_3").await;
        world.fail(failed, json!({})).await;
        let (code, report) = replay(&world, world.engine.task_queue(), 3).await;
        assert_eq!((code, &report["fit"], &report["open"]), (0, &json!(3), &json!(2)), "{report}");
        assert_eq!(report["drifted"], json!([]));

        let queue = format!("drift-{}", uuid::Uuid::now_v7().simple());
        let watch = led_by_another_release(&client, &queue).await;
        let (code, report) = replay(&world, &queue, 1).await;
        assert_eq!((code, &report["fit"]), (1, &json!(0)), "{report}");
        assert_eq!(report["drifted"][0]["workflow_id"], json!(watch));
        assert_eq!(report["drifted"][0]["open"], json!(true));
        let why = report["drifted"][0]["why"].as_str().expect("why");
        assert!(why.contains("TMPRL1100"), "{why}");

        let (code, none) = replay(&world, "no-such-queue", 0).await;
        assert_eq!((code, &none["fit"]), (0, &json!(0)));
    });
}

#[test]
fn where_nothing_can_be_said_the_exit_code_is_another_one() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let (code, error) =
            world.cli(&["replay", "--query", "no such query"]).await.expect("a command");
        assert_eq!((code, &error["error"]["code"]), (2, &json!("unavailable")), "{error}");
        let (code, _) = world.cli(&["replay", "--limit", "0"]).await.expect("a command");
        assert_eq!(code, 2);
        let away = [("TEMPORAL_ADDRESS", "127.0.0.1:1")];
        let (code, error, _) = world.cli_with(&["replay"], &away, "").await.expect("a command");
        assert_eq!(code, 2, "{error}");
    });
}
