//! Mail to a server of our own: over TLS, with a login, and with a certificate that only a private
//! authority vouches for.

use e2e::mailbox::Mailbox;
use e2e::world::BOB;
use e2e::{World, WorldOptions, run};
use serde_json::json;

#[test]
fn a_worker_that_is_told_of_a_private_authority_sends_mail_over_tls() {
    run(async {
        let options = WorldOptions::default().without_worker();
        let (mut world, server) = World::start_beside_temporal(options).await;
        world.mailbox = Mailbox::start_encrypted().await.expect("a mail server");
        world.alert_bob().await;
        let (_, doctor) = world.cli(&["doctor"]).await.expect("a command");
        let smtp = json!({"name": "smtp", "status": "pass", "message": "the mail server answers"});
        let checks = doctor["checks"].as_array().expect("checks");
        assert!(checks.contains(&smtp), "{doctor}");

        let _worker = world.spawn_worker().expect("a worker");
        let event_id = world.receipt("evt_1").await;
        world.result(event_id, "failed", json!({"error_code": "db_write_failed"})).await;
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains(&format!("To: {BOB}")), "{}", mails[0]);
        assert!(mails[0].contains("db_write_failed"), "{}", mails[0]);
        server.stop().await;
    });
}
