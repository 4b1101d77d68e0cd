//! Automatic reprocess on real engines: an effect heals without a person, the policy stops and says
//! so, and whatever dies in between, what was decided happens.

use domain::catalogue::EffectType;
use domain::ids::{EventId, IncidentId};
use domain::incident::{IncidentState, Resolution};
use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::SHORT;
use e2e::{World, WorldOptions, eventually, run, temporal};
use serde_json::{Value, json};
use store::policies::find_policy;

async fn cli(world: &World, arguments: &[&str]) -> Value {
    let (code, output) = world.cli(arguments).await.expect("a command");
    assert_eq!(code, 0, "{output}");
    output
}

async fn set(world: &World, more: &[&str]) -> Value {
    let project = world.project.id.to_string();
    let set = ["policy", "set", "--project", &project, "--effect-type", "credit_grant", "--auto"];
    cli(world, &[&set[..], more].concat()).await
}

async fn fail(world: &World, customer: &str, code: &str) -> (EventId, IncidentId) {
    let mut body = e2e::world::receipt(&format!("evt_{customer}"));
    body["internal_reference"] = json!(customer);
    let event_id = world.send_receipt(&body).await;
    (event_id, world.fail(event_id, json!({ "error_code": code })).await)
}

async fn actors(world: &World, event_id: EventId, action: &str) -> Vec<String> {
    let entries = store::timeline::list_for_event(&world.pool, event_id).await.expect("a timeline");
    entries.into_iter().filter(|entry| entry.action == action).map(|entry| entry.actor).collect()
}

#[test]
fn a_missed_effect_heals_without_a_person_and_people_are_told_beside_it() {
    run(async {
        let world = World::start_with(WorldOptions::with_timeout(SHORT * 3)).await;
        world.alert_bob().await;
        set(&world, &[]).await;
        let event_id = world.receipt("evt_1").await;
        let callback = world.repair.wait_for(1).await.remove(0);
        let replay_id = callback.json()["replay_id"].clone();
        let alert = world.mailbox.wait_for(1).await.remove(0);
        assert!(alert.contains("reprocessed automatically"), "{alert}");
        world.result(event_id, "success", json!({ "replay_id": replay_id })).await;
        let resolved =
            world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        assert_eq!(resolved.resolution, Some(Resolution::Reprocessed));
        temporal::finished(&world.temporal().await, event_id).await;
        assert_eq!(actors(&world, event_id, "reprocess.requested").await, ["policy"]);
        let shown = cli(&world, &["incident", "show", &resolved.id.to_string()]).await;
        assert_eq!(shown["reprocesses"][0]["requested_by"], "policy");
        world.mailbox.wait_for(2).await;
    });
}

#[test]
fn an_endpoint_that_fails_and_then_heals_is_asked_again_and_nobody_is_alarmed() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        set(&world, &["--attempts", "2", "--delay", "1s", "--wait-alerts"]).await;
        world.repair.respond_with(&[422]);
        let (event_id, _) = fail(&world, "user_1", "locked").await;
        let callbacks = world.repair.wait_for(2).await;
        let ids: Vec<_> = callbacks.iter().map(|it| it.json()["replay_id"].clone()).collect();
        assert_ne!(ids[0], ids[1], "two reprocesses, each with an id of its own");
        world.result(event_id, "success", json!({ "replay_id": ids[1] })).await;
        world.incident_when(event_id, "resolved", |i| i.state == IncidentState::Resolved).await;
        temporal::finished(&world.temporal().await, event_id).await;
        assert_eq!(world.mailbox.mails().len(), 0);
        let sql = "SELECT count(*) FROM alerts";
        let alerts: i64 = sqlx::query_scalar(sql).fetch_one(&world.pool).await.expect("a count");
        assert_eq!(alerts, 0);
        assert_eq!(actors(&world, event_id, "reprocess.planned").await, ["policy", "policy"]);
    });
}

#[test]
fn a_reprocess_that_was_planned_happens_though_its_processes_died() {
    run(async {
        let options = WorldOptions::default().without_api().without_worker();
        let (world, server) = World::start_beside_temporal(options).await;
        set(&world, &["--delay", "2s"]).await;
        let api = world.spawn_api().expect("an API");
        eventually("an API that answers", async || world.ready().await.then_some(())).await;
        let (event_id, _) = fail(&world, "user_1", "locked").await;
        api.kill().await.expect("killed");
        assert_eq!(actors(&world, event_id, "reprocess.planned").await, ["policy"]);
        assert_eq!(actors(&world, event_id, "reprocess.requested").await, [""; 0]);
        // Nothing but a worker is left, and it is killed as soon as it has started the reprocess.
        let worker = world.spawn_worker().expect("a worker");
        eventually("a reprocess", async || {
            let asked = actors(&world, event_id, "reprocess.requested").await;
            (!asked.is_empty()).then_some(())
        })
        .await;
        worker.kill().await.expect("killed");
        let _another = world.spawn_worker().expect("a worker");
        let callback = world.repair.wait_for(1).await.remove(0);
        assert_eq!(callback.json()["event_id"], json!(event_id));
        assert_eq!(actors(&world, event_id, "reprocess.requested").await, ["policy"]);
        server.stop().await;
    });
}

#[test]
fn a_policy_that_stopped_is_reported_everywhere_and_goes_on_after_a_reset() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        set(&world, &["--stop-failed", "1/1"]).await;
        world.repair.respond_with(&[422]);
        let (event_id, _) = fail(&world, "user_1", "locked").await;
        world.incident_when(event_id, "open", |i| i.state == IncidentState::Open).await;
        eventually("a stop", async || {
            let stopped = actors(&world, event_id, "policy.stopped").await;
            (stopped == ["policy"]).then_some(())
        })
        .await;
        let project = world.project.id.to_string();
        let list = ["policy", "list", "--project", &project];
        let listed = cli(&world, &list).await;
        let stop = &listed["data"][0]["stopped_for"][0];
        assert_eq!(stop["error_code"], "locked");
        assert_eq!(stop["why"], "the last automatic reprocess failed");
        world.send_notices().await;
        let mails = world.mailbox.wait_for(3).await;
        let subject = "Automatic reprocess of credit_grant has stopped";
        assert!(mails.iter().any(|mail| mail.contains(subject)), "{mails:?}");
        let (stopped, _) = fail(&world, "user_2", "locked").await;
        assert_eq!(actors(&world, stopped, "reprocess.skipped").await, ["policy"]);
        let (other, _) = fail(&world, "user_3", "timeout").await;
        assert_eq!(actors(&world, other, "reprocess.requested").await, ["policy"]);
        // The page says so to a viewer; an operator resets it there.
        let page = format!("/projects/{project}/policies");
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let body = viewer.get(&page).await.body;
        assert!(body.contains("automatic reprocess failed") && !body.contains("/reset"), "{body}");
        let operator = Operator::signed_in(&world, Role::Operator).await;
        let cause = stop["cause_id"].as_str().expect("an id");
        let form = [("effect_type", "credit_grant"), ("cause_id", cause)];
        let response = operator.submit(&page, &format!("{page}/reset"), &form).await;
        assert_eq!(response.status, 303);
        assert_eq!(cli(&world, &list).await["data"][0]["stopped_for"], json!([]));
        let (again, _) = fail(&world, "user_4", "locked").await;
        assert_eq!(actors(&world, again, "reprocess.requested").await, ["policy"]);
    });
}

#[test]
fn the_command_line_names_what_is_wrong_and_how_to_allow_what_takes_from_customers() {
    run(async {
        let world = World::start_without_worker().await;
        let project = world.project.id.to_string();
        let set = async |effect: &str, more: &[&str]| {
            let set = ["policy", "set", "--project", &project, "--effect-type", effect, "--auto"];
            world.cli(&[&set[..], more].concat()).await.expect("a command")
        };
        for (effect, more, why) in [
            ("access_revocation", &[][..], "allow must be access_revocation"),
            ("access_revocation", &["--allow", "yes"], "allow must be the effect type itself"),
            ("credit_grant", &["--allow", "credit_grant"], "allow must be absent"),
            ("credit_grant", &["--attempts", "9", "--stop-failed", "3/2"], "stop_failed must be"),
            ("licence", &[], "effect_type"),
        ] {
            let (code, output) = set(effect, more).await;
            let message = output["error"]["message"].as_str().expect("a message");
            assert_eq!((code, output["error"]["code"].as_str()), (1, Some("validation_error")));
            assert!(message.contains(why), "{message}");
        }
        let (code, output) = set("access_revocation", &["--allow", "access_revocation"]).await;
        assert_eq!((code, &output["allow"]), (0, &json!("access_revocation")));
        let off = ["policy", "off", "--project", &project, "--effect-type", "access_revocation"];
        assert_eq!(cli(&world, &off).await["auto_reprocess"], false);
        let none = ["policy", "off", "--project", &project, "--effect-type", "seat_update"];
        let (code, output) = world.cli(&none).await.expect("a command");
        assert_eq!((code, output["error"]["code"].as_str()), (1, Some("not_found")));
    });
}

#[test]
fn the_console_changes_a_policy_from_what_it_is_and_turns_it_on_again_as_it_was() {
    run(async {
        let world = World::start_without_worker().await;
        let project = world.project.id.to_string();
        set(&world, &["--attempts", "3", "--stop-failed", "2/4", "--wait-alerts"]).await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{project}/policies");
        let form = [("effect_type", "credit_grant")];
        for (link, button) in
            [("Change… credit_grant", "Save the policy"), ("Turn on… credit_grant", "Turn it on")]
        {
            let page = alice.page(&path).await.link(link).expect("a link");
            let page = alice.page(page.trim_end_matches("#set")).await;
            assert_eq!(page.input("Effect").value, "credit_grant");
            let typed = ["Reprocesses per incident", "Stop when so many failed", "Of the last"];
            assert_eq!(typed.map(|label| page.input(label).value), ["3", "2", "4"]);
            assert_eq!(page.texts("#wait_alerts[checked]").len(), 1, "alerts wait");
            assert!(page.buttons().contains(&button.to_owned()), "{:?}", page.buttons());
            alice.submit(&path, &format!("{path}/off"), &form).await;
        }
    });
}

#[test]
fn a_policy_saved_from_a_page_that_stood_open_leaves_what_another_changed() {
    run(async {
        let world = World::start_without_worker().await;
        set(&world, &["--attempts", "3", "--delay", "0s"]).await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let path = format!("/projects/{}/policies", world.project.id);
        let old = alice.page(&format!("{path}?effect_type=credit_grant")).await;
        let (shown, failed) = (old.hidden("shown"), old.input("Stop when so many failed").value);
        let of = old.input("Of the last").value;
        let customers = old.input("Stop above so many customers").value;
        let form = |attempts| {
            let typed = ["credit_grant", attempts, "0", &failed, &of, &customers, &shown, "on"];
            let names = ["effect_type", "attempts", "delay_seconds", "stop_failed", "stop_of"];
            let names = names.into_iter().chain(["stop_customers", "shown", "enabled"]);
            names.zip(typed).collect::<Vec<_>>()
        };
        let kept = async || {
            let effect = EffectType::CreditGrant;
            let policy = find_policy(&world.pool, world.project.id, &effect).await;
            policy.expect("a database").expect("a policy").settings
        };
        set(&world, &["--attempts", "3", "--delay", "60s", "--wait-alerts"]).await;
        alice.submit(&path, &path, &form("5")).await;
        let saved = kept().await;
        assert_eq!((saved.attempts, saved.delay_seconds, saved.wait_alerts), (5, 60, true));

        alice.submit(&path, &format!("{path}/off"), &[("effect_type", "credit_grant")]).await;
        alice.submit(&path, &path, &form("4")).await;
        assert_eq!((kept().await.attempts, kept().await.enabled), (4, false), "it stays off");
        let message = alice.page(&path).await.message().expect("a message");
        assert!(message.ends_with("was turned off in the meantime, and stays off."), "{message}");
    });
}
