//! What Temporal's web UI shows beside a watch: where its event is in the console, and what comes next.

use e2e::{World, eventually, run, temporal};

use super::Waiting;

#[test]
fn a_watch_links_to_the_console_and_says_when_its_callback_is_tried_next() {
    run(async {
        let world = World::start().await;
        let waiting = Waiting::start(&world, "evt_1").await;
        let describe =
            ["workflow", "describe", "--workflow-id", &waiting.watch, "--output", "json"];
        let described = world.engines.cli(&describe).await.expect("a description");
        let event = format!("{}/events/{}", world.url, waiting.event_id);
        assert!(described.contains(&event), "{event} in {described}");

        world.engines.signal(waiting.event_id, "acknowledged", None).await.expect("a signal");
        let client = world.temporal().await;
        let status = eventually("a watch that knows of the attempt", async || {
            let status = temporal::status(&client, waiting.event_id).await.ok()?;
            (status.attempts == 1).then_some(status)
        })
        .await;
        let found = store::reprocesses::find_reprocess(&world.pool, waiting.replay_id).await;
        let due = found.expect("a database").expect("a reprocess").next_attempt_at;
        assert_eq!(status.reprocess.expect("a reprocess").next_attempt_at, due);
        let due = due.expect("a time").replace_nanosecond(0).expect("whole seconds");
        let due = due.format(&time::format_description::well_known::Rfc3339).expect("a time");
        let incident = status.incident.expect("an incident");
        let page = format!("{}/incidents/{}", world.url, incident.incident_id);
        assert_eq!(incident.url.as_deref(), Some(page.as_str()));

        let metadata = ["workflow", "metadata", "--workflow-id", &waiting.watch];
        let shown = world.engines.cli(&metadata).await.expect("metadata");
        let next = format!("attempts so far: 1, the next one at {due}");
        for part in ["**reprocessing** since 20", &page, &next] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    });
}
