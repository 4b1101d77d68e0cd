//! The API's answer about an incident says by which message each destination was told of it.

use api_types::incidents::IncidentDetailsResponse;
use domain::ids::IncidentId;
use domain::operator::Role;
use e2e::World;

use super::Script;

/// An incident of one cause with the others, whose alerts were seen to.
async fn fail(world: &World, provider_event_id: &str) -> IncidentId {
    let event_id = world.fail_and_alert(provider_event_id).await;
    world.incident(event_id).await.id
}

#[test]
fn an_incident_that_a_message_of_its_cause_told_names_that_message() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let (first, second) = (fail(&world, "evt_1").await, fail(&world, "evt_2").await);
        let script = Script::new(&world, Role::Viewer).await;
        let read = async |id: IncidentId| {
            let path = format!("/{}/incidents/{id}", world.project.id);
            let read: IncidentDetailsResponse = script.read(&path).await;
            read.alerts.into_iter().next().expect("an alert")
        };
        let told = read(first).await;
        assert_eq!((told.state.as_str(), told.told_by), ("delivered", None));
        let folded = read(second).await;
        assert_eq!((folded.kind.as_str(), folded.state.as_str()), ("incident_opened", "folded"));
        let message = folded.told_by.expect("the message that will stand for it");
        let later = "UPDATE cause_threads SET told_at = told_at - interval '15 minutes'";
        sqlx::raw_sql(later).execute(&world.pool).await.expect("a database");
        world.send_waiting().await;
        let told = read(second).await;
        assert_eq!((told.state.as_str(), told.told_by), ("told", Some(message)));
        let mails = world.mailbox.mails();
        assert!(mails[1].contains(&message.to_string()), "{}", mails[1]);
    });
}
