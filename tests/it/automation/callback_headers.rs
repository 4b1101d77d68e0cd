//! Callback headers by the automation API: set and removed by name, and never given back.

use domain::operator::Role;
use e2e::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::Script;

const CANARY: &str = "canary-7f3a91";

#[test]
fn headers_are_set_replaced_and_removed_and_only_named_in_return() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let change = async |headers: Value| {
            let body = json!({ "callback_headers": headers });
            let (status, response) = script.call(Method::PATCH, &path, Some(body)).await;
            assert!(!response.to_string().contains(CANARY), "{response}");
            (status, response)
        };
        let (_, before) = script.get(&path).await;
        assert!(before.get("callback_header_names").is_none(), "left out when absent: {before}");
        let (status, set) =
            change(json!({ "X-Gateway-Key": CANARY, "Authorization": format!("Bearer {CANARY}") }))
                .await;
        assert_eq!(status, 200, "{set}");
        assert_eq!(set["callback_header_names"], json!(["Authorization", "X-Gateway-Key"]));
        let (_, replaced) = change(json!({ "x-gateway-key": "other", "X-Unknown": null })).await;
        assert_eq!(replaced["callback_header_names"], json!(["Authorization", "x-gateway-key"]));
        let (_, one) = change(json!({ "AUTHORIZATION": null })).await;
        assert_eq!(one["callback_header_names"], json!(["x-gateway-key"]));
        let (_, list) = script.get("").await;
        assert_eq!(list["data"][0]["callback_header_names"], json!(["x-gateway-key"]));
        let (_, none) = change(json!({ "x-gateway-key": null })).await;
        assert!(none.get("callback_header_names").is_none(), "{none}");

        let audit = "SELECT detail FROM audit_entries WHERE action = 'project.updated' ORDER BY id";
        let audit: Vec<Value> =
            sqlx::query_scalar(audit).fetch_all(&world.pool).await.expect("rows");
        assert_eq!(audit.len(), 4);
        let set = json!({ "set": ["Authorization", "X-Gateway-Key"], "removed": [] });
        assert_eq!(audit[0]["callback_headers"], set);
    });
}

/// What no project may set, and what is said.
fn wrong() -> Vec<(Value, &'static str)> {
    vec![
        (json!("X-Key: x"), "must be an object"),
        (json!([]), "must be an object"),
        (json!({ "Host": CANARY }), "must not set Host"),
        (json!({ "x-sp-nonce": CANARY }), "must not set x-sp-nonce"),
        (json!({ "Transfer-Encoding": CANARY }), "must not set Transfer-Encoding"),
        (json!({ "a b": CANARY }), "must have a name"),
        (json!({ "X-Key": format!("{CANARY}\r\nX-Evil: 1") }), "visible ASCII characters"),
        (json!({ "X-Key": "" }), "visible ASCII characters"),
        (json!({ "X-Key": 7 }), "must have a string or null for X-Key"),
        (json!({ "X-Key": CANARY, "x-key": CANARY }), "twice"),
        (json!({ "X-Eleventh": CANARY }), "at most 10 headers"),
    ]
}

#[test]
fn what_is_no_header_is_rejected_by_name_and_changes_nothing() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let ten: Value = (0..10)
            .map(|at| (format!("X-Header-{at}"), json!("x")))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let body = json!({ "callback_headers": ten, "name": "Ten" });
        let (status, _) = script.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(status, 200);
        for (headers, expected) in wrong() {
            let body = json!({ "callback_headers": headers, "name": "Changed" });
            let (status, rejected) = script.call(Method::PATCH, &path, Some(body)).await;
            assert_eq!(status, 422, "{headers}: {rejected}");
            let field = &rejected["error"]["fields"][0];
            assert_eq!(field["field"], "callback_headers", "{rejected}");
            assert!(field["message"].as_str().expect("text").contains(expected), "{rejected}");
            assert!(!rejected.to_string().contains(CANARY), "{rejected}");
        }
        let (_, after) = script.get(&path).await;
        assert_eq!(after["name"], "Ten");
        assert_eq!(after["callback_header_names"].as_array().map(Vec::len), Some(10));
        let (status, _) = script
            .call(
                Method::PATCH,
                &path,
                Some(json!({ "callback_headers": { "X-Header-0": null, "X-Eleventh": "x" } })),
            )
            .await;
        assert_eq!(status, 200, "one goes and another comes");
    });
}

#[test]
fn a_new_project_may_have_them_and_who_may_not_change_projects_may_not_set_them() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let body = json!({ "name": "Second", "callback_headers": { "X-Gateway-Key": CANARY } });
        let (status, made) = script.post("", body).await;
        assert_eq!((status, &made["callback_header_names"]), (201, &json!(["X-Gateway-Key"])));
        let viewer = Script::new(&world, Role::Viewer).await;
        let body = json!({ "callback_headers": { "X-Gateway-Key": null } });
        let path = format!("/{}", world.project.id);
        assert_eq!(viewer.call(Method::PATCH, &path, Some(body)).await.0, 403);
    });
}
