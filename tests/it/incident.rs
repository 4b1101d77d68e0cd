//! Silence and failure: an incident opens, people are notified, and a late success ends it.

use domain::event::Effect;
use domain::incident::{IncidentState, Reason, Resolution};
use e2e::world::SHORT;
use e2e::{World, WorldOptions, run, temporal};
use serde_json::json;

#[test]
fn silence_opens_one_incident_and_tells_every_destination_once() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(SHORT)).await;
        world.alert_bob().await;
        let event_id = world.receipt("evt_1").await;

        let incident =
            world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        assert_eq!(incident.reason, Reason::MissingResult);
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("user_456"), "{}", mails[0]);
        let client = world.temporal().await;
        let status = temporal::status(&client, event_id).await.expect("a status");
        assert_eq!(status.state, "open");

        world.result(event_id, "success", json!({})).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::LateSuccess));
        temporal::finished(&client, event_id).await;
        assert_eq!(world.mailbox.mails().len(), 2);
        assert_eq!(
            world.timeline(event_id).await,
            [
                "receipt.accepted",
                "incident.opened",
                "alert.delivered",
                "result.succeeded",
                "incident.resolved",
                "alert.delivered"
            ]
        );
    });
}

#[test]
fn a_failed_result_opens_an_incident_at_once() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let event_id = world.receipt("evt_1").await;
        let words = json!({"error_code": "db_write_failed", "error_message": "disk full"});
        let response = world.result(event_id, "failed", words).await;
        assert_eq!(response.effect, Some(Effect::Failed));
        assert_eq!(response.incident.expect("an incident").state, IncidentState::Open);
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("db_write_failed"), "{}", mails[0]);
    });
}
