//! Dispatching the outbox: what is urgent does not wait behind what has time.

use e2e::{World, WorldOptions, eventually, run};
use serde_json::json;
use store::outbox;
use temporalio_client::Client;
use temporalio_common::protos::temporal::api::enums::v1::TaskQueueType;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeTaskQueueRequest, PollWorkflowTaskQueueRequest,
};
use tonic::IntoRequest;

fn queue(world: &World) -> TaskQueue {
    let name = world.engine.task_queue().to_owned();
    TaskQueue { name, ..TaskQueue::default() }
}

/// Takes one task and does nothing with it, as a worker does that is stuck.
async fn take_one_task(world: &World, client: &Client) {
    let request = PollWorkflowTaskQueueRequest {
        namespace: client.options().namespace.clone(),
        task_queue: Some(queue(world)),
        identity: "stuck".to_owned(),
        ..PollWorkflowTaskQueueRequest::default()
    };
    let mut service = client.connection().workflow_service();
    service.poll_workflow_task_queue(request.into_request()).await.expect("a task");
}

async fn execute(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&world.pool).await.expect("a statement");
}

/// Lets the stuck worker say that it polls, or that it did a while ago.
async fn beats(world: &World, seconds_ago: f64) {
    let beat = "INSERT INTO worker_heartbeats (id, namespace, task_queue, seen_at)
         VALUES ('6f9619ff-8b86-4d01-b42d-00cf4fc964ff', $1, $2, now() - make_interval(secs => $3))
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at";
    sqlx::query(beat)
        .bind(world.engine.namespace().expect("a namespace"))
        .bind(world.engine.task_queue())
        .bind(seconds_ago)
        .execute(&world.pool)
        .await
        .expect("a heartbeat");
}

/// How old the oldest task is, in seconds, and whether the queue shows who polls it. After a single
/// poll it does not always.
async fn look_at_queue(world: &World, client: &Client) -> (i64, bool) {
    let request = DescribeTaskQueueRequest {
        namespace: client.options().namespace.clone(),
        task_queue: Some(queue(world)),
        task_queue_type: TaskQueueType::Workflow.into(),
        report_stats: true,
        ..DescribeTaskQueueRequest::default()
    };
    let mut service = client.connection().workflow_service();
    let described = service.describe_task_queue(request.into_request()).await.expect("a queue");
    let described = described.into_inner();
    let age = described.stats.unwrap_or_default().approximate_backlog_age;
    (age.map_or(0, |age| age.seconds), !described.pollers.is_empty())
}

async fn waiting(world: &World) -> i64 {
    outbox::count_waiting(&world.pool).await.expect("a count").0
}

#[test]
fn a_result_overtakes_the_watches_that_a_stuck_worker_would_not_begin_and_a_dead_one_holds_none() {
    run(async {
        let world = World::start_without_worker().await;
        let client = world.temporal().await;
        for n in 0..40 {
            world.receipt(&format!("evt_early_{n}")).await;
        }
        beats(&world, 0.0).await;
        while !look_at_queue(&world, &client).await.1 {
            take_one_task(&world, &client).await;
        }
        eventually("old tasks", async || {
            (look_at_queue(&world, &client).await.0 > 1).then_some(())
        })
        .await;

        let mut last = world.receipt("evt_0").await;
        beats(&world, 0.0).await;
        for n in 1..150 {
            last = world.receipt(&format!("evt_{n}")).await;
        }
        assert!(outbox::has_messages(&world.pool, last).await.expect("a response"), "it has time");
        world.result(last, "success", json!({})).await;
        eventually("a result that went out", async || {
            beats(&world, 0.0).await;
            let left = outbox::has_messages(&world.pool, last).await.expect("a response");
            (!left).then_some(())
        })
        .await;
        assert!(waiting(&world).await > 0, "the others wait for a worker that works");
        let seen = world.engine.backlog().expect("what was seen");
        assert!(seen.watches.tasks > 0 && seen.watches.oldest.as_secs() >= 1, "{seen:?}");

        // Killed, it is a poller to the server for more than a minute.
        beats(&world, 26.0).await;
        assert!(look_at_queue(&world, &client).await.1, "the server names it");
        eventually("an empty outbox", async || (waiting(&world).await == 0).then_some(())).await;
    });
}

/// From now on messages wait.
const HOLD: &str = "
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.next_attempt_at := now() + interval '4 minutes'; RETURN NEW; END $$;
    CREATE TRIGGER hold BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION hold()";
/// One event has a state of a newer release.
const SPOIL: &str = "
    DO $$ DECLARE checked regclass; BEGIN LOOP
        SELECT conrelid::regclass INTO checked FROM pg_constraint
        WHERE conname = 'payment_events_effect_check' AND coninhcount = 0 LIMIT 1;
        EXIT WHEN NOT FOUND;
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT payment_events_effect_check', checked);
    END LOOP; END $$;
    UPDATE payment_events SET effect = 'reversed' WHERE provider_event_id = 'evt_1'";

#[test]
fn an_event_that_only_a_newer_release_can_read_keeps_no_other_waiting() {
    run(async {
        let world = World::start_without_worker().await;
        execute(&world, HOLD).await;
        for n in 0..4 {
            world.receipt(&format!("evt_{n}")).await;
        }
        execute(&world, SPOIL).await;
        execute(&world, "UPDATE outbox SET next_attempt_at = now()").await;
        eventually("one that is left", async || (waiting(&world).await == 1).then_some(())).await;
        let left = "SELECT e.provider_event_id, o.last_error, o.parked_at IS NULL
            FROM outbox o JOIN payment_events e ON e.id = o.event_id";
        let left: (String, Option<String>, bool) =
            sqlx::query_as(left).fetch_one(&world.pool).await.expect("a message");
        assert_eq!(left, ("evt_1".to_owned(), None, true));
    });
}

#[test]
fn a_process_that_ends_leaves_what_it_has_not_dispatched_to_others_immediately() {
    run(async {
        // It accepts connections and says nothing.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = silent.local_addr().expect("an address").to_string();
        let world = World::start_on(address, WorldOptions::default().without_worker()).await;
        for n in 0..40 {
            world.receipt(&format!("evt_{n}")).await;
        }
        let left = async || {
            let sql = "SELECT count(*) FROM outbox WHERE attempts = 0 AND next_attempt_at <= now()";
            sqlx::query_scalar::<_, i64>(sql).fetch_one(&world.pool).await.expect("a count")
        };
        eventually("more than is under way", async || (left().await < 24).then_some(())).await;
        world.stop_api();
        eventually("what waited for its turn", async || (left().await == 24).then_some(())).await;
    });
}

#[test]
fn a_process_that_ends_leaves_what_it_has_only_claimed_to_others_too() {
    run(async {
        let options = WorldOptions::default().without_worker();
        let world = World::start_on("127.0.0.1:1".to_owned(), options).await;
        world.receipt("evt_1").await;
        let mut held = world.pool.begin().await.expect("a transaction");
        let lock = "LOCK TABLE extensions IN ACCESS EXCLUSIVE MODE";
        sqlx::query(lock).execute(&mut *held).await.expect("a lock");
        // Which extensions are asked about the event is read after the claim.
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND wait_event_type = 'Lock' AND query LIKE '%budget_seconds, created_at FROM extensions%'";
        eventually("a claim whose extensions are read", async || {
            let found = sqlx::query_scalar::<_, i64>(waits).fetch_one(&world.pool).await;
            (found.expect("a count") > 0).then_some(())
        })
        .await;
        let sql = "SELECT attempts, next_attempt_at <= now() FROM outbox";
        let message = async || {
            let message = sqlx::query_as::<_, (i32, bool)>(sql).fetch_one(&world.pool).await;
            message.expect("a message")
        };
        let (claimed, _) = message().await;
        world.stop_api();
        eventually("a claim that is given up", async || {
            (message().await == (claimed - 1, true)).then_some(())
        })
        .await;
        held.rollback().await.expect("an end");
    });
}
