//! Destinations: added, tested for real, marked when broken, removed.

use domain::ids::DestinationId;
use domain::operator::Role;
use e2e::console::{Operator, PageResponse};
use e2e::html_page::HtmlPage;
use e2e::world::BOB;
use e2e::{Receiver, World};
use serde_json::json;
use store::destinations::{Destination, Target, list_destinations};

use super::broken::fail;

const EMAIL: &str = "E-mail address";
const SLACK: &str = "Slack webhook URL";

fn path(world: &World) -> String {
    format!("/projects/{}/destinations", world.project.id)
}

async fn add(alice: &Operator, world: &World, field: &str, value: &str) -> PageResponse {
    alice.submit(&path(world), &path(world), &[(field, value)]).await
}

async fn all(world: &World) -> Vec<Destination> {
    list_destinations(&world.pool, Some(world.project.id)).await.expect("destinations")
}

/// Presses Test and reads the next page.
async fn test(who: &Operator, world: &World, destination: &Destination) -> HtmlPage {
    let to = format!("{}/{}/test", path(world), destination.id);
    let response = who.submit(&path(world), &to, &[]).await;
    assert_eq!(response.location.as_deref(), Some(path(world).as_str()), "{}", response.body);
    who.page(&path(world)).await
}

async fn rename(who: &Operator, world: &World, name: &str, label: &str) -> PageResponse {
    let to = who.page(&path(world)).await.button(&format!("Rename {name}")).action;
    who.submit(&path(world), &to, &[("label", label)]).await
}

/// What the page says about the change just made.
fn message_of(page: &HtmlPage) -> String {
    page.message().expect("a message")
}

#[test]
fn an_address_is_added_tested_for_real_and_removed() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let heading = alice.page(&path(&world)).await.heading();
        assert_eq!(heading, "No one is notified when CometCart has an incident");
        let added = add(&alice, &world, "email", &BOB.to_uppercase()).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let bob = all(&world).await.remove(0);
        assert_eq!((bob.kind.as_str(), bob.address.as_str()), ("email", BOB));

        let page = test(&alice, &world, &bob).await;
        let accepted =
            format!("{BOB} accepted the test message. The answer: 250 2.0.0 queued as 7F3A");
        assert_eq!(message_of(&page), accepted);
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
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        add(&alice, &world, "email", BOB).await;
        for (field, typed, expected) in [
            (EMAIL, "", "Must be an e-mail address"),
            (EMAIL, "bob", "Must be an e-mail address"),
            (EMAIL, "Bob@CometCart.test", "This address already receives alerts."),
            (SLACK, "", "Must be a full address"),
            (SLACK, "http://hooks.slack.com/services/T/B/x", "Must begin with https://."),
            (SLACK, "https://10.0.0.1/services/T/B/x", "Must not point to 10.0.0.1"),
        ] {
            let name = if field == EMAIL { "email" } else { "slack" };
            let response = add(&alice, &world, name, typed).await;
            assert_eq!(response.status, 422, "{field} {typed}");
            let page = response.page();
            let error = page.error(field).expect("an error");
            assert!(error.starts_with(expected), "{field} {typed}: {error}");
            let kept = if field == EMAIL { typed } else { "" };
            assert_eq!(page.input(field).value, kept);
            assert!(typed.len() < 20 || !response.body.contains(typed), "{typed} is a secret");
        }
        assert_eq!(all(&world).await.len(), 1);
    });
}

#[test]
fn no_secret_of_a_rejected_destination_comes_back() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let long = "x".repeat(256);
        let secrets = ["SLACKAPPTOKEN", "SIGNINGSECRET", "NTFYTOPIC", "NTFYTOKEN", "ROUTINGKEY"];
        let [slack_token, signing_secret, topic, token, key] = secrets;
        let topic = format!("https://ntfy.sh/{topic}");
        for (form, kept) in [
            (
                vec![
                    ("slack_app", slack_token),
                    ("channel", "C0123ABCDEF"),
                    ("signing_secret", signing_secret),
                ],
                Some(("Channel ID", "C0123ABCDEF")),
            ),
            (vec![("ntfy", &*topic), ("token", token)], None),
            (vec![("pagerduty", key)], None),
        ] {
            let form = [form, vec![("label", &*long)]].concat();
            let response = alice.submit(&path(&world), &path(&world), &form).await;
            assert_eq!(response.status, 422, "{form:?}");
            let body = &response.body;
            assert!(body.contains("Enter it again."), "{body}");
            assert!(!secrets.iter().any(|secret| body.contains(secret)), "{body}");
            assert!(body.contains(&long), "the label is there: {body}");
            if let Some((title, typed)) = kept {
                assert_eq!(response.page().input(title).value, typed);
            }
        }
    });
}

#[test]
fn channels_are_told_apart_by_a_label_or_by_the_end_of_their_webhook() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let url =
            |end: &str| format!("https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrst{end}");
        for (end, label) in [("AbCd", " #payments "), ("WxYz", "")] {
            let form = [("slack", &*url(end)), ("label", label)];
            let added = alice.submit(&path(&world), &path(&world), &form).await;
            assert_eq!(added.status, 303, "{}", added.body);
        }
        let page = alice.get(&path(&world)).await;
        insta::assert_snapshot!(page.page().rows("Where alerts go").join("\n"), @"
        #payments Slack · hooks.slack.com Gets the first incident of a cause, then messages about the cause. | In use | [time] ago | Test #payments Rename… Send each incident to #payments Remove…
        Slack …WxYz Slack · hooks.slack.com Gets the first incident of a cause, then messages about the cause. | In use | [time] ago | Test Slack …WxYz Rename… Send each incident to Slack …WxYz Remove…
        ");
        let body = page.body;
        assert!(!body.contains("abcdefgh") && !body.contains("AbCd"), "{body}");

        let form = [("slack", &*url("AbCd")), ("label", &*"x".repeat(256))];
        let rejected = alice.submit(&path(&world), &path(&world), &form).await;
        assert_eq!(rejected.status, 422);
        let error = rejected.page().error("Label (optional)");
        assert_eq!(error.as_deref(), Some("Must have 1 to 255 characters."));

        let broken = "UPDATE destinations SET broken_at = now() WHERE label LIKE 'Slack%'";
        sqlx::query(broken).execute(&world.pool).await.expect("a database");
        let project = alice.page(&format!("/projects/{}", world.project.id)).await;
        let text = project.text();
        assert!(text.contains("Alerts no longer reach Slack …WxYz"), "{text}");
        assert_eq!(project.link("Slack …WxYz"), Some(path(&world)));
        let audit = alice.page("/audit?action=destination.").await.rows("Entries").join("\n");
        assert!(audit.contains("#payments") && audit.contains("Slack …WxYz"), "{audit}");
    });
}

#[test]
fn a_destination_is_renamed_and_has_its_default_name_again_where_the_field_is_empty() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        add(&alice, &world, "email", BOB).await;
        let url = "https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstWxYz";
        add(&alice, &world, "slack", url).await;
        for (name, label, message) in [
            (BOB, " Bob, on call ", "bob@cometcart.test is now called Bob, on call."),
            ("Bob, on call", "Bob, on call", "Bob, on call was called so already."),
            ("Slack …WxYz", "#payments", "Slack …WxYz is now called #payments."),
            ("#payments", " ", "#payments is now called Slack …WxYz."),
        ] {
            let renamed = rename(&alice, &world, name, label).await;
            assert_eq!(renamed.status, 303, "{}", renamed.body);
            assert_eq!(message_of(&alice.page(&path(&world)).await), message);
        }
        let page = alice.page(&path(&world)).await;
        insta::assert_snapshot!(page.rows("Where alerts go").join("\n"), @"
        Bob, on call E-mail · bob@cometcart.test Gets the first incident of a cause, then messages about the cause. | In use | [time] ago | Test Bob, on call Rename… Send each incident to Bob, on call Remove…
        Slack …WxYz Slack · hooks.slack.com Gets the first incident of a cause, then messages about the cause. | In use | [time] ago | Test Slack …WxYz Rename… Send each incident to Slack …WxYz Remove…
        ");
        assert_eq!(page.input("Label of Bob, on call").value, "Bob, on call");

        assert_eq!(page.input("Label of Slack …WxYz").value, "Slack …WxYz");
        let audit = alice.page("/audit?action=destination.renamed").await;
        let audit = audit.rows("Entries").join("\n");
        insta::assert_snapshot!(audit.replace(&world.project.id.to_string(), "prj_"), @"
        [time] | admin@cometcart.test | Destination renamed: #payments is now Slack …WxYz destination.renamed | CometCart prj_
        [time] | admin@cometcart.test | Destination renamed: Slack …WxYz is now #payments destination.renamed | CometCart prj_
        [time] | admin@cometcart.test | Destination renamed: bob@cometcart.test is now Bob, on call destination.renamed | CometCart prj_
        ");
    });
}

#[test]
fn a_label_that_is_too_long_comes_back_in_its_own_form() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let (field, long) = (format!("Label of {BOB}"), "x".repeat(256));
        assert_eq!(alice.page(&path(&world)).await.input(&field).value, "", "it has none");
        let rejected = rename(&alice, &world, BOB, &long).await;
        assert_eq!(rejected.status, 422);
        let page = rejected.page();
        assert_eq!(page.error(&field).as_deref(), Some("Must have 1 to 255 characters."));
        assert_eq!(page.input(&field).value, long);
        assert_eq!(page.errors().len(), 1, "the other forms are as they were");
        assert_eq!(all(&world).await[0].label, BOB);
    });
}

#[test]
fn a_slack_url_stays_secret_breaks_when_it_is_gone_twice_and_works_again_once_a_message_goes_through()
 {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let slack = Receiver::start().await.expect("a receiver");
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let added = add(&alice, &world, "slack", slack.url()).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let body = alice.get(&path(&world)).await.body;
        assert!(body.contains("127.0.0.1") && !body.contains("/repair"), "only its host: {body}");

        let channel = all(&world).await.remove(0);
        slack.respond_with(&[404, 404]);
        let page = test(&alice, &world, &channel).await;
        let message = message_of(&page);
        assert!(message.contains("did not accept the test message. The answer: 404"), "{message}");
        assert_eq!(page.badges(), ["[open] Failing for [time]"]);
        let row = page.rows("Where alerts go").join("");
        assert!(row.contains("1 attempt has failed. The next one is at"), "{row}");
        assert!(row.contains("The last answer: 404"), "{row}");
        assert!(all(&world).await[0].broken_at.is_none());
        sqlx::query("UPDATE destinations SET gone_at = gone_at - interval '10 minutes'")
            .execute(&world.pool)
            .await
            .expect("a database");
        let page = test(&alice, &world, &channel).await;
        assert_eq!(page.badges(), ["[open] Broken for [time]"]);
        let text = page.text();
        assert!(text.contains("Create a new webhook") && !text.contains("alert waits"), "{text}");
        assert!(all(&world).await[0].broken_at.is_some());
        fail(&world, "evt_1", &json!({})).await;
        let [row] =
            alice.page(&path(&world)).await.rows("Where alerts go").try_into().expect("one");
        assert!(row.contains(" 1 alert waits It answered twice"), "{row}");

        let page = test(&alice, &world, &channel).await;
        let message = message_of(&page);
        assert!(message.contains("accepted the test message. The answer: 200"), "{message}");
        assert_eq!(page.badges(), ["[done] In use"]);
        assert_eq!(slack.received().len(), 3);
        assert!(!page.html().contains("/repair"), "{}", page.html());
    });
}

#[test]
fn the_command_line_tests_a_destination_by_the_same_way() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let slack = Receiver::start().await.expect("a receiver");
        world.alert_bob().await;
        world.add_destination(&Target::Slack(slack.url().to_owned()), "127.0.0.1").await;
        let [bob, channel] = all(&world).await.try_into().expect("two destinations");
        let test = async |id: DestinationId| {
            let tested = world.cli(&["destination", "test", &id.to_string()]).await;
            tested.expect("a command")
        };
        let tested = json!({
            "destination_id": bob.id, "kind": "email", "delivered": true,
            "answer": "250 2.0.0 queued as 7F3A"
        });
        assert_eq!(test(bob.id).await, (0, tested));

        slack.respond_with(&[404]);
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
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let bob = all(&world).await.remove(0);
        let to = |what: &str| format!("{}/{}/{what}", path(&world), bob.id);
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let page = viewer.page(&path(&world)).await;
        insta::assert_snapshot!(page.rows("Where alerts go").join("\n"), @"bob@cometcart.test E-mail Gets the first incident of a cause, then messages about the cause. | In use | [time] ago | Testing needs the role operator");
        assert_eq!(page.buttons(), ["Sign out"]);
        assert_eq!(viewer.submit(&path(&world), &to("test"), &[]).await.status, 403);

        let operator = Operator::signed_in(&world, Role::Operator).await;
        let message = message_of(&test(&operator, &world, &bob).await);
        assert!(message.contains("accepted the test message"), "{message}");
        for rejected in [to("rename"), to("remove"), path(&world)] {
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
        for what in ["test", "rename", "remove"] {
            let response = admin.submit(&other, &format!("{other}/{}/{what}", bob.id), &[]).await;
            assert_eq!(response.status, 404, "{what}");
        }
        assert_eq!(world.mailbox.mails().len(), 1, "only bob's own project wrote to him");
        assert_eq!(all(&world).await.len(), 1);
    });
}
