//! Extensions are registered, tried, paused and removed at each of the three doors, by those who
//! may, and every rejection names the field.

mod alerts;
mod doors;
mod examples;
mod flow;
mod load;
mod proposals;
mod repair;
mod silence;
mod trials;
mod worker;

use e2e::World;
use serde_json::Value;

/// The task queue of this world: all worlds of a test run share one Temporal.
fn queue(world: &World) -> String {
    format!("sendpromptly-ext.{}", world.project.id)
}

/// Registers an extension by the command line; gives what it printed.
async fn add(world: &World, point: &str, more: &[&str]) -> (i32, Value) {
    let id = world.project.id.to_string();
    let command = ["extension", "add", "--project", &id, "--point", point];
    world.cli(&[&command[..], more].concat()).await.expect("a command")
}

async fn add_probe(world: &World) -> String {
    let queue = queue(world);
    let activity = ["--activity", "credits.verify", "--queue", &queue];
    let (code, added) = add(world, "before_incident", &activity).await;
    assert_eq!(code, 0, "{added}");
    added["extension_id"].as_str().expect("an id").to_owned()
}
