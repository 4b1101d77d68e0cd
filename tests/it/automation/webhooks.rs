//! Webhook destinations from the API and the command line: added, tested, rotated, and never shown.

use api_types::destinations::{AddedDestination, DestinationResponse, RotatedSecret};
use api_types::list::Listed;
use domain::operator::Role;
use e2e::{Receiver, World};
use reqwest::Method;
use serde_json::json;
use store::destinations::list_destinations;

use super::Script;
use crate::webhook::verifies;

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in one go")]
fn api_and_command_line_add_test_rotate_and_hide() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let receiver = Receiver::start().await.expect("a receiver");
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}/destinations", world.project.id);
        let url = format!("{}?key=canary-7f3a91", receiver.url());
        let added: AddedDestination = script.send(&path, json!({ "webhook": url })).await;
        let first = added.signing_secret.expect("a secret");
        let one = format!("{path}/{}", added.destination_id);

        let tested = script.call(Method::POST, &format!("{one}/tests"), None).await;
        assert_eq!(tested.1["delivered"], true, "{tested:?}");
        let message = receiver.wait_for(1).await.remove(0);
        assert_eq!(message.json()["type"], "test");
        assert!(verifies(&first, &message));

        let (status, rotated) = script.call(Method::POST, &format!("{one}/secrets"), None).await;
        assert_eq!(status, 201, "{rotated}");
        let rotated: RotatedSecret = serde_json::from_value(rotated).expect("a secret");
        let id = added.destination_id.to_string();
        let (code, again) =
            world.cli(&["destination", "rotate-secret", &id]).await.expect("a command");
        assert_eq!(code, 0, "{again}");
        let newest = again["signing_secret"].as_str().expect("a secret");
        let (code, _) = world.cli(&["destination", "test", &id]).await.expect("a command");
        assert_eq!(code, 0);
        let message = receiver.wait_for(2).await.remove(1);
        for secret in [first.as_str(), &rotated.signing_secret, newest] {
            assert!(verifies(secret, &message), "each signs during the overlap");
        }
        let over = "UPDATE destination_secrets SET expires_at = now() WHERE expires_at IS NOT NULL";
        sqlx::query(over).execute(&world.pool).await.expect("a database");
        world.cli(&["destination", "test", &id]).await.expect("a command");
        let message = receiver.wait_for(3).await.remove(2);
        assert!(verifies(newest, &message) && !verifies(&first, &message));

        let all: Listed<DestinationResponse> = script.read(&path).await;
        assert_eq!(
            (all.data[0].kind.as_str(), all.data[0].address.as_str()),
            ("webhook", "127.0.0.1")
        );
        assert_eq!(all.data[0].label, "Webhook at 127.0.0.1");
        let (_, listed) = world.cli(&["destination", "list"]).await.expect("a command");
        let shown = format!("{listed}{}", script.get(&path).await.1);
        assert!(!shown.contains("canary") && !shown.contains("whsec_"), "{shown}");
        let audited = "SELECT count(*) FROM audit_entries WHERE action = 'secret.rotated' AND detail->>'destination_id' = $1";
        let audited: i64 =
            sqlx::query_scalar(audited).bind(&id).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(audited, 2);
    });
}

#[test]
fn what_is_no_webhook_is_rejected_by_its_name() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}/destinations", world.project.id);
        for (url, why) in [
            ("http://alerts.example.com/in", "must begin with https://"),
            ("https://10.1.2.3/in", "must not point to 10.1.2.3"),
            ("https://bob:canary@alerts.example.com/", "must not contain a user name"),
            ("alerts.example.com", "must be a full address"),
        ] {
            let (status, rejected) =
                script.reject(Method::POST, &path, Some(json!({ "webhook": url }))).await;
            let fields = rejected.fields.expect("fields");
            assert_eq!((status, fields[0].field.as_str()), (422, "webhook"));
            assert!(fields[0].message.starts_with(why), "{url}: {}", fields[0].message);
        }
        let both = json!({ "webhook": "https://alerts.example.com/", "email": "bob@x.test" });
        assert_eq!(script.reject(Method::POST, &path, Some(both)).await.0, 422);
        let all = list_destinations(&world.pool, Some(world.project.id)).await.expect("a list");
        let bob = all[0].id;
        let rotate = format!("{path}/{bob}/secrets");
        assert_eq!(script.reject(Method::POST, &rotate, None).await.0, 404);
        let (code, rejected) = world
            .cli(&["destination", "rotate-secret", &bob.to_string()])
            .await
            .expect("a command");
        let message = rejected["error"]["message"].as_str().expect("a message");
        assert!(code == 1 && message.contains("its kind is email"), "{rejected}");
        let viewer = Script::new(&world, Role::Viewer).await;
        assert_eq!(viewer.reject(Method::POST, &rotate, None).await.0, 403);
    });
}
