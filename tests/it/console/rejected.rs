//! What was typed stays where it is rejected, with the reason beside its field, in every form of a page that has several.

use std::time::Duration;

use domain::ids::CauseId;
use domain::operator::Role;
use e2e::browser::{Browser, PageOptions};
use e2e::console::{self, Operator};
use e2e::{World, run};
use serde_json::json;

use super::broken::fail;

const SOON: Duration = Duration::from_secs(30);
const TOO_LONG: &str = "A comment must have 1 to 2000 characters.";

#[test]
fn a_rejected_time_of_a_snooze_and_a_rejected_comment_stay_in_their_fields() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let form = [("for", "1d"), ("typed", "soon")];
        let again = bob.submit(&path, &format!("{path}/snooze"), &form).await;
        assert_eq!(again.status, 422);
        let page = again.page();
        assert_eq!(page.input("or for").value, "soon");
        assert_eq!(page.input("Tell nobody again").value, "for a day");
        let error = page.error("or for").expect("an error");
        assert!(error.starts_with("The time must be"), "{error}");
        let lives_at = format!("<link rel=\"canonical\" href=\"{path}\">");
        assert!(again.body.contains(&lives_at), "{}", again.body);
        assert!(!bob.page(&path).await.text().contains("Snoozed by"));

        let long = "x".repeat(2_001);
        let again = bob.submit(&path, &format!("{path}/comments"), &[("text", &long)]).await;
        assert_eq!(again.status, 422);
        let page = again.page();
        assert_eq!(page.input("Comment").value, long);
        assert_eq!(page.error("Comment").as_deref(), Some(TOO_LONG));
        assert_eq!(page.input("or for").value, "", "of this form alone");
    });
}

#[test]
fn a_rejected_comment_on_a_cause_stays_above_its_incidents() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        fail(&world, "evt_1", &json!({})).await;
        let cause = sqlx::query_scalar("SELECT cause FROM incidents").fetch_one(&world.pool);
        let cause = CauseId::from_uuid(cause.await.expect("a cause"));
        let list = format!("/incidents?cause={cause}");
        let long = "x".repeat(2_001);
        let to = format!("/causes/{cause}/comments");
        let again = bob.submit(&list, &to, &[("text", &long)]).await;
        assert_eq!(again.status, 422);
        let page = again.page();
        assert_eq!(page.input("Comment").value, long);
        assert_eq!(page.error("Comment").as_deref(), Some(TOO_LONG));
        assert!(page.text().contains("user_456"), "the incidents are below: {}", page.text());
        let lives_at = format!("<link rel=\"canonical\" href=\"{list}\">");
        assert!(again.body.contains(&lives_at), "{}", again.body);
    });
}

#[test]
fn a_note_that_came_too_late_can_be_said_as_a_comment() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let to = format!("{path}/resolve");
        alice.submit(&path, &to, &[("note", "credits added")]).await;
        let late = bob.submit(&path, &to, &[("note", "a refund,\r\nbob")]).await;
        assert_eq!(late.status, 409);
        let page = late.page();
        let message = page.message().expect("a message");
        assert!(message.contains("already resolved the incident"), "{message}");
        assert!(message.ends_with("in the field for a comment."), "{message}");
        assert_eq!(page.input("Comment").value, "a refund,\nbob");
    });
}

#[test]
fn a_rejected_member_id_stays_in_the_row_of_its_operator() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let id = console::add(&world.pool, "bob@cometcart.test", Role::Operator).await;
        let to = format!("/people/{id}/slack");
        let again = alice.submit("/people", &to, &[("slack_user", "@bob")]).await;
        assert_eq!(again.status, 422);
        let page = again.page();
        let label = "Member ID of bob@cometcart.test in Slack";
        assert_eq!(page.input(label).value, "@bob");
        let error = page.error(label).expect("an error");
        assert!(error.starts_with("A member ID "), "{error}");
        assert_eq!(page.errors().len(), 1);

        let own = console::add(&world.pool, &alice.email, Role::Admin).await;
        let mine = [("slack_user", "U0123ABCDEF")];
        alice.submit("/people", &format!("/people/{own}/slack"), &mine).await;
        let taken = alice.submit("/people", &to, &mine).await;
        assert_eq!(taken.page().input(label).value, "U0123ABCDEF");
        let error = taken.page().error(label);
        assert_eq!(error.as_deref(), Some("This member ID is another operator's."));
    });
}

#[test]
fn of_two_forms_with_the_same_fields_the_one_that_was_sent_says_what_is_wrong() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let project = format!("/projects/{}", world.project.id);
        let names = format!("{project}/names");
        let again = alice.submit(&project, &names, &[("effect_type", " ")]).await;
        assert_eq!(again.status, 422);
        assert_eq!(again.page().error("Effect").as_deref(), Some("Is required."));
        assert_eq!(again.page().errors().len(), 1);

        let extensions = format!("{project}/extensions");
        let form = [
            ("url", "https://shop.example.com/verify"),
            ("point", "before_incident"),
            ("trust", "blindly"),
            ("budget_seconds", "4"),
        ];
        let again = alice.submit(&extensions, &extensions, &form).await;
        assert_eq!(again.status, 422);
        let page = again.page();
        assert_eq!(page.input("Endpoint URL").value, "https://shop.example.com/verify");
        assert_eq!(page.errors().len(), 2, "{:?}", page.errors());
        assert!(again.body.contains("id=\"url-trust-wrong\""), "{}", again.body);
        assert!(again.body.contains("id=\"url-budget-wrong\""), "{}", again.body);
    });
}

#[test]
fn what_was_typed_is_still_there_after_the_page_has_refreshed_itself() {
    run(async {
        let world = World::start_without_worker().await;
        console::add(&world.pool, "alice@cometcart.test", Role::Admin).await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let page = Browser::start().await.page(PageOptions::default()).await;
        page.open(&format!("{}{path}", world.url)).await;
        console::sign_in_on(&page, "alice@cometcart.test").await;
        page.wait_for_text("What happened", SOON).await;
        page.fill_label("or for", "soon").await;
        page.click("button/Snooze").await;
        page.wait_for_text("The time must be", SOON).await;
        bob.submit(&path, &format!("{path}/acknowledge"), &[]).await;
        page.wait_for_text("Acknowledged by operator", SOON).await;
        assert_eq!(page.text(".stale").await, "", "it is fetched from where it is");
        assert_eq!(page.attribute("#snooze-typed", "value").await.as_deref(), Some("soon"));
    });
}
