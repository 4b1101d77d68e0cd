//! Which destinations get each incident.

use domain::signature::SigningSecret;
use e2e::{Receiver, World, run};
use store::destinations::Target;

use super::{change, fail_many, pass};

#[test]
fn machines_get_each_incident_and_people_get_its_cause_unless_somebody_says_otherwise() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let hook = Receiver::start().await.expect("a receiver");
        let secrets = vec![SigningSecret::from_bytes([7; 32])];
        let target = Target::Webhook { url: hook.url().to_owned(), secrets };
        world.add_destination(&target, "127.0.0.1").await;
        let first = fail_many(&world, 0..3).await;
        assert_eq!((world.mailbox.mails().len(), hook.received().len()), (1, 3));

        change(&world, "UPDATE destinations SET every_incident = (kind = 'email')").await;
        let second = fail_many(&world, 3..6).await;
        assert_eq!((world.mailbox.mails().len(), hook.received().len()), (4, 4));
        for event_id in first.iter().chain(&second) {
            world.succeed_and_alert(*event_id).await;
        }
        pass(&world, "15 minutes").await;
        world.send_waiting().await;
        let bodies: Vec<_> = hook.received().iter().map(e2e::receiver::Received::json).collect();
        let ended = bodies.iter().find(|body| body["type"] == "cause.ended").expect("the end");
        assert_eq!(ended["data"]["count"], 3, "{ended}");
        assert_eq!(ended["data"]["late_success"], 3);
        assert_eq!(ended["data"]["incidents"].as_array().map(Vec::len), Some(3));
    });
}
