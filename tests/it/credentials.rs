//! Credentials of Temporal that are replaced while a worker runs.

use e2e::{World, WorldOptions, eventually, run, temporal};
use serde_json::json;

#[test]
fn a_worker_whose_key_is_replaced_in_its_file_polls_with_the_new_one() {
    run(async {
        let options = WorldOptions::default().without_worker();
        let (world, _server) = World::start_beside_temporal(options).await;
        let key = tempfile::NamedTempFile::new().expect("a file");
        let write = |text: &str| std::fs::write(key.path(), text).expect("written");
        write("first\n");
        let settings = [
            ("TEMPORAL_API_KEY_FILE", key.path().to_str().expect("UTF-8")),
            ("TEMPORAL_TLS", "false"),
            ("SENDPROMPTLY_LOG", "info"),
        ];
        let (worker, log) = world.spawn_logged("worker", &settings).expect("a worker");
        let polls = async |times: usize| {
            eventually("a worker that polls", async || {
                (log.text().matches("polling Temporal").count() == times).then_some(())
            })
            .await;
        };
        polls(1).await;
        write("second\n");
        polls(2).await;
        assert!(log.text().contains("with its new credentials"), "{}", log.text());

        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "success", json!({})).await;
        temporal::finished(&world.temporal().await, event_id).await;
        assert_eq!(worker.end().await.expect("an end"), Some(0), "{}", log.text());
    });
}
