//! Which process is which, as Temporal's tools list them.

use e2e::{World, eventually, run};
use serde_json::Value;

#[test]
fn a_worker_is_listed_with_its_name_version_and_process() {
    run(async {
        let world = World::start().await;
        let identity = world.engine.identity();
        let process = std::process::id();
        assert!(identity.starts_with("sendpromptly 0."), "{identity}");
        assert!(identity.ends_with(&format!("#{process}")), "{identity}");
        let queue = world.engine.task_queue();
        let describe = ["task-queue", "describe", "--task-queue", queue, "--output", "json"];
        eventually("a worker that is listed", async || {
            let shown = world.engines.cli(&describe).await.ok()?;
            let shown: Value = serde_json::from_str(&shown).ok()?;
            let listed = |poller: &Value| poller["identity"] == identity.as_str();
            shown["pollers"].as_array()?.iter().any(listed).then_some(())
        })
        .await;
    });
}
