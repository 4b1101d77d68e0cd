//! A key may be called by a script what an operator may call it in the console.

use api_types::keys::CreatedKey;
use domain::operator::Role;
use e2e::World;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Script, bad_fields};

#[test]
fn a_script_labels_a_key_as_the_document_says() {
    e2e::run(async {
        let world = World::start_without_worker().await;
        let admin = Script::new(&world, Role::Admin).await;
        let keys = format!("/{}/keys", world.project.id);
        for (label, expected) in
            [(" worker ", "worker"), ("\u{260e}\u{fe0f} on call", "\u{260e}\u{fe0f} on call")]
        {
            let created: CreatedKey = admin.send(&keys, json!({ "label": label })).await;
            assert_eq!(created.label, expected);
        }
        for label in [json!(""), json!("a\u{200b}b"), json!(7), Value::Null] {
            let body = Some(json!({ "label": label }));
            let (status, rejected) = admin.reject(Method::POST, &keys, body).await;
            assert_eq!((status, bad_fields(&rejected)), (422, vec!["label"]), "{label}");
        }
    });
}
