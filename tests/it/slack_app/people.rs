//! Who an operator is in Slack: said on the page of their account and by the command line, each id once.

use domain::operator::Role;
use e2e::console::Operator;

use super::*;

const FIELD: &str = "Your member ID in Slack";

#[test]
fn an_operator_says_who_they_are_in_slack_and_no_two_are_the_same() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let form = |id| [("slack_user", id)];
        let wrong = bob.submit("/account", "/account/slack", &form("@bob")).await;
        assert_eq!(wrong.status, 422);
        let why = wrong.page().error(FIELD).expect("a reason");
        assert!(why.starts_with("Your member ID must be the member ID"), "{why}");
        assert_eq!(wrong.page().input(FIELD).value, "@bob");
        let saved = bob.submit("/account", "/account/slack", &form(" U0123ABCDEF ")).await;
        assert_eq!(saved.status, 303, "{}", saved.body);
        assert_eq!(bob.page("/account").await.input(FIELD).value, "U0123ABCDEF");

        e2e::console::add(&world.pool, "carol@cometcart.test", Role::Operator).await;
        let known = ["operator", "slack", "--email", "carol@cometcart.test"];
        let taken = [&known[..], &["--user", "U0123ABCDEF"]].concat();
        let (code, taken) = world.cli(&taken).await.expect("a command");
        assert_eq!((code, &taken["error"]["code"]), (1, &json!("validation_error")), "{taken}");
        let other = [&known[..], &["--user", "W0123ABCDEF"]].concat();
        let (code, other) = world.cli(&other).await.expect("a command");
        assert_eq!((code, &other["slack_user_id"]), (0, &json!("W0123ABCDEF")), "{other}");
        let refused = bob.submit("/account", "/account/slack", &form("W0123ABCDEF")).await;
        assert_eq!(
            refused.page().error(FIELD).as_deref(),
            Some("This member ID is another operator's.")
        );
        let (_, nobody) = world.cli(&[&known[..], &["--no-user"]].concat()).await.expect("it");
        assert_eq!(nobody["slack_user_id"], json!(null));
        let free = bob.submit("/account", "/account/slack", &form("W0123ABCDEF")).await;
        assert_eq!(free.status, 303);
        let changes =
            "SELECT count(*) FROM audit_entries WHERE action = 'operator.slack_user_changed'";
        let changes: i64 = sqlx::query_scalar(changes).fetch_one(&world.pool).await.expect("it");
        assert_eq!(changes, 4);
    });
}

#[test]
fn an_admin_says_who_others_are_in_slack() {
    run(async {
        let world = World::start_without_worker().await;
        let carol = e2e::console::add(&world.pool, "carol@cometcart.test", Role::Operator).await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        bob.submit("/account", "/account/slack", &[("slack_user", "U0123ABCDEF")]).await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/people/{carol}/slack");
        for (id, says) in
            [("carol", "must be the member ID"), ("U0123ABCDEF", "is another operator")]
        {
            let sent = alice.submit("/people", &path, &[("slack_user", id)]).await;
            assert_eq!(sent.status, 422, "{}", sent.body);
            assert!(sent.body.contains(says) && sent.body.contains(id), "{}", sent.body);
        }
        let sent = alice.submit("/people", &path, &[("slack_user", "U0000CAROL0")]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let message = alice.page("/people").await.message().expect("a message");
        assert!(message.contains("Saved."), "{message}");
        let people = alice.page("/people").await;
        let kept = people.input("Member ID of carol@cometcart.test in Slack").value;
        assert_eq!(kept, "U0000CAROL0");
    });
}
