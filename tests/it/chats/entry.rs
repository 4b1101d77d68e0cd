//! Each is added alike in API, command line and console, named by the end of its secret, and shown nowhere whole.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};

use super::TOKEN;
use crate::automation::script::{Script, bad_fields};

const TEAMS: &str = "https://prod-12.westeurope.logic.azure.com/workflows/1f/triggers/manual/paths/invoke?sig=abcdefghijklmnopqrstuvAbCd";
const DISCORD: &str = "https://discord.com/api/webhooks/1234567890/abcdefghijklmnopqrstuvWxYz";
const NTFY: &str = "https://ntfy.sh/cometcart-payments-x7Kq";

const EXPECTED: [[&str; 3]; 3] = [
    ["teams", "prod-12.westeurope.logic.azure.com", "Teams …AbCd"],
    ["discord", "discord.com", "Discord …WxYz"],
    ["ntfy", "ntfy.sh", "ntfy …x7Kq"],
];

/// What the lists of API and command line say.
fn shown(list: &Value) -> Vec<Value> {
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|row| json!([row["kind"], row["address"], row["label"]])).collect()
}

fn assert_hidden(text: &str) {
    for secret in ["abcdefgh", "cometcart-payments", &TOKEN[..10]] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn api_and_command_line_add_them_and_show_the_end_of_their_secrets() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let (path, id) =
            (format!("/{}/destinations", world.project.id), world.project.id.to_string());
        for body in [
            json!({ "teams": TEAMS }),
            json!({ "discord": DISCORD }),
            json!({ "ntfy": NTFY, "token": TOKEN }),
        ] {
            let (status, added) = script.post(&path, body).await;
            assert_eq!(status, 201, "{added}");
        }
        let add = ["destination", "add", "--project", &id];
        for more in
            [&["--teams", TEAMS][..], &["--discord", DISCORD], &["--ntfy", NTFY, "--token", TOKEN]]
        {
            let (code, added) = world.cli(&[&add[..], more].concat()).await.expect("a command");
            assert_eq!(code, 0, "{added}");
        }
        let expected: Vec<_> = EXPECTED.iter().chain(&EXPECTED).map(|row| json!(row)).collect();
        let list = ["destination", "list", "--project", &id];
        for list in [script.get(&path).await.1, world.cli(&list).await.expect("it").1] {
            assert_eq!(shown(&list), expected);
            assert_hidden(&list.to_string());
        }
        for (body, field) in [
            (json!({ "teams": "https://cometcart.webhook.office.com/webhookb2/1" }), "teams"),
            (json!({ "discord": "https://discord.com/channels/1/2" }), "discord"),
            (json!({ "ntfy": "https://ntfy.sh/" }), "ntfy"),
            (json!({ "ntfy": NTFY, "token": "secret" }), "token"),
            (json!({ "discord": DISCORD, "token": TOKEN }), "token"),
        ] {
            let (status, rejected) = script.reject(Method::POST, &path, Some(body)).await;
            assert_eq!((status, bad_fields(&rejected)), (422, vec![field]));
        }
    });
}

#[test]
fn forms_of_the_console_add_them_and_say_what_is_wrong() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/destinations", world.project.id);
        for (name, title, bad, good) in [
            ("teams", "Teams workflow URL", "https://x.test/", TEAMS),
            ("discord", "Discord webhook URL", "https://x.test/", DISCORD),
            ("ntfy", "ntfy topic URL", "https://ntfy.sh/a/b", NTFY),
        ] {
            let rejected = alice.submit(&page, &page, &[(name, bad)]).await;
            assert_eq!(rejected.status, 422, "{name}");
            assert!(rejected.page().error(title).is_some(), "{name}");
            assert_eq!(rejected.page().input(title).value, "", "a secret does not come back");
            let added = alice.submit(&page, &page, &[(name, good)]).await;
            assert_eq!(added.status, 303, "{}", added.body);
        }
        let shown = alice.get(&page).await.body;
        for [_, _, label] in EXPECTED {
            assert!(shown.contains(label), "{shown}");
        }
        for secret in [TEAMS, DISCORD, NTFY] {
            assert!(!shown.contains(secret), "{shown}");
        }
    });
}
