//! Results that never found their receipt: in the audit, on the project's page, and reported once a
//! day.

use domain::operator::Role;
use domain::retention::Rule;
use e2e::console::Operator;
use e2e::{World, run};
use serde_json::json;
use sqlx::AssertSqlSafe;
use store::notices::{self, NoticeClaim};
use store::retention;

/// Reports results whose receipts never come, and lets 24 hours pass.
async fn report(world: &World, ids: &[String]) {
    report_as(world, "success", ids).await;
}

async fn report_as(world: &World, status: &str, ids: &[String]) {
    for id in ids {
        let body = json!({ "provider_event_id": id, "status": status });
        let (status, response) = world.post("/api/v1/result", &body).await;
        assert_eq!(status, 202, "{response}");
    }
    change(world, "UPDATE early_results SET received_at = now() - interval '25 hours'").await;
    let given_up = retention::delete_due(&world.pool, Rule::EarlyResults).await.expect("given up");
    assert_eq!(usize::try_from(given_up.total()).expect("a count"), ids.len());
}

fn ids(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("evt_{n}")).collect()
}

async fn change(world: &World, sql: &'static str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.pool).await.expect("a database");
}

/// A day later.
async fn tomorrow(world: &World) {
    let earlier = "UPDATE notices SET day = (SELECT min(day) FROM notices) - 1,
                       created_at = created_at - interval '25 hours'
                   WHERE day = (SELECT max(day) FROM notices)";
    change(world, earlier).await;
}

async fn audited(world: &World, action: &str) -> Vec<serde_json::Value> {
    let entries = "SELECT detail FROM audit_log WHERE action = $1 ORDER BY at";
    sqlx::query_scalar(entries).bind(action).fetch_all(&world.pool).await.expect("the audit")
}

async fn notify(world: &World) -> i64 {
    world.send_notices().await
}

#[test]
fn several_processes_tell_each_destination_once_a_day_and_nothing_twice() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        assert_eq!(notify(&world).await, 0, "nothing happened");
        report(&world, &ids(1..8)).await;
        let before = world.notice_attempts().await;
        tokio::join!(world.send_notices(), world.send_notices());
        assert_eq!(world.notice_attempts().await - before, 1);
        let mails = world.mailbox.wait_for(1).await;
        let mail = mails[0].replace("=\r\n", "");
        let subject = "Subject: [CometCart test] 7 results never found their receipt";
        assert!(mail.contains(subject), "{mail}");
        for text in ["- evt_7", "- evt_3", "- and 2 more", "The receipt call failed"] {
            assert!(mail.contains(text), "{text}: {mail}");
        }
        assert!(!mail.contains("evt_2"), "five are enough: {mail}");
        let link = format!("{}/audit?action", world.url);
        assert!(mail.contains(&link), "{mail}");
        assert_eq!(audited(&world, "alert.delivered").await[0]["alert"], "results_unclaimed");

        report(&world, &ids(8..10)).await;
        assert_eq!(notify(&world).await, 0, "once a day");
        tomorrow(&world).await;
        assert_eq!(notify(&world).await, 1);
        let mails = world.mailbox.wait_for(2).await;
        assert!(mails[1].contains("2 results never found their receipt"), "{}", mails[1]);
        assert!(mails[1].contains("evt_9") && !mails[1].contains("evt_7"), "{}", mails[1]);
        tomorrow(&world).await;
        assert_eq!(notify(&world).await, 0, "all is told");
    });
}

#[test]
fn failures_among_them_are_counted_and_named_first() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        report_as(&world, "failed", &ids(1..3)).await;
        report(&world, &ids(3..9)).await;
        assert_eq!(notify(&world).await, 1);
        let mails = world.mailbox.wait_for(1).await;
        let mail = mails[0].replace("=\r\n", "");
        for text in [
            "8 results never found their receipt, 2 of them failures",
            "failures first",
            "the 2 failures opened no incident",
        ] {
            assert!(mail.contains(text), "{text}: {mail}");
        }
        let at = |id: &str| mail.find(&format!("- {id}")).unwrap_or_else(|| panic!("{id}: {mail}"));
        assert!(at("evt_2") < at("evt_8") && at("evt_1") < at("evt_8"), "{mail}");

        let bob = Operator::signed_in(&world, Role::Viewer).await;
        for page in ["/overview".to_owned(), format!("/projects/{}", world.project.id)] {
            let shown = bob.page(&page).await.text();
            assert!(shown.contains("2 of them failures"), "{page}: {shown}");
        }
    });
}

#[test]
fn whoever_dies_around_the_message_lets_it_be_sent_again_under_the_same_id() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        report(&world, &ids(1..2)).await;
        assert_eq!(notices::enqueue_notices(&world.pool).await.expect("a database"), 1);
        let id = sqlx::query_scalar("SELECT id FROM notices").fetch_one(&world.pool).await;
        let mut tx = world.pool.begin().await.expect("a transaction");
        let claimed = notices::claim_notice(&mut tx, id.expect("a notice")).await;
        assert!(
            matches!(claimed, Ok(NoticeClaim::Send(_))),
            "it dies before the message: {claimed:?}"
        );
        tx.commit().await.expect("a commit");
        assert_eq!(notify(&world).await, 0, "another may still be at it");
        change(&world, "UPDATE notices SET due_at = now()").await;
        assert_eq!(notify(&world).await, 1);
        // It dies after the message, before its note.
        change(&world, "UPDATE notices SET state = 'pending', due_at = now()").await;
        assert_eq!(notify(&world).await, 1);
        let mails = world.mailbox.wait_for(2).await;
        let id = |mail: &str| {
            let line = mail.lines().find(|line| line.starts_with("Message-ID: "));
            line.expect("an id").to_owned()
        };
        assert_eq!(id(&mails[0]), id(&mails[1]));
        assert!(id(&mails[0]).contains("results-unclaimed.dst_"), "{}", mails[0]);
        assert!(mails[0].contains("1 result never found its receipt"), "{}", mails[0]);
        assert_eq!(notify(&world).await, 0);
    });
}

#[test]
fn a_destination_that_takes_nothing_is_given_up_after_a_day_and_a_removed_one_now() {
    run(async {
        let world = World::start_without_worker().await;
        let slack = world.alert_slack().await;
        report(&world, &ids(1..2)).await;
        slack.respond_with(&[503]);
        assert_eq!(notify(&world).await, 1);
        assert_eq!(notify(&world).await, 0, "not before half a minute");
        change(&world, "UPDATE destinations SET retry_at = now()").await;
        assert_eq!(notify(&world).await, 1);
        let calls = slack.wait_for(2).await;
        let notice = String::from_utf8_lossy(&calls[1].body).into_owned();
        assert!(notice.contains("1 result never found its receipt"), "{notice}");
        assert_eq!(audited(&world, "alert.delivered").await.len(), 1);

        for (number, removed) in [(2, false), (3, true)] {
            tomorrow(&world).await;
            report(&world, &ids(number..number + 1)).await;
            assert_eq!(notices::enqueue_notices(&world.pool).await.expect("a database"), 1);
            if removed {
                change(&world, "UPDATE destinations SET removed_at = now()").await;
            } else {
                slack.respond_with(&[503]);
                let old = "UPDATE notices SET created_at = now() - interval '24 hours 1 minute'
                           WHERE state = 'pending'";
                change(&world, old).await;
            }
            assert_eq!(notify(&world).await, 1);
        }
        let given_up = audited(&world, "alert.given_up").await;
        assert!(given_up[0]["why"].as_str().expect("text").contains("503"), "{given_up:?}");
        assert_eq!(given_up[1]["why"], "the destination was removed");
    });
}

#[test]
fn a_worker_tells_without_being_asked() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        report(&world, &ids(1..2)).await;
        world.start_worker();
        let mails = world.mailbox.wait_for(1).await;
        assert!(mails[0].contains("1 result never found its receipt"), "{}", mails[0]);
    });
}

#[test]
fn the_projects_page_counts_them_and_leads_to_the_list() {
    run(async {
        let world = World::start_without_worker().await;
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let page = format!("/projects/{}", world.project.id);
        let before = bob.page(&page).await.text();
        assert!(!before.contains("Unclaimed results"), "{before}");
        report(&world, &ids(1..3)).await;
        let shown = bob.page(&page).await;
        let text = shown.text();
        assert!(text.contains("2 results never found their receipt in the last 7 days."), "{text}");
        let link = shown.link("2 results never found their receipt").expect("a link");
        let list = bob.page(&link).await.rows("Entries").join("\n");
        for wanted in ["A result never found its receipt", "evt_1", "evt_2"] {
            assert!(list.contains(wanted), "{wanted}: {list}");
        }
    });
}
