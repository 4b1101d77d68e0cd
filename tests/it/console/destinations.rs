//! Destinations: added, tested for real, marked when broken, removed.

use domain::ids::DestinationId;
use domain::operator::Role;
use e2e::console::{Operator, PageAnswer};
use e2e::world::BOB;
use e2e::{Receiver, World, WorldOptions};
use serde_json::json;
use store::destinations::{Destination, Target, list_destinations};

use super::broken::fail;

async fn world() -> World {
    World::start_with(WorldOptions::default().without_worker()).await
}

fn path(world: &World) -> String {
    format!("/projects/{}/destinations", world.project.id)
}

async fn add(alice: &Operator, world: &World, field: &str, value: &str) -> PageAnswer {
    alice.submit(&path(world), &path(world), &[(field, value)]).await
}

async fn all(world: &World) -> Vec<Destination> {
    list_destinations(&world.pool, Some(world.project.id)).await.expect("destinations")
}

/// Presses Test and reads what the next page says.
async fn test(who: &Operator, world: &World, destination: &Destination) -> String {
    let to = format!("{}/{}/test", path(world), destination.id);
    let answer = who.submit(&path(world), &to, &[]).await;
    assert_eq!(answer.location.as_deref(), Some(path(world).as_str()), "{}", answer.body);
    who.get(&path(world)).await.body
}

#[test]
fn an_address_is_added_tested_for_real_and_removed() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        assert!(alice.get(&path(&world)).await.body.contains("No one is notified"));
        let added = add(&alice, &world, "email", &BOB.to_uppercase()).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let bob = all(&world).await.remove(0);
        assert_eq!((bob.kind.as_str(), bob.address.as_str()), ("email", BOB));

        let page = test(&alice, &world, &bob).await;
        let said = format!("{BOB} accepted the test message. The answer: 250 2.0.0 queued as 7F3A");
        assert!(page.contains(&said), "{page}");
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains(BOB) && mails[0].to_lowercase().contains("test"), "{}", mails[0]);

        let to = format!("{}/{}/remove", path(&world), bob.id);
        let removed = alice.submit(&path(&world), &to, &[]).await;
        assert_eq!(removed.status, 303, "{}", removed.body);
        assert!(all(&world).await.is_empty());
        assert_eq!(alice.submit(&path(&world), &to, &[]).await.status, 404);
        let actions =
            "SELECT action FROM audit_entries WHERE actor = 'operator:admin@cometcart.test'
            AND action LIKE 'destination.%' ORDER BY at";
        let actions: Vec<String> =
            sqlx::query_scalar(actions).fetch_all(&world.pool).await.expect("the audit");
        assert_eq!(actions, ["destination.added", "destination.tested", "destination.removed"]);
    });
}

#[test]
fn a_place_that_cannot_be_told_is_rejected_with_what_was_typed() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        add(&alice, &world, "email", BOB).await;
        for (field, typed, said) in [
            ("email", "", "Must be an e-mail address"),
            ("email", "bob", "Must be an e-mail address"),
            ("email", "Bob@CometCart.test", "This address already receives alerts."),
            ("slack", "", "Must be a full address"),
            ("slack", "http://hooks.slack.com/services/T/B/x", "Must begin with https://."),
            ("slack", "https://10.0.0.1/services/T/B/x", "Must not point to 10.0.0.1"),
        ] {
            let answer = add(&alice, &world, field, typed).await;
            assert_eq!(answer.status, 422, "{field} {typed}");
            let beside = format!("id=\"{field}-wrong\">{said}");
            assert!(answer.body.contains(&beside), "{field} {typed}: {}", answer.body);
            assert!(answer.body.contains(&format!("value=\"{typed}\"")), "{}", answer.body);
        }
        assert_eq!(all(&world).await.len(), 1);
    });
}

#[test]
fn channels_are_told_apart_by_a_label_or_by_the_end_of_their_webhook() {
    e2e::run(async {
        let world = world().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let url =
            |end: &str| format!("https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrst{end}");
        for (end, label) in [("AbCd", " #payments "), ("WxYz", "")] {
            let form = [("slack", &*url(end)), ("label", label)];
            let added = alice.submit(&path(&world), &path(&world), &form).await;
            assert_eq!(added.status, 303, "{}", added.body);
        }
        let page = alice.get(&path(&world)).await.body;
        for name in ["#payments", "Slack …WxYz"] {
            assert!(page.contains(&format!("<strong>{name}</strong>")), "{name}: {page}");
        }
        assert!(!page.contains("abcdefgh") && !page.contains("AbCd"), "{page}");

        let form = [("slack", &*url("AbCd")), ("label", &*"x".repeat(256))];
        let rejected = alice.submit(&path(&world), &path(&world), &form).await;
        assert_eq!(rejected.status, 422);
        assert!(rejected.body.contains("id=\"label-wrong\">Must "), "{}", rejected.body);

        let broken = "UPDATE destinations SET broken_at = now() WHERE label LIKE 'Slack%'";
        sqlx::query(broken).execute(&world.pool).await.expect("a database");
        let project = alice.get(&format!("/projects/{}", world.project.id)).await.body;
        let said = format!("Alerts no longer reach <a href=\"{}\">Slack …WxYz</a>", path(&world));
        assert!(project.contains(&said), "{project}");
        let audit = alice.get("/audit?action=destination.").await.body;
        assert!(audit.contains("#payments") && audit.contains("Slack …WxYz"), "{audit}");
    });
}

#[test]
fn a_slack_url_stays_secret_breaks_when_it_is_gone_twice_and_works_again_once_a_message_goes_through()
 {
    e2e::run(async {
        let world = world().await;
        let slack = Receiver::start().await.expect("a receiver");
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let added = add(&alice, &world, "slack", slack.url()).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let page = alice.get(&path(&world)).await.body;
        assert!(page.contains("127.0.0.1") && !page.contains("/repair"), "only its host: {page}");

        let channel = all(&world).await.remove(0);
        slack.answer_with(&[404, 404]);
        let page = test(&alice, &world, &channel).await;
        assert!(page.contains("did not accept the test message. The answer: 404"), "{page}");
        assert!(page.contains("Failing") && all(&world).await[0].broken_at.is_none(), "{page}");
        sqlx::query("UPDATE destinations SET gone_at = gone_at - interval '10 minutes'")
            .execute(&world.pool)
            .await
            .expect("a database");
        let page = test(&alice, &world, &channel).await;
        assert!(page.contains("Broken for") && page.contains("Create a new webhook"), "{page}");
        assert!(all(&world).await[0].broken_at.is_some());
        assert!(!page.contains("alert waits"), "{page}");
        fail(&world, "evt_1", &json!({})).await;
        let page = alice.get(&path(&world)).await.body;
        assert!(page.contains("<strong>1 alert waits</strong>"), "{page}");

        let page = test(&alice, &world, &channel).await;
        assert!(page.contains("accepted the test message. The answer: 200"), "{page}");
        assert!(!page.contains("Broken for"), "{page}");
        assert_eq!(slack.received().len(), 3);
        assert!(!page.contains("/repair"), "{page}");
    });
}

#[test]
fn the_command_line_tests_a_destination_by_the_same_way() {
    e2e::run(async {
        let world = world().await;
        let slack = Receiver::start().await.expect("a receiver");
        world.tell_bob().await;
        world.tell(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        let [bob, channel] = all(&world).await.try_into().expect("two destinations");
        let test = async |id: DestinationId| {
            let tested = world.cli(&["destination", "test", &id.to_string()]).await;
            tested.expect("a command")
        };
        let said = json!({
            "destination_id": bob.id, "kind": "email", "delivered": true,
            "answer": "250 2.0.0 queued as 7F3A"
        });
        assert_eq!(test(bob.id).await, (0, said));

        slack.answer_with(&[404]);
        let (code, rejected) = test(channel.id).await;
        let message = rejected["error"]["message"].as_str().expect("a message").to_owned();
        assert_eq!((code, &rejected["error"]["code"]), (1, &json!("undelivered")));
        assert!(
            message.starts_with("the slack message was not accepted, the address does not exist"),
            "{message}"
        );
        assert!(message.contains("ten minutes apart, is broken: 404"), "{message}");
        assert!(all(&world).await[1].broken_at.is_none(), "one answer never decides for ever");

        let (code, none) = test(DestinationId::from_uuid(uuid::Uuid::now_v7())).await;
        assert_eq!((code, &none["error"]["code"]), (1, &json!("not_found")));
    });
}

#[test]
fn each_role_does_what_it_may_with_its_own_projects_destinations() {
    e2e::run(async {
        let world = world().await;
        world.tell_bob().await;
        let bob = all(&world).await.remove(0);
        let to = |what: &str| format!("{}/{}/{what}", path(&world), bob.id);
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let page = viewer.get(&path(&world)).await.body;
        assert!(page.contains(BOB) && page.contains("needs the role operator"), "{page}");
        assert!(!page.contains("/test\"") && !page.contains("/remove\""), "{page}");
        assert_eq!(viewer.submit(&path(&world), &to("test"), &[]).await.status, 403);

        let operator = Operator::signed_in(&world, Role::Operator).await;
        assert!(test(&operator, &world, &bob).await.contains("accepted the test message"));
        for rejected in [to("remove"), path(&world)] {
            assert_eq!(
                operator.submit(&path(&world), &rejected, &[]).await.status,
                403,
                "{rejected}"
            );
        }

        let admin = Operator::signed_in(&world, Role::Admin).await;
        world.charlie().await;
        let projects = store::projects::list_projects(&world.pool).await.expect("projects");
        let other = format!("/projects/{}/destinations", projects[1].id);
        for what in ["test", "remove"] {
            let answer = admin.submit(&other, &format!("{other}/{}/{what}", bob.id), &[]).await;
            assert_eq!(answer.status, 404, "{what}");
        }
        assert_eq!(world.mailbox.mails().len(), 1, "only bob's own project wrote to him");
        assert_eq!(all(&world).await.len(), 1);
    });
}
