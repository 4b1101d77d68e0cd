//! `sendpromptly replay`: production's histories are replayed with this binary before it is deployed.

use domain::ids::{BulkId, EventId};
use e2e::{World, WorldOptions, binary, eventually, run};
use serde_json::{Value, json};
use temporalio_client::{Client, WorkflowStartOptions};
use temporalio_common::protos::temporal::api::command::v1::command::Attributes;
use temporalio_common::protos::temporal::api::command::v1::{
    Command, ScheduleActivityTaskCommandAttributes, StartTimerCommandAttributes,
};
use temporalio_common::protos::temporal::api::common::v1::ActivityType;
use temporalio_common::protos::temporal::api::enums::v1::CommandType;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest,
};
use time::{Duration, OffsetDateTime};
use tonic::IntoRequest;
use workflows::activity_contract::BulkInput;
use workflows::effect_watch::WatchInput;
use workflows::names::{bulk_workflow_id, workflow_id};
use workflows::{BulkReprocess, EffectWatch};

/// Replays the workflows of a task queue until as many as expected can be listed.
async fn replay(world: &World, queue: &str, expected: usize) -> (i32, Value) {
    let query = format!("TaskQueue='{queue}'");
    eventually(&format!("{expected} workflows of {queue}"), async || {
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
    lead(client, queue, ask_first(queue)).await;
    id
}

/// A bulk reprocess that another release led: it waited before it asked for a step.
async fn bulk_led_by_another_release(client: &Client, queue: &str) -> String {
    let bulk_id = BulkId::from_uuid(uuid::Uuid::now_v7());
    let id = bulk_workflow_id(bulk_id);
    let options = WorkflowStartOptions::new(queue, id.clone()).build();
    let started = client.start_workflow(BulkReprocess::run, BulkInput { bulk_id }, options);
    started.await.expect("a bulk reprocess");
    lead(client, queue, wait_first()).await;
    id
}

/// Takes the first task as another release would.
async fn lead(client: &Client, queue: &str, first: Command) {
    let namespace = client.options().namespace.clone();
    let queue = TaskQueue { name: queue.to_owned(), ..TaskQueue::default() };
    let poll = PollWorkflowTaskQueueRequest {
        namespace: namespace.clone(),
        task_queue: Some(queue),
        identity: "another release".to_owned(),
        ..PollWorkflowTaskQueueRequest::default()
    };
    let mut service = client.connection().workflow_service();
    let task = service.poll_workflow_task_queue(poll.into_request()).await.expect("a task");
    let done = RespondWorkflowTaskCompletedRequest {
        task_token: task.into_inner().task_token,
        namespace,
        commands: vec![first],
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    service
        .respond_workflow_task_completed(done.into_request())
        .await
        .expect("a task that is done");
}

/// The step that the real watch does not begin with.
fn ask_first(queue: &str) -> Command {
    let queue = TaskQueue { name: queue.to_owned(), ..TaskQueue::default() };
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

/// The step that a real bulk reprocess does not begin with.
fn wait_first() -> Command {
    let wait = StartTimerCommandAttributes {
        timer_id: "1".to_owned(),
        start_to_fire_timeout: Some(std::time::Duration::from_mins(1).try_into().expect("a time")),
    };
    let mut command = Command {
        attributes: Some(Attributes::StartTimerCommandAttributes(wait)),
        ..Command::default()
    };
    command.set_command_type(CommandType::StartTimer);
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
fn a_bulk_reprocess_that_drifts_is_named_as_a_watch_is() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let queue = format!("drift-{}", uuid::Uuid::now_v7().simple());
        let bulk = bulk_led_by_another_release(&world.temporal().await, &queue).await;
        let (code, report) = replay(&world, &queue, 1).await;
        assert_eq!((code, &report["drifted"][0]["workflow_id"]), (1, &json!(bulk)), "{report}");
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

#[test]
fn a_dev_in_the_same_folder_is_not_replayed_in_place_of_the_temporal_that_is_named() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let folder = embedded::scratch_dir().expect("a folder");
        let data = folder.path().join(".sendpromptly");
        std::fs::create_dir(&data).expect("a folder");
        let dev = json!({
            "pid": std::process::id(), "url": "http://127.0.0.1:1", "database_url": "postgres://127.0.0.1:1/shop",
            "temporal_address": world.temporal_address, "temporal_namespace": embedded::NAMESPACE,
            "temporal_ui_url": "http://127.0.0.1:1", "project_id": world.project.id,
        });
        std::fs::write(data.join("dev.json"), dev.to_string()).expect("written");
        let replay = async |address: &str| {
            let mut command = tokio::process::Command::new(binary::path().expect("the binary"));
            command.args(["replay", "--limit", "1", "--query", "SpEffectType='of-nothing'"]);
            command.current_dir(folder.path()).env_remove("DATABASE_URL");
            command.env("TEMPORAL_ADDRESS", address).kill_on_drop(true);
            command.output().await.expect("a command").status.code()
        };
        assert_eq!(replay("").await, Some(0), "that of dev");
        assert_eq!(replay("127.0.0.1:1").await, Some(2), "nothing is there");
    });
}
