//! Who says when telling waits, and what is wrong about it.

use api_types::alerting::{AlertRulesResponse, MaintenanceResponse};
use api_types::list::Listed;
use domain::alert_rules::AlertRules;
use domain::audit::Actor;
use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, run, until_lock_wait};
use reqwest::Method;
use serde_json::{Value, json};
use store::administration::alert_rules::set_rules;
use store::alert_rules::find_rules;

use crate::automation::script::{Script, bad_fields};

const NIGHT: &str = "22:00-07:00 Europe/Berlin";

async fn audited(world: &World) -> Vec<(String, Value)> {
    let sql = "SELECT action, detail - 'maintenance_id' - 'ends_at' FROM audit_entries
        WHERE action LIKE 'alert_rules.%' OR action LIKE 'maintenance.%' ORDER BY id";
    sqlx::query_as(sql).fetch_all(&world.pool).await.expect("the audit")
}

#[test]
fn the_command_line_sets_and_shows_when_telling_waits() {
    run(async {
        let world = World::start_without_worker().await;
        let id = world.project.id.to_string();
        let set = async |hours: &str| {
            let set = ["alerting", "set", "--project", &id, "--quiet-hours", hours];
            world.cli(&set).await.expect("a command")
        };
        let (code, printed) = set(NIGHT).await;
        assert_eq!((code, &printed["quiet_hours"]), (0, &json!(NIGHT)), "{printed}");
        assert_eq!(set(NIGHT).await.0, 0, "nothing changes");
        for wrong in ["night", "22:00-22:00 UTC", "22:00-07:00 Europe/Cologne"] {
            let (code, printed) = set(wrong).await;
            let message = printed["error"]["message"].as_str().unwrap_or_default();
            assert!(code != 0 && message.starts_with("quiet_hours "), "{wrong}: {printed}");
        }
        let (_, shown) =
            world.cli(&["alerting", "show", "--project", &id]).await.expect("a command");
        assert_eq!(shown["quiet_hours"], json!(NIGHT));
        assert_eq!(set("off").await.1["quiet_hours"], Value::Null);
        let rules: Vec<_> = audited(&world).await;
        let expected = [json!({ "quiet_hours": NIGHT }), json!({})];
        assert_eq!(rules.iter().map(|(_, it)| it.clone()).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn the_command_line_starts_lists_and_ends_maintenance() {
    run(async {
        let world = World::start_without_worker().await;
        let id = world.project.id.to_string();
        let start = ["maintenance", "start", "--project", &id, "--for", "10m"];
        let (_, first) = world.cli(&start).await.expect("a command");
        let (_, shown) =
            world.cli(&["alerting", "show", "--project", &id]).await.expect("a command");
        assert_eq!(shown["held_by"], json!("maintenance"), "{shown}");
        world.cli(&start).await.expect("a command");
        let first = first["maintenance_id"].as_str().expect("an id");
        let end = ["maintenance", "end", "--project", &id, "--maintenance", first];
        let (_, ended) = world.cli(&end).await.expect("a command");
        assert_eq!(ended["data"].as_array().map(Vec::len), Some(1), "{ended}");
        let (_, again) = world.cli(&end).await.expect("a command");
        assert_eq!(again["data"], json!([]), "it is over");
        let (_, listed) =
            world.cli(&["maintenance", "list", "--project", &id]).await.expect("a command");
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");
        for wrong in ["0m", "8d", "soon"] {
            let start = ["maintenance", "start", "--project", &id, "--for", wrong];
            let (code, printed) = world.cli(&start).await.expect("a command");
            let message = printed["error"]["message"].as_str().unwrap_or_default();
            assert!(code != 0 && message.starts_with("for must be a time"), "{printed}");
        }
    });
}

const ACTIONS: [&str; 4] =
    ["alert_rules.changed", "alert_rules.changed", "maintenance.started", "maintenance.ended"];

#[test]
fn a_deploy_script_starts_and_ends_a_maintenance() {
    run(async {
        let world = World::start_without_worker().await;
        let (rules, windows) = (
            format!("/{}/alert-rules", world.project.id),
            format!("/{}/maintenance", world.project.id),
        );
        let admin = Script::new(&world, Role::Admin).await;
        let none: AlertRulesResponse = admin.read(&rules).await;
        assert_eq!((none.quiet_hours, none.held_by), (None, None));
        let put = async |body: Value| admin.call(Method::PUT, &rules, Some(body)).await;
        let (status, set) = put(json!({ "quiet_hours": NIGHT })).await;
        assert_eq!((status, &set["quiet_hours"]), (200, &json!(NIGHT)));
        assert_eq!(put(json!({ "quiet_hours": "off" })).await.1["quiet_hours"], Value::Null);
        for wrong in [json!("night"), json!(7)] {
            let body = Some(json!({ "quiet_hours": wrong }));
            let (status, error) = admin.reject(Method::PUT, &rules, body).await;
            assert_eq!((status, bad_fields(&error)), (422, vec!["quiet_hours"]));
        }

        let script = Script::new(&world, Role::Operator).await;
        let body = json!({ "for": "10m", "reason": "deploy 42" });
        let started: MaintenanceResponse = script.send(&windows, body).await;
        assert_eq!(started.ends_at - started.started_at, time::Duration::minutes(10));
        let held: AlertRulesResponse = script.read(&rules).await;
        assert_eq!(held.held_until, Some(started.ends_at));
        let (status, error) =
            script.reject(Method::POST, &windows, Some(json!({ "reason": "" }))).await;
        assert_eq!((status, bad_fields(&error)), (422, vec!["for", "reason"]));
        let body = Some(json!({ "quiet_hours": "off" }));
        assert_eq!(script.call(Method::PUT, &rules, body).await.0, 403, "an admin's");
        let end = format!("{windows}/end");
        let ended: Listed<MaintenanceResponse> = script.send(&end, json!({})).await;
        assert_eq!(ended.data[0].maintenance_id, started.maintenance_id);
        let listed: Listed<MaintenanceResponse> = script.read(&windows).await;
        assert_eq!(listed.data, ended.data);
        let actions: Vec<_> = audited(&world).await.into_iter().map(|(action, _)| action).collect();
        assert_eq!(actions, ACTIONS);
    });
}

#[test]
fn the_console_sets_the_rules_and_shows_that_telling_waits() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/alerting", world.project.id);
        let wrong = alice.submit(&page, &page, &[("quiet_hours", "night")]).await;
        assert_eq!(wrong.status, 422, "{}", wrong.body);
        let error = wrong.page().error("Quiet hours").expect("an error");
        assert!(error.starts_with("Must be off, or two times of the day"), "{error}");
        assert_eq!(alice.submit(&page, &page, &[("quiet_hours", NIGHT)]).await.status, 303);
        assert!(alice.page(&page).await.html().contains(NIGHT));

        let maintenance = format!("/projects/{}/maintenance", world.project.id);
        let wrong = alice.submit(&page, &maintenance, &[("for", "8d")]).await;
        assert_eq!(
            wrong.page().error("For how long").as_deref(),
            Some("Must be a time from 1m to 7d, such as 10m, 2h or 1d.")
        );
        let started =
            alice.submit(&page, &maintenance, &[("for", "10m"), ("reason", "deploy")]).await;
        assert_eq!(started.status, 303, "{}", started.body);
        let shown = alice.page(&page).await;
        assert!(
            shown.heading().ends_with("is under maintenance: telling waits"),
            "{}",
            shown.heading()
        );
        let rows = shown.rows("Maintenance windows, the newest first");
        assert!(rows[0].starts_with("Lasts | ") && rows[0].contains("deploy"), "{rows:?}");
        it_is_said_where_somebody_waits_for_a_message(&world, &alice).await;
        assert_eq!(alice.submit(&page, &format!("{maintenance}/end"), &[]).await.status, 303);
        let rows = alice.page(&page).await.rows("Maintenance windows, the newest first");
        assert!(rows[0].starts_with("Over | "), "{rows:?}");
    });
}

#[test]
fn who_may_not_change_the_rules_reads_what_the_destinations_are_called() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let id = world.project.id.to_string();
        let on_call = ["--email", "oncall@example.com", "--label", "The night shift"];
        let add = [&["destination", "add", "--project", &id][..], &on_call].concat();
        let (code, added) = world.cli(&add).await.expect("a command");
        assert_eq!(code, 0, "{added}");
        let step = added["destination_id"].as_str().expect("an id");
        let escalate = ["--escalate-after", "30m", "--escalate-to", step];
        let set = [&["alerting", "set", "--project", &id][..], &escalate].concat();
        let (code, output) = world.cli(&set).await.expect("a command");
        assert_eq!(code, 0, "{output}");
        let bob = Operator::signed_in(&world, Role::Viewer).await;
        let text = bob.page(&format!("/projects/{id}/alerting")).await.text();
        assert!(text.contains("escalation after 30m to The night shift"), "{text}");
        assert!(!text.contains("dst_"), "{text}");
    });
}

#[test]
fn who_saves_rules_from_an_old_page_leaves_what_another_set_in_the_meantime() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let id = world.project.id.to_string();
        let page = format!("/projects/{id}/alerting");
        let shown = alice.page(&page).await.hidden("shown");
        let set = ["alerting", "set", "--project", &id, "--remind-every", "30m"];
        assert_eq!(world.cli(&set).await.expect("a command").0, 0);
        let form = [("shown", shown.as_str()), ("quiet_hours", NIGHT), ("remind_every", "")];
        assert_eq!(alice.submit(&page, &page, &form).await.status, 303);
        let show = ["alerting", "show", "--project", &id];
        let (_, rules) = world.cli(&show).await.expect("a command");
        let kept = (&rules["quiet_hours"], &rules["remind_every"]);
        assert_eq!(kept, (&json!(NIGHT), &json!("30m")), "{rules}");
    });
}

/// Does something while another operator sets how often people are reminded, who is done once that waits.
async fn meanwhile<T>(world: &World, remind_every: &str, doing: impl Future<Output = T>) -> T {
    let mut tx = world.pool.begin().await.expect("a transaction");
    let before = find_rules(&mut *tx, world.project.id).await.expect("rules");
    let remind_every = Some(remind_every.parse().expect("a time"));
    let rules = AlertRules { remind_every, ..before };
    let set = set_rules(&mut tx, &Actor::System, world.project.id, &rules).await;
    assert_eq!(set.expect("no rejection"), Some(true));
    let ending = async {
        until_lock_wait(&world.pool).await;
        tx.commit().await.expect("a commit");
    };
    tokio::join!(doing, ending).0
}

#[test]
fn of_two_who_set_rules_at_the_same_moment_neither_undoes_what_the_other_sets() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let id = world.project.id.to_string();
        let set = ["alerting", "set", "--project", &id, "--come-back-after", "1d"];
        assert_eq!(meanwhile(&world, "30m", world.cli(&set)).await.expect("a command").0, 0);
        let page = format!("/projects/{id}/alerting");
        let shown = alice.page(&page).await.hidden("shown");
        let form = [
            ("shown", shown.as_str()),
            ("quiet_hours", NIGHT),
            ("remind_every", "30m"),
            ("come_back_after", "1d"),
        ];
        assert_eq!(meanwhile(&world, "1h", alice.submit(&page, &page, &form)).await.status, 303);
        let show = ["alerting", "show", "--project", &id];
        let (_, rules) = world.cli(&show).await.expect("a command");
        let kept = ["remind_every", "come_back_after", "quiet_hours"].map(|name| &rules[name]);
        assert_eq!(kept, [&json!("1h"), &json!("1d"), &json!(NIGHT)], "{rules}");
    });
}

#[test]
fn the_end_of_one_maintenance_is_not_said_to_tell_people_while_another_lasts() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/alerting", world.project.id);
        let maintenance = format!("/projects/{}/maintenance", world.project.id);
        for length in ["10m", "2h"] {
            alice.submit(&page, &maintenance, &[("for", length)]).await;
        }
        let sql = "SELECT id FROM maintenance_windows ORDER BY id LIMIT 1";
        let first: domain::ids::MaintenanceId =
            sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a window");
        let end = format!("{maintenance}/end");
        alice.submit(&page, &end, &[("maintenance_id", &first.to_string())]).await;
        let message = alice.page(&page).await.message().expect("a message");
        assert!(message.contains("Telling still waits until "), "{message}");
        assert!(message.ends_with(" UTC: maintenance."), "{message}");
        alice.submit(&page, &end, &[]).await;
        let message = alice.page(&page).await.message().expect("a message");
        assert!(message.ends_with("Each destination is told in one digest."), "{message}");
    });
}

/// On the first page, and on the page of an incident that is not resolved.
async fn it_is_said_where_somebody_waits_for_a_message(world: &World, alice: &Operator) {
    let event_id = world.receipt("evt_1").await;
    let incident = format!("/incidents/{}", world.fail(event_id, json!({})).await);
    let first = alice.page("/incidents").await.text();
    assert!(first.contains("Telling waits for CometCart until "), "{first}");
    let waits = async || alice.page(&incident).await.text().contains("Telling waits until ");
    assert!(waits().await, "an open incident");
    world.result(event_id, "success", json!({})).await;
    assert!(!waits().await, "a resolved one");
}
