//! What a project wants of snapshots, by the automation API and the command line.

use domain::operator::Role;
use e2e::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::Script;

fn settings(project: &Value) -> [&Value; 3] {
    ["snapshots", "snapshot_days", "snapshot_in_callback"].map(|name| &project[name])
}

#[test]
fn what_becomes_of_snapshots_is_set_field_by_field_and_in_the_audit() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let script = Script::new(&world, Role::Admin).await;
        let path = format!("/{}", world.project.id);
        let (_, before) = script.get(&path).await;
        assert_eq!(settings(&before), [&json!(false), &json!(30), &json!(false)]);
        let change = async |body: Value| script.call(Method::PATCH, &path, Some(body)).await;
        let (_, days) = change(json!({ "snapshots": true, "snapshot_days": 7 })).await;
        assert_eq!(settings(&days), [&json!(true), &json!(7), &json!(false)]);
        let (_, sent) = change(json!({ "snapshot_in_callback": true })).await;
        assert_eq!(settings(&sent), [&json!(true), &json!(7), &json!(true)]);
        for (wrong, field) in [
            (json!({ "snapshot_days": 0 }), "snapshot_days"),
            (json!({ "snapshot_days": 91 }), "snapshot_days"),
            (json!({ "snapshot_days": "7" }), "snapshot_days"),
            (json!({ "snapshot_days": 7.5 }), "snapshot_days"),
            (json!({ "snapshot_in_callback": "yes" }), "snapshot_in_callback"),
        ] {
            let (status, rejected) = change(wrong).await;
            assert_eq!((status, &rejected["error"]["fields"][0]["field"]), (422, &json!(field)));
        }
        let project = world.project.id.to_string();
        let update = async |more: &[&str]| {
            let arguments = [&["project", "update", project.as_str()][..], more].concat();
            world.cli(&arguments).await.expect("a command")
        };
        let (code, rejected) = update(&["--snapshot-days", "91"]).await;
        let why = rejected["error"]["message"].as_str().expect("why");
        assert!(code == 1 && why.contains("from 1 to 90"), "{rejected}");
        let (code, off) =
            update(&["--no-snapshots", "--snapshot-days", "90", "--no-snapshot-in-callback"]).await;
        assert_eq!((code, settings(&off)), (0, [&json!(false), &json!(90), &json!(false)]));
        let audit = "SELECT detail FROM audit_entries WHERE action = 'project.updated' ORDER BY id";
        let audit: Vec<Value> =
            sqlx::query_scalar(audit).fetch_all(&world.pool).await.expect("rows");
        assert_eq!(audit.len(), 3);
        assert_eq!(audit[0]["snapshot_days"], json!({ "from": 30, "to": 7 }));
        assert_eq!(audit[1], json!({ "snapshot_in_callback": { "from": false, "to": true } }));
        assert_eq!(audit[2]["snapshots"], json!({ "from": true, "to": false }));
    });
}
