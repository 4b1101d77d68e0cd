//! A PagerDuty service is added, tested and named alike in API, command line and console, and its key is shown nowhere.

use domain::operator::Role;
use doubles::pagerduty::{AlertState, PagerDuty};
use e2e::console::Operator;
use e2e::{World, run};
use reqwest::Method;
use serde_json::{Value, json};

use super::{KEY, states};
use crate::automation::script::{Script, bad_fields};

fn path(world: &World) -> String {
    format!("/{}/destinations", world.project.id)
}

/// What the lists of API and command line say, without ids and times.
fn shown(list: &Value) -> Vec<Value> {
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|row| json!([row["kind"], row["address"], row["label"], row["every_incident"]]))
        .collect()
}

#[test]
fn it_is_added_everywhere_and_goes_by_the_end_of_its_key() {
    run(async {
        let world = World::start_without_worker().await;
        let pagerduty = PagerDuty::start(KEY).await;
        let (endpoint, id) = (pagerduty.endpoint(), world.project.id.to_string());
        let script = Script::new(&world, Role::Admin).await;
        let body = json!({ "pagerduty": KEY, "endpoint": endpoint, "every_incident": true });
        let (status, added) = script.post(&path(&world), body).await;
        assert_eq!((status, &added["kind"]), (201, &json!("pagerduty")), "{added}");
        let add = ["destination", "add", "--project", &id, "--pagerduty", KEY];
        let more = ["--label", "On call", "--no-every-incident"];
        let (code, added) = world.cli(&[&add[..], &more].concat()).await.expect("a command");
        assert_eq!((code, &added["kind"]), (0, &json!("pagerduty")), "{added}");
        let expected = [
            json!(["pagerduty", "127.0.0.1", "PagerDuty …cDeF", true]),
            json!(["pagerduty", "events.pagerduty.com", "On call", false]),
        ];
        let list = ["destination", "list", "--project", &id];
        for list in [script.get(&path(&world)).await.1, world.cli(&list).await.expect("it").1] {
            assert_eq!(shown(&list), expected);
            assert!(!list.to_string().contains(&KEY[..8]), "{list}");
        }
        let tested: Value = script.get(&path(&world)).await.1;
        let first = tested["data"][0]["destination_id"].as_str().expect("an id");
        let tests = format!("{}/{first}/tests", path(&world));
        let (_, tested) = script.call(Method::POST, &tests, None).await;
        assert_eq!(tested["delivered"], true, "{tested}");
        assert_eq!(states(&pagerduty), [AlertState::Triggered]);
        assert!(pagerduty.alerts()[0].summary.starts_with("Test message"));
    });
}

#[test]
fn a_form_of_the_console_adds_it_and_shows_what_is_wrong_beside_its_field() {
    run(async {
        let world = World::start_without_worker().await;
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let page = format!("/projects/{}/destinations", world.project.id);
        let title = "PagerDuty integration key";
        let rejected = alice.submit(&page, &page, &[("pagerduty", "R1"), ("endpoint", "")]).await;
        assert_eq!(rejected.status, 422);
        let error = rejected.page().error(title).expect("an error");
        assert!(error.starts_with("Must be the integration key of an Events API V2"), "{error}");
        assert_eq!(rejected.page().input(title).value, "", "a secret does not come back");
        let elsewhere = [("pagerduty", KEY), ("endpoint", "https://cometcart.pagerduty.com/")];
        let rejected = alice.submit(&page, &page, &elsewhere).await;
        let error = rejected.page().error("Events endpoint (optional)").expect("an error");
        assert!(error.starts_with("Must lead to events.pagerduty.com"), "{error}");
        let form = [("pagerduty", KEY), ("endpoint", ""), ("label", "")];
        let added = alice.submit(&page, &page, &form).await;
        assert_eq!(added.status, 303, "{}", added.body);
        let shown = alice.get(&page).await.body;
        assert!(shown.contains("PagerDuty …cDeF") && !shown.contains(&KEY[..8]), "{shown}");
    });
}

#[test]
fn what_is_wrong_is_named_by_field_and_nothing_is_stored() {
    run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        for (body, fields) in [
            (json!({ "pagerduty": "short" }), vec!["pagerduty"]),
            (json!({ "pagerduty": 7 }), vec!["pagerduty"]),
            (json!({ "pagerduty": KEY, "queue": "x" }), vec!["queue"]),
            (json!({ "pagerduty": KEY, "slack": "https://x.test/" }), vec!["slack"]),
            (
                json!({ "email": "bob@example.com", "endpoint": "https://x.test/" }),
                vec!["endpoint"],
            ),
            (json!({ "pagerduty": KEY, "every_incident": "yes" }), vec!["every_incident"]),
            (json!({}), vec!["email"]),
        ] {
            let (status, rejected) =
                script.reject(Method::POST, &path(&world), Some(body.clone())).await;
            assert_eq!((status, bad_fields(&rejected)), (422, fields), "{body}");
        }
        assert_eq!(shown(&script.get(&path(&world)).await.1), [Value::Null; 0]);
    });
}
