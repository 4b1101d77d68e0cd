//! It is added alike in API, command line and console, named by its channel, and its secrets are shown nowhere.

use domain::operator::Role;
use doubles::slack::{CHANNEL, SIGNING_SECRET, TOKEN};
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};

use crate::automation::script::{Script, bad_fields};

fn assert_hidden(text: &str) {
    assert!(!text.contains(TOKEN) && !text.contains(SIGNING_SECRET), "{text}");
}

fn shown(list: &Value) -> Vec<Value> {
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|row| json!([row["kind"], row["address"], row["label"]])).collect()
}

#[test]
fn api_and_command_line_add_it_and_show_its_channel() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let id = world.project.id.to_string();
        let path = format!("/{id}/destinations");
        let body =
            json!({ "slack_app": TOKEN, "channel": CHANNEL, "signing_secret": SIGNING_SECRET });
        let (status, added) = script.post(&path, body).await;
        assert_eq!((status, &added["kind"]), (201, &json!("slack_app")), "{added}");
        assert_hidden(&added.to_string());
        let add = ["destination", "add", "--project", &id, "--slack-app", TOKEN];
        let more = ["--channel", CHANNEL, "--signing-secret", SIGNING_SECRET];
        let (code, added) = world.cli(&[&add[..], &more].concat()).await.expect("a command");
        assert_eq!(code, 0, "{added}");
        let expected = json!(["slack_app", CHANNEL, format!("Slack {CHANNEL}")]);
        let list = ["destination", "list", "--project", &id];
        for list in [script.get(&path).await.1, world.cli(&list).await.expect("it").1] {
            assert_eq!(shown(&list), [expected.clone(), expected.clone()]);
            assert_hidden(&list.to_string());
        }
        let bad = json!({ "slack_app": "xoxp-1", "channel": "#payments", "slack_api": "https://x.test/" });
        let (status, rejected) = script.reject(Method::POST, &path, Some(bad)).await;
        let fields = vec!["slack_app", "channel", "signing_secret", "slack_api"];
        assert_eq!((status, bad_fields(&rejected)), (422, fields));
    });
}

#[test]
fn the_form_of_the_console_adds_it_and_says_what_is_wrong() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/destinations", world.project.id);
        let form = |channel| {
            [("slack_app", TOKEN), ("channel", channel), ("signing_secret", SIGNING_SECRET)]
        };
        let rejected = alice.submit(&page, &page, &form("#payments")).await;
        assert_eq!(rejected.status, 422);
        assert!(rejected.page().error("Channel ID").is_some());
        let added = alice.submit(&page, &page, &form(CHANNEL)).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let shown = alice.get(&page).await.body;
        assert!(shown.contains(CHANNEL), "{shown}");
        assert!(shown.contains(&format!("Request URL to {}/slack/actions", world.url)), "{shown}");
        assert_hidden(&shown);
    });
}
