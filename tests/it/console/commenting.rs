//! Comments on incidents and on causes, and who is told of them.

use domain::operator::Role;
use e2e::console::{self, Operator};
use e2e::{World, eventually, run};
use reqwest::Method;
use serde_json::{Value, json};
use store::mentions;

use super::HOSTILE;
use super::broken::{assert_inert, fail};
use crate::automation::script::{Script, bad_fields};

async fn count(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn a_comment_is_on_the_timeline_and_whom_it_mentions_gets_one_mail() {
    run(async {
        let world = World::start().await;
        let bob = Operator::signed_in(&world, Role::Operator).await;
        console::add(&world.pool, "alice@northwind.test", Role::Viewer).await;
        let (event, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/incidents/{incident}");
        let text = "@alice, @operator and @nobody: is the disk full? alice@northwind.test";
        let sent = bob.submit(&path, &format!("{path}/comments"), &[("text", text)]).await;
        assert_eq!(sent.status, 303);
        let page = bob.page(&path).await.text();
        assert!(
            page.contains("is the disk full?") && page.contains("for alice@northwind.test"),
            "{page}"
        );
        let mail = eventually("the mail", async || {
            let mails = world.mailbox.mails();
            let mails = mails.into_iter().map(|mail| mail.replace("=\r\n", ""));
            let mut mails = mails.filter(|mail| mail.contains("To: alice@northwind.test"));
            mails.next()
        })
        .await;
        assert!(
            mail.contains("is the disk full?") && mail.contains(&incident.to_string()),
            "{mail}"
        );
        let told = "SELECT count(*) FROM mentions WHERE state = 'delivered' AND attempts = 1";
        eventually("a mention that is over", async || {
            (count(&world, told).await == 1).then_some(())
        })
        .await;
        assert_eq!(count(&world, "SELECT count(*) FROM mentions").await, 1, "not its author");
        let again = activities::mentions::send_due(&world.deps()).await.expect("a database");
        assert_eq!(again, 0, "once");

        let empty = bob.submit(&path, &format!("{path}/comments"), &[("text", " ")]).await;
        assert_eq!(empty.status, 422);
        let error = empty.page().error("Comment").expect("an error");
        assert_eq!(error, "A comment must have 1 to 2000 characters.");
        bob.submit(&path, &format!("{path}/comments"), &[("text", HOSTILE)]).await;
        assert_inert(&bob.get(&path).await.body);
        let said =
            count(&world, "SELECT count(*) FROM audit_entries WHERE action = 'incident.commented'");
        assert_eq!(said.await, 2);
        let (_, shown) =
            world.cli(&["event", "show", &event.to_string()]).await.expect("a command");
        assert!(shown.to_string().contains("incident.commented"), "{shown}");
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, to be read as a whole")]
fn what_is_said_of_a_cause_is_above_its_incidents_and_never_on_a_proof() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let project = format!("/{}", world.project.id);
        let causes: Value = script.read(&format!("{project}/causes")).await;
        let cause = causes["data"][0]["cause_id"].as_str().expect("an id").to_owned();
        let comments = format!("{project}/causes/{cause}/comments");
        let body = json!({ "text": "all of one shard, @viewer" });
        let (status, said) = script.post(&comments, body).await;
        assert_eq!(
            (status, &said["mentioned"]),
            (201, &json!(["viewer@cometcart.test"])),
            "{said}"
        );
        let text = ["cause", "comment", &cause, "--text", "the shard is back"];
        assert_eq!(world.cli(&text).await.expect("a command").0, 0);
        let listed: Value = script.read(&comments).await;
        let texts = [&listed["data"][0]["text"], &listed["data"][1]["text"]];
        assert_eq!(texts, [&json!("all of one shard, @viewer"), &json!("the shard is back")]);
        let (_, shown) = world.cli(&["cause", "comments", &cause]).await.expect("a command");
        assert_eq!(shown["data"].as_array().map(Vec::len), Some(2));
        let page = viewer.page(&format!("/incidents?cause={cause}")).await.text();
        assert!(page.contains("all of one shard") && page.contains("the shard is back"), "{page}");

        let on_incident = format!("{project}/incidents/{incident}/comments");
        script.post(&on_incident, json!({ "text": "canary-comment" })).await;
        let link = format!("{project}/incidents/{incident}/proof-links");
        let link: Value = script.send(&link, json!({ "days": 1 })).await;
        let url = link["url"].as_str().expect("a link");
        let proof =
            Operator::stranger(&world).get(&url[url.find("/proof/").expect("a path")..]).await;
        assert!(!proof.body.contains("canary-comment") && !proof.body.contains("shard"));
        for (path, status) in [(&comments, 422), (&on_incident, 422)] {
            let empty = json!({ "text": "" });
            let (got, error) = script.reject(Method::POST, path, Some(empty)).await;
            assert_eq!((got, bad_fields(&error)), (status, vec!["text"]));
        }
        let elsewhere = format!("{project}/causes/cau_00000000000000000000000001/comments");
        assert_eq!(script.get(&elsewhere).await.0, 404);
    });
}

#[test]
fn a_mail_that_is_not_taken_is_tried_again_and_given_up_after_a_day() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        console::add(&world.pool, "alice@northwind.test", Role::Viewer).await;
        console::add(&world.pool, "gone@northwind.test", Role::Viewer).await;
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/{}/incidents/{incident}/comments", world.project.id);
        script.post(&path, json!({ "text": "@alice @gone" })).await;
        sqlx::query("UPDATE operators SET removed_at = now() WHERE email = 'gone@northwind.test'")
            .execute(&world.pool)
            .await
            .expect("removed");
        world.mailbox.respond_to_recipients_with(&["451 4.3.0 later", "451 4.3.0 later"]);
        let due = async || activities::mentions::send_due(&world.deps()).await.expect("a database");
        assert_eq!(due().await, 2);
        assert_eq!(due().await, 0, "not yet again");
        let states = "SELECT string_agg(state, ' ' ORDER BY state) FROM mentions";
        let states = async || -> String {
            sqlx::query_scalar(states).fetch_one(&world.pool).await.expect("states")
        };
        assert_eq!(states().await, "given_up pending");
        sqlx::query(
            "UPDATE mentions SET due_at = now(), created_at = created_at - interval '25 hours'",
        )
        .execute(&world.pool)
        .await
        .expect("a day that passed");
        assert_eq!(due().await, 1);
        assert_eq!(states().await, "given_up given_up");
        let given_up = "SELECT count(*) FROM audit_entries WHERE action = 'mention.given_up'";
        assert_eq!(count(&world, given_up).await, 1, "of who is gone nothing is said");
    });
}

#[test]
fn who_claims_a_mention_keeps_no_other_waiting_and_has_it_for_as_long_as_a_mail_may_take() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Operator).await;
        for email in ["alice@northwind.test", "dora@northwind.test"] {
            console::add(&world.pool, email, Role::Viewer).await;
        }
        let (_, incident) = fail(&world, "evt_1", &json!({})).await;
        let path = format!("/{}/incidents/{incident}/comments", world.project.id);
        script.post(&path, json!({ "text": "@alice @dora" })).await;
        let claimed = mentions::claim_next(&world.pool).await.expect("a database");
        assert!(claimed.is_some(), "and its worker dies");
        let due = async || activities::mentions::send_due(&world.deps()).await.expect("a database");
        assert_eq!(due().await, 1, "the other one");
        for (seconds, expected) in [(80.0_f64, 0), (60.0, 1)] {
            sqlx::query("UPDATE mentions SET due_at = due_at - make_interval(secs => $1)")
                .bind(seconds)
                .execute(&world.pool)
                .await
                .expect("a time that passed");
            assert_eq!(due().await, expected, "a mail server may take 75 s");
        }
        assert_eq!(world.mailbox.mails().len(), 2);
    });
}
