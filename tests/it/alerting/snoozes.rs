//! Snoozed incidents: told again when it is over, and not before.

use api_types::alerting::SnoozeResponse;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{CODE, change, fail, header};
use crate::automation::script::{Script, bad_fields};

async fn cli(world: &World, arguments: &[&str]) -> (i32, Value) {
    world.cli(arguments).await.expect("a command")
}

/// What workers do in a minute, after the time of each snooze has come.
async fn be_over(world: &World) {
    change(world, "UPDATE snoozes SET until = now() WHERE until IS NOT NULL").await;
    tokio::join!(world.send_notices(), world.send_notices());
    world.send_notices().await;
}

#[test]
fn a_snoozed_incident_is_back_when_its_time_has_come_in_one_message_for_all() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        change(
            &world,
            "INSERT INTO alert_rules (project_id, remind_every) SELECT id, 30 FROM projects",
        )
        .await;
        let first = fail(&world, "evt_1", CODE).await;
        let second = fail(&world, "evt_2", "card_error").await;
        for event_id in [first, second] {
            let id = world.incident(event_id).await.id.to_string();
            let (code, printed) = cli(&world, &["incident", "snooze", &id, "--for", "4h"]).await;
            assert_eq!((code, &printed["snoozed"]), (0, &json!(true)), "{printed}");
        }
        world.send_notices().await;
        change(&world, "UPDATE cause_waits SET told_at = told_at - interval '1 hour'").await;
        world.send_notices().await;
        assert_eq!(world.mailbox.mails().len(), 2, "no reminder of what is snoozed");
        be_over(&world).await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 3);
        assert!(
            header(&mails[2], "Subject").ends_with("2 snoozed incidents are back"),
            "{}",
            mails[2]
        );
        let timeline = world.timeline(first).await;
        let snooze = ["incident.snoozed", "incident.snooze_ended", "incident.reminded"];
        assert!(timeline.ends_with(&snooze.map(str::to_owned)), "{timeline:?}");
    });
}

#[test]
fn however_many_snoozes_are_over_one_statement_ends_them() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        for name in ["evt_1", "evt_2", "evt_3"] {
            let id = world.incident(fail(&world, name, CODE).await).await.id.to_string();
            assert_eq!(cli(&world, &["incident", "snooze", &id, "--for", "4h"]).await.0, 0);
        }
        let resolved = world.receipt("evt_4").await;
        world.result(resolved, "failed", json!({"error_code": CODE})).await;
        let id = world.incident(resolved).await.id.to_string();
        assert_eq!(cli(&world, &["incident", "snooze", &id, "--for", "4h"]).await.0, 0);
        world.succeed_and_alert(resolved).await;
        change(&world, "UPDATE snoozes SET until = now()").await;
        world.send_notices().await;
        // Rows that one statement of a transaction wrote have the same `cmin`.
        let sql = "SELECT ended_by, count(*), count(reminder_id), count(DISTINCT (xmin::text, cmin::text)) FROM snoozes
            GROUP BY ended_by ORDER BY ended_by";
        let ended: Vec<(String, i64, i64, i64)> =
            sqlx::query_as(sql).fetch_all(&world.pool).await.expect("snoozes");
        assert_eq!(ended, [("resolved".to_owned(), 1, 0, 1), ("time".to_owned(), 3, 3, 1)]);
    });
}

#[test]
fn a_snooze_ends_with_the_next_incident_of_its_cause_by_hand_or_with_its_own() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let first = fail(&world, "evt_1", CODE).await;
        let id = world.incident(first).await.id.to_string();
        assert_eq!(cli(&world, &["incident", "snooze", &id, "--until-next"]).await.0, 0);
        be_over(&world).await;
        fail(&world, "evt_2", "card_error").await;
        be_over(&world).await;
        assert_eq!(world.mailbox.mails().len(), 2, "of another cause");
        fail(&world, "evt_3", CODE).await;
        be_over(&world).await;
        let mails = world.mailbox.mails();
        let last = header(mails.last().expect("a mail"), "Subject");
        assert!(last.ends_with("1 snoozed incident is back"), "{last}");

        let told = mails.len();
        assert_eq!(cli(&world, &["incident", "snooze", &id, "--for", "5m"]).await.0, 0);
        let (_, ended) = cli(&world, &["incident", "unsnooze", &id]).await;
        assert_eq!(ended["snoozed"], json!(false));
        be_over(&world).await;
        assert_eq!(cli(&world, &["incident", "snooze", &id, "--for", "5m"]).await.0, 0);
        world.succeed_and_alert(first).await;
        be_over(&world).await;
        let back = |mail: &String| header(mail, "Subject").contains("snoozed");
        let mails = world.mailbox.mails();
        assert!(!mails[told..].iter().any(back), "{mails:?}");
        let sql = "SELECT ended_by FROM snoozes ORDER BY id";
        let ends: Vec<String> = sqlx::query_scalar(sql).fetch_all(&world.pool).await.expect("ends");
        assert_eq!(ends, ["next_of_cause", "operator", "resolved"]);
        let (code, printed) = cli(&world, &["incident", "snooze", &id, "--for", "5m"]).await;
        assert!(code != 0 && printed["error"]["code"] == "incident_conflict", "{printed}");
    });
}

/// What is typed goes before what is chosen; then the incident is not snoozed.
async fn type_a_time(bob: &Operator, page: &str, script: &Script<'_>, path: &str) {
    let snooze = format!("{page}/snooze");
    bob.submit(page, &format!("{page}/unsnooze"), &[]).await;
    bob.submit(page, &snooze, &[("for", "4h"), ("typed", " 36h ")]).await;
    let in_a_day = OffsetDateTime::now_utc() + Duration::DAY;
    let snoozed: SnoozeResponse = script.read(path).await;
    assert!(snoozed.until.is_some_and(|until| until > in_a_day), "{snoozed:?}");
    bob.submit(page, &format!("{page}/unsnooze"), &[]).await;
}

#[test]
fn a_script_and_the_console_snooze_and_say_what_is_wrong() {
    run(async {
        let world = World::start_without_worker().await;
        let event_id = fail(&world, "evt_1", CODE).await;
        let id = world.incident(event_id).await.id;
        let path = format!("/{}/incidents/{id}/snooze", world.project.id);
        let script = Script::new(&world, Role::Operator).await;
        let none: SnoozeResponse = script.read(&path).await;
        assert!(!none.snoozed);
        for (body, field) in [
            (json!({}), "until"),
            (json!({ "for": "1m" }), "for"),
            (json!({ "until": "tomorrow" }), "until"),
            (json!({ "until": "2020-01-01T00:00:00Z" }), "until"),
            (json!({ "until": "2199-01-01T00:00:00Z" }), "until"),
            (json!({ "for": "4h", "until_next": true }), "until"),
            (json!({ "for": "4h", "note": "" }), "note"),
        ] {
            let (status, error) = script.reject(Method::POST, &path, Some(body.clone())).await;
            assert_eq!((status, bad_fields(&error)), (422, vec![field]), "{body}: {error:?}");
        }
        let body = json!({ "until_next": true, "note": "the bank knows" });
        let snoozed: SnoozeResponse = script.send(&path, body).await;
        assert_eq!((snoozed.snoozed, snoozed.until), (true, None));
        let viewer = Script::new(&world, Role::Viewer).await;
        assert_eq!(viewer.call(Method::DELETE, &path, None).await.0, 403);
        let (status, ended) = script.call(Method::DELETE, &path, None).await;
        assert_eq!((status, &ended["snoozed"]), (200, &json!(false)));

        let bob = Operator::signed_in(&world, Role::Operator).await;
        let page = format!("/incidents/{id}");
        let response = bob.submit(&page, &format!("{page}/snooze"), &[("for", "4h")]).await;
        assert_eq!(response.status, 303, "{}", response.body);
        let text = bob.page(&page).await.text();
        assert!(text.contains("Snoozed by"), "{text}");
        let wrong = bob.submit(&page, &format!("{page}/snooze"), &[("for", "soon")]).await;
        assert_eq!(wrong.status, 422);
        type_a_time(&bob, &page, &script, &path).await;
        let open: SnoozeResponse = script.read(&path).await;
        assert!(!open.snoozed);
    });
}
