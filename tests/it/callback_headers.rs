//! Headers that let a callback pass a gateway, from the command line to the endpoint, and nowhere
//! else.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, WorldOptions, leaks, run};
use serde_json::{Value, json};

const CANARY: &str = "canary-7f3a91";

/// Sets two headers as an operator would who keeps the values secret.
async fn set(world: &World) -> Value {
    let lines = format!("X-Gateway-Key: {CANARY}\nAuthorization: Bearer {CANARY}\n");
    let project = world.project.id.to_string();
    let update = ["project", "update", &project, "--callback-header", "@-"];
    let (code, shown, _) = world.cli_with(&update, &[], &lines).await.expect("a command");
    assert_eq!(code, 0, "{shown}");
    shown
}

#[test]
fn a_callback_carries_them_and_their_values_are_found_nowhere() {
    run(async {
        let world = World::start().await;
        world.alert_bob().await;
        let shown = set(&world).await;
        assert_eq!(shown["callback_header_names"], json!(["Authorization", "X-Gateway-Key"]));

        // The gateway rejects, and repeats what it was sent, as debug pages do.
        let echo = format!("no such key {CANARY}, nor Bearer {CANARY}");
        world.repair.respond_with_body(500, &echo);
        let event_id = world.receipt("evt_1").await;
        let incident = world.fail(event_id, json!({})).await;
        world.reprocess(incident).await;
        let callback = world.repair.wait_for(1).await.remove(0);
        assert_eq!(callback.header("x-gateway-key"), CANARY);
        assert_eq!(callback.header("authorization"), format!("Bearer {CANARY}"));
        assert_eq!(callback.headers.get_all("content-type").iter().count(), 1);
        assert!(!callback.header("x-sp-signature").is_empty());

        let (_, shown) = e2e::eventually("an attempt with its answer", async || {
            let shown =
                world.cli(&["incident", "show", &incident.to_string()]).await.expect("a command");
            let attempt = &shown.1["reprocesses"][0]["attempts"][0];
            attempt["status"].is_number().then(|| shown.clone())
        })
        .await;
        let everything = leaks::dump(&world.pool).await;
        assert!(everything.contains("no such key [hidden], nor [hidden]"), "{everything}");
        let history = leaks::history(&world, event_id).await;
        let (_, project) =
            world.cli(&["project", "show", &world.project.id.to_string()]).await.expect("shown");
        let mails = world.mailbox.mails().join("\n");
        for (place, text) in [
            ("the database", &everything),
            ("the history", &history),
            ("incident show", &shown.to_string()),
            ("project show", &project.to_string()),
            ("mails", &mails),
        ] {
            assert!(!leaks::holds(text, CANARY), "it is in {place}");
        }
    });
}

#[test]
fn doctor_sends_them_and_logs_none_of_them() {
    run(async {
        let world = World::start_without_worker().await;
        set(&world).await;
        world.repair.respond_with_body(401, &format!("wrong key {CANARY}"));
        let project = world.project.id.to_string();
        let doctor = ["doctor", "--project", &project, "--no-round-trip"];
        let loud = [("SENDPROMPTLY_LOG", "trace")];
        let (_, found, log) = world.cli_with(&doctor, &loud, "").await.expect("a command");
        for probe in world.repair.wait_for(3).await {
            assert_eq!(probe.header("x-gateway-key"), CANARY);
        }
        assert!(found.to_string().contains("wrong key [hidden]"), "{found}");
        assert!(log.contains("TRACE"), "{log}");
        assert!(!log.contains(CANARY) && !found.to_string().contains(CANARY), "{found}\n{log}");
    });
}

#[test]
fn the_command_line_sets_replaces_and_removes_them_and_says_what_is_wrong() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        set(&world).await;
        let project = world.project.id.to_string();
        let update = async |more: &[&str]| {
            let arguments = [&["project", "update", project.as_str()][..], more].concat();
            let (code, shown, log) = world.cli_with(&arguments, &[], "").await.expect("a command");
            assert!(!format!("{shown}{log}").contains(CANARY), "{shown}{log}");
            (code, shown)
        };
        let other = format!("x-gateway-key: other-{CANARY}");
        let (code, shown) =
            update(&["--callback-header", &other, "--remove-callback-header", "AUTHORIZATION"])
                .await;
        assert_eq!((code, &shown["callback_header_names"]), (0, &json!(["x-gateway-key"])));
        let forbidden = format!("X-SP-Signature: {CANARY}");
        for (arguments, expected) in [
            (["--remove-callback-header", "Authorization"], "it has x-gateway-key"),
            (["--callback-header", &forbidden], "must not set X-SP-Signature"),
            (["--callback-header", CANARY], "must look like"),
            (["--callback-header", "@/nowhere/headers"], "cannot read /nowhere/headers"),
        ] {
            let (code, rejected) = update(&arguments).await;
            let message = rejected["error"]["message"].as_str().expect("a message");
            assert!(code == 1 && message.contains(expected), "{arguments:?}: {rejected}");
        }
        let (_, shown) = update(&["--remove-callback-header", "X-Gateway-Key"]).await;
        assert!(shown.get("callback_header_names").is_none(), "left out when absent: {shown}");
    });
}

#[test]
fn the_console_sets_and_removes_them_and_shows_no_value() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}", world.project.id);
        let (to, away) =
            (format!("{page}/callback-headers"), format!("{page}/callback-headers/remove"));
        let form = [("header_name", "X-Gateway-Key"), ("header_value", CANARY)];
        let set = alice.submit(&page, &to, &form).await;
        assert_eq!(set.location.as_deref(), Some(page.as_str()), "{}", set.body);
        let shown = alice.page(&page).await;
        let message = shown.message().expect("a message");
        assert!(message.starts_with("Callbacks now carry X-Gateway-Key."), "{message}");
        let header = "X-Gateway-Key | never shown | Remove…";
        assert_eq!(shown.rows("Headers that callbacks carry"), [header]);
        assert!(!shown.html().contains(CANARY), "{}", shown.html());
        let audit = alice.page("/audit").await.rows("Entries").join("\n");
        assert!(audit.contains("callback headers: set X-Gateway-Key"), "{audit}");
        for (name, value, field, error) in [
            ("Host", CANARY, "Header", "Must not set Host"),
            ("a b", CANARY, "Header", "Must have a name"),
            ("X-Other", "caf\u{e9}", "Value", "Needs 1 to 2000 visible ASCII"),
        ] {
            let form = [("header_name", name), ("header_value", value)];
            let rejected = alice.submit(&page, &to, &form).await;
            assert_eq!(rejected.status, 422, "{name}");
            let page = rejected.page();
            assert!(page.error(field).is_some_and(|shown| shown.starts_with(error)), "{name}");
            assert_eq!(page.input("Header").value, name, "what was typed is kept");
            assert!(!rejected.body.contains(CANARY), "{}", rejected.body);
        }
        let viewer = Operator::signed_in(&world, Role::Viewer).await;
        let seen = viewer.page(&page).await;
        assert_eq!(seen.rows("Headers that callbacks carry"), ["X-Gateway-Key | never shown"]);
        assert!(!seen.html().contains("header_value"), "{}", seen.html());
        let removed = alice.submit(&page, &away, &[("header_name", "x-gateway-key")]).await;
        assert_eq!(removed.location.as_deref(), Some(page.as_str()), "{}", removed.body);
        assert!(alice.page(&page).await.text().contains("No header is set."));
        let again = alice.submit(&page, &away, &[("header_name", "x-gateway-key")]).await;
        assert_eq!(again.status, 404);
    });
}
