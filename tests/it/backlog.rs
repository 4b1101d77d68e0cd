//! The check `backlog`: tasks that no worker takes are told of by their age, and no more once one does.

use e2e::{World, eventually, run};
use serde_json::Value;

async fn check(world: &World) -> Option<Value> {
    let ready = world.http.get(format!("{}/readyz", world.url)).send().await.ok()?;
    let ready: Value = serde_json::from_str(&ready.text().await.ok()?).ok()?;
    ready["checks"].as_array()?.iter().find(|check| check["name"] == "backlog").cloned()
}

async fn check_when(world: &World, status: &str) -> Value {
    eventually(&format!("backlog to be {status}"), async || {
        check(world).await.filter(|check| check["status"] == status)
    })
    .await
}

#[test]
fn tasks_that_wait_for_half_a_minute_are_told_of_until_a_worker_takes_them() {
    run(async {
        let world = World::start_without_worker().await;
        check_when(&world, "ok").await;
        for n in 0..3 {
            world.receipt(&format!("evt_{n}")).await;
        }
        let late = check_when(&world, "degraded").await;
        let detail = late["detail"].as_str().expect("a detail");
        assert!(detail.starts_with("workers do not keep up: 3 tasks of watches"), "{detail}");
        assert!(detail.ends_with("short deadlines are judged late"), "{detail}");
        assert!(late["cure"].as_str().expect("a cure").contains("start another"), "{late}");
        world.start_worker();
        check_when(&world, "ok").await;
    });
}
