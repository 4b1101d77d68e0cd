//! Every command in `docs/temporal.md` is run verbatim, by a shell, against the real command line.
//!
//! Only what the document itself calls an example is replaced: the address, the ids behind `WATCH`
//! and `ACTIVITY`, `prj_…`, `evt_123`, and the task queue, of which each test has its own. A block
//! runs on an event of its own whose callback waits; lines that signal run on one event each,
//! because a signal may end its watch.

use std::path::Path;
use std::process::Output;

use domain::ids::EventId;
use domain::incident::IncidentState;
use e2e::{World, WorldOptions, eventually, run, until_dispatched};

use workflows::names::{retention_schedule_id, workflow_id};

use super::{Failed, Waiting, entries, pending, watch_is};

/// Which blocks of the document are shell commands, and which are SQL.
fn blocks(language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/temporal.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let fence = format!("```{language}\n");
    let begun = text.split(&fence).skip(1);
    // One that belongs to a point of a list is indented, and so is its end.
    begun.map(|rest| rest.split("```").next().expect("a block").trim_end().to_owned()).collect()
}

/// Whether each line is a command that signals one watch.
fn signals_one(block: &str) -> bool {
    block.lines().all(|line| line.starts_with("temporal workflow signal --workflow-id"))
}

/// What concerns a whole namespace or our own program is run by `worker_versions` and `replay`.
fn is_elsewhere(block: &str) -> bool {
    block.lines().all(|line| {
        let line = line.trim();
        line.starts_with("temporal worker deployment") || line.starts_with("sendpromptly ")
    })
}

fn filled_in(script: &str, world: &World, watch: &str, activity: &str) -> String {
    let queue = world.engine.task_queue();
    let script = script
        .replace(
            "TEMPORAL_ADDRESS=127.0.0.1:7233",
            &format!("TEMPORAL_ADDRESS={}", world.temporal_address),
        )
        .replace(
            "TEMPORAL_NAMESPACE=default",
            &format!("TEMPORAL_NAMESPACE={}", embedded::NAMESPACE),
        )
        .replace("WATCH=effect-watch/ev_01KAK0T7Y3F8M2V4B6N0C1D5E9", &format!("WATCH={watch}"))
        .replace("ACTIVITY=4 ", &format!("ACTIVITY={activity} "))
        .replace("prj_…", &world.project.id.to_string())
        .replace("sendpromptly-retention", &retention_schedule_id(queue))
        .replace("--task-queue sendpromptly", &format!("--task-queue {queue}"))
        .replace("TaskQueue='sendpromptly'", &format!("TaskQueue='{queue}'"));
    assert!(!script.contains('…'), "an example that nobody fills in: {script}");
    script
}

/// The document's preparations: where the cluster is, and which watch is meant.
fn preparations() -> String {
    let all = blocks("sh");
    let prepares = |block: &&String| block.starts_with("export ") || block.starts_with("WATCH=");
    let found: Vec<_> = all.iter().filter(prepares).map(String::as_str).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    found.join("\n")
}

/// Runs a block as a user at a terminal does, after the preparations.
async fn run_block(world: &World, block: &str, watch: &str, activity: &str) {
    let folder = embedded::scratch_dir().expect("a folder");
    let binary = &world.engines.found.temporal.path;
    std::os::unix::fs::symlink(binary, folder.path().join("temporal")).expect("the command");
    let script = filled_in(&format!("{}\n{block}", preparations()), world, watch, activity);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-eu", "-c", &script]).env("PATH", path).kill_on_drop(true);
    let Output { status, stdout, stderr } = shell.output().await.expect("a shell");
    let printed = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{script}\n{printed}");
    assert!(!printed.contains("rror:"), "{script}\n{printed}");
}

#[test]
fn every_documented_command_works_as_it_stands() {
    run(async {
        let world = World::start_with(WorldOptions::default().with_retention()).await;
        eventually("a schedule", async || {
            world.engine.find_retention_schedule().await.ok().flatten()
        })
        .await;
        let is_here = |block: &String| !signals_one(block) && !is_elsewhere(block);
        let all: Vec<_> = blocks("sh").into_iter().filter(is_here).collect();
        assert!(all.len() >= 12, "{all:?}");
        for (number, block) in all.iter().enumerate() {
            let waiting = Waiting::start(&world, &format!("evt_{number}")).await;
            world.repair.respond_with(&[503]);
            run_block(&world, block, &waiting.watch, &waiting.activity).await;
        }
    });
}

#[test]
fn every_documented_signal_does_what_it_says() {
    run(async {
        let world = World::start().await;
        let all = blocks("sh");
        let lines: Vec<_> =
            all.iter().filter(|block| signals_one(block)).flat_map(|block| block.lines()).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        for (number, line) in lines.into_iter().enumerate() {
            let failed = Failed::start(&world, &format!("evt_{number}")).await;
            run_block(&world, line, &failed.watch, "0").await;
            let wanted = match line.split_once("--name ").and_then(|(_, rest)| rest.split_once(' '))
            {
                Some(("reprocess", _)) => "reprocess.requested",
                Some(("resolve", _)) => "incident.resolved",
                Some(("result", _)) => "result.succeeded",
                other => panic!("{other:?}"),
            };
            done_by_alice(&world, failed.event_id, wanted).await;
        }
    });
}

#[test]
fn both_documented_ways_to_reprocess_many_reach_every_open_incident_of_the_project() {
    run(async {
        let all = blocks("sh");
        let batches: Vec<_> = all
            .iter()
            .filter(|block| block.contains("--name reprocess") && block.contains("--query"))
            .collect();
        assert_eq!(batches.len(), 2, "{batches:?}");
        for block in batches {
            let world = World::start().await;
            let (first, second) =
                (Failed::start(&world, "evt_1").await, Failed::start(&world, "evt_2").await);
            // Searches lag behind: a signal that is sent too early reaches no watch.
            eventually("both incidents in the search", async || {
                let query = format!("SpState='open' AND SpProjectId='{}'", world.project.id);
                let count =
                    world.engines.cli(&["workflow", "count", "--query", &query]).await.ok()?;
                count.contains("Total: 2").then_some(())
            })
            .await;
            run_block(&world, block, &first.watch, "0").await;
            for event_id in [first.event_id, second.event_id] {
                done_by_alice(&world, event_id, "reprocess.requested").await;
            }
        }
    });
}

#[test]
fn every_documented_statement_runs_and_a_restart_by_hand_starts_a_new_run() {
    run(async {
        let world = World::start().await;
        let statements = blocks("sql");
        assert!(statements.len() >= 5, "{statements:?}");
        let failed = Failed::start(&world, "evt_123").await;
        for statement in statements {
            let terminate = ["workflow", "terminate", "--workflow-id", &failed.watch];
            let _was_terminated_before = world.engines.cli(&terminate).await;
            let before = super::entries(&world, failed.event_id, "watch.restarted").await.len();
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone()))
                .execute(&world.pool)
                .await
                .expect("a statement");
            if statement.contains("'restart'") {
                eventually("a new run", async || {
                    let now =
                        super::entries(&world, failed.event_id, "watch.restarted").await.len();
                    (now == before + 1).then_some(())
                })
                .await;
            }
        }
        assert_eq!(world.incident(failed.event_id).await.state, IncidentState::Open);
    });
}

#[test]
fn the_documented_statement_starts_the_watches_of_what_is_pending_where_they_are_lost() {
    run(async {
        let world = World::start().await;
        let event_id = pending(&world, "evt_1").await;
        let watch = workflow_id(event_id);
        let delete = ["workflow", "delete", "--workflow-id", &watch, "--yes"];
        world.engines.cli(&delete).await.expect("deleted");
        eventually("a watch that is gone", async || {
            let describe = ["workflow", "describe", "--workflow-id", &watch];
            world.engines.cli(&describe).await.is_err().then_some(())
        })
        .await;
        let statements = blocks("sql");
        let start = statements.iter().find(|statement| statement.contains("'start'"));
        let start = start.expect("the statement").clone();
        for _ in 0..2 {
            sqlx::raw_sql(sqlx::AssertSqlSafe(start.clone()))
                .execute(&world.pool)
                .await
                .expect("a statement");
            until_dispatched(&world.pool).await;
            watch_is(&world, &watch, "RUNNING").await;
        }
        assert!(entries(&world, event_id, "watch.restarted").await.is_empty());
        world.result(event_id, "success", serde_json::json!({})).await;
        watch_is(&world, &watch, "COMPLETED").await;
    });
}

async fn done_by_alice(world: &World, event_id: EventId, action: &str) {
    eventually(&format!("{action} by alice"), async || {
        let entries =
            store::timeline::list_for_event(&world.pool, event_id).await.expect("a timeline");
        let done = |entry: &store::timeline::TimelineEntry| {
            entry.action == action && entry.actor == "temporal:alice"
        };
        entries.iter().any(done).then_some(())
    })
    .await;
}
