//! A project declares names of its own, at each of the three doors, and then uses them as any other.

use domain::operator::Role;
use e2e::console::Operator;
use e2e::world::receipt;
use e2e::{World, run};
use serde_json::{Value, json};

fn license() -> Value {
    let mut body = receipt("acme-1");
    for (field, value) in
        [("provider", "acme"), ("event_type", "LICENSE.SOLD"), ("effect_type", "license_issue")]
    {
        body[field] = json!(value);
    }
    body
}

#[test]
fn declared_names_are_used_as_the_projects_own() {
    run(async {
        let world = World::start().await;
        let (status, refused) = world.post("/api/v1/receipt", &license()).await;
        assert_eq!(status, 422);
        let said = refused.to_string();
        assert!(said.contains("project declare --project prj_"), "{said}");
        assert!(said.contains("--effect-type license_issue"), "{said}");

        let id = world.project.id.to_string();
        let declare = ["project", "declare", "--project", &id, "--event-type", "acme:license.sold"];
        let more =
            ["--event-type", "paddle:transaction.completed", "--effect-type", "license_issue"];
        let (code, shown) = world.cli(&[&declare[..], &more].concat()).await.expect("a command");
        assert_eq!(
            (code, shown),
            (
                0,
                json!({"project_id": id, "event_types": ["acme:license.sold"], "effect_types": ["license_issue"]})
            )
        );

        let (status, taken) = world.post("/api/v1/receipt", &license()).await;
        assert_eq!(status, 202, "{taken}");
        let failed = json!({"provider_event_id": "acme-1", "effect_type": "license_issue", "status": "failed"});
        let (status, answer) = world.post("/api/v1/result", &failed).await;
        assert_eq!(status, 202, "{answer}");
        let alice = Operator::signed_in(&world, Role::Operator).await;
        let incident = answer["incident"]["id"].as_str().expect("an incident");
        let page = alice.get(&format!("/incidents/{incident}")).await.body;
        assert!(page.contains("user_456 paid for license_issue. Applying it failed."), "{page}");
        assert!(page.contains("acme event"), "{page}");
        let filtered =
            alice.get("/incidents?effect_type=license_issue&event_type=license.sold").await;
        assert!(filtered.body.contains(incident), "{}", filtered.body);

        let charlie = world.charlie().await;
        let (status, _) = world.post_as(&charlie, "/api/v1/receipt", &license(), "k").await;
        assert_eq!(status, 422, "another project does not know them");
    });
}

#[test]
fn names_that_are_none_are_refused_where_they_are_typed() {
    run(async {
        let world = World::start().await;
        let id = world.project.id.to_string();
        for (option, text) in [("--event-type", "license.sold"), ("--effect-type", "a b")] {
            let command = ["project", "declare", "--project", &id, option, text];
            let (code, shown) = world.cli(&command).await.expect("a command");
            assert_eq!((code, &shown["error"]["code"]), (1, &json!("validation_error")), "{shown}");
        }
        let alice = Operator::signed_in(&world, Role::Admin).await;
        let (page, names) = (format!("/projects/{id}"), format!("/projects/{id}/names"));
        let refused =
            alice.submit(&page, &names, &[("event_type", "sold"), ("effect_type", "")]).await;
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains("Must name its provider"), "{}", refused.body);
        assert!(refused.body.contains("value=\"sold\""), "{}", refused.body);
        let empty = alice.submit(&page, &names, &[("event_type", ""), ("effect_type", " ")]).await;
        assert_eq!(empty.status, 422);
        alice
            .submit(&page, &names, &[("event_type", "acme:license.sold"), ("effect_type", "")])
            .await;
        let shown = alice.get(&page).await.body;
        assert!(shown.contains("<code>acme:license.sold</code>"), "{shown}");
        let audit = alice.get("/audit?action=project.declared").await.body;
        assert!(audit.contains("acme:license.sold"), "{audit}");
    });
}
