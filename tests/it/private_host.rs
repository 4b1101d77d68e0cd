//! A repair endpoint on a private network, by name: in live mode, where exactly that host is
//! listed.

use e2e::{Receiver, World, WorldOptions, run};

/// A live project at `url`, made with this list.
async fn create(world: &World, url: &str, allow: &str) -> (i32, serde_json::Value) {
    let create = ["project", "create", "--name", "Billing", "--mode", "live", "--repair-url", url];
    let settings = [("SENDPROMPTLY_CALLBACK_ALLOW", allow)];
    let (code, made, _) = world.cli_with(&create, &settings, "").await.expect("a command");
    (code, made)
}

fn port(receiver: &Receiver) -> u16 {
    let url: url::Url = receiver.url().parse().expect("a URL");
    url.port().expect("a port")
}

#[test]
fn a_host_that_is_not_listed_is_rejected_with_what_to_write() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        for (url, expected) in [
            ("http://localhost:3000/repair", "SENDPROMPTLY_CALLBACK_ALLOW"),
            ("http://billing:3000/repair", "lists billing:3000 in SENDPROMPTLY_CALLBACK_ALLOW"),
        ] {
            let (code, rejected) = create(&world, url, "").await;
            let message = rejected["error"]["message"].as_str().expect("a message");
            assert!(code == 1 && message.contains(expected), "{message}");
        }
        for elsewhere in [
            "http://localhost:3001/repair",
            "http://127.0.0.1:3000/repair",
            "http://bob@localhost:3000/repair",
        ] {
            assert_eq!(create(&world, elsewhere, "localhost:3000").await.0, 1, "{elsewhere}");
        }
    });
}

#[test]
fn plain_http_to_a_listed_host_works_in_live_mode_and_nothing_else_is_opened() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let (billing, other) = (Receiver::start().await, Receiver::start().await);
        let (billing, other) = (billing.expect("a receiver"), other.expect("a receiver"));
        let here = port(&billing);
        let listed = format!("localhost:{here}");

        let url = format!("http://localhost:{here}/repair");
        let (code, made) = create(&world, &url, &listed).await;
        assert_eq!((code, made["repair_url"].as_str()), (0, Some(url.as_str())), "{made}");
        let project = made["project_id"].as_str().expect("an id");
        let doctor = ["doctor", "--project", project];
        let settings = [("SENDPROMPTLY_CALLBACK_ALLOW", listed.as_str())];
        let (_, found, _) = world.cli_with(&doctor, &settings, "").await.expect("a command");
        let checks = found["checks"].as_array().expect("checks");
        let signature = checks.iter().find(|check| check["name"] == "repair_signature");
        assert_eq!(signature.expect("a check")["status"], "pass", "{found}");
        assert_eq!((billing.received().len(), other.received().len()), (3, 0));

        // Taking the host out of the list ends its callbacks.
        let (_, found, _) = world
            .cli_with(&doctor, &[("SENDPROMPTLY_CALLBACK_ALLOW", "billing")], "")
            .await
            .expect("a command");
        let checks = found["checks"].as_array().expect("checks");
        let url = checks.iter().find(|check| check["name"] == "repair_url").expect("a check");
        assert_eq!(url["status"], "fail", "{found}");
        assert_eq!(billing.received().len(), 3);
    });
}

#[test]
fn a_name_that_leads_to_a_private_address_says_what_to_list() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let update = "UPDATE projects SET repair_url = 'http://localhost:9/repair'";
        sqlx::query(update).execute(&world.pool).await.expect("a repair URL");
        let project = world.project.id.to_string();
        let doctor = ["doctor", "--project", &project, "--no-round-trip"];
        let nothing = [("SENDPROMPTLY_CALLBACK_ALLOW", "")];
        let (code, found, _) = world.cli_with(&doctor, &nothing, "").await.expect("a command");
        assert_eq!(code, 1);
        assert!(found.to_string().contains("SENDPROMPTLY_CALLBACK_ALLOW"), "{found}");
    });
}

#[test]
fn urls_of_slack_and_webhooks_are_judged_as_a_repair_url_is() {
    run(async {
        let world = World::start_with(WorldOptions::default().without_api().without_worker()).await;
        let (_, made) = create(&world, "https://billing.example.com/repair", "").await;
        let project = made["project_id"].as_str().expect("an id");
        for (url, allow, taken) in [
            ("http://127.0.0.1:9/services/T0/B0/x", "127.0.0.0/8", false),
            ("http://localhost:9/services/T0/B0/x", "127.0.0.0/8", false),
            ("http://localhost:9/services/T0/B0/x", "localhost:9", true),
            ("https://127.0.0.1:9/services/T0/B0/x", "127.0.0.0/8", true),
        ] {
            let settings = [("SENDPROMPTLY_CALLBACK_ALLOW", allow)];
            for kind in ["--slack", "--webhook"] {
                let add = ["destination", "add", "--project", project, kind, url];
                let (code, output, _) =
                    world.cli_with(&add, &settings, "").await.expect("a command");
                assert_eq!(code == 0, taken, "{kind} {url} {allow}: {output}");
            }
            let (code, output) = create(&world, url, allow).await;
            assert_eq!(code == 0, taken, "{url} {allow}: {output}");
        }
    });
}
